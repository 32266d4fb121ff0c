"""The table of the scores."""

from typing import Any

from t2i.scores.summary import summary

SCORES: dict[str, Any] = {
    "fidelity": {
        "judge": {
            "fid": {"fakes": 101.5, "train_reals": 12.25, "noise": 2000.4, "position": 0.0449},
            "kid": {"fakes": 0.125, "fakes_std": 0.01, "train_reals": -0.000021, "train_reals_std": 0.01},
            "precision": {"fakes": 0.5, "train_reals": 0.75},
            "recall": {"fakes": 0.25, "train_reals": 0.7},
            "is": {"fakes": 3.1234, "fakes_std": 0.1, "reals": 4.0, "reals_std": 0.2},
        },
    },
    "r_precision": {
        "damsm": {"fakes": 0.5, "fakes_std": 0.01, "reals": 0.75, "reals_std": 0.01},
        "judge": {"fakes": 0.25, "fakes_std": 0.01, "reals": 1.0, "reals_std": 0.0},
    },
    "caption_consistency": {"distance_same_image": 0.125, "distance_other_image": 0.5},
    "attribute_accuracy": {"wing": {"fakes": 0.9, "reals": 1.0, "chance": 0.18, "mentions": 40}},
}


def test_a_line_for_each_score() -> None:
    assert summary(SCORES).splitlines() == [
        "score                                  generated    real images",
        "FID (judge)                              101.500         12.250  "
        "noise 2000; position 4.5 (real images 0, noise 100)",
        "KID (judge)                              0.12500       -0.00002",
        "precision (judge)                          0.500          0.750",
        "recall (judge)                             0.250          0.700",
        "IS (judge)                                 3.123          4.000",
        "R-precision (damsm)                        0.500          0.750  encoders that trained the generator",
        "R-precision (judge)                        0.250          1.000  encoders that did not",
        "distance, two captions of one image        0.125                 0.25 of the next",
        "distance, captions of two images           0.500",
        "wing accuracy                              0.900          1.000  chance 0.18",
    ]


def test_scores_that_are_not_there_have_no_line() -> None:
    scores = {name: score for name, score in SCORES["fidelity"]["judge"].items() if name != "is"}
    names = [
        line.split("  ")[0]
        for line in summary(SCORES | {"fidelity": {"dinov2": scores}, "attribute_accuracy": {}}).splitlines()
    ]
    assert names[4:6] == ["recall (dinov2)", "R-precision (damsm)"] and len(names) == 9


def test_several_networks_follow_each_other() -> None:
    judge = SCORES["fidelity"]["judge"]
    table = summary(SCORES | {"fidelity": {"judge": judge, "inception-v3-torchvision": judge}}).splitlines()
    assert [line.split("  ")[0] for line in table[1:11:5]] == ["FID (judge)", "FID (inception-v3-torchvision)"]


def test_an_unknown_position_is_left_out() -> None:
    judge = SCORES["fidelity"]["judge"]
    fid = judge["fid"] | {"noise": 12.25, "position": None}
    line = summary(SCORES | {"fidelity": {"judge": judge | {"fid": fid}}}).splitlines()[1]
    assert line.split() == ["FID", "(judge)", "101.500", "12.250", "noise", "12"]


def test_without_pairs_there_is_no_ratio() -> None:
    nothing = {"distance_same_image": 0.125, "distance_other_image": None}
    lines = summary(SCORES | {"caption_consistency": nothing}).splitlines()
    assert lines[8:10] == ["distance, two captions of one image        0.125", "distance, captions of two images"]
