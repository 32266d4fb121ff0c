"""Captions of any kind become known words, or one line says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_the_longest_caption_is_allowed() -> None:
    assert len(parse_prompt("red " * MAX_WORDS, WORDS).ids) == MAX_WORDS


@given(st.text(max_size=300))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = printable(text)
    assert line.isprintable() and "  " not in line and line == line.strip()
    assert [c for c in line if c != " "] == [c for c in text if c.isprintable() and not c.isspace()]
