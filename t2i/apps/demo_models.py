"""The models and the judge behind the web page."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import data_digest
from t2i.checkpoints.snapshots import snapshot_of
from t2i.files import short_names
from t2i.generation.text_to_image import TextToImage
from t2i.models.judge import Judge
from t2i.terminal import one_line


@dataclass(frozen=True)
class LoadedModel:
    """A model that the page offers.

    Attributes:
        label: its name on the page: file, architecture and weight of the contrastive loss.
        data: digest of the data that it was trained on; None: unknown.
        image_size: side of the images of its training, of which an early snapshot makes smaller ones; None: unknown.
    """

    label: str
    model: TextToImage
    data: str | None = None
    image_size: int | None = None

    @classmethod
    def load(cls, path: Path, name: str) -> Self:
        """The model in a gan.pt; InputError if it is none."""
        content = model_file.load(path, "gan")
        with model_file.building(path):
            model = TextToImage.from_checkpoint(content)
        details = [str(model.generator.config["model"])]
        record = content.get("provenance", {})
        settings = record.get("settings", {})
        weight = settings.get("losses", {}).get("lambda_")
        if settings.get("captions_per_image") == 1:
            details.append("no contrastive loss")
        elif weight is not None:  # unknown for imported models
            details.append(f"lambda {weight:g}")
        return cls(
            one_line(f"{name} ({', '.join(details)})"), model, data_digest(record), snapshot_of(content)["image_size"]
        )


@dataclass(frozen=True)
class LoadedJudge:
    """The network that measures distances between images.

    Attributes:
        data: digest of the data that it was trained on; None: unknown.
    """

    judge: Judge
    data: str | None

    @classmethod
    def load(cls, path: Path) -> Self:
        """The judge in a judge.pt; InputError if it is none."""
        content = model_file.load(path, "judge")
        with model_file.building(path):
            return cls(Judge.from_checkpoint(content), data_digest(content.get("provenance")))

    def refusal(self, model: LoadedModel) -> str | None:
        """Why distances between images of a model mean nothing; None if they do.

        The judge has learned what differs among the images of its own data; images of other data look alike to it.
        """
        if model.data is None or self.data is None:
            return f"the data that {'the model' if model.data is None else 'the judge'} was trained on are not known"
        if model.data != self.data:
            return "the judge was trained on other data than the model"
        own = model.model.generator.config["image_size"]
        if model.image_size is not None and own < model.image_size:
            return f"a snapshot whose images have {own} pixels, and the judge was trained on {model.image_size}"
        return None


def load_models(paths: Sequence[Path], warn: Callable[[str], None]) -> list[LoadedModel]:
    """The models in some files, each file once, under names that tell them apart.

    Args:
        warn: told of each file that is given again, maybe by another path.

    Raises:
        InputError: one of them is no model.
    """
    files: dict[str, Path] = {}
    for path in paths:
        real = os.path.realpath(path)
        if real in files:
            warn(f"{path} is the same file as {files[real]} and is shown once")
        else:
            files[real] = path
    given = list(files.values())
    bare = [path.parent / path.stem for path in given]
    names = short_names(bare if len({path.absolute() for path in bare}) == len(bare) else given)
    return [LoadedModel.load(path, name) for path, name in zip(given, names, strict=True)]
