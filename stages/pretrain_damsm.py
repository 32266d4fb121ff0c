"""Pretrain the text and the image encoder, contrastively."""

from t2i.checkpoints import model_file
from t2i.checkpoints.pretrained import INCEPTION_V3, load_weights
from t2i.checkpoints.provenance import provenance
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.params import Params
from t2i.pipeline.arguments import damsm_arguments
from t2i.pipeline.launch import run
from t2i.pipeline.run import DAMSM, PLOTS, PREPARED, VOCABULARY, WEIGHTS, write_metrics
from t2i.pipeline.scratch import resumable
from t2i.runtime import distributed
from t2i.runtime.device import choose_algorithms
from t2i.training.damsm import train_damsm
from t2i.training.loop.loss_history import write_csv


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/damsm.pt."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    pack, vocabulary = PackedSplit(PREPARED, "train"), Vocabulary.load(VOCABULARY)
    settings = damsm_arguments(params)
    with distributed.main_process_first():  # it may download them
        inception = settings["image_encoder"]["kind"] == "inception_v3"
        pretrained = load_weights(INCEPTION_V3, WEIGHTS) if inception else None
    record = provenance(settings, {PREPARED: pack.digest, VOCABULARY: vocabulary.digest})
    with resumable("pretrain_damsm", record, params.runtime.checkpoint_seconds) as checkpoints:
        damsm, history = train_damsm(pack, vocabulary, **settings, pretrained=pretrained, checkpoints=checkpoints)
        if distributed.rank() > 0:
            return
        model_file.save(DAMSM, "damsm", {**damsm.to_checkpoint(), "provenance": record})
        write_csv(PLOTS / "pretrain_damsm.csv", history)
        last = {name: round(value, 4) for name, value in history[-1].items() if name != "step"}
        write_metrics("pretrain_damsm", {"damsm_loss": last, "precision": settings["precision"]})


if __name__ == "__main__":
    run(main)
