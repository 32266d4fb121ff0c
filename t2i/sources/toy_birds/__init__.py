"""Synthetic data set of drawn birds, with known attributes and captions from a grammar.

Two files define it: ``palette.yaml`` the appearance of the birds, ``grammar.yaml`` the wording of the captions.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from tqdm import tqdm

from t2i.sources.records import Record, Splits
from t2i.sources.toy_birds.captions import write_captions
from t2i.sources.toy_birds.drawing import BACKGROUNDS, BEAK_SHAPES, FACINGS, POSES, draw
from t2i.sources.toy_birds.grammar import PARTS, Grammar, load_yaml

Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]

CLASS_PARTS = ("body", "belly", "wing")
"""The parts whose colours define a class."""


class Palette(BaseModel):
    """The contents of palette.yaml; its comments explain the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    colours: dict[str, Colour]
    parts: dict[str, list[str]]
    test_share: float = Field(gt=0, lt=1)
    poses: dict[str, list[str]]
    backgrounds: dict[str, tuple[Colour, Colour, Colour]]
    sizes: dict[str, Annotated[float, Field(ge=0.5, le=1.1)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if set(self.parts) != set(PARTS):
            raise ValueError(f"parts must be {', '.join(PARTS)}, not {', '.join(self.parts)}")
        _check_names("poses", self.poses, POSES)
        _check_names("backgrounds", self.backgrounds, BACKGROUNDS)
        for part, names in self.parts.items():
            _check_names(f"parts.{part}", names, tuple(self.colours))
        for pose, names in self.poses.items():
            _check_names(f"poses.{pose}", names, tuple(self.backgrounds))
        if len(_classes(self)) < 2:
            raise ValueError("body, belly and wing must give at least two classes: one to train on, one to test on")
        return self

    def values(self) -> dict[str, list[str]]:
        """Attribute -> the values that it can take in an image."""
        scene = {"size": list(self.sizes), "pose": list(self.poses), "background": list(self.backgrounds)}
        return {**self.parts, **scene, "beak_shape": list(BEAK_SHAPES), "facing": list(FACINGS)}


def _check_names(where: str, names: Iterable[str], known: Sequence[str]) -> None:
    names = list(names)
    if not names:
        raise ValueError(f"{where} is empty")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{where} names {name!r} twice")
        if name not in known:
            raise ValueError(f"{where} names {name!r}, which is none of {', '.join(known)}")


def _classes(palette: Palette) -> list[tuple[str, ...]]:
    return list(product(*(palette.parts[part] for part in CLASS_PARTS)))


def split_classes(palette: Palette) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Divide the classes (body, belly and wing colour) into train and test classes.

    The split depends on the palette alone, so that runs with different seeds are tested on the same classes.
    """
    classes = _classes(palette)
    order = np.random.default_rng(0).permutation(len(classes))
    num_test = min(max(1, round(palette.test_share * len(classes))), len(classes) - 1)
    return [classes[i] for i in order[num_test:]], [classes[i] for i in order[:num_test]]


def read(
    folder: Path,
    *,
    train_images: int,
    test_images: int,
    reference_images: int,
    captions_per_image: int,
    image_size: int,
    seed: int,
    wording: float = 1.0,
    content: float = 1.0,
) -> Splits:
    """Generate the birds of all splits; each record is a function of (seed, split, its number) alone.

    Args:
        folder: holds palette.yaml and grammar.yaml.
        train_images, test_images, reference_images: number of records in each split, 1 or more; "reference" shows the
            classes of "test" in other images.
        captions_per_image: 1 or more, distinct where wording and content leave so many.
        image_size: side of the square images in pixels, 16 or more.
        seed: 0 or more.
        wording, content: 0 to 1, how much captions of an image differ in words and in what they state, see
            :func:`~t2i.sources.toy_birds.captions.write_captions`.

    Raises:
        InputError: a file is missing or invalid.
        ValueError: a number is out of its range.
    """
    counts = {"train": train_images, "test": test_images, "reference": reference_images}
    for name, value, minimum in (
        *((f"{split}_images", count, 1) for split, count in counts.items()),
        ("captions_per_image", captions_per_image, 1),
        ("image_size", image_size, 16),
        ("seed", seed, 0),
    ):
        if value < minimum:
            raise ValueError(f"{name} must be {minimum} or more, not {value}")
    for name, share in (("wording", wording), ("content", content)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {share}")
    palette = load_yaml(folder / "palette.yaml", Palette)
    grammar = load_yaml(folder / "grammar.yaml", Grammar)
    grammar.check_covers(palette.values(), folder / "grammar.yaml")
    train, test = split_classes(palette)
    splits: Splits = {}
    for number, (split, count) in enumerate(counts.items()):
        classes = train if split == "train" else test
        splits[split] = []
        for i in tqdm(range(count), desc=f"{split} birds", unit="bird"):
            attributes = _sample_attributes(
                palette, classes[i % len(classes)], np.random.default_rng([seed, number, i, 0])
            )
            splits[split].append(
                Record(
                    name=f"{split}/{i:05d}",
                    class_name="-".join(attributes[part] for part in CLASS_PARTS),
                    captions=write_captions(
                        grammar,
                        attributes,
                        captions_per_image,
                        np.random.default_rng([seed, number, i, 1]),
                        wording=wording,
                        content=content,
                    ),  # fmt: skip
                    load=partial(
                        draw,
                        attributes,
                        colours={part: palette.colours[attributes[part]] for part in PARTS},
                        background_colours=palette.backgrounds[attributes["background"]],
                        scale=palette.sizes[attributes["size"]],
                        seed=(seed, number, i, 2),
                        image_size=image_size,
                    ),
                    attributes=attributes,
                )
            )
    return splits


def _sample_attributes(palette: Palette, class_colours: tuple[str, ...], rng: np.random.Generator) -> dict[str, str]:
    """Sample the attributes that the class leaves open."""

    def pick(names: Sequence[str]) -> str:
        return names[int(rng.integers(len(names)))]

    values, pose = palette.values(), pick(list(palette.poses))
    return {
        **dict(zip(CLASS_PARTS, class_colours, strict=True)),
        **{name: pick(values[name]) for name in ("crown", "beak", "beak_shape", "size", "facing")},
        "pose": pose,
        "background": pick(palette.poses[pose]),
    }
