"""What is said of records."""

import pytest

from t2i.sources.records import Caption, Record, Splits, describe


def splits_of(**captions: list[int]) -> Splits:
    """Splits of images with so many captions each."""
    return {
        split: [Record(f"{split}{i}", "a", (Caption("a"),) * n, lambda: pytest.fail()) for i, n in enumerate(counts)]
        for split, counts in captions.items()
    }


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (splits_of(train=[5, 5], test=[5]), "2 train and 1 test images, captions an image: 5"),
        (
            splits_of(train=[5] * 1200, test=[4, 7]),
            "1,200 train and 2 test images, captions an image: 4 to 7, 5.0 on average",
        ),
        (splits_of(train=[], test=[]), "0 train and 0 test images, captions an image: 0"),
    ],
)
def test_numbers_of_images_and_captions(splits: Splits, said: str) -> None:
    assert describe(splits) == said
