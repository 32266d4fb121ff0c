"""The table of the scores."""

from typing import Any

from t2i.scores.summary import summary

SCORES: dict[str, Any] = {
    "fidelity": {
        "judge_fid": {"fakes": 101.5, "train_reals": 12.25, "noise": 2000.4, "position": 0.0449},
        "judge_is": {"fakes": 3.1234, "fakes_std": 0.1, "reals": 4.0, "reals_std": 0.2},
    },
    "r_precision": {
        "damsm": {"fakes": 0.5, "fakes_std": 0.01, "reals": 0.75, "reals_std": 0.01},
        "judge": {"fakes": 0.25, "fakes_std": 0.01, "reals": 1.0, "reals_std": 0.0},
    },
    "caption_consistency": {"distance_same_image": 0.125, "distance_other_image": None},
    "attribute_accuracy": {"wing": {"fakes": 0.9, "reals": 1.0, "chance": 0.18, "mentions": 40}},
}


def test_a_line_for_each_score() -> None:
    assert summary(SCORES).splitlines() == [
        "score                                  generated    real images",
        "FID (judge)                              101.500         12.250  "
        "noise 2000; position 4.5 (real images 0, noise 100)",
        "IS (judge)                                 3.123          4.000",
        "R-precision (damsm)                        0.500          0.750  encoders that trained the generator",
        "R-precision (judge)                        0.250          1.000  encoders that did not",
        "distance, two captions of one image        0.125                 lower is better",
        "distance, captions of two images",
        "wing accuracy                              0.900          1.000  chance 0.18",
    ]


def test_scores_that_are_not_there_have_no_line() -> None:
    fid = SCORES["fidelity"]["judge_fid"]
    names = [
        line.split("  ")[0]
        for line in summary(SCORES | {"fidelity": {"inception_fid": fid}, "attribute_accuracy": {}}).splitlines()
    ]
    assert names[1:3] == ["FID (inception)", "R-precision (damsm)"] and len(names) == 6
