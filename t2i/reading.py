"""Captions that people type, as a trained text encoder can read them."""

import difflib
from dataclasses import dataclass

from t2i.data.captions import Vocabulary, tokenize_typed
from t2i.errors import InputError

MOST_WORDS = 100
"""Of a caption; training has seen 18 or fewer at a time, and a slip of the mouse can paste a book."""
_SHOWN = 60  # characters of a caption in messages


@dataclass(frozen=True)
class Reading:
    """A caption and what of it is understood.

    Attributes:
        text: as typed, in one line.
        words: that the vocabulary knows, in order; at least one.
        ids: their numbers.
        unknown: words that it does not know -> known ones that are spelt alike, the nearest first, maybe none.
    """

    text: str
    words: list[str]
    ids: list[int]
    unknown: dict[str, list[str]]

    def warnings(self) -> list[str]:
        """A line for each unknown word."""
        return [
            f"{word!r} is not in the model's vocabulary and is left out"
            + (f"; near it are {', '.join(near)}" if near else "")
            for word, near in self.unknown.items()
        ]


def read_caption(text: str, vocabulary: Vocabulary) -> Reading:
    """Read a caption.

    Raises:
        InputError: it is empty, has no known word, or more words than :data:`MOST_WORDS`.
    """
    shown = printable(text)
    tokens = tokenize_typed(text)
    short = f"{shown[:_SHOWN]}..." if len(shown) > _SHOWN else shown
    if not tokens:
        raise InputError(f"the caption {short!r} has no word; type what the picture shall show")
    if len(tokens) > MOST_WORDS:
        raise InputError(f"the caption {short!r} has {len(tokens):,} words; at most {MOST_WORDS} are read")
    ids = vocabulary.encode(tokens)
    unknown = {
        word: difflib.get_close_matches(word[:_SHOWN], vocabulary.words[1:], 3, 0.6)
        for word in vocabulary.unknown(tokens)
    }
    if not ids:
        near = list(dict.fromkeys(word for found in unknown.values() for word in found))[:3]
        hint = f"near it are {', '.join(near)}" if near else f"it knows, e.g., {', '.join(vocabulary.words[1:6])}"
        raise InputError(f"the caption {short!r} has no word that the model knows; {hint}")
    return Reading(shown, vocabulary.decode(ids), ids, unknown)


def printable(text: str) -> str:
    """Text in one line without what no font can show."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
