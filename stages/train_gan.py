"""Train the generator against its discriminators, contrastively."""

from pathlib import Path

import numpy as np

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs, file_digest, provenance
from t2i.data.packed import PackedSplit
from t2i.models.encoders.damsm import Damsm
from t2i.params import Params
from t2i.pipeline.arguments import gan_arguments
from t2i.pipeline.launch import run
from t2i.pipeline.run import DAMSM, GAN, PLOTS, PREPARED, write_metrics
from t2i.pipeline.scratch import resumable
from t2i.runtime import distributed
from t2i.runtime.device import choose_algorithms
from t2i.training.gan.progress import ProgressImages
from t2i.training.gan.train import train_gan
from t2i.training.loop.loss_history import write_csv


def main(params: Params) -> None:
    """prepared/, models/damsm.pt -> models/gan.pt."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    pack, damsm = PackedSplit(PREPARED, "train"), _encoders()
    settings = gan_arguments(params)
    inputs = {PREPARED: pack.digest, DAMSM: file_digest(DAMSM), Path("vocabulary"): damsm.vocabulary.digest}
    record = provenance(settings, inputs)
    with resumable("train_gan", record, params.runtime.checkpoint_seconds) as checkpoints:
        progress = None
        if distributed.rank() == 0:
            test = PackedSplit(PREPARED, "test")
            progress = ProgressImages(test, damsm, PLOTS / "train_gan.png", params.dataset.max_words)
        # gradient checkpointing changes no result and so is not part of the record: a run that was short of memory
        # can go on with it
        generator, history = train_gan(
            pack, damsm, **settings, gradient_checkpointing=params.runtime.gradient_checkpointing,
            progress=progress, checkpoints=checkpoints,
        )  # fmt: skip
        if distributed.rank() > 0:
            return
        content = {"generator": generator.to_checkpoint(), "text": damsm.text.to_checkpoint(), "provenance": record}
        model_file.save(GAN, "gan", content)
        write_csv(PLOTS / "train_gan.csv", history)
        write_metrics("train_gan", {"gan_loss": _final_losses(history)})


def _encoders() -> Damsm:
    content = model_file.load(DAMSM, "damsm")
    check_inputs(DAMSM, content.get("provenance"), {PREPARED: PackedSplit(PREPARED, "train").digest})
    with model_file.building(DAMSM):
        return Damsm.from_checkpoint(content)


def _final_losses(history: list[dict[str, float]]) -> dict[str, float]:
    """Means over the last tenth; single windows of a GAN vary widely."""
    tail = history[-max(1, len(history) // 10) :]
    names = [name for name in tail[-1] if name != "step"]
    return {name: round(float(np.mean([row[name] for row in tail if name in row])), 4) for name in names}


if __name__ == "__main__":
    run(main)
