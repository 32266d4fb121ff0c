"""Tokens of captions and prompts."""

import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from t2i.data.text.tokenizer import tokenize, tokenize_prompt
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
def test_tokens(caption: str, tokens: list[str]) -> None:
    assert tokenize(caption) == tokenize_prompt(caption) == tokens


@settings(deadline=None)
@given(st.text() | st.text(st.characters(max_codepoint=127)))
@example("e\u0301a\u0300 0\u03000")
def test_prompts_are_tokenized_like_the_captions_of_data_sets(caption: str) -> None:
    assert tokenize_prompt(caption) == tokenize(caption)


def test_generating_does_not_import_nltk() -> None:
    code = "import sys, t2i.generation.text_to_image; sys.exit('nltk' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@settings(deadline=None)
@given(st.text())
def test_tokens_of_any_text_are_lower_case_ascii_and_never_the_padding(caption: str) -> None:
    for token in tokenize(caption):
        assert token and token.isascii() and token == token.lower()
        assert token != "<end>"
