"""Words of captions by both rules."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize import RegexpTokenizer

from t2i.data.text.tokenizer import has_word, lost_words, tokenize
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("A bird, with a RED-brown bill.", ["a", "bird", "with", "a", "red", "brown", "bill"]),
        ("it's 2 birds_here", ["it", "s", "2", "birds_here"]),
        ("white\ufffd\ufffdbelly", ["white", "belly"]),
        ("caf\xe9 na\xefve", ["caf", "nave"]),
        ("\u9e1f bird", ["bird"]),
        (" .,! ", []),
        ("", []),
        ("<end>", ["end"]),
    ],
)
def test_published_words(caption: str, tokens: list[str]) -> None:
    assert tokenize(caption) == tokenize(caption, "ascii") == tokens


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("Ein schöner, grüner Vogel", ["ein", "schöner", "grüner", "vogel"]),
        ("cafe\u0301 CAFÉ", ["café", "café"]),
        ("красная птица", ["красная", "птица"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("طائر أحمر", ["طائر", "أحمر"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("작은 새", ["작은", "새"]),
        ("鸟在 blue bird", ["鸟", "在", "blue", "bird"]),
        ("鸟blue3只", ["鸟", "blue3", "只"]),
        ("赤いトリ", ["赤", "い", "ト", "リ"]),
        ("น้ำ", ["น้", "ำ"]),
        ("👩\u200d🚀 ok", ["ok"]),
        ("it's 2 birds_here", ["it", "s", "2", "birds_here"]),
        ("white\ufffd\ufffdbelly", ["white", "belly"]),
        ("…!？", []),
        ("ɔ́ta ọ̀rẹ́ m̀bá", ["ɔ́ta", "ọ̀rẹ́", "m̀bá"]),
        ("за́мок мʼята", ["за́мок", "мʼята"]),
        ("カード が", ["カ", "ー", "ド", "が"]),
        ("a bird ❤\ufe0f bird\ufe0f", ["a", "bird", "bird"]),
        ("\u0301 bird", ["bird"]),
    ],
)
def test_words_of_all_scripts(caption: str, tokens: list[str]) -> None:
    assert tokenize(caption, "unicode") == tokens


def test_what_the_published_rule_loses() -> None:
    assert lost_words("Schöner Vogel") == ["schöner"]
    assert lost_words("鸟在 blue bird") == ["鸟", "在"]
    assert lost_words("a bird's belly") == lost_words("white\ufffd\ufffdbelly…") == []


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_text_has_the_words_of_nltk_by_both_rules(caption: str) -> None:
    assert tokenize(caption) == tokenize(caption, "unicode") == RegexpTokenizer(r"\w+").tokenize(caption.lower())


@settings(deadline=None)
@given(st.text())
@example("a\u200d")
@example("\u200d")
def test_both_forms_of_an_accent_are_one_word(caption: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, caption) for form in ("NFC", "NFD"))
    words = tokenize(composed, "unicode")
    assert words == tokenize(decomposed, "unicode") == [word.strip("\u200c\u200d") for word in words]
    assert has_word(caption, "unicode") == bool(words) and "<end>" not in words


def test_generating_does_not_import_nltk() -> None:
    code = "import sys, t2i.generation.text_to_image; sys.exit('nltk' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@settings(deadline=None)
@given(st.text())
def test_tokens_of_any_text_are_lower_case_ascii_and_never_the_padding(caption: str) -> None:
    for token in tokenize(caption):
        assert token and token.isascii() and token == token.lower()
        assert token != "<end>"
