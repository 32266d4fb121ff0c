"""Number the words of the captions, say which are lost, and stop where the data cannot carry the run."""

import logging

from t2i.check.requirements import SplitContents, run_problems
from t2i.check.words import count_lost_words, lost_words_lines, lost_words_report
from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.params import Params
from t2i.pipeline.run import PREPARED, VOCABULARY, run, write_metrics

log = logging.getLogger(__name__)


def main(params: Params) -> None:
    """prepared/ -> models/vocabulary.json."""
    tokens = params.dataset.tokens
    splits = {name: SplitContents.of_pack(PackedSplit(PREPARED, name)) for name in ("train", "test")}
    counted = [text for name in params.vocab.splits for text in splits[name].texts]
    vocabulary = Vocabulary.build((tokenize(text, tokens) for text in counted), params.vocab.min_count, tokens)
    if problems := run_problems(splits, vocabulary, **params.requirements([*map(len, splits["test"].captions)])):
        raise InputError("; ".join(problems))
    vocabulary.save(VOCABULARY)

    lost = count_lost_words((text for split in splits.values() for text in split.texts), vocabulary)
    for line in lost_words_lines(lost, params.data):
        log.warning(line)
    facts = {"words": len(vocabulary), "captions": len(counted), "tokens": tokens, "digest": vocabulary.digest}
    write_metrics("vocab", facts | lost_words_report(lost))


if __name__ == "__main__":
    run(main)
