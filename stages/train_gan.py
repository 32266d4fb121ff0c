"""Train the generator against its discriminators, contrastively."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from t2i.checkpoints import model_file
from t2i.checkpoints.backbones import load_backbone
from t2i.checkpoints.provenance import check_inputs, file_digest, provenance
from t2i.data.packed import PackedSplit
from t2i.files import replacing
from t2i.models.encoders.damsm import Damsm
from t2i.params import Params
from t2i.pipeline.arguments import gan_arguments
from t2i.pipeline.gan_start import gan_start, warn_of_other_text
from t2i.pipeline.launch import run
from t2i.pipeline.run import DAMSM, DISCRIMINATORS, GAN, PLOTS, PREPARED, SNAPSHOTS, write_metrics
from t2i.pipeline.scratch import resumable
from t2i.runtime import distributed
from t2i.runtime.device import choose_algorithms
from t2i.training.gan.observer import Observer
from t2i.training.gan.progress import ProgressImages
from t2i.training.gan.snapshots import SnapshotFiles
from t2i.training.gan.start import GanStart
from t2i.training.gan.train import train_gan
from t2i.training.loop.loss_history import write_csv


def main(params: Params) -> None:
    """prepared/, models/damsm.pt -> models/gan.pt, models/discriminators.pt, models/snapshots/."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    pack, (damsm, damsm_record) = PackedSplit(PREPARED, "train"), _encoders()
    settings = gan_arguments(params)
    inputs = {PREPARED: pack.digest, DAMSM: file_digest(DAMSM), Path("vocabulary"): damsm.vocabulary.digest}
    start, networks = gan_start(params, embedding_dim=damsm.embedding_dim, image_size=pack.image_size), None
    if start is not None:
        inputs |= start.inputs
        networks = GanStart(start.contents["gan"]["generator"], start.contents.get("discriminators"))
        warn_of_other_text(start, damsm.text.state_dict(), damsm_record)
    snapshots: int = params.stage("train_gan")["snapshots"]
    record = provenance({**settings, "snapshots": snapshots}, inputs)
    backbone = settings["discriminator"]["backbone"]
    settings["discriminator"] = {**settings["discriminator"], "backbone_weights": _backbone_weights(backbone)}
    with resumable("train_gan", record, params.runtime.checkpoint_seconds) as checkpoints:
        kept, observers = None, dict[str, Observer]()
        if distributed.rank() == 0:
            content = {"text": damsm.text.to_checkpoint(), "provenance": record}
            kept = SnapshotFiles(checkpoints.folder, snapshots, content, pack.image_size)
            test = PackedSplit(PREPARED, "test")
            progress = ProgressImages(test, damsm, PLOTS / "train_gan.png", params.dataset.max_words)
            observers = {"progress": progress, "snapshots": kept}
        # gradient checkpointing changes no result and so is not part of the record: a run that was short of memory
        # can go on with it
        _, discriminators, history = train_gan(
            pack, damsm, **settings, gradient_checkpointing=params.runtime.gradient_checkpointing,
            start=networks, observers=observers, checkpoints=checkpoints,
        )  # fmt: skip
        if kept is None:
            return
        model_file.save(DISCRIMINATORS, "discriminators", {**discriminators.to_checkpoint(), "provenance": record})
        last = kept.publish(SNAPSHOTS)
        with replacing(GAN) as part:
            shutil.copyfile(last, part)
        write_csv(PLOTS / "train_gan.csv", history)
        write_metrics("train_gan", {"gan_loss": _final_losses(history)})


def _encoders() -> tuple[Damsm, dict[str, Any]]:
    """The encoders, and their provenance."""
    content = model_file.load(DAMSM, "damsm")
    check_inputs(DAMSM, content.get("provenance"), {PREPARED: PackedSplit(PREPARED, "train").digest})
    with model_file.building(DAMSM):
        return Damsm.from_checkpoint(content), content.get("provenance", {})


def _backbone_weights(backbone: dict[str, Any] | None) -> dict[str, Tensor] | None:
    """Those of the pretrained network whose features discriminators read, if they do."""
    with distributed.main_process_first():  # it may download them
        return None if backbone is None else load_backbone(backbone["name"])


def _final_losses(history: list[dict[str, float]]) -> dict[str, float]:
    """Means over the last tenth; single windows of a GAN vary widely."""
    tail = history[-max(1, len(history) // 10) :]
    names = dict.fromkeys(name for row in tail for name in row if name != "step")  # R1 is not in every window
    return {name: round(float(np.mean([row[name] for row in tail if name in row])), 4) for name in names}


if __name__ == "__main__":
    run(main)
