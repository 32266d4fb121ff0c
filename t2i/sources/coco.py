"""MS-COCO, in its official layout or in that of the AttnGAN family."""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from t2i.data.text.tokenizer import Tokens
from t2i.errors import InputError
from t2i.sources.caption_files import first_captions
from t2i.sources.coco_layouts import SPLITS, YEARS, Layout, annotation_files, attngan_family, official
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Record, Splits, describe

log = logging.getLogger(__name__)


def read(
    folder: Path, *, captions_per_image: int, tokens: Tokens = "ascii", missing_items: MissingItems | None = None
) -> Splits:
    """Read the data set; each image is a class of its own, since any caption of another image counts as a mismatch.

    Either the official layout, of 2014 or 2017::

        annotations/captions_train2014.json     or without annotations/
        annotations/captions_val2014.json
        train2014/<image>.jpg                   or images/train2014/, images/train2014/jpg/, or all in images/
        val2014/<image>.jpg

    or the layout of the AttnGAN family::

        images/<image>.jpg                      or train2014/ and val2014/ as above
        text/<image>.txt                        a caption a line
        train/filenames.pickle                  list of <image>, and the same for test/

    Of several, the first (2014, 2017, the family's) that has all its images is read, else the one with the largest
    share of them. All this may also lie in one folder further down.

    Args:
        folder: root of the layout.
        captions_per_image: read at most this many captions of each image, in the order of their ids or lines; at least
            1. An image may have fewer.
        tokens: rule of words; captions without a word do not count.
        missing_items: what to do with images that are listed but missing; default: refuse the data set.

    Returns:
        "train" and "test" (the val files), in the order of the lists.

    Raises:
        InputError: a file is missing or damaged. An unreadable image only fails in its `load`.
    """
    if captions_per_image < 1:
        raise ValueError(f"captions_per_image must be at least 1, got {captions_per_image}")
    layout, remark = _chosen(_layouts(folder))
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
        splits = {
            split: _records(layout, split, captions_per_image=captions_per_image, tokens=tokens, missing=missing)
            for split in SPLITS
        }
        for reason, name in layout.notes:
            missing.note(reason, name)
        for path in layout.folders.others():
            missing.note("images that no list names", path)
        used = ", ".join(f"{path}/" for path in layout.folders.used) or "no folder"
        log.info("%s: %s, images in %s; %s%s", folder, layout.description, used, describe(splits), remark)
    return splits


def _layouts(folder: Path) -> dict[str, Callable[[], Layout]]:
    """Name and reader of each layout that a folder holds, or else one folder in it.

    Raises:
        InputError: there is none; says what is missing.
    """
    if layouts := _layouts_in(folder):
        return layouts
    inner = {path: found for path in sorted(folder.glob("*/")) if (found := _layouts_in(path))}
    if len(inner) > 1:
        raise InputError(f"{folder} has MS-COCO in each of {', '.join(map(str, inner))}: keep one of them there")
    if inner:
        return next(iter(inner.values()))
    for year in YEARS:
        if files := annotation_files(folder, year):
            ((split, path),) = files.items()
            lacking = path.with_name(f"captions_{'val' if split == 'train' else 'train'}{year}.json")
            raise InputError(f"{lacking} is missing, while {path.name} is there: put it beside that")
    if karpathy := sorted(folder.glob("dataset_*.json")):
        raise InputError(
            f"{karpathy[0]} is a list of Karpathy's, which data=custom reads: put it and the images into data/custom "
            "and select -S data=custom, or put MS-COCO's own annotations here (see docs/data.md)"
        )
    archives = sorted(folder.glob("*.zip"))
    way_out = f"unpack {archives[0]} and what else is packed there" if archives else "put MS-COCO there"
    raise InputError(
        f"{folder} has neither annotations/captions_train2014.json (or 2017) nor train/filenames.pickle: {way_out} "
        "(see docs/data.md)"
    )


def _layouts_in(folder: Path) -> dict[str, Callable[[], Layout]]:
    layouts: dict[str, Callable[[], Layout]] = {
        year: partial(official, folder, year) for year in YEARS if len(annotation_files(folder, year)) == len(SPLITS)
    }
    if any(os.path.isfile(folder / split / "filenames.pickle") for split in SPLITS):
        layouts["the AttnGAN family's layout"] = partial(attngan_family, folder)
    return layouts


def _chosen(layouts: dict[str, Callable[[], Layout]]) -> tuple[Layout, str]:
    """The first layout that has all its images, else the first with the largest share, and a remark on the others.

    Raises:
        InputError: one of them is damaged, and none before it has an image.
    """
    read: dict[str, Layout] = {}
    remarks = {name: f"; {name} is there too and not read" for name in layouts}
    for name, reader in layouts.items():
        try:
            read[name] = reader()
        except InputError as error:
            if not any(layout.found for layout in read.values()):
                raise
            remarks[name] = f"; {name} is there too and cannot be read: {error}"
            continue
        remarks[name] = f"; {name} has {read[name].found:,} of its {read[name].size:,} images and is not read"
        if read[name].share == 1:
            break
    best = max(read, key=lambda name: read[name].share)
    return read[best], "".join(remark for name, remark in remarks.items() if name != best)


def _records(
    layout: Layout, split: str, *, captions_per_image: int, tokens: Tokens, missing: MissingItems
) -> list[Record]:
    """Records of the images that can be used; the others are missing items."""
    records, where = [], layout.captions[split]
    for image in layout.splits[split]:
        if image.problem or image.file is None:
            missing.add(image.problem, image.name)
            continue
        captions = first_captions(
            image.captions,
            where=f"image {image.name!r} in {where}",
            name=image.name,
            max_captions=captions_per_image,
            tokens=tokens,
            missing=missing,
        )
        if captions:
            records.append(Record(image.key, image.key, captions, partial(load_image, image.file)))
        else:
            wordless = " that has a word" * bool(image.captions)
            missing.add(f"of the {split} split without a caption{wordless} in {where}", image.name)
    return records
