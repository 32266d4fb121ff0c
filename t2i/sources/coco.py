"""MS-COCO, in its official layout or in that of the AttnGAN family."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from t2i.errors import InputError
from t2i.sources.caption_files import captions_in, checked_caption, has_word, is_safe_name, names_in
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Caption, Record, Splits

YEARS = ("2014", "2017")


def read(folder: Path, *, captions_per_image: int, missing_items: MissingItems | None = None) -> Splits:
    """Read the data set; each image is a class of its own, since any caption of another image counts as a mismatch.

    Either the official layout, of the first year whose captions exist::

        annotations/captions_train2014.json     or 2017
        annotations/captions_val2014.json
        train2014/<image>.jpg                   or images/train2014/, or all in images/
        val2014/<image>.jpg

    or the layout of the AttnGAN family::

        images/<image>.jpg
        text/<image>.txt                        a caption a line
        train/filenames.pickle                  list of <image>, and the same for test/

    Args:
        folder: root of the layout; its folders may be links.
        captions_per_image: read at most this many captions of each image, in the order of their ids or lines; at least
            1. An image may have fewer.
        missing_items: what to do with images that are listed but missing; default: refuse the data set.

    Returns:
        "train" and "test" (the val files), in the order of the lists.

    Raises:
        InputError: a file is missing or damaged. An unreadable image only fails in its `load`.
    """
    if captions_per_image < 1:
        raise ValueError(f"captions_per_image must be at least 1, got {captions_per_image}")
    splits = {"train": "train", "test": "val"}
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
        for year in YEARS:
            if (folder / "annotations" / f"captions_train{year}.json").is_file():
                return {
                    split: _read_official(folder, f"{name}{year}", captions_per_image, missing)
                    for split, name in splits.items()
                }
        if (folder / "train" / "filenames.pickle").is_file():
            return {split: _read_attngan_layout(folder, split, captions_per_image, missing) for split in splits}
    raise InputError(
        f"{folder} has neither annotations/captions_train2014.json (or 2017) nor train/filenames.pickle: put MS-COCO "
        "there (see docs/data.md)"
    )


def _read_official(folder: Path, name: str, captions_per_image: int, missing: MissingItems) -> list[Record]:
    path = folder / "annotations" / f"captions_{name}.json"
    images, annotations = _load_annotations(path)
    captions: dict[int, list[Caption]] = {}
    for annotation in sorted(annotations, key=lambda annotation: annotation["id"]):
        if has_word(annotation["caption"]):
            captions.setdefault(annotation["image_id"], []).append(checked_caption(annotation["caption"], path))
    candidates = (folder / name, folder / "images" / name, folder / "images")
    image_folders = [candidate for candidate in candidates if candidate.is_dir()]
    records: dict[str, Record] = {}
    for image in sorted(images, key=lambda image: image["id"]):
        file_name = image["file_name"]
        files = (image_folder / file_name for image_folder in image_folders)
        file = next((file for file in files if file.is_file()), None)
        key = f"{name}/{Path(file_name).stem}"
        if file is None:
            missing.add(f"of {path} without a file in {folder / name}", file_name)
        elif image["id"] not in captions:
            missing.add(f"of {path} without a caption", file_name)
        elif key in records:
            missing.add(f"listed again in {path}", file_name)
        else:
            records[key] = Record(
                key, key, tuple(captions[image["id"]][:captions_per_image]), partial(load_image, file)
            )
    return list(records.values())


def _load_annotations(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Images (id, file_name) and annotations (id, image_id, caption) of a captions file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: get it again") from error
    schema = {"images": {"id": int, "file_name": str}, "annotations": {"id": int, "image_id": int, "caption": str}}
    tables = []
    for key, types in schema.items():
        rows = content.get(key) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and all(isinstance(row.get(column), kind) for column, kind in types.items())
            for row in rows
        ):
            raise InputError(f"{path} must hold {key!r}, a list of objects with {', '.join(types)}: get it again")
        tables.append(rows)
    images, annotations = tables
    for row in images:
        if not is_safe_name(row["file_name"], 1):
            raise InputError(f"{path} lists the file {row['file_name'][:100]!r}, which is no plain name: correct it")
    return images, annotations


def _read_attngan_layout(folder: Path, split: str, captions_per_image: int, missing: MissingItems) -> list[Record]:
    records = []
    for name in dict.fromkeys(names_in(folder / split / "filenames.pickle", parts=1)):
        file = folder / "images" / f"{name}.jpg"
        captions = captions_in(folder / "text" / f"{name}.txt", captions_per_image)
        if not file.is_file():
            missing.add(f"of the {split} split without a file in {folder / 'images'}", name)
        elif not captions:
            missing.add(f"of the {split} split without a caption in {folder / 'text'}", name)
        else:
            records.append(Record(name, name, captions, partial(load_image, file)))
    return records
