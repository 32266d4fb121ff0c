"""Captions -> words, by the rules of the published models."""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nltk.tokenize import RegexpTokenizer

_WORD = r"\w+"


def tokenize(caption: str) -> list[str]:
    """Split a caption into lower-case ASCII words.

    The published rules: two replacement characters in a row are a space (a broken character of the CUB captions), words
    are runs of ``\\w``, non-ASCII characters are dropped from a word, and words without any other character vanish.

    Args:
        caption: one sentence, any text.

    Returns:
        The words in order, possibly none.
    """
    words = _nltk_tokenizer().tokenize(_normalised(caption))
    ascii_words = (word.encode("ascii", "ignore").decode("ascii") for word in words)
    return [word for word in ascii_words if word]


def tokenize_prompt(caption: str) -> list[str]:
    """:func:`tokenize` for interactive use: the same words, without importing nltk unless the caption needs it.

    Importing nltk imports scipy.stats, which takes longer than to load a generator and to generate an image. For ASCII
    text, nltk's regular expressions and Python's agree on what a word is; beyond that (combining accents) they differ,
    so such a caption is left to nltk.
    """
    text = _normalised(caption)
    return re.findall(_WORD, text) if text.isascii() else tokenize(caption)


@cache
def _nltk_tokenizer() -> "RegexpTokenizer":
    from nltk.tokenize import RegexpTokenizer  # a slow import, see tokenize_prompt

    return RegexpTokenizer(_WORD)


def _normalised(caption: str) -> str:
    return caption.replace("\ufffd\ufffd", " ").lower()
