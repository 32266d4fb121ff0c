"""Score the generated images, beside real ones and with the protocol of every number."""

from t2i.checkpoints import model_file
from t2i.checkpoints.pretrained import EXTRACTORS, find_all
from t2i.checkpoints.provenance import check_inputs, file_digest
from t2i.data.packed import PackedSplit, digest, splits_in
from t2i.files import replacing
from t2i.generation.pictures import load_sample
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.params import Params
from t2i.pipeline.run import DAMSM, JUDGE, PLOTS, PREPARED, SAMPLES, SUMMARY, run, weights_folder, write_metrics
from t2i.runtime.device import choose_algorithms, current_device
from t2i.scores.evaluation import score_pictures
from t2i.scores.extractors import Pretrained
from t2i.scores.summary import summary


def main(params: Params) -> None:
    """prepared/, models/, samples/ -> metrics/evaluate.json, plots/nearest.png and a table on the terminal."""
    choose_algorithms(deterministic=params.runtime.deterministic)
    sample, record = load_sample(SAMPLES)
    prepared, splits = digest(PREPARED), {name: PackedSplit(PREPARED, name) for name in splits_in(PREPARED)}
    damsm, judge = model_file.load(DAMSM, "damsm"), model_file.load(JUDGE, "judge")
    check_inputs(SAMPLES, record, {PREPARED: prepared})
    check_inputs(SAMPLES, record["generator"], {DAMSM: file_digest(DAMSM)})
    check_inputs(JUDGE, judge.get("provenance"), {PREPARED: prepared})
    with model_file.building(DAMSM):
        encoders = Damsm.from_checkpoint(damsm)
    with model_file.building(JUDGE):
        network = Judge.from_checkpoint(judge)
    names = [name for name in params.evaluate.extractors if name in EXTRACTORS]
    paths = find_all([EXTRACTORS[name] for name in names], weights_folder())
    scores = score_pictures(
        sample,
        splits,
        encoders,
        network,
        [Pretrained(name, path) for name, path in zip(names, paths, strict=True)],
        **dict(params.evaluate),
        device=current_device(),
        figure=PLOTS / "nearest.png",
    )
    scores["protocol"]["generator"] = record.get("snapshot")
    write_metrics("evaluate", scores)
    table = summary(scores)
    with replacing(SUMMARY) as part:
        part.write_text(table + "\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    run(main)
