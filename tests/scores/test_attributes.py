"""Attribute accuracy on tables small enough to count by hand."""

import pandas as pd
import pytest

from t2i.scores.attributes import attribute_accuracy


def test_counts_only_what_is_mentioned() -> None:
    captions = pd.DataFrame(
        {
            "text": ["a", "b", "c", "d", "e"],
            "mentioned.wing": ["red", "", "red", "blue", "nan"],
            "mentioned.crown": ["", "", "", "black", ""],
            "mentioned.beak": [""] * 5,
            "mentioned.size": ["small"] * 5,
        },
        index=[9, 4, 4, 1, 0],
    )
    predicted = {
        "wing": ["red", "red", "blue", "blue", "nan"],
        "crown": ["black", "black", "black", "white", "black"],
        "beak": ["short"] * 5,
    }
    assert attribute_accuracy(predicted, captions) == {
        "wing": {"accuracy": 3 / 4, "mentions": 4, "chance": 2 / 4},
        "crown": {"accuracy": 0.0, "mentions": 1, "chance": 1.0},
    }


def test_always_predicting_the_most_frequent_value_scores_chance() -> None:
    captions = pd.DataFrame({"mentioned.wing": ["red", "red", "blue", "", "green"]}, dtype=object)
    score = attribute_accuracy({"wing": ["red"] * 5}, captions)["wing"]
    assert score["accuracy"] == score["chance"] == 0.5


def test_bad_arguments() -> None:
    captions = pd.DataFrame({"mentioned.wing": ["red", ""]})
    with pytest.raises(ValueError, match="no column mentioned.beak; it has mentioned.wing"):
        attribute_accuracy({"beak": ["red", "red"]}, captions)
    with pytest.raises(ValueError, match="has 1 predictions; legal is 2"):
        attribute_accuracy({"wing": ["red"]}, captions)
    with pytest.raises(ValueError, match="missing values"):
        attribute_accuracy({"wing": ["red", "red"]}, pd.DataFrame({"mentioned.wing": ["red", None]}))
