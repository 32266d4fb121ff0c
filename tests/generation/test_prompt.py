"""Captions of any kind become known words, or one line says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2i.data.text.tokenizer import Tokens
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.prompt import MAX_WORDS, parse_prompt, printable

WORDS = Vocabulary(["<end>", "a", "red", "green", "bird", "is", "the"])


def test_words_are_looked_up_and_unknown_ones_are_left_out() -> None:
    prompt = parse_prompt(" The\tgren bird,\nis RED! xyzzy", WORDS)
    assert prompt.text == "The gren bird, is RED! xyzzy"
    assert prompt.words == ["the", "bird", "is", "red"] and prompt.ids == [6, 4, 5, 2]
    assert prompt.unknown == {"gren": ["green"], "xyzzy": []}
    assert prompt.warnings() == [
        "'gren' is not in the model's vocabulary and is left out; similar words are green",
        "'xyzzy' is not in the model's vocabulary and is left out",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "the caption '' has no word; describe an image"),
        (" \t\n", "the caption '' has no word"),
        ("!?", "the caption '!?' has no word"),
        ("xyzzy", "the caption 'xyzzy' has no word that the model knows; e.g., a, red, green, bird, is"),
        ("gren", "the caption 'gren' has no word that the model knows; similar words are green"),
        ("red " * (MAX_WORDS + 1), "has 101 words; at most 100 are allowed"),
        ("x" * 1000, f"the caption '{'x' * 60}...' has no word"),
    ],
)
def test_captions_that_cannot_be_used(text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_prompt(text, WORDS)
    assert line in str(caught.value) and "\n" not in str(caught.value)


ASCII = "the model's words are ASCII"


@pytest.mark.parametrize(
    ("text", "words", "warnings"),
    [
        ("Grün red", ["red"], [f"'grün' is read as 'grn': {ASCII}", None]),
        ("rëd bird red", ["bird", "red"], [f"'rëd' is read as 'rd': {ASCII}", None]),
        ("re\u0308d bird", ["red", "bird"], [f"'rëd' is read as 'red': {ASCII}"]),  # as macOS writes names of files
        ("red 鸟", ["red"], [f"'鸟' is left out: {ASCII}"]),
        ("red 小鸟", ["red"], [f"'小', '鸟' are left out: {ASCII}"]),
        ("red птица, red птица", ["red", "red"], [f"'птица' is left out: {ASCII}"]),
        (
            "red 这是一只红色的小鸟",
            ["red"],
            [f"'这', '是', '一', '只', '红', '色', '的', '小' and 1 more are left out: {ASCII}"],
        ),
        ("redé", ["red"], [f"'redé' is read as 'red': {ASCII}"]),
        ("red \u2013 bird \U0001f426 \u201cgreen\u201d", ["red", "bird", "green"], []),  # no words
        ("bird’s", ["bird"], [None]),
    ],
)
def test_words_that_are_not_ascii_are_named(text: str, words: list[str], warnings: list[str | None]) -> None:
    prompt = parse_prompt(text, WORDS)
    assert prompt.words == words
    assert [line if "ASCII" in line else None for line in prompt.warnings()] == warnings
    assert prompt.lost_warnings() == [line for line in warnings if line]


def test_words_of_any_script_are_read_by_a_model_that_knows_them() -> None:
    words = Vocabulary(["<end>", "schöner", "鸟", "red"], "unicode")
    prompt = parse_prompt("Scho\u0308ner RED 鸟!", words)
    assert prompt.words == ["schöner", "red", "鸟"] and prompt.warnings() == []
    assert list(parse_prompt("grüner 鸟", words).unknown) == ["grüner"]


@pytest.mark.parametrize("text", ["鸟", "птица", "这是一只鸟"])
def test_a_caption_without_ascii_words_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_prompt(text, WORDS)
    assert str(caught.value) == f"the caption {text!r} has no word that the model can read: its words are ASCII"


@pytest.mark.parametrize("tokens", ["ascii", "unicode"])
def test_bytes_that_are_no_utf8_are_refused(tokens: Tokens) -> None:
    with pytest.raises(InputError) as caught:
        parse_prompt("red\udce9", Vocabulary(WORDS.words, tokens))  # as Python passes a Latin-1 argument
    assert str(caught.value) == "the caption 'red' has bytes that are no characters in the terminal's locale: use UTF-8"


def test_the_longest_caption_is_allowed() -> None:
    assert len(parse_prompt("red " * MAX_WORDS, WORDS).ids) == MAX_WORDS


@given(st.text(max_size=300))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = printable(text)
    assert line.isprintable() and "  " not in line and line == line.strip()
    assert [c for c in line if c != " "] == [c for c in text if c.isprintable() and not c.isspace()]
