"""The data set that a run finds: images, captions, classes, words, and what would be left out."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from t2i.check.findings import Findings
from t2i.check.reading import contents_of, empty_problems, read_dataset
from t2i.check.requirements import SplitContents, class_problems, run_problems
from t2i.check.words import count_lost_words, lost_words_lines
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.files import evenly_spaced
from t2i.params import Params
from t2i.sources.missing import MissingItems
from t2i.sources.records import Splits, spread

_OPENED = 100  # images of each split


def check_data(params: Params) -> tuple[Findings, Splits | None]:
    """What a run would find in data/<data>, and the records; None where no run could use them."""
    found = Findings(f"data/{params.data}")
    try:
        with _logged("t2i.sources") as lines:
            splits, missing = read_dataset(params)
        splits, opened = _readable(splits, missing)
    except InputError as error:
        found.problems.append(str(error))
        return found, None
    for line in lines:
        found.add("read", line.removeprefix(f"{found.title}: "))
    contents = contents_of(splits)
    for name, split in contents.items():
        _describe(name, split, found)
    found.add("opened", opened)
    for line in missing.lines():
        found.add("left out", line.removeprefix("left out: "))
    if empty := empty_problems(splits, params, missing):
        found.problems += [*empty, *class_problems(contents)]
        return found, None
    vocabulary = vocabulary_of(contents, params)
    _describe_words(contents, vocabulary, params, found)
    found.problems += run_problems(contents, vocabulary, **params.requirements([*map(len, contents["test"].captions)]))
    return found, None if found.problems else splits


@contextmanager
def _logged(name: str) -> Iterator[list[str]]:
    """Lines that a logger gets within the block, in place of the terminal."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger(name), Lines()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)  # not `logger.level = ...`: loggers below it remember whether they are enabled
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _readable(splits: Splits, missing: MissingItems) -> tuple[Splits, str]:
    """Open some images of each split.

    Returns:
        The records without those whose image cannot be read, which are reported as missing; what was opened, in words.

    Raises:
        InputError: an image cannot be read, and such images are not to be skipped.
    """
    readable, opened, unread = {}, [], 0
    for name, records in splits.items():
        picks = evenly_spaced(len(records), _OPENED)
        damaged = set()
        for i in picks:
            try:
                records[i].load()
            except InputError as error:
                if missing.on_missing == "error":
                    raise
                missing.add(f"of the {name} split that cannot be read", records[i].name, str(error))
                damaged.add(i)
        readable[name] = [record for i, record in enumerate(records) if i not in damaged]
        of_all = f" of {len(records):,}" * (len(picks) < len(records))
        opened.append(f"{len(picks):,}{of_all} {name}")
        unread += len(damaged)
    result = f"{unread:,} unreadable" if unread else "all readable"
    return readable, f"{' and '.join(opened)} images, {result}"


def vocabulary_of(contents: dict[str, SplitContents], params: Params) -> Vocabulary:
    """The vocabulary that the stage ``vocab`` builds, if all images can be read."""
    tokens = params.dataset.tokens
    texts = (text for name in params.vocab.splits for text in contents[name].texts)
    return Vocabulary.build((tokenize(text, tokens) for text in texts), params.vocab.min_count, tokens)


def _describe(name: str, split: SplitContents, found: Findings) -> None:
    if not split.names:
        found.add(name, "0 images")
        return
    counts = [len(of_image) for of_image in split.captions]
    captions = spread(counts)
    if single := counts.count(1):
        captions += f"; {single:,} with a single one, which is then compared with itself"
    images, classes = _count(len(split.names), "image", "images"), _count(len(set(split.classes)), "class", "classes")
    found.add(name, f"{images}, {classes}, captions an image: {captions}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _describe_words(
    contents: dict[str, SplitContents], vocabulary: Vocabulary, params: Params, found: Findings
) -> None:
    texts = contents["train"].texts + contents["test"].texts
    lengths = np.array([len(vocabulary.tokenize(text)) for text in texts])
    limits = {name: getattr(params.dataset, name) for name in ("max_words", "sample_max_words")}
    longer = [f"{(lengths > limit).mean():.0%} have more than {name} = {limit}" for name, limit in limits.items()]
    found.add(
        "words",
        f"{len(vocabulary) - 1:,} different ({vocabulary.tokens}); a caption has {lengths.mean():.1f} on average, at "
        f"most {lengths.max()}; {', '.join(longer)}",
    )
    for line in lost_words_lines(count_lost_words(texts, vocabulary), params.data):
        found.add("words", line)
