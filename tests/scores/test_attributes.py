"""Attribute accuracy on tables small enough to count by hand."""

import pandas as pd
import pytest

from t2i.scores.attributes import attribute_accuracy


def test_counts_only_what_is_stated() -> None:
    says = pd.DataFrame(
        {
            "text": ["a", "b", "c", "d", "e"],
            "says.wing": ["red", "", "red", "blue", "nan"],
            "says.crown": ["", "", "", "black", ""],
            "says.beak": [""] * 5,
            "says.size": ["small"] * 5,
        },
        index=[9, 4, 4, 1, 0],
    )
    predicted = {
        "wing": ["red", "red", "blue", "blue", "nan"],
        "crown": ["black", "black", "black", "white", "black"],
        "beak": ["short"] * 5,
    }
    assert attribute_accuracy(predicted, says) == {
        "wing": {"accuracy": 3 / 4, "mentions": 4, "chance": 2 / 4},
        "crown": {"accuracy": 0.0, "mentions": 1, "chance": 1.0},
    }


def test_always_the_commonest_value_scores_chance() -> None:
    says = pd.DataFrame({"says.wing": ["red", "red", "blue", "", "green"]}, dtype=object)
    score = attribute_accuracy({"wing": ["red"] * 5}, says)["wing"]
    assert score["accuracy"] == score["chance"] == 0.5


def test_bad_arguments() -> None:
    says = pd.DataFrame({"says.wing": ["red", ""]})
    with pytest.raises(ValueError, match="no column says.beak; it has says.wing"):
        attribute_accuracy({"beak": ["red", "red"]}, says)
    with pytest.raises(ValueError, match="has 1 predictions; legal is 2"):
        attribute_accuracy({"wing": ["red"]}, says)
    with pytest.raises(ValueError, match="missing values"):
        attribute_accuracy({"wing": ["red", "red"]}, pd.DataFrame({"says.wing": ["red", None]}))
