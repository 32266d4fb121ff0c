"""The file format of samples/: sets of generated images with their plans, the captions as read, and provenance."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from t2i.errors import InputError
from t2i.files import replacing_folder

COLUMNS = ["image", "caption", "noise"]
CAPTIONS = "captions.txt"

PUBLISHED, PAIRED = "published", "paired"
"""Names of the sets, and of the protocols that they are the scored set of."""

_SETS = {PUBLISHED: (PUBLISHED, PAIRED), PAIRED: (PAIRED,)}  # of each protocol


@dataclass(frozen=True)
class Pictures:
    """A set of generated images on disk.

    Attributes:
        plan: one row an image: image (row of the test split), caption (row of its captions), noise (of its vector).
        file: uint8 [len(plan), 3, S, S] in the format of numpy.
    """

    plan: pd.DataFrame
    file: Path

    @property
    def image_size(self) -> int:
        """S."""
        return int(np.load(self.file, mmap_mode="r").shape[-1])

    def batches(self, batch_size: int = 64) -> Iterator[Tensor]:
        """The images in the order of the plan, so many at a time: uint8 [N, 3, S, S]."""
        for start in range(0, len(self.plan), batch_size):
            # mapped anew: pages that were read count as memory of the process
            images = np.load(self.file, mmap_mode="r")[start : start + batch_size]
            yield torch.from_numpy(np.array(images))

    def images(self, rows: Sequence[int]) -> Tensor:
        """Those of some rows of the plan: uint8 [N, 3, S, S]."""
        return torch.from_numpy(np.load(self.file, mmap_mode="r")[list(rows)])


@dataclass(frozen=True)
class Sample:
    """All that is scored of a generator.

    Attributes:
        sets: paired alone, or published and paired.
        captions: the words that were read of each caption of the test split, separated by spaces.
        max_words: the most that were read of a caption.
    """

    sets: Mapping[str, Pictures]
    captions: Sequence[str]
    max_words: int

    @property
    def protocol(self) -> str:
        """The one that these sets are of."""
        return _protocol(self.sets)

    @property
    def scored(self) -> Pictures:
        """The set of FID, R-precision and all other scores but caption consistency."""
        return self.sets[self.protocol]

    @property
    def paired(self) -> Pictures:
        """The set in which captions share noise on purpose."""
        return self.sets[PAIRED]


def _protocol(names: Collection[str]) -> str:
    """Published if there is such a set, else paired."""
    return PUBLISHED if PUBLISHED in names else PAIRED


def save_sample(
    folder: Path,
    sets: Mapping[str, tuple[pd.DataFrame, Iterable[Tensor]]],
    captions: Sequence[str],
    max_words: int,
    provenance: dict[str, Any],
) -> None:
    """Write <set>.csv and <set>.npy, captions.txt and provenance.json; the folder is replaced as a whole or not at all.

    captions.txt has a line for each caption of the test split: the known words, cut to max_words.

    Args:
        sets: the plan of each, and its images in batches [N, 3, S, S] uint8, which are written as they come.
        captions, max_words: as in :class:`Sample`.
        provenance: what else goes into provenance.json.
    """
    record = provenance | {"sample": {"protocol": _protocol(sets), "max_words": max_words}}
    with replacing_folder(folder) as part:
        for name, (plan, batches) in sets.items():
            plan.to_csv(part / f"{name}.csv", index=False, lineterminator="\n")
            _write_images(part / f"{name}.npy", len(plan), batches)
        lines = "".join(f"{caption}\n" for caption in captions)
        (part / CAPTIONS).write_text(lines, encoding="utf-8", newline="\n")
        (part / "provenance.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _write_images(path: Path, count: int, batches: Iterable[Tensor]) -> None:
    """Write what numpy.save does of all batches in one array."""
    with path.open("wb") as file:
        for batch in batches:
            if file.tell() == 0:
                header = {"descr": "|u1", "fortran_order": False, "shape": (count, *batch.shape[1:])}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(batch.numpy().tobytes())


def load_sample(folder: Path) -> tuple[Sample, dict[str, Any]]:
    """The sample and the provenance that :func:`save_sample` wrote.

    Raises:
        InputError: a file is missing or damaged, or files do not belong together.
    """
    try:
        record = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        names, max_words = _SETS[record["sample"]["protocol"]], int(record["sample"]["max_words"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{folder}: no provenance.json, or a damaged one; run `dvc repro sample`") from error
    try:
        captions = (folder / CAPTIONS).read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no {CAPTIONS}, or a damaged one; run `dvc repro sample`") from error
    return Sample({name: _load_pictures(folder, name, len(captions)) for name in names}, captions, max_words), record


def _load_pictures(folder: Path, name: str, captions: int) -> Pictures:
    try:
        plan = pd.read_csv(folder / f"{name}.csv")
        images = np.load(folder / f"{name}.npy", mmap_mode="r")  # checks the size of the file
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{folder}: no {name} pictures, or damaged ones; run `dvc repro sample`") from error
    if len(plan) != len(images) or list(plan) != COLUMNS:
        raise InputError(f"{folder}: {name}.csv does not fit its {len(images)} pictures; run `dvc repro sample`")
    if plan["caption"].max() >= captions:
        raise InputError(f"{folder}: {CAPTIONS} has {captions} lines, too few for {name}.csv; run `dvc repro sample`")
    return Pictures(plan, folder / f"{name}.npy")
