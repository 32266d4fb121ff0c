"""Train the network that scores, on real images alone, so that no sweep over the GAN trains it again."""

from stages.runner import JUDGE, PLOTS, PREPARED, VOCABULARY, run, write_metrics
from t2i import checkpoints
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.params import Params
from t2i.training.curves import write_csv
from t2i.training.judge import train_judge


def main(params: Params) -> None:
    """prepared/, models/vocabulary.json -> models/judge.pt."""
    dataset = getattr(params.datasets, params.data)
    judge, curves = train_judge(
        Pack.open(PREPARED, "train"),
        Vocabulary.load(VOCABULARY),
        **dict(params.budgets[params.budget].train_judge),
        max_words=dataset.max_words,
        flip=dataset.flip,
        gamma3=params.loss.gamma3,
        precision=params.runtime.precision,
    )
    checkpoints.save(JUDGE, "judge", judge.content())
    write_csv(PLOTS / "train_judge.csv", curves)
    last = {name: round(value, 4) for name, value in curves[-1].items() if name != "step"}
    write_metrics("train_judge", {"judge_loss": last})


if __name__ == "__main__":
    run(main)
