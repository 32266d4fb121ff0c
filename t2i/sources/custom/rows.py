"""What every format of people's own data is read as."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SPLITS = {
    "train": ("train", "training", "restval"),  # restval: images of MS-COCO's val files that Karpathy trains on
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class Row:
    """An image with one or more of its captions, as it was written; nothing but the types has been checked.

    Attributes:
        where: its place, which begins messages, e.g. "row 5 (line 6) of data/custom/captions.csv".
        image: path below the folder.
        captions: texts, possibly none.
        class_name: "" where there is none.
        split: "train", "val", "test", or "" where there is none.
    """

    where: str
    image: str
    captions: tuple[str, ...]
    class_name: str = ""
    split: str = ""


@dataclass(frozen=True)
class Captions:
    """All captions of a folder in one format.

    Attributes:
        rows: in the order of their files.
        description: what was read and how, e.g. "captions.csv, separated by commas; columns image, caption".
        left_out: reason and name of what was not read, as :meth:`t2i.sources.missing.MissingItems.note` takes them.
    """

    rows: list[Row]
    description: str
    left_out: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Source:
    """Captions that a folder holds in some format.

    Attributes:
        name: its file or files, for messages.
        read: returns the captions; raises InputError for what cannot be read.
    """

    name: str
    read: Callable[[], Captions]


def split_named(name: str) -> str | None:
    """The split that goes by a name ("train", "val" or "test"), or None."""
    return next((split for split, names in _SPLITS.items() if name.strip().lower() in names), None)
