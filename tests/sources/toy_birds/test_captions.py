"""Captions of the drawn birds: true, varied, and English."""

import re
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

from t2i.sources.records import Splits
from t2i.sources.toy_birds.captions import write_captions
from t2i.sources.toy_birds.grammar import ATTRIBUTES, PARTS, Grammar
from tests.sources.toy_birds.conftest import birds

TARGET = "this bird has wings that are red and has a yellow belly"


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.fixture(scope="module")
def many() -> Splits:
    return birds(train_images=3000, test_images=300, reference_images=10)


@pytest.fixture(scope="module", params=[(1, 1), (0, 1), (1, 0), (0.5, 0.5), (0, 0)], ids=str)
def varied(request: pytest.FixtureRequest) -> Splits:
    """At several degrees of variation of wording and content."""
    wording, content = request.param
    return birds(test_images=300, wording=wording, content=content)


def test_captions_of_an_image_are_distinct_and_short(many: Splits) -> None:
    for record in many["train"]:
        texts = [caption.text for caption in record.captions]
        assert len(set(texts)) == 10
        assert max(len(tokens(text)) for text in texts) <= 18


def test_mentioned_attributes_are_true_and_stand_in_the_text(varied: Splits, grammar: Grammar) -> None:
    words = {"size": grammar.sizes, "beak_shape": grammar.beak_shapes}
    for record in varied["test"]:
        for caption in record.captions:
            assert 2 <= len(caption.mentioned) <= 5
            for attribute, value in caption.mentioned.items():
                assert record.attributes[attribute] == value
                if attribute in grammar.scene:
                    phrases = grammar.scene[attribute][value]
                    spoken = [*phrases.doing, *phrases.does]
                else:
                    spoken = list(words.get(attribute, grammar.colours)[value])
                assert any(re.search(rf"\b{word}\b", caption.text) for word in spoken), (caption, attribute)


def test_attributes_that_are_not_mentioned_are_not_in_the_text(varied: Splits, grammar: Grammar) -> None:
    colour_words = {word: name for name, words in grammar.colours.items() for word in words if " " not in word}
    for record in varied["test"]:
        for caption in record.captions:
            stated = Counter(value for attribute, value in caption.mentioned.items() if attribute in PARTS)
            assert Counter(colour_words[t] for t in tokens(caption.text) if t in colour_words) == stated
            for part in ("belly", "wing", "crown", "beak"):
                spoken = [*grammar.nouns[part], *(["top of its head"] if part == "crown" else [])]
                named = sum(len(re.findall(rf"\b{noun}\b", caption.text)) for noun in spoken)
                assert named == (part in caption.mentioned or (part == "beak" and "beak_shape" in caption.mentioned))


def shared_content(splits: Splits) -> float:
    """Mean share of attributes that two captions of an image have in common, of those that either states."""
    shares = [
        len(one.mentioned.keys() & other.mentioned.keys()) / len(one.mentioned.keys() | other.mentioned.keys())
        for record in splits["test"]
        for one, other in combinations(record.captions, 2)
    ]
    return float(np.mean(shares))


def test_content_decides_how_much_captions_of_an_image_share() -> None:
    levels = [0, 0.25, 0.5, 0.75, 1]
    shares = [shared_content(birds(test_images=200, content=content)) for content in levels]
    assert shares[0] == 1 and shares[-1] < 0.5
    assert all(more - less > 0.05 for more, less in pairwise(shares))


@pytest.mark.parametrize("content", [0, 1])
def test_without_variation_of_wording_what_is_the_same_is_said_the_same(content: float) -> None:
    said: dict[frozenset[tuple[str, str]], set[str]] = {}
    for record in birds(test_images=300, wording=0, content=content)["test"]:
        for caption in record.captions:
            said.setdefault(frozenset(caption.mentioned.items()), set()).add(caption.text)
    assert len(said) > 200 and all(len(texts) == 1 for texts in said.values())


def test_wording_decides_how_many_ways_there_are_to_say_the_same() -> None:
    def words(wording: float) -> int:
        splits = birds(test_images=300, wording=wording)
        captions = [caption for record in splits["test"] for caption in record.captions]
        return len({token for caption in captions for token in tokens(caption.text)})

    fewest, some, all_ = words(0), words(0.3), words(1)
    assert fewest < 0.6 * all_ and fewest < some <= all_


@pytest.mark.parametrize(("wording", "content", "distinct"), [(1, 0, 9.5), (0, 1, 10), (0, 0, 1)])
def test_captions_are_repeated_only_where_there_are_too_few(wording: float, content: float, distinct: float) -> None:
    records = birds(test_images=50, wording=wording, content=content)["test"]
    texts = [[caption.text for caption in record.captions] for record in records]
    assert all(len(each) == 10 for each in texts)
    assert all(max(Counter(each).values()) - min(Counter(each).values()) <= 1 for each in texts)
    assert np.mean([len(set(each)) for each in texts]) >= distinct  # few contents can be said in less than ten ways


def test_attributes_are_stated_as_often_as_intended(many: Splits) -> None:
    captions = [caption for record in many["train"] for caption in record.captions]
    stated = Counter(attribute for caption in captions for attribute in caption.mentioned)
    for attribute in ATTRIBUTES:
        low, high = (0.5, 0.6) if attribute in PARTS else (0.13, 0.3)
        assert low < stated[attribute] / len(captions) < high, attribute


def test_vocabulary_is_small_frequent_and_the_same_in_test(many: Splits) -> None:
    count = Counter(t for record in many["train"] for caption in record.captions for t in tokens(caption.text))
    assert 90 <= len(count) <= 200
    assert min(count.values()) >= 100
    assert {t for record in many["test"] for caption in record.captions for t in tokens(caption.text)} <= set(count)
    assert set(tokens(TARGET)) <= set(count)


def test_the_grammar_contains_the_example_of_the_paper(grammar: Grammar) -> None:
    attributes = {**birds()["train"][0].attributes, "wing": "red", "belly": "yellow"}
    chance = {**dict.fromkeys(ATTRIBUTES, 0.0), "wing": 1.0, "belly": 1.0}
    only_these = grammar.model_copy(update={"chance": chance})
    captions = write_captions(only_these, attributes, 200, np.random.default_rng(0))
    (caption,) = [caption for caption in captions if caption.text == TARGET]
    assert caption.mentioned == {"wing": "red", "belly": "yellow"}


def test_english(many: Splits, varied: Splits) -> None:
    for record in (*many["train"], *varied["test"]):
        for caption in record.captions:
            words = caption.text.split()
            assert all(one != two for one, two in zip(words, words[1:], strict=False)), caption.text
            assert not re.search(
                r"\ba [aeiou]|\ban [^aeiou]|wings that is|(its|the|whose|bird's) wings is|a \w+ wings|  |[{}]",
                caption.text,
            )
            assert caption.text == caption.text.strip()
