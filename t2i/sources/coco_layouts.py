"""Layouts in which MS-COCO lies on people's disks."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from t2i.errors import InputError
from t2i.sources.caption_files import lines_in, names_in, repeated
from t2i.sources.coco_annotations import load_annotations
from t2i.sources.image_folders import SUFFIXES, ImageFolders

YEARS = ("2014", "2017")
SPLITS = {"train": "train", "test": "val"}
"""Our splits and MS-COCO's."""
_ELSEWHERE = "or where else it may lie (see docs/data.md)"


@dataclass(frozen=True)
class ListedImage:
    """An image that a list names.

    Attributes:
        name: as it is listed.
        key: unique name of the record.
        file: None if there is none.
        captions: as they were written.
        problem: why the image cannot be used; "" if nothing but captions may be missing.
    """

    name: str
    key: str
    file: Path | None
    captions: list[str]
    problem: str


@dataclass(frozen=True)
class Layout:
    """A data set as its lists have it.

    Attributes:
        description: what it is.
        captions: where the captions of each split are.
        splits: the images of each split, in order.
        folders: where images were found.
        notes: reason and name of each thing that is left out by rule.
    """

    description: str
    captions: dict[str, Path]
    splits: dict[str, list[ListedImage]]
    folders: ImageFolders
    notes: list[tuple[str, str]]

    @property
    def size(self) -> int:
        """Number of listed images."""
        return sum(map(len, self.splits.values()))

    @property
    def share(self) -> float:
        """Share of the listed images that have a file."""
        return self.found / max(1, self.size)

    @property
    def found(self) -> int:
        """Number of listed images that have a file."""
        return sum(image.file is not None for images in self.splits.values() for image in images)


def annotation_files(folder: Path, year: str) -> dict[str, Path]:
    """The files of captions of a year that there are, by MS-COCO's split."""
    places = ("annotations", "", "annotations/annotations", f"annotations_trainval{year}/annotations")
    files = {split: [folder / place / f"captions_{split}{year}.json" for place in places] for split in SPLITS.values()}
    found = {split: next((path for path in paths if os.path.isfile(path)), None) for split, paths in files.items()}
    return {split: path for split, path in found.items() if path}


def official(folder: Path, year: str) -> Layout:
    """The layout in which MS-COCO is published, of a year that has both files of captions.

    Raises:
        InputError: one of them is damaged.
    """
    paths = {split: annotation_files(folder, year)[name] for split, name in SPLITS.items()}
    files = ", ".join(str(path.relative_to(folder)) for path in paths.values())
    layout = Layout(f"MS-COCO {year} ({files})", paths, {}, ImageFolders(), [])
    for split, path in paths.items():
        layout.splits[split] = _listed(folder, f"{SPLITS[split]}{year}", path, layout)
    return layout


def _listed(folder: Path, name: str, path: Path, layout: Layout) -> list[ListedImage]:
    """Images of a file of captions; what it has too much is added to the notes of the layout."""
    annotations, listed = load_annotations(path), []
    ids: set[int] = set()
    by_key: dict[str, Path | None] = {}
    places = _image_places(folder, name, name.rstrip("0123456789"))
    archive = folder / f"{name}.zip"
    elsewhere = f"(unpack {archive})" if archive.is_file() else _ELSEWHERE
    for number, file_name in annotations.images:
        short = _without_folders(file_name, name)
        file = layout.folders.find(file_name, places) or layout.folders.find(short, places)
        file = file or layout.folders.find(str(PurePosixPath(short).with_suffix("")), places, SUFFIXES)
        key = f"{name}/{PurePosixPath(short).with_suffix('')}"
        if by_key.get(key, file) != file:  # a.jpg and a.png
            key = f"{name}/{short}"
        problem = ""
        if file is None:
            problem = f"of {path} without a file in {folder / name} {elsewhere}"
        elif key in by_key:
            problem = f"listed again in {path}"
        elif number in ids:
            problem = f"of {path} with the number of another image"
        ids.add(number)
        by_key.setdefault(key, file)
        listed.append(ListedImage(file_name, key, file, annotations.captions.get(number, []), problem))
    for number in sorted(annotations.captions.keys() - ids):
        for caption in annotations.captions[number]:
            layout.notes.append(
                (f"captions of images that {path} does not list", f"{caption[:40]!r} of image {number}")
            )
    return listed


def _without_folders(file_name: str, name: str) -> str:
    """A file name without folders that only say where MS-COCO's images usually are, maybe with folders above them."""
    *folders, file = PurePosixPath(file_name.replace("\\", "/")).parts
    while name in folders:
        del folders[: folders.index(name) + 1]
    while folders and folders[0] in ("images", "jpg"):
        del folders[0]
    return "/".join([*folders, file])


def _image_places(folder: Path, *names: str) -> list[Path]:
    """Where images may lie: in folders of these names, or all in one."""
    forms = ("{}", "images/{}", "images/{}/jpg", "{}/jpg", "{}/{}")
    return [folder / form.format(name, name) for name in names for form in forms] + [
        folder / "images", folder / "images" / "jpg", folder,
    ]  # fmt: skip


def attngan_family(folder: Path) -> Layout:
    """The layout with lists of names and a file of captions for each image.

    Raises:
        InputError: a list is missing or damaged, or there are no captions at all.
    """
    text, folders = folder / "text", ImageFolders()
    if not text.is_dir():
        packed = f": unpack {folder / 'text.zip'}" if (folder / "text.zip").is_file() else ": put the captions there"
        raise InputError(f"folder {text} is missing{packed}")
    names = [f"{split}{year}" for year in YEARS for split in SPLITS.values()]
    places, text_places = [folder / "images", *_image_places(folder, *names)], [text, *(text / name for name in names)]
    layout = Layout("MS-COCO in the layout of the AttnGAN family", dict.fromkeys(SPLITS, text), {}, folders, [])
    texts = ImageFolders()
    for split in SPLITS:
        images = layout.splits[split] = []
        names_of_split = names_in(path := folder / split / "filenames.pickle", parts=1)
        layout.notes.extend((f"names that {path} repeats", name) for name in repeated(names_of_split))
        for name in dict.fromkeys(names_of_split):
            file = folders.find(name, places, ("", *SUFFIXES))
            problem = "" if file else f"of the {split} split without a file in {folder / 'images'} {_ELSEWHERE}"
            captions = texts.find(name, text_places, (".txt",))
            images.append(ListedImage(name, name, file, lines_in(captions) if captions else [], problem))
    return layout
