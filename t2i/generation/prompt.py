"""Captions that people type, in the words of a trained text encoder."""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from t2i.data.text.tokenizer import lost_words, tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError

MAX_WORDS = 100
"""Longest caption; training sees at most 18 words at a time, and nobody means to paste a whole book."""

_MAX_SHOWN = 60  # characters of a caption in a message
_MAX_LISTED = 8  # words in a message


@dataclass(frozen=True)
class Prompt:
    """A caption and the words of it that the model knows.

    Attributes:
        text: as typed, in one line.
        words: known words in order; at least one.
        ids: their numbers in the vocabulary.
        unknown: unknown words -> known words of similar spelling, the nearest first, possibly none.
        lost: words with letters that the model's words do not have -> what is left of them, possibly nothing.
    """

    text: str
    words: list[str]
    ids: list[int]
    unknown: dict[str, list[str]]
    lost: dict[str, str] = field(default_factory=dict)

    def lost_warnings(self) -> list[str]:
        """A line for each word that loses letters, and one for all that vanish."""
        lines = [
            f"{word!r} is read as {rest!r}: the model's words are ASCII" for word, rest in self.lost.items() if rest
        ]
        vanished = [word for word, rest in self.lost.items() if not rest]
        if vanished:
            verb = "is" if len(vanished) == 1 else "are"
            lines.append(f"{_listed(vanished)} {verb} left out: the model's words are ASCII")
        return lines

    def warnings(self) -> list[str]:
        """A line for each word that is not read as it was typed, or unknown."""
        return self.lost_warnings() + [
            f"{word!r} is not in the model's vocabulary and is left out"
            + (f"; similar words are {', '.join(similar)}" if similar else "")
            for word, similar in self.unknown.items()
        ]


def parse_prompt(text: str, vocabulary: Vocabulary) -> Prompt:
    """Split a caption into words and look them up.

    Raises:
        InputError: it is empty, no text, has no known word, or more words than :data:`MAX_WORDS`.
    """
    line = printable(text)
    tokens = vocabulary.tokenize(text)
    shown = f"{line[:_MAX_SHOWN]}..." if len(line) > _MAX_SHOWN else line
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(f"the caption {shown!r} has bytes that are no characters in the terminal's locale: use UTF-8")
    lost = _read_as(text) if vocabulary.tokens == "ascii" else {}
    if not tokens and lost:
        raise InputError(f"the caption {shown!r} has no word that the model can read: its words are ASCII")
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
    return Prompt(line, vocabulary.decode(ids), ids, unknown, lost)


def _read_as(text: str) -> dict[str, str]:
    """Words that the rule ``ascii`` drops or shortens -> what it reads."""
    lowered = text.lower()
    read = {}
    for word in lost_words(text):  # composed; the rule keeps the letter of an accent that was typed after it
        typed = word if word in lowered else unicodedata.normalize("NFD", word)
        read[word] = " ".join(tokenize(typed, "ascii"))
    return {word: rest for word, rest in read.items() if rest != word}


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MAX_LISTED:,} more" if len(words) > _MAX_LISTED else ""
    return ", ".join(map(repr, words[:_MAX_LISTED])) + more


def printable(text: str) -> str:
    """Text in one line, without characters that no font shows."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
