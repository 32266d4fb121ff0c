"""Captions of the drawn birds, sampled from a grammar."""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from t2i.errors import InputError
from t2i.sources.records import Caption
from t2i.sources.toy_birds.grammar import ATTRIBUTES, PARTS, SCENE, SLOT, Choices, Grammar


def write_captions(
    grammar: Grammar, attributes: Mapping[str, str], count: int, rng: np.random.Generator
) -> tuple[Caption, ...]:
    """Sample ``count`` distinct captions of an image with these attributes.

    Raises:
        InputError: 100 attempts for each caption do not give that many distinct ones.
    """
    captions: dict[str, Caption] = {}
    for _ in range(100 * count):
        caption = _CaptionSampler(grammar, attributes, rng).caption()
        if caption is not None:
            captions.setdefault(caption.text, caption)
        if len(captions) == count:
            return tuple(captions.values())
    raise InputError(f"grammar.yaml: only {len(captions)} of {count} captions for one image; give it more choices")


class _CaptionSampler:
    """One attempt at a caption: samples first which attributes to state, then the words."""

    def __init__(self, grammar: Grammar, attributes: Mapping[str, str], rng: np.random.Generator) -> None:
        self.grammar, self.attributes, self.rng = grammar, attributes, rng
        self.stated = [name for name in ATTRIBUTES if rng.random() < grammar.chance[name]]
        before_bird = ["size"] if "size" in self.stated else []
        if "body" in self.stated and rng.random() < grammar.body_before_bird:
            before_bird.append("body")
        parts = [part for part in PARTS if part in self.stated and part not in before_bird]
        if "beak_shape" in self.stated and "beak" not in parts:
            parts.append("beak")
        self.parts = [parts[i] for i in rng.permutation(len(parts))]
        self.adjectives = [self.word(name) for name in before_bird]
        self.scene = [name for name in SCENE if name in self.stated]

    def caption(self) -> Caption | None:
        """A caption, or None if the attempt states too few or too many attributes or is too long."""
        grammar = self.grammar
        if not grammar.states[0] <= len(self.stated) <= grammar.states[1]:
            return None
        template = self.pick(grammar.templates[bool(self.adjectives), min(len(self.parts), 2), bool(self.scene)])
        slots: dict[str, Callable[[], str]] = {
            "bird": lambda: " ".join([*self.adjectives, "bird"]),
            "adjectives": lambda: " and ".join(self.adjectives),
            "things": lambda: _join([self.thing(part) for part in self.parts]),
            "thing": lambda: self.thing(self.parts[0]),
            "others": lambda: _join([self.thing(part) for part in self.parts[1:]]),
            "owned": lambda: _join([self.noun_phrase(part) for part in self.parts]),
            "listed": lambda: ", ".join(self.noun_phrase(part) for part in self.parts),
            "sentences": lambda: self.sentences(self.parts),
            "other_sentences": lambda: self.sentences(self.parts[1:]),
            "the_birds": lambda: self.sentences(self.parts, "the bird's"),
            "whose": lambda: self.sentences(self.parts, "whose"),
            "doing": lambda: self.scenery("doing"),
            "does": lambda: self.scenery("does"),
        }
        text = SLOT.sub(lambda slot: slots[slot[1]](), template)
        text = re.sub(r"\ba (?=[aeiou])", "an ", text)
        if len(re.findall(r"\w+", text)) > grammar.longest:
            return None
        return Caption(text, {name: self.attributes[name] for name in self.stated})

    def pick(self, choices: Mapping[str, float]) -> str:
        """One of the choices, with a probability proportional to its weight."""
        point, chosen = self.rng.random() * sum(choices.values()), ""
        for chosen, weight in choices.items():  # noqa: B007 - the last one if rounding leaves the point beyond it
            point -= weight
            if point < 0:
                break
        return chosen

    def word(self, attribute: str) -> str:
        """A word for the value of an attribute."""
        grammar = self.grammar
        words = {"size": grammar.sizes, "beak_shape": grammar.beak_shapes}.get(attribute, grammar.colours)
        return self.pick(words[self.attributes[attribute]])

    def adjectives_of(self, part: str) -> list[str]:
        """The stated attributes of a part, as adjectives."""
        names = ["beak_shape", "beak"] if part == "beak" else [part]
        return [self.word(name) for name in names if name in self.stated]

    def templates_of(self, forms: Mapping[str, Choices], part: str, noun: str) -> Mapping[str, float]:
        """The templates of a part, else those of the number of its noun."""
        return forms.get(part) or forms["plural" if noun in self.grammar.plural else "singular"]

    def noun_phrase(self, part: str) -> str:
        """E.g. "short red beak"."""
        return " ".join([*self.adjectives_of(part), self.pick(self.grammar.nouns[part])])

    def thing(self, part: str) -> str:
        """E.g. "a short red beak" or "a beak that is short and red"."""
        noun, adjectives = self.pick(self.grammar.nouns[part]), self.adjectives_of(part)
        template = self.pick(self.templates_of(self.grammar.things, part, noun))
        return template.format(noun=noun, look=" ".join(adjectives), looks=" and ".join(adjectives))

    def sentence(self, part: str, owner: str = "") -> str:
        """E.g. "its beak is short and red", with the owner in the place of "its"."""
        noun = self.pick(self.grammar.nouns[part])
        templates = self.templates_of(self.grammar.sentences, part, noun)
        template = self.pick({text: weight for text, weight in templates.items() if not owner or "{its}" in text})
        its = owner or self.pick(self.grammar.owners)
        return template.format(its=its, noun=noun, looks=" and ".join(self.adjectives_of(part)))

    def sentences(self, parts: Sequence[str], owner: str = "") -> str:
        """Sentences about parts; the owner "whose" is repeated in each, others stand in the first only."""
        return _join([self.sentence(part, owner if i == 0 or owner == "whose" else "") for i, part in enumerate(parts)])

    def scenery(self, first: str) -> str:
        """The stated scene attributes, the first one with a finite verb if ``first`` is "does"."""
        words = []
        for i, name in enumerate(self.scene):
            phrases = self.grammar.scene[name][self.attributes[name]]
            words.append(self.pick(phrases.does if first == "does" and i == 0 else phrases.doing))
        return " ".join(words)


def _join(items: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1]]))
