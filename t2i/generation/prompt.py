"""Captions that people type, in the words of a trained text encoder."""

import difflib
from dataclasses import dataclass

from t2i.data.text.tokenizer import tokenize_prompt
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError

MAX_WORDS = 100
"""Longest caption; training sees at most 18 words at a time, and nobody means to paste a whole book."""

_MAX_SHOWN = 60  # characters of a caption in a message


@dataclass(frozen=True)
class Prompt:
    """A caption and the words of it that the model knows.

    Attributes:
        text: as typed, in one line.
        words: known words in order; at least one.
        ids: their numbers in the vocabulary.
        unknown: unknown words -> known words of similar spelling, the nearest first, possibly none.
    """

    text: str
    words: list[str]
    ids: list[int]
    unknown: dict[str, list[str]]

    def warnings(self) -> list[str]:
        """A line for each unknown word."""
        return [
            f"{word!r} is not in the model's vocabulary and is left out"
            + (f"; similar words are {', '.join(similar)}" if similar else "")
            for word, similar in self.unknown.items()
        ]


def parse_prompt(text: str, vocabulary: Vocabulary) -> Prompt:
    """Split a caption into words and look them up.

    Raises:
        InputError: it is empty, has no known word, or more words than :data:`MAX_WORDS`.
    """
    line = printable(text)
    tokens = tokenize_prompt(text)
    shown = f"{line[:_MAX_SHOWN]}..." if len(line) > _MAX_SHOWN else line
    if not tokens:
        raise InputError(f"the caption {shown!r} has no word; describe an image")
    if len(tokens) > MAX_WORDS:
        raise InputError(f"the caption {shown!r} has {len(tokens):,} words; at most {MAX_WORDS} are allowed")
    ids = vocabulary.encode(tokens)
    unknown = {
        word: difflib.get_close_matches(word[:_MAX_SHOWN], vocabulary.words[1:], 3, 0.6)
        for word in vocabulary.unknown(tokens)
    }
    if not ids:
        similar = list(dict.fromkeys(word for words in unknown.values() for word in words))[:3]
        hint = f"similar words are {', '.join(similar)}" if similar else f"e.g., {', '.join(vocabulary.words[1:6])}"
        raise InputError(f"the caption {shown!r} has no word that the model knows; {hint}")
    return Prompt(line, vocabulary.decode(ids), ids, unknown)


def printable(text: str) -> str:
    """Text in one line, without characters that no font shows."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
