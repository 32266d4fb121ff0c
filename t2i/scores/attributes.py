"""Attribute accuracy: whether generated images show the attributes that their captions mention."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

PREFIX = "mentioned."


class AttributeScore(TypedDict):
    """Score of one attribute.

    Attributes:
        accuracy: share of the mentions whose value is predicted.
        mentions: how many captions mention the attribute.
        chance: accuracy of always predicting the most frequent value.
    """

    accuracy: float
    mentions: int
    chance: float


def attribute_accuracy(predicted: Mapping[str, Sequence[str]], captions: pd.DataFrame) -> dict[str, AttributeScore]:
    """Compare the predictions of a classifier on generated images with what their captions mention.

    Args:
        predicted: attribute -> N values, one for each image.
        captions: N rows aligned with the images, columns "mentioned.<attribute>" with the value, "" where the caption
            does not mention it; such rows do not count for that attribute. Other columns are ignored.

    Returns:
        A score for each predicted attribute, in order; an attribute that no caption mentions is left out.

    Raises:
        ValueError: a predicted attribute has no column or another number of rows, or values are missing.
    """
    scores: dict[str, AttributeScore] = {}
    for attribute, predictions in predicted.items():
        column = PREFIX + attribute
        if column not in captions.columns:
            known = ", ".join(str(name) for name in captions.columns if str(name).startswith(PREFIX))
            raise ValueError(f"the table has no column {column}; it has {known or 'none that begins with ' + PREFIX}")
        stated = captions[column].reset_index(drop=True)
        if len(predictions) != len(stated):
            raise ValueError(f"{attribute} has {len(predictions)} predictions; legal is {len(stated)}, one a caption")
        if stated.isna().any():
            raise ValueError(f'{column} has missing values; legal are strings, "" where nothing is mentioned')
        is_mentioned = stated != ""
        if not is_mentioned.any():
            continue
        correct = pd.Series(list(predictions), dtype=object)[is_mentioned] == stated[is_mentioned]
        scores[attribute] = AttributeScore(
            accuracy=float(correct.mean()),
            mentions=int(is_mentioned.sum()),
            chance=float(stated[is_mentioned].value_counts(normalize=True).iloc[0]),
        )
    return scores
