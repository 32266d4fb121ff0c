"""Pretrain the text and the image encoder, contrastively."""

from t2i.checkpoints import model_file
from t2i.checkpoints.backbones import image_encoder_weights
from t2i.checkpoints.provenance import provenance
from t2i.data.packed import PackedSplit, damsm_folder, digest
from t2i.data.text.vocabulary import Vocabulary
from t2i.params import Params
from t2i.pipeline.arguments import damsm_arguments
from t2i.pipeline.damsm_start import damsm_start, vocabulary_of
from t2i.pipeline.launch import run
from t2i.pipeline.run import DAMSM, PLOTS, PREPARED, VOCABULARY, weights_folder, write_metrics
from t2i.pipeline.scratch import resumable
from t2i.runtime import distributed
from t2i.runtime.device import choose_algorithms
from t2i.training.damsm import train_damsm
from t2i.training.loop.loss_history import write_csv


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/damsm.pt."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    pack, vocabulary = PackedSplit(damsm_folder(PREPARED), "train"), Vocabulary.load(VOCABULARY)
    settings, start = damsm_arguments(params), damsm_start(params, vocabulary.tokens)
    with distributed.main_process_first():  # it may download them
        kind = settings["image_encoder"]["kind"]
        pretrained = image_encoder_weights(kind, weights_folder()) if start is None else None
    inputs = {PREPARED: digest(PREPARED), VOCABULARY: vocabulary.digest}
    content = None
    if start is not None:
        content, inputs = start.contents["damsm"], inputs | start.inputs
        vocabulary = vocabulary_of(start, vocabulary, trained=0 not in (settings["steps"], settings["epochs"]))
    record = provenance(settings, inputs)
    with resumable("pretrain_damsm", record, params.runtime.checkpoint_seconds) as checkpoints:
        damsm, history = train_damsm(
            pack, vocabulary, **settings, pretrained=pretrained, start=content, checkpoints=checkpoints
        )
        if distributed.rank() > 0:
            return
        model_file.save(DAMSM, "damsm", {**damsm.to_checkpoint(), "provenance": record})
        write_csv(PLOTS / "pretrain_damsm.csv", history, ("step", "words", "sentence", "contrastive"))
        last = {name: round(value, 4) for row in history[-1:] for name, value in row.items() if name != "step"}
        write_metrics("pretrain_damsm", {"damsm_loss": last, "precision": settings["precision"]})


if __name__ == "__main__":
    run(main)
