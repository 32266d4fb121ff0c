"""Words of captions that no encoder will see, and why."""

from collections import Counter
from collections.abc import Iterable

from t2i.data.text.tokenizer import lost_words
from t2i.data.text.vocabulary import Vocabulary

_SHOWN = 5  # examples in a message and a report


def count_lost_words(texts: Iterable[str], vocabulary: Vocabulary) -> dict[str, Counter[str]]:
    """Words that lose characters because they are not ASCII ("not_ascii"), and those the vocabulary lacks ("unknown").

    Args:
        texts: captions of all splits.
    """
    lost: dict[str, Counter[str]] = {"not_ascii": Counter(), "unknown": Counter()}
    for text in texts:
        if vocabulary.tokens == "ascii":
            lost["not_ascii"].update(lost_words(text))
        lost["unknown"].update(word for word in vocabulary.tokenize(text) if word not in vocabulary)
    return lost


def lost_words_lines(lost: dict[str, Counter[str]], data: str) -> list[str]:
    """A line for each reason that words are lost for.

    Args:
        data: name of the data set in params.yaml.
    """
    reasons = {
        "not_ascii": f"are not ASCII and lose characters (-S datasets.{data}.tokens=unicode keeps them)",
        "unknown": "are not in the vocabulary and left out (vocab.splits, vocab.min_count)",
    }
    return [
        f"{words.total():,} words of captions, {len(words):,} different, {reasons[kind]}: {', '.join(_first(words))}"
        for kind, words in lost.items()
        if words
    ]


def lost_words_report(lost: dict[str, Counter[str]]) -> dict[str, dict[str, object]]:
    """The counts and a few examples, for metrics."""
    return {kind: {"count": words.total(), "most_common": _first(words)} for kind, words in lost.items()}


def _first(words: Counter[str]) -> list[str]:
    return [word for word, _ in words.most_common(_SHOWN)]
