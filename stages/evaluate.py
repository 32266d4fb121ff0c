"""Score the pictures, beside real images and with the protocol of every number."""

from pathlib import Path

from stages.runner import DAMSM, JUDGE, PREPARED, SAMPLES, SUMMARY, WEIGHTS, run, write_metrics
from t2i import checkpoints, runtime
from t2i.data.pack import Pack, splits_in
from t2i.models.damsm import Damsm
from t2i.models.judge import Judge
from t2i.params import Params
from t2i.provenance import check_made_of, file_digest
from t2i.sampling import load_origin, load_pictures
from t2i.scores.fidelity import INCEPTION
from t2i.scores.report import score_pictures, summary
from t2i.weights import FID_INCEPTION, find_weights, read_weights


def main(params: Params) -> None:
    """prepared/, models/, samples/ -> metrics/evaluate.json and a table on the terminal."""
    table, pictures = load_pictures(SAMPLES)
    described = load_origin(SAMPLES)
    test = Pack.open(PREPARED, "test")
    judge = checkpoints.load(JUDGE, "judge")
    check_made_of(SAMPLES, described, {PREPARED: test.digest})
    check_made_of(SAMPLES, described["generator"], {DAMSM: file_digest(DAMSM)})
    check_made_of(JUDGE, judge.get("origin"), {PREPARED: test.digest})
    settings = dict(params.evaluate)
    with_inception = settings.pop("extractor") == INCEPTION
    scores = score_pictures(
        pictures,
        table,
        test,
        Pack.open(PREPARED, "train"),
        [Pack.open(PREPARED, split) for split in splits_in(PREPARED) if split != "train"],
        Damsm.from_content(checkpoints.load(DAMSM, "damsm")),
        Judge.from_content(judge),
        _inception() if with_inception else None,
        **settings,
        max_words=getattr(params.datasets, params.data).max_words,
        device=runtime.device(),
    )
    write_metrics("evaluate", scores)
    table_of_scores = summary(scores)
    SUMMARY.write_text(table_of_scores + "\n", encoding="utf-8")
    print(table_of_scores)


def _inception() -> Path:
    path = find_weights(FID_INCEPTION, WEIGHTS)
    read_weights(FID_INCEPTION, path)  # torch-fidelity would unpickle whatever is in the file
    return path


if __name__ == "__main__":
    run(main)
