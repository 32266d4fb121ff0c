"""The captions and splits of Karpathy: ``dataset_flickr8k.json``, ``dataset_flickr30k.json``, ``dataset_coco.json``."""

import json
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ValidationError

from t2i.errors import InputError
from t2i.sources.caption_files import path_problem
from t2i.sources.custom.rows import Captions, Row, Source, split_named
from t2i.sources.custom.text_files import read_text
from t2i.sources.image_folders import ImageFolders
from t2i.terminal import one_line

_FOLDERS = (".", "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k-images", "flickr30k_images")
"""Where images are looked for, and in the folder of each of these that ``filepath`` names, if it does."""
_OTHERS = ("dataset_info.json", "dataset_infos.json")  # descriptions that Hugging Face's datasets writes


class _Sentence(BaseModel):
    raw: str


class _Image(BaseModel):
    filename: str
    filepath: str = ""
    split: str
    sentences: list[_Sentence]


def find(folder: Path) -> list[Source]:
    """``dataset*.json`` in a folder. The split restval counts as train."""
    paths = [path for path in sorted(folder.glob("dataset*.json")) if path.name not in _OTHERS and path.is_file()]
    return [Source(path.name, partial(_read, folder, path)) for path in paths]


def _read(folder: Path, path: Path) -> Captions:
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({str(error)[:100]}): get it again") from error
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise InputError(f"{path} must hold a list 'images', as Karpathy's files do: get it again")
    files = ImageFolders()
    return Captions(
        [_row(f"image {i} of {path}", image, folder, files) for i, image in enumerate(images, 1)], path.name
    )


def _row(where: str, content: object, folder: Path, files: ImageFolders) -> Row:
    try:
        image = _Image.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{where} is not as Karpathy's are ({key}: {one_line(first['msg'])}): get the file again"
        ) from error
    split = split_named(image.split)
    if split is None:
        raise InputError(f"{where} has the split {image.split[:40]!r}; legal are train, restval, val and test")
    listed = (
        f"{image.filepath}/{image.filename}" if image.filepath and not path_problem(image.filename) else image.filename
    )
    folders = [folder / name for name in _FOLDERS]
    file = files.find(listed, folders) or files.find(image.filename, folders)
    name = file.relative_to(folder).as_posix() if file and not path_problem(listed) else listed
    return Row(where, name, tuple(sentence.raw for sentence in image.sentences), split=split)
