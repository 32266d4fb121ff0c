"""Score a small sample of each snapshot of a training: how FID and the like change, and which snapshot is the best."""

import logging
from pathlib import Path
from typing import Any

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs
from t2i.checkpoints.snapshots import short_digest, snapshot_of, snapshots_in
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit, splits_in
from t2i.generation.plan import cut_captions, paired_plan, sample
from t2i.generation.text_to_image import TextToImage
from t2i.models.judge import Judge
from t2i.params import Params
from t2i.pipeline.run import JUDGE, PLOTS, PREPARED, SNAPSHOTS, run, write_metrics
from t2i.runtime.device import choose_algorithms, current_device
from t2i.scores.snapshots import SampleScorer
from t2i.training.loop.loss_history import write_csv

log = logging.getLogger(__name__)


def main(params: Params) -> None:
    """prepared/, models/judge.pt, models/snapshots/ -> metrics/score_snapshots.json and plots/snapshots.csv."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    test, judge = PackedSplit(PREPARED, "test"), model_file.load(JUDGE, "judge")
    check_inputs(JUDGE, judge.get("provenance"), {PREPARED: test.digest})
    max_words, precision = params.dataset.sample_max_words, params.runtime.precision
    scoring = {"candidates": params.evaluate.candidates, "folds": params.evaluate.folds, "seed": params.evaluate.seed}
    # not the noise of stage `sample`, so that the best snapshot is not the one which that noise happens to suit
    seed = params.seed + 1
    plan = paired_plan(test, **params.stage("score_snapshots"), noises=1, seed=seed)
    paths = snapshots_in(SNAPSHOTS)

    def load(path: Path) -> tuple[TextToImage, dict[str, Any]]:
        content = model_file.load(path, "gan")
        check_inputs(path, content.get("provenance"), {PREPARED: test.digest})
        with model_file.building(path):
            return TextToImage.from_checkpoint(content, precision), snapshot_of(content)

    last = list(paths.values())[-1]
    captions = cut_captions(EncodedCaptions(test, load(last)[0].vocabulary, max_words), seed=params.seed)
    with model_file.building(JUDGE):
        network = Judge.from_checkpoint(judge)
    reference = [PackedSplit(PREPARED, split) for split in splits_in(PREPARED) if split != "train"]
    scorer = SampleScorer(plan, captions.texts(), test, reference, network, **scoring, device=current_device())
    rows: list[dict[str, Any]] = []
    sides: dict[str, int] = {}
    for step, path in paths.items():
        model, snapshot = load(path)
        batches = sample(model, captions, plan, seed=seed, image_size=snapshot["image_size"])
        rows.append({"step": step, **scorer(batches)})
        sides[str(step)] = model.generator.config["image_size"]
    name = scorer.criterion
    best = min(rows, key=lambda row: float(row[name]))
    steps = [f"{row['step']:,}" for row in (best, rows[-1])]
    log.info("the lowest %s is %.4g, after step %s of %s", name.upper(), best[name], *steps)
    protocol = {**scorer.protocol, "max_words": max_words, "image_sizes": sides, "gan": short_digest(last)}
    by_step = {str(row["step"]): {name: value for name, value in row.items() if name != "step"} for row in rows}
    write_metrics("score_snapshots", {"best": best, "snapshots": by_step, "protocol": protocol})
    write_csv(PLOTS / "snapshots.csv", rows)


if __name__ == "__main__":
    run(main)
