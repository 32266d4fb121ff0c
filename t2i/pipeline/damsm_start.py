"""The encoders that a DAMSM pretraining goes on from, and their words."""

import logging
from pathlib import Path

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest, weights_digest
from t2i.data.text.tokenizer import Tokens
from t2i.data.text.vocabulary import Vocabulary
from t2i.params import Params
from t2i.pipeline.arguments import damsm_arguments
from t2i.pipeline.start import TEXT, Start, Value, compare, load

log = logging.getLogger(__name__)

_SHOWN = 10  # new words in the log


def damsm_start(params: Params, tokens: Tokens) -> Start | None:
    """The encoders that ``start_from.damsm`` names; None if it names none.

    Args:
        params: whose sizes they must have.
        tokens: rule by which the captions are split into words.

    Raises:
        InputError: the file is missing, of another kind, or does not fit.
    """
    given = params.start_from.damsm
    if given is None:
        return None
    path, content = load("damsm", given)
    arguments = damsm_arguments(params)
    budget, recipe = f"budgets.{params.budget}.pretrain_damsm", f"recipes.{params.recipe}.pretrain_damsm"
    with model_file.building(path):
        text = {"sentence_pooling": "last", **content["text"]["config"]}
        image, configured = content["image"]["config"], arguments["image_encoder"]
        known = Vocabulary.from_checkpoint(content["text"]["vocabulary"])
        values = [
            Value(f"{budget}.embedding_dim", text["embedding_dim"], arguments["embedding_dim"]),
            Value(f"{budget}.text_encoder.word_dim", text["word_dim"], arguments["text_encoder"]["word_dim"]),
            Value(
                f"{recipe}.text_encoder.sentence_pooling", text["sentence_pooling"],
                arguments["text_encoder"]["sentence_pooling"],
            ),
            Value(f"{budget}.image_encoder.kind", image["kind"], configured["kind"]),
            *(
                Value(f"{budget}.image_encoder.{size}", image.get(size), configured.get(size))
                for size in ("width", "side")
            ),
            Value(f"datasets.{params.data}.tokens", known.tokens, tokens),
        ]  # fmt: skip
        if image["kind"] == "inception_v3":
            values.append(
                Value(f"models.{params.model}.align_corners", image.get("align_corners", False), params.align_corners)
            )
        digests = {Path("start_from.damsm"): file_digest(path), TEXT: weights_digest(content["text"]["state"])}
    compare("damsm", given, values)
    return Start({"damsm": content}, digests)


def vocabulary_of(start: Start, captions: Vocabulary, *, trained: bool) -> Vocabulary:
    """The words of the encoders to start from, and after them those that only the captions have.

    Args:
        captions: the words of the captions.
        trained: whether the encoders are; else nothing is learned of new words, and they stay unknown.
    """
    known = Vocabulary.from_checkpoint(start.contents["damsm"]["text"]["vocabulary"])
    if new := known.unknown(captions.words):
        count = "1 new word" if len(new) == 1 else f"{len(new):,} new words"
        names = ", ".join(new[:_SHOWN]) + (", ..." if len(new) > _SHOWN else "")
        unknown = "" if trained else "; without training they stay unknown"
        log.info("start_from.damsm: %s words and %s: %s%s", f"{len(known):,}", count, names, unknown)
    return known.extended(new) if trained else known
