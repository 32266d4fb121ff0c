"""Train the generator against its discriminators, contrastively."""

from pathlib import Path

import numpy as np

from stages.runner import DAMSM, GAN, PLOTS, PREPARED, write_metrics
from stages.scratch import resumable
from stages.several import run
from t2i import checkpoints, distributed, runtime
from t2i.data.pack import Pack
from t2i.models.damsm import Damsm
from t2i.params import Params
from t2i.provenance import check_made_of, file_digest, origin
from t2i.training.curves import write_csv
from t2i.training.gan import train_gan
from t2i.training.watch import Watch


def main(params: Params) -> None:
    """prepared/, models/damsm.pt -> models/gan.pt."""
    dataset, loss = getattr(params.datasets, params.data), params.loss
    pack = Pack.open(PREPARED, "train")
    content = checkpoints.load(DAMSM, "damsm")
    check_made_of(DAMSM, content.get("origin"), {PREPARED: pack.digest})
    damsm = Damsm.from_content(content)
    settings = {
        "model": params.model,
        **dict(params.budgets[params.budget].train_gan),
        **dict(getattr(params.models, params.model)),
        "max_words": dataset.max_words,
        "flip": dataset.flip,
        "contrastive_weight": loss.lambda_,
        "temperature": loss.temperature,
        "shared_noise": loss.shared_noise,
        "gamma1": loss.gamma1,
        "gamma2": loss.gamma2,
        "gamma3": loss.gamma3,
        "precision": runtime.resolve(params.runtime.precision),
        "compiled": params.runtime.compile,
        "seed": params.seed,
    }
    inputs = {PREPARED: pack.digest, DAMSM: file_digest(DAMSM), Path("vocabulary"): damsm.vocabulary.digest}
    described = origin(settings, inputs)
    with resumable("train_gan", described, params.runtime.checkpoint_seconds) as resume:
        watch = None
        if distributed.rank() == 0:
            watch = Watch(Pack.open(PREPARED, "test"), damsm, PLOTS / "train_gan.png", dataset.max_words)
        # gradient checkpointing is no setting that a result depends on: a run that was short of memory goes on with it
        recompute = params.runtime.gradient_checkpointing
        generator, curves = train_gan(
            pack, damsm, **settings, gradient_checkpointing=recompute, watch=watch, resume=resume
        )
        if distributed.rank() > 0:
            return
        content = {"generator": generator.content(), "text": damsm.text.content(), "origin": described}
        checkpoints.save(GAN, "gan", content)
        _report(curves)


def _report(curves: list[dict[str, float]]) -> None:
    write_csv(PLOTS / "train_gan.csv", curves)
    tail = curves[-max(1, len(curves) // 10) :]  # single windows of a GAN jump about
    write_metrics(
        "train_gan",
        {"gan_loss": {k: round(float(np.mean([r[k] for r in tail if k in r])), 4) for k in tail[-1] if k != "step"}},
    )


if __name__ == "__main__":
    run(main)
