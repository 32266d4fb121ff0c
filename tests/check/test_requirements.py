"""What a run needs of its data, with the way out in each message."""

import pytest

from t2i.check.requirements import SplitContents, run_problems
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary

NUMBERS = {"batch_sizes": {"a.batch_size": 8}, "candidates": 10, "folds": 4, "pictures": 12}


def split(images: int, *, classes: int | None = None, captions: tuple[str, ...] = ("a bird", "red")) -> SplitContents:
    names = [f"{i}.png" for i in range(images)]
    return SplitContents(names, [str(i % (classes or images)) for i in range(images)], [list(captions)] * images)


def problems(train: SplitContents, test: SplitContents, **numbers: object) -> list[str]:
    vocabulary = Vocabulary.build([tokenize("a red bird")])
    return run_problems({"train": train, "test": test}, vocabulary, **NUMBERS | numbers)  # type: ignore[arg-type]


def test_enough_is_enough() -> None:
    assert problems(split(8), split(6)) == []
    assert problems(split(8, classes=2), split(9, classes=2), candidates=9) == []


@pytest.mark.parametrize(
    ("train", "test", "numbers", "messages"),
    [
        (split(8, classes=1), split(6), {}, ["all 8 images of the train split are of one class (0), so that no"]),
        (split(8), split(6, classes=1), {}, ["all 6 images of the test split are of one class (0), so that no"]),
        (split(7), split(6), {},
         ["a.batch_size is 8 and the train split has 7 images: lower it to that or less (-S a.batch_size=...)"]),
        (split(8), split(3), {"folds": 7, "candidates": 5, "pictures": 6},
         ["evaluate.folds is 7 and 6 images are generated for 3 test images: lower it (-S evaluate.folds=6) or "
          "generate more (budgets.<name>.sample)"]),
        (split(8), split(3), {"folds": 7, "candidates": 5, "pictures": 7}, []),
        (split(8), split(5), {},
         ["evaluate.candidates is 10, but the test split has only 8 captions outside its class 0: lower it "
          "(-S evaluate.candidates=9) or add"]),
        (split(8), split(9, classes=2), {}, ["has only 8 captions outside its class 0: lower it"]),
        (split(8), split(1), {"folds": 2},
         ["the test split has 1 image, and a run needs two, so that captions can be mismatched: add some"]),
        (split(1), split(6), {}, ["the train split has 1 image, and a run needs two"]),
        (split(8), split(6, captions=("ein vogel", "a bird")), {},
         ["6 captions of the test split without a word of the vocabulary ('ein vogel' of 0.png; 'ein"]),
        (split(8, captions=("?!",)), split(6), {}, ["8 captions of the train split without a word of the vocabulary"]),
    ],
)  # fmt: skip
def test_each_problem_has_a_line(
    train: SplitContents, test: SplitContents, numbers: dict[str, object], messages: list[str]
) -> None:
    found = problems(train, test, **numbers)
    assert len(found) == len(messages), found
    for line, message in zip(found, messages, strict=True):
        assert message in line and "\n" not in line


def test_the_way_out_is_one() -> None:
    assert problems(split(7), split(3), batch_sizes={"a": 7}, folds=6, candidates=5) == []


def test_all_captions_in_order() -> None:
    assert SplitContents(["a", "b"], ["a", "b"], [["x"], ["y", "z", "w"]]).texts == ["x", "y", "z", "w"]
