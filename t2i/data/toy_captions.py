"""Captions of the drawn birds, from a grammar of weighted choices."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self, TypeVar

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from t2i.data.records import Caption
from t2i.errors import InputError

Chance = Annotated[float, Field(ge=0, le=1)]
Choices = Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)]
Model = TypeVar("Model", bound=BaseModel)

PARTS = ("body", "belly", "wing", "crown", "beak")
SCENE = ("pose", "background", "facing")
ATTRIBUTES = (*PARTS, "beak_shape", "size", *SCENE)

SLOT = re.compile(r"{(\w*)}")
LOOKS = {"bird", "adjectives"}
THINGS = {"things", "thing", "owned", "listed", "sentences", "the_birds", "whose"}
OTHERS = {"others", "other_sentences"}
DOING = {"doing", "does"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phrases(_Strict):
    """Two ways to speak of a piece of the scene: without a verb, and with one."""

    doing: Choices
    does: Choices


class Grammar(_Strict):
    """The contents of grammar.yaml; see the comments there."""

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
        for where, names, needed in (("chance", self.chance, ATTRIBUTES), ("nouns", self.nouns, PARTS)):
            if set(names) != set(needed):
                raise ValueError(f"{where} must name {', '.join(needed)}, not {', '.join(names)}")
        for where, forms, slots in (
            ("things", self.things, {"look", "looks", "noun"}),
            ("sentences", self.sentences, {"its", "looks", "noun"}),
            ("captions", {"": self.captions}, LOOKS | THINGS | OTHERS | DOING),
        ):
            if where != "captions" and not {"singular", "plural"} <= set(forms):
                raise ValueError(f"{where} must have singular and plural")
            for text in (text for choices in forms.values() for text in choices):
                if unknown := sorted(set(SLOT.findall(text)) - slots):
                    legal = ", ".join(sorted(slots))
                    raise ValueError(f"{where}: {text!r} has {{{unknown[0]}}}, which is none of {legal}")
        for form, choices in self.sentences.items():
            if not any("{its}" in text for text in choices):
                raise ValueError(f"sentences.{form} needs a form with {{its}}")
        for words in (self.colours, self.sizes, self.beak_shapes):
            spoken = [word for choices in words.values() for word in choices]
            if twice := {word for word in spoken if spoken.count(word) > 1}:
                raise ValueError(f"{twice.pop()!r} stands for two values")
        if not all(self.frames.values()):
            adjectives, things, scene = next(key for key, choices in self.frames.items() if not choices)
            raise ValueError(f"no caption has room for adjectives: {adjectives}, parts: {things}, scene: {scene}")
        return self

    @cached_property
    def frames(self) -> dict[tuple[bool, int, bool], dict[str, float]]:
        """(adjectives?, parts: 0, 1 or 2 for more, scene?) -> the captions with room for just these."""
        found: dict[tuple[bool, int, bool], dict[str, float]] = {}
        for key in np.ndindex(2, 3, 2):
            adjectives, things, scene = bool(key[0]), int(key[1]), bool(key[2])
            if not (adjectives or things or scene):
                continue
            found[adjectives, things, scene] = {
                text: weight
                for text, weight in self.captions.items()
                for slots in [set(SLOT.findall(text))]
                if (bool(slots & LOOKS) if adjectives else "adjectives" not in slots)
                and bool(slots & THINGS) == (things > 0)
                and (things > 1 or not slots & OTHERS)
                and (things < 2 or "thing" not in slots or slots & OTHERS)
                and bool(slots & DOING) == scene
            }
        return found

    @property
    def scene(self) -> dict[str, dict[str, Phrases]]:
        """Attribute of the scene -> value -> how to speak of it, in the order in which captions do."""
        return {"pose": self.poses, "background": self.backgrounds, "facing": self.facings}

    def check_covers(self, values: Mapping[str, Sequence[str]], path: Path) -> None:
        """Raises InputError unless there are words for each value (attribute -> values) that a picture can show."""
        known: dict[str, Mapping[str, object]] = {"size": self.sizes, "beak_shape": self.beak_shapes, **self.scene}
        for attribute, names in values.items():
            for name in names:
                if name not in known.get(attribute, self.colours):
                    raise InputError(f"{path}: no words for {attribute} {name!r}; add them")


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Reads a YAML file into its model.

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


def write_captions(
    grammar: Grammar, attributes: Mapping[str, str], count: int, rng: np.random.Generator
) -> tuple[Caption, ...]:
    """Says ``count`` different things about a picture with these attributes.

    Raises:
        InputError: the grammar has not that many different captions.
    """
    captions: dict[str, Caption] = {}
    for _ in range(100 * count):
        caption = _Speaker(grammar, attributes, rng).caption()
        if caption is not None:
            captions.setdefault(caption.text, caption)
        if len(captions) == count:
            return tuple(captions.values())
    raise InputError(f"grammar.yaml: only {len(captions)} of {count} captions for one picture; give it more choices")


class _Speaker:
    """One attempt at a caption: first decides what to state, then how."""

    def __init__(self, grammar: Grammar, attributes: Mapping[str, str], rng: np.random.Generator) -> None:
        self.grammar, self.attributes, self.rng = grammar, attributes, rng
        self.stated = [name for name in ATTRIBUTES if rng.random() < grammar.chance[name]]
        early = ["size"] if "size" in self.stated else []
        if "body" in self.stated and rng.random() < grammar.body_before_bird:
            early.append("body")
        parts = [part for part in PARTS if part in self.stated and part not in early]
        if "beak_shape" in self.stated and "beak" not in parts:
            parts.append("beak")
        self.parts = [parts[i] for i in rng.permutation(len(parts))]
        self.adjectives = [self.word(name) for name in early]
        self.scene = [name for name in SCENE if name in self.stated]

    def caption(self) -> Caption | None:
        """A caption, or nothing where the attempt states too little, too much or in too many words."""
        grammar = self.grammar
        if not grammar.states[0] <= len(self.stated) <= grammar.states[1]:
            return None
        frame = self.pick(grammar.frames[bool(self.adjectives), min(len(self.parts), 2), bool(self.scene)])
        slots: dict[str, Callable[[], str]] = {
            "bird": lambda: " ".join([*self.adjectives, "bird"]),
            "adjectives": lambda: " and ".join(self.adjectives),
            "things": lambda: _join([self.thing(part) for part in self.parts]),
            "thing": lambda: self.thing(self.parts[0]),
            "others": lambda: _join([self.thing(part) for part in self.parts[1:]]),
            "owned": lambda: _join([self.named(part) for part in self.parts]),
            "listed": lambda: ", ".join(self.named(part) for part in self.parts),
            "sentences": lambda: self.sentences(self.parts),
            "other_sentences": lambda: self.sentences(self.parts[1:]),
            "the_birds": lambda: self.sentences(self.parts, "the bird's"),
            "whose": lambda: self.sentences(self.parts, "whose"),
            "doing": lambda: self.scenery("doing"),
            "does": lambda: self.scenery("does"),
        }
        text = SLOT.sub(lambda slot: slots[slot[1]](), frame)
        text = re.sub(r"\ba (?=[aeiou])", "an ", text)
        if len(re.findall(r"\w+", text)) > grammar.longest:
            return None
        return Caption(text, {name: self.attributes[name] for name in self.stated})

    def pick(self, choices: Mapping[str, float]) -> str:
        point, chosen = self.rng.random() * sum(choices.values()), ""
        for chosen, weight in choices.items():  # noqa: B007 - the last one, should rounding leave the point beyond it
            point -= weight
            if point < 0:
                break
        return chosen

    def word(self, attribute: str) -> str:
        grammar = self.grammar
        words = {"size": grammar.sizes, "beak_shape": grammar.beak_shapes}.get(attribute, grammar.colours)
        return self.pick(words[self.attributes[attribute]])

    def looks(self, part: str) -> list[str]:
        names = ["beak_shape", "beak"] if part == "beak" else [part]
        return [self.word(name) for name in names if name in self.stated]

    def form(self, forms: Mapping[str, Choices], part: str, noun: str) -> Mapping[str, float]:
        return forms.get(part) or forms["plural" if noun in self.grammar.plural else "singular"]

    def named(self, part: str) -> str:
        return " ".join([*self.looks(part), self.pick(self.grammar.nouns[part])])

    def thing(self, part: str) -> str:
        noun, looks = self.pick(self.grammar.nouns[part]), self.looks(part)
        form = self.pick(self.form(self.grammar.things, part, noun))
        return form.format(noun=noun, look=" ".join(looks), looks=" and ".join(looks))

    def sentence(self, part: str, owner: str = "") -> str:
        noun = self.pick(self.grammar.nouns[part])
        forms = self.form(self.grammar.sentences, part, noun)
        form = self.pick({text: weight for text, weight in forms.items() if not owner or "{its}" in text})
        its = owner or self.pick(self.grammar.owners)
        return form.format(its=its, noun=noun, looks=" and ".join(self.looks(part)))

    def sentences(self, parts: Sequence[str], owner: str = "") -> str:
        """The first with its owner; "whose" is said of each, "the bird's" once."""
        said = [self.sentence(part, owner if i == 0 or owner == "whose" else "") for i, part in enumerate(parts)]
        return _join(said)

    def scenery(self, first: str) -> str:
        said = []
        for i, name in enumerate(self.scene):
            phrases = self.grammar.scene[name][self.attributes[name]]
            said.append(self.pick(phrases.does if first == "does" and i == 0 else phrases.doing))
        return " ".join(said)


def _join(items: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
