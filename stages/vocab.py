"""Number the words of the captions."""

from stages.runner import PREPARED, VOCABULARY, run, write_metrics
from t2i.data.captions import Vocabulary, tokenize
from t2i.data.pack import Pack
from t2i.params import Params


def main(params: Params) -> None:
    """prepared/ -> models/vocabulary.json."""
    texts = [text for split in params.vocab.splits for text in Pack.open(PREPARED, split).captions["text"]]
    vocabulary = Vocabulary.build((tokenize(text) for text in texts), params.vocab.min_count)
    VOCABULARY.parent.mkdir(exist_ok=True)
    vocabulary.save(VOCABULARY)
    write_metrics("vocab", {"words": len(vocabulary), "captions": len(texts), "digest": vocabulary.digest})


if __name__ == "__main__":
    run(main)
