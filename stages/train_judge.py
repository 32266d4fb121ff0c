"""Train the network that scores, on real images alone, so that no sweep over the GAN trains it again."""

from stages.runner import JUDGE, PLOTS, PREPARED, VOCABULARY, run, write_metrics
from stages.scratch import resumable
from t2i import checkpoints, runtime
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.params import Params
from t2i.provenance import origin
from t2i.training.curves import write_csv
from t2i.training.judge import train_judge


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/judge.pt."""
    dataset = getattr(params.datasets, params.data)
    pack, vocabulary = Pack.open(PREPARED, "train"), Vocabulary.load(VOCABULARY)
    settings = {
        **dict(params.budgets[params.budget].train_judge),
        "max_words": dataset.max_words,
        "flip": dataset.flip,
        "gamma3": params.loss.gamma3,
        "precision": runtime.resolve(params.runtime.precision),
    }
    described = origin(settings, {PREPARED: pack.digest, VOCABULARY: vocabulary.digest})
    with resumable("train_judge", described, params.runtime.checkpoint_seconds) as resume:
        judge, curves = train_judge(pack, vocabulary, **settings, resume=resume)
        checkpoints.save(JUDGE, "judge", {**judge.content(), "origin": described})
        write_csv(PLOTS / "train_judge.csv", curves)
        last = {name: round(value, 4) for name, value in curves[-1].items() if name != "step"}
        write_metrics("train_judge", {"judge_loss": last})


if __name__ == "__main__":
    run(main)
