"""Captions of the drawn birds, sampled from a grammar."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

import numpy as np

from t2i.errors import InputError
from t2i.sources.records import Caption
from t2i.sources.toy_birds.grammar import ATTRIBUTES, PARTS, SCENE, SLOT, Choices, Grammar

_ATTEMPTS = 100
"""Attempts for each caption; with less variation, those in a row after which there is taken to be no other caption."""


def write_captions(
    grammar: Grammar,
    attributes: Mapping[str, str],
    count: int,
    rng: np.random.Generator,
    *,
    wording: float = 1.0,
    content: float = 1.0,
) -> tuple[Caption, ...]:
    """Sample ``count`` captions of an image with these attributes.

    They are distinct, but where ``wording`` and ``content`` leave too few: these are repeated in turn.

    Args:
        wording: probability, 0 to 1, with which a word, a noun, an order or a sentence is drawn; else it is the most
            frequent one. At 0, captions that state the same are the same.
        content: probability, 0 to 1, with which a caption decides about an attribute by itself; else it states it if
            the first caption does. At 0, all captions state the same.

    Raises:
        InputError: the whole grammar does not give that many distinct ones, or with less variation none.
    """
    captions: dict[str, Caption] = {}
    first: Caption | None = None
    whole, in_vain = wording == content == 1, 0
    for _ in range(_ATTEMPTS * count):
        caption = _CaptionSampler(grammar, attributes, rng, wording, content, first).caption()
        in_vain += 1
        if caption is not None and caption.text not in captions:
            captions[caption.text], in_vain = caption, 0
            first = first or caption
        if len(captions) == count or (captions and in_vain == _ATTEMPTS and not whole):
            break
    if not captions or (len(captions) < count and whole):
        raise InputError(f"grammar.yaml: only {len(captions)} of {count} captions for one image; give it more choices")
    return tuple(islice(cycle(captions.values()), count))


class _CaptionSampler:
    """One attempt at a caption: samples first which attributes to state, then the words."""

    def __init__(
        self,
        grammar: Grammar,
        attributes: Mapping[str, str],
        rng: np.random.Generator,
        wording: float,
        content: float,
        first: Caption | None,
    ) -> None:
        self.grammar, self.attributes, self.rng, self.wording = grammar, attributes, rng, wording
        self.stated = [name for name in ATTRIBUTES if self.states(name, content, first)]
        before_bird = ["size"] if "size" in self.stated else []
        if "body" in self.stated and self.body_is_before_bird():
            before_bird.append("body")
        parts = [part for part in PARTS if part in self.stated and part not in before_bird]
        if "beak_shape" in self.stated and "beak" not in parts:
            parts.append("beak")
        order = rng.permutation(len(parts))
        self.parts = parts if wording < 1 and self.drawn(wording) is None else [parts[i] for i in order]
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

    def drawn(self, share: float) -> float | None:
        """A number from 0 to 1 to decide by, with probability ``share``; else None."""
        point = self.rng.random()
        return point / share if point < share else None

    def states(self, attribute: str, content: float, first: Caption | None) -> bool:
        """Whether the caption wants to speak of an attribute."""
        point = self.drawn(1.0 if first is None else content)
        if point is None:
            return first is not None and attribute in first.mentioned
        return point < self.grammar.chance[attribute]

    def body_is_before_bird(self) -> bool:
        """Whether a stated body is "a red bird" rather than "a red body"."""
        point, chance = self.drawn(self.wording), self.grammar.body_before_bird
        return chance > 0.5 if point is None else point < chance

    def pick(self, choices: Mapping[str, float]) -> str:
        """One of the choices, with a probability proportional to its weight; or, as ``wording`` says, the likeliest."""
        point, chosen = self.drawn(self.wording), ""
        if point is None:
            return max(choices, key=lambda choice: choices[choice])
        point *= sum(choices.values())
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
