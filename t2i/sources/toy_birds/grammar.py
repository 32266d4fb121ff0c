"""The grammar of the captions: weighted choices of words and templates, read from a YAML file and checked."""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self, TypeVar

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from t2i.errors import InputError

Chance = Annotated[float, Field(ge=0, le=1)]
Choices = Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)

PARTS = ("body", "belly", "wing", "crown", "beak")
SCENE = ("pose", "background", "facing")
ATTRIBUTES = (*PARTS, "beak_shape", "size", *SCENE)

# What a caption template of grammar.yaml can contain.
SLOT = re.compile(r"{(\w*)}")
ADJECTIVE_SLOTS = {"bird", "adjectives"}
PART_SLOTS = {"things", "thing", "owned", "listed", "sentences", "the_birds", "whose"}
OTHER_PART_SLOTS = {"others", "other_sentences"}
SCENE_SLOTS = {"doing", "does"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phrases(_Strict):
    """Phrases for one value of a scene attribute: without a finite verb ("doing"), and with one ("does")."""

    doing: Choices
    does: Choices


class Grammar(_Strict):
    """The contents of grammar.yaml; its comments explain the fields."""

    longest: int = Field(ge=1)
    states: tuple[int, int]
    chance: dict[str, Chance]
    body_before_bird: Chance
    colours: dict[str, Choices]
    sizes: dict[str, Choices]
    beak_shapes: dict[str, Choices]
    nouns: dict[str, Choices]
    plural: list[str]
    poses: dict[str, Phrases]
    backgrounds: dict[str, Phrases]
    facings: dict[str, Phrases]
    things: dict[str, Choices]
    sentences: dict[str, Choices]
    owners: Choices
    captions: Choices

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not 1 <= self.states[0] <= self.states[1]:
            raise ValueError(f"states must be two numbers, 1 or more and not falling, not {list(self.states)}")
        for where, names, required in (("chance", self.chance, ATTRIBUTES), ("nouns", self.nouns, PARTS)):
            if set(names) != set(required):
                raise ValueError(f"{where} must name {', '.join(required)}, not {', '.join(names)}")
        for where, forms, slots in (
            ("things", self.things, {"look", "looks", "noun"}),
            ("sentences", self.sentences, {"its", "looks", "noun"}),
            ("captions", {"": self.captions}, ADJECTIVE_SLOTS | PART_SLOTS | OTHER_PART_SLOTS | SCENE_SLOTS),
        ):
            if where != "captions" and not {"singular", "plural"} <= set(forms):
                raise ValueError(f"{where} must have singular and plural")
            for text in (text for choices in forms.values() for text in choices):
                if set(SLOT.sub("", text)) & {"{", "}"}:
                    raise ValueError(f"{where}: {text!r} has a brace that is no part of a word in braces")
                if unknown := sorted(set(SLOT.findall(text)) - slots):
                    legal = ", ".join(sorted(slots))
                    raise ValueError(f"{where}: {text!r} has {{{unknown[0]}}}, which is none of {legal}")
        for form, choices in self.sentences.items():
            if not any("{its}" in text for text in choices):
                raise ValueError(f"sentences.{form} needs a form with {{its}}")
        for words in (self.colours, self.sizes, self.beak_shapes):
            all_words = [word for choices in words.values() for word in choices]
            if ambiguous := {word for word in all_words if all_words.count(word) > 1}:
                raise ValueError(f"{ambiguous.pop()!r} stands for two values")
        if not all(self.templates.values()):
            adjectives, parts, scene = next(key for key, choices in self.templates.items() if not choices)
            raise ValueError(f"no caption has room for adjectives: {adjectives}, parts: {parts}, scene: {scene}")
        return self

    @cached_property
    def templates(self) -> dict[tuple[bool, int, bool], dict[str, float]]:
        """(adjectives?, parts: 0, 1 or 2 for more, scene?) -> weighted templates with room for exactly these."""
        templates: dict[tuple[bool, int, bool], dict[str, float]] = {}
        for key in np.ndindex(2, 3, 2):
            adjectives, parts, scene = bool(key[0]), int(key[1]), bool(key[2])
            if not (adjectives or parts or scene):
                continue
            templates[adjectives, parts, scene] = {
                text: weight
                for text, weight in self.captions.items()
                for slots in [set(SLOT.findall(text))]
                if (bool(slots & ADJECTIVE_SLOTS) if adjectives else "adjectives" not in slots)
                and bool(slots & PART_SLOTS) == (parts > 0)
                and (parts > 1 or not slots & OTHER_PART_SLOTS)
                and (parts < 2 or "thing" not in slots or slots & OTHER_PART_SLOTS)
                and bool(slots & SCENE_SLOTS) == scene
            }
        return templates

    @property
    def scene(self) -> dict[str, dict[str, Phrases]]:
        """Scene attribute -> value -> its phrases, in the order in which captions mention them."""
        return {"pose": self.poses, "background": self.backgrounds, "facing": self.facings}

    def check_covers(self, values: Mapping[str, Sequence[str]], path: Path) -> None:
        """Check that there are words for every value that an image can show.

        Args:
            values: attribute -> its values.
            path: of the grammar, for the message.

        Raises:
            InputError: a value has no words.
        """
        known: dict[str, Mapping[str, object]] = {"size": self.sizes, "beak_shape": self.beak_shapes, **self.scene}
        for attribute, names in values.items():
            for name in names:
                if name not in known.get(attribute, self.colours):
                    raise InputError(f"{path}: no words for {attribute} {name!r}; add them")


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into its model.

    Raises:
        InputError: one line that names the file and the first thing wrong with it.
    """
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"])
        raise InputError(f"{path}: {where + ': ' if where else ''}{' '.join(first['msg'].split())}") from error
