"""Attribute accuracy: does the picture show what its caption says?"""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

PREFIX = "says."


class AttributeScore(TypedDict):
    """Of one attribute: share of mentions drawn right, how many mentions, share that the commonest value would get."""

    accuracy: float
    mentions: int
    chance: float


def attribute_accuracy(predicted: Mapping[str, Sequence[str]], says: pd.DataFrame) -> dict[str, AttributeScore]:
    """Compare what a classifier sees in generated images with what their captions state.

    Args:
        predicted: attribute -> N values, one an image.
        says: N rows aligned with the images, columns "says.<attribute>" with the value stated, "" where the caption is
            silent; such rows do not count for that attribute. Other columns are ignored.

    Returns:
        A score for each predicted attribute, in order; an attribute that no caption states is left out.

    Raises:
        ValueError: a predicted attribute without a column, another number of rows, or missing values.
    """
    scores: dict[str, AttributeScore] = {}
    for attribute, values in predicted.items():
        column = PREFIX + attribute
        if column not in says.columns:
            known = ", ".join(str(name) for name in says.columns if str(name).startswith(PREFIX))
            raise ValueError(f"the table has no column {column}; it has {known or 'none that begins with ' + PREFIX}")
        stated = says[column].reset_index(drop=True)
        if len(values) != len(stated):
            raise ValueError(f"{attribute} has {len(values)} predictions; legal is {len(stated)}, one a row of says")
        if stated.isna().any():
            raise ValueError(f'{column} has missing values; legal are strings, "" where nothing is stated')
        mentioned = stated != ""
        if not mentioned.any():
            continue
        right = pd.Series(list(values), dtype=object)[mentioned] == stated[mentioned]
        scores[attribute] = AttributeScore(
            accuracy=float(right.mean()),
            mentions=int(mentioned.sum()),
            chance=float(stated[mentioned].value_counts(normalize=True).iloc[0]),
        )
    return scores
