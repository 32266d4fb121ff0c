"""Pretrain the text and the image encoder, contrastively."""

from stages.runner import DAMSM, PLOTS, PREPARED, VOCABULARY, WEIGHTS, write_metrics
from stages.scratch import resumable
from stages.several import run
from t2i import checkpoints, distributed, runtime
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.params import Params
from t2i.provenance import origin
from t2i.training.curves import write_csv
from t2i.training.damsm import train_damsm
from t2i.weights import INCEPTION_V3, load_weights


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/damsm.pt."""
    dataset, loss = getattr(params.datasets, params.data), params.loss
    pack, vocabulary = Pack.open(PREPARED, "train"), Vocabulary.load(VOCABULARY)
    settings = {
        **dict(params.budgets[params.budget].pretrain_damsm),
        "max_words": dataset.damsm_max_words,
        "flip": dataset.flip,
        "gamma1": loss.gamma1,
        "gamma2": loss.gamma2,
        "gamma3": loss.gamma3,
        "temperature": loss.temperature,
        "contrastive_weight": loss.damsm_contrastive,
        "precision": runtime.resolve(params.runtime.precision),
        "seed": params.seed,
    }
    with distributed.first_ahead():  # it may download them
        body = load_weights(INCEPTION_V3, WEIGHTS) if settings["image_encoder"] == "inception_v3" else None
    described = origin(settings, {PREPARED: pack.digest, VOCABULARY: vocabulary.digest})
    with resumable("pretrain_damsm", described, params.runtime.checkpoint_seconds) as resume:
        damsm, curves = train_damsm(pack, vocabulary, **settings, inception_body=body, resume=resume)
        if distributed.rank() > 0:
            return
        checkpoints.save(DAMSM, "damsm", {**damsm.content(), "origin": described})
        write_csv(PLOTS / "pretrain_damsm.csv", curves)
        last = {name: round(value, 4) for name, value in curves[-1].items() if name != "step"}
        write_metrics("pretrain_damsm", {"damsm_loss": last, "precision": settings["precision"]})


if __name__ == "__main__":
    run(main)
