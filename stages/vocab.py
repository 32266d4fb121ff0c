"""Number the words of the captions."""

from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.params import Params
from t2i.pipeline.run import PREPARED, VOCABULARY, run, write_metrics


def main(params: Params) -> None:
    """prepared/ -> models/vocabulary.json."""
    texts = [text for split in params.vocab.splits for text in PackedSplit(PREPARED, split).captions["text"]]
    vocabulary = Vocabulary.build((tokenize(text) for text in texts), params.vocab.min_count)
    vocabulary.save(VOCABULARY)
    write_metrics("vocab", {"words": len(vocabulary), "captions": len(texts), "digest": vocabulary.digest})


if __name__ == "__main__":
    run(main)
