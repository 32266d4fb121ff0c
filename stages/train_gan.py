"""Train the generator against its discriminators, contrastively."""

import numpy as np

from stages.runner import DAMSM, GAN, PLOTS, PREPARED, run, write_metrics
from t2i import checkpoints
from t2i.data.pack import Pack
from t2i.models.damsm import Damsm
from t2i.params import Params
from t2i.training.curves import write_csv
from t2i.training.gan import train_gan
from t2i.training.watch import Watch


def main(params: Params) -> None:
    """prepared/, models/damsm.pt -> models/gan.pt."""
    dataset, loss = getattr(params.datasets, params.data), params.loss
    damsm = Damsm.from_content(checkpoints.load(DAMSM, "damsm"))
    generator, curves = train_gan(
        Pack.open(PREPARED, "train"),
        damsm,
        model=params.model,
        **dict(params.budgets[params.budget].train_gan),
        **dict(getattr(params.models, params.model)),
        max_words=dataset.max_words,
        flip=dataset.flip,
        contrastive_weight=loss.lambda_,
        temperature=loss.temperature,
        shared_noise=loss.shared_noise,
        gamma1=loss.gamma1,
        gamma2=loss.gamma2,
        gamma3=loss.gamma3,
        precision=params.runtime.precision,
        seed=params.seed,
        watch=Watch(Pack.open(PREPARED, "test"), damsm, PLOTS / "train_gan.png", dataset.max_words),
    )
    checkpoints.save(GAN, "gan", {"generator": generator.content(), "text": damsm.text.content()})
    write_csv(PLOTS / "train_gan.csv", curves)
    tail = curves[-max(1, len(curves) // 10) :]  # single windows of a GAN jump about
    write_metrics(
        "train_gan",
        {"gan_loss": {k: round(float(np.mean([r[k] for r in tail if k in r])), 4) for k in tail[-1] if k != "step"}},
    )


if __name__ == "__main__":
    run(main)
