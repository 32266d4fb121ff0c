"""Captions -> words: by the rules of the published models, or Unicode's words."""

import re
import unicodedata
from functools import cache
from typing import Any, Literal

Tokens = Literal["ascii", "unicode"]
"""Rule by which captions are split into words, see :func:`tokenize`."""

UNSPACED_SCRIPTS = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Javanese",
    "Balinese", "Tai_Tham", "Tai_Le", "New_Tai_Lue",
)  # fmt: skip
"""Scripts that put no spaces between words."""
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def tokenize(caption: str, tokens: Tokens = "ascii") -> list[str]:
    """Split a caption into lower-case words.

    ``ascii``, the published rules: two replacement characters in a row are a space (a broken character of the CUB
    captions), words are runs of ``\\w``, non-ASCII characters are dropped from a word, and words without any other
    character vanish.

    ``unicode``: words are runs of letters, digits and marks of any script, composed (NFC), so that both ways to write
    an accent give one word. In a script that puts no spaces between words (Chinese, Japanese, Thai, ...), each
    character with its marks is a word.

    ASCII text has the same words by both rules.

    Args:
        caption: one sentence, any text.
        tokens: the rule.

    Returns:
        The words in order, possibly none.
    """
    text = caption.replace("\ufffd\ufffd", " ").lower()
    if text.isascii():
        return re.findall(r"\w+", text)
    if tokens == "unicode":
        text = _VARIATION_SELECTORS.sub("", unicodedata.normalize("NFC", text))  # of how a character looks
        words: list[str] = _unicode_word().findall(text)
        return words
    return [word for word in map(_ascii, _published_words(text)) if word]


def lost_words(caption: str) -> list[str]:
    """Words of a caption that the rule ``ascii`` drops or shortens, as they were written, in lower case."""
    text = caption.replace("\ufffd\ufffd", " ").lower()
    return [] if text.isascii() else [word for word in tokenize(caption, "unicode") if _ascii(word) != word]


def has_word(text: str, tokens: Tokens = "ascii") -> bool:
    """Whether :func:`tokenize` keeps a word of a text, so that it can be a caption."""
    return bool(tokenize(text, tokens))


def _ascii(word: str) -> str:
    return word.encode("ascii", "ignore").decode("ascii")


def _published_words(text: str) -> list[str]:
    # Imported late: nltk imports scipy.stats, which takes longer than to load a generator and to generate an image. For
    # ASCII text its words are those of Python's regular expressions; beyond that (combining accents) they differ.
    from nltk.tokenize import RegexpTokenizer

    words: list[str] = RegexpTokenizer(r"\w+").tokenize(text)
    return words


@cache
def _unicode_word() -> Any:
    import regex  # of Unicode's properties Python's re knows none

    # marks that Latin script has, too, such as the acute, belong to the letter before them, as in any script
    scripts = "".join(rf"\p{{scx={script}}}" for script in UNSPACED_SCRIPTS)
    unspaced = rf"[{scripts}]--\p{{scx=Latin}}"
    joiners = r"\u200c\u200d"  # of Persian and of Indian scripts, whose words they are part of, and of emoji
    character = rf"[[{unspaced}]&&[\w--\p{{M}}]]\p{{M}}*"
    word = rf"(?!\p{{M}})(?:[\w--[[{unspaced}]{joiners}]]|(?<=\w)[{joiners}](?=\w))+"
    return regex.compile(f"{character}|{word}", regex.V1)
