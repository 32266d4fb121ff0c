"""Captions of the drawn birds: true, varied, and English."""

import re
from collections import Counter

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


def test_captions_of_an_image_are_distinct_and_short(many: Splits) -> None:
    for record in many["train"]:
        texts = [caption.text for caption in record.captions]
        assert len(set(texts)) == 10
        assert max(len(tokens(text)) for text in texts) <= 18


def test_mentioned_attributes_are_true_and_stand_in_the_text(many: Splits, grammar: Grammar) -> None:
    words = {"size": grammar.sizes, "beak_shape": grammar.beak_shapes}
    for record in many["test"]:
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


def test_attributes_that_are_not_mentioned_are_not_in_the_text(many: Splits, grammar: Grammar) -> None:
    colour_words = {word: name for name, words in grammar.colours.items() for word in words if " " not in word}
    for record in many["test"]:
        for caption in record.captions:
            stated = Counter(value for attribute, value in caption.mentioned.items() if attribute in PARTS)
            assert Counter(colour_words[t] for t in tokens(caption.text) if t in colour_words) == stated
            for part in ("belly", "wing", "crown", "beak"):
                spoken = [*grammar.nouns[part], *(["top of its head"] if part == "crown" else [])]
                named = sum(len(re.findall(rf"\b{noun}\b", caption.text)) for noun in spoken)
                assert named == (part in caption.mentioned or (part == "beak" and "beak_shape" in caption.mentioned))


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


def test_english(many: Splits) -> None:
    for record in many["train"]:
        for caption in record.captions:
            words = caption.text.split()
            assert all(one != two for one, two in zip(words, words[1:], strict=False)), caption.text
            assert not re.search(
                r"\ba [aeiou]|\ban [^aeiou]|wings that is|(its|the|whose|bird's) wings is|a \w+ wings|  |[{}]",
                caption.text,
            )
            assert caption.text == caption.text.strip()
