"""Words that are lost, with their reason."""

import pytest

from t2i.check.words import count_lost_words, lost_words_lines, lost_words_report
from t2i.data.text.tokenizer import Tokens, tokenize
from t2i.data.text.vocabulary import Vocabulary

TEXTS = ["ein schöner Vogel", "schöner roter Vogel", "a blue bird 鸟"]


def vocabulary(tokens: Tokens, texts: list[str] = TEXTS) -> Vocabulary:
    return Vocabulary.build([tokenize(text, tokens) for text in texts], tokens=tokens)


def test_words_that_are_not_ascii() -> None:
    lost = count_lost_words(TEXTS, vocabulary("ascii"))
    assert lost["not_ascii"] == {"schöner": 2, "鸟": 1} and not lost["unknown"]
    assert lost_words_lines(lost, "custom") == [
        "3 words of captions, 2 different, are not ASCII and lose characters (-S datasets.custom.tokens=unicode keeps "
        "them): schöner, 鸟"
    ]
    assert lost_words_report(lost)["not_ascii"] == {"count": 3, "most_common": ["schöner", "鸟"]}


@pytest.mark.parametrize("tokens", ["ascii", "unicode"])
def test_nothing_is_lost_by_the_rule_for_all_scripts_and_unknown_words_are_by_both(tokens: Tokens) -> None:
    assert lost_words_lines(count_lost_words(TEXTS, vocabulary("unicode")), "x") == []
    lost = count_lost_words(["a grey bird", "grey"], vocabulary(tokens))
    assert lost["unknown"] == {"grey": 2}
    assert lost_words_lines(lost, "x")[0].startswith("2 words of captions, 1 different, are not in the vocabulary and")
