"""What a run needs of its data: what would stop it, or let it learn nothing, is known before anything is trained."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary

_SHOWN = 3  # examples in a message


@dataclass(frozen=True)
class SplitContents:
    """What a split holds, apart from pixels.

    Attributes:
        names: of the images.
        classes: name of the class of each image.
        captions: texts of each image.
    """

    names: Sequence[str]
    classes: Sequence[str]
    captions: Sequence[Sequence[str]]

    @property
    def texts(self) -> list[str]:
        """All captions."""
        return [text for captions in self.captions for text in captions]

    @classmethod
    def of_pack(cls, pack: PackedSplit) -> "SplitContents":
        """Those of a packed split."""
        texts = pack.captions["text"].tolist()
        captions = [[texts[row] for row in pack.captions_of(i)] for i in range(len(pack))]
        return cls(pack.images["name"].tolist(), pack.images["class_name"].tolist(), captions)


def class_problems(splits: Mapping[str, SplitContents]) -> list[str]:
    """Splits without two classes: no caption would be a mismatch for an image, and contrastive losses would be 0."""
    problems = []
    for split in ("train", "test"):
        images, classes = len(splits[split].names), sorted(set(splits[split].classes))
        if images == 1:
            problems.append(
                f"the {split} split has 1 image, and a run needs two, so that captions can be mismatched: add some"
            )
        elif len(classes) == 1:
            problems.append(
                f"all {images} images of the {split} split are of one class ({classes[0]}), so that no caption is a "
                "mismatch for any of them: give classes, or leave them out, and each image is a class of its own"
            )
    return problems


def batch_problems(train: SplitContents, batch_sizes: Mapping[str, int]) -> list[str]:
    """Batches of more images than there are; a single one is the affair of :func:`class_problems`.

    Args:
        batch_sizes: key of params.yaml -> images in a batch.
    """
    return [
        f"{key} is {size} and the train split has {len(train.names)} images: lower it to that or less (-S {key}=...)"
        for key, size in batch_sizes.items()
        if size > len(train.names) > 1
    ]


def score_problems(test: SplitContents, *, candidates: int, folds: int, pictures: int) -> list[str]:
    """Scores that cannot be computed from so few test images.

    Args:
        candidates, folds: of R-precision.
        pictures: generated images that are scored.
    """
    problems = []
    if folds > pictures:
        problems.append(
            f"evaluate.folds is {folds} and {pictures} images are generated for {len(test.names)} test images: "
            f"lower it (-S evaluate.folds={pictures}) or generate more (budgets.<name>.sample)"
        )
    of_class: Counter[str] = Counter()
    for name, captions in zip(test.classes, test.captions, strict=True):
        of_class[name] += len(captions)
    (largest, count) = of_class.most_common(1)[0]
    others = of_class.total() - count
    if 0 < others < candidates - 1:
        problems.append(
            f"evaluate.candidates is {candidates}, but the test split has only {others} captions outside its class "
            f"{largest}: lower it (-S evaluate.candidates={others + 1}) or add test images"
        )
    return problems


def word_problems(splits: Mapping[str, SplitContents], vocabulary: Vocabulary) -> list[str]:
    """Captions of train and test images without a word that the vocabulary knows, which no encoder can read."""
    problems = []
    for split in ("train", "test"):
        contents = splits[split]
        silent = [
            f"{text[:60]!r} of {name}"
            for name, captions in zip(contents.names, contents.captions, strict=True)
            for text in captions
            if not vocabulary.encode(vocabulary.tokenize(text))
        ]
        if silent:
            some = "; ".join(silent[:_SHOWN]) + ("; ..." if len(silent) > _SHOWN else "")
            problems.append(
                f"{len(silent):,} caption{'s' * (len(silent) > 1)} of the {split} split without a word of the "
                f"vocabulary ({some}): take them out, lower vocab.min_count, or number the words of both splits "
                "(vocab.splits)"
            )
    return problems


def run_problems(
    splits: Mapping[str, SplitContents],
    vocabulary: Vocabulary,
    *,
    batch_sizes: Mapping[str, int],
    candidates: int,
    folds: int,
    pictures: int,
) -> list[str]:
    """All problems of train and test images with the numbers of a run, a line each; see the functions above."""
    return [
        *class_problems(splits),
        *word_problems(splits, vocabulary),
        *batch_problems(splits["train"], batch_sizes),
        *score_problems(splits["test"], candidates=candidates, folds=folds, pictures=pictures),
    ]
