"""The table of the scores."""

from typing import Any

import pytest

from t2i.scores.summary import summary

SCORES: dict[str, Any] = {
    "fidelity": {
        "judge": {
            "fid": {
                "fakes": 101.5,
                "train_reals": 12.25,
                "noise": 2000.4,
                "of_halves": {"reals": 20.0, "fakes": 110.0, "train_reals": 30.0, "noise": 2020.0},
                "position": {"fakes": 0.045, "train_reals": 0.005},
            },
            "kid": {
                "fakes": 0.125,
                "fakes_std": 0.01,
                "train_reals": -0.000021,
                "train_reals_std": 0.01,
                "noise": 1.5,
                "noise_std": 0.1,
                "reals": 0.00012,
                "reals_std": 0.01,
                "position": {"fakes": 0.0833, "train_reals": -0.0001},
            },
            "precision": {"fakes": 0.5, "train_reals": 0.75},
            "recall": {"fakes": 0.25, "train_reals": 0.7},
            "precision_cosine": {"fakes": 0.4, "train_reals": 0.65},
            "recall_cosine": {"fakes": 0.2, "train_reals": 0.6},
            "protocol": {"features": 256, "real_images": 2500, "fake_images": 2000},
            "is": {"fakes": 3.1234, "fakes_std": 0.1, "reals": 4.0, "reals_std": 0.2},
        },
    },  # fmt: skip
    "nearest": {"fakes": 0.125, "reals": 0.25, "train_reals": 0.2},
    "variety": {"fakes": 0.375, "reals": None},
    "r_precision": {
        "damsm": {"fakes": 0.5, "fakes_std": 0.01, "reals": 0.75, "reals_std": 0.01},
        "judge": {"fakes": 0.25, "fakes_std": 0.01, "reals": 1.0, "reals_std": 0.0},
    },
    "caption_consistency": {
        "distance_same_image": 0.125,
        "distance_other_image": 0.5,
        "pixels_same_image": 0.05,
        "pixels_other_image": 0.1,
        "attribute_agreement": {"both": 0.95, "one": 0.75, "none": None},
    },
    "attribute_accuracy": {"wing": {"fakes": 0.9, "reals": 1.0, "chance": 0.18, "mentions": 40}},
}


def test_a_line_for_each_score() -> None:
    rows = [
        ("score", "generated", "real images", ""),
        ("FID (judge)", "101.500", "12.250", "noise 2000; two halves of the real images 20"),
        ("KID (judge)", "0.12500", "-0.00002", "noise 1.5; two halves of the real images 0.00012"),
        ("position by FID (judge)", "4.5", "0.5", "real images of the same classes 0, noise 100"),
        ("position by KID (judge)", "8.3", "0.0", "real images of the same classes 0, noise 100"),
        ("precision (judge)", "0.500", "0.750", ""),
        ("recall (judge)", "0.250", "0.700", ""),
        ("precision, cosine (judge)", "0.400", "0.650", ""),
        ("recall, cosine (judge)", "0.200", "0.600", ""),
        ("IS (judge)", "3.123", "4.000", ""),
        ("distance, nearest training image", "0.125", "0.250", "of training images 0.200"),
        ("feature distance, two noises of one caption", "0.375", "", "real: two images of a class"),
        ("R-precision (damsm)", "0.500", "0.750", "encoders that trained the generator"),
        ("R-precision (judge)", "0.250", "1.000", "encoders that did not"),
        ("distance, two captions of one image", "0.125", "", "0.25 of the next"),
        ("distance, captions of two images", "0.500", "", ""),
        ("difference of pixels, two captions of one image", "0.050", "", "0.50 of the next"),
        ("difference of pixels, captions of two images", "0.100", "", ""),
        ("same attribute, mentioned by both", "0.950", "", "of two captions of one image"),
        ("same attribute, mentioned by one", "0.750", "", "of two captions of one image"),
        ("same attribute, mentioned by none", "", "", "of two captions of one image"),
        ("wing accuracy", "0.900", "1.000", "chance 0.18"),
    ]
    expected = [f"{name:47}{fakes:>13}{reals:>15}  {remark}".rstrip() for name, fakes, reals, remark in rows]
    assert summary(SCORES).splitlines() == expected


def named(scores: dict[str, Any]) -> list[str]:
    """The first column, without its heading."""
    return [line.split("  ")[0] for line in summary(scores).splitlines()[1:]]


def of_judge(**changes: dict[str, Any]) -> dict[str, Any]:
    """The scores with some of the judge's replaced."""
    return SCORES | {"fidelity": {"judge": SCORES["fidelity"]["judge"] | changes}}


@pytest.mark.parametrize(
    ("counts", "bias"),
    [
        ({"real_images": 685, "features": 1280}, "685 real images for 1,280 features"),
        ({"fake_images": 200}, "200 generated images for 256 features"),
    ],
)
def test_kid_leads_where_fid_is_biased(counts: dict[str, int], bias: str) -> None:
    scores = of_judge(protocol=SCORES["fidelity"]["judge"]["protocol"] | counts)
    assert named(scores)[:4] == [f"{name} (judge)" for name in ("KID", "FID", "position by KID", "position by FID")]
    assert summary(scores).splitlines()[-1] == f"FID (judge) is biased upwards: {bias}; KID is not"


def test_scores_that_are_not_there_have_no_line() -> None:
    scores = {name: score for name, score in SCORES["fidelity"]["judge"].items() if name != "is"}
    names = named(SCORES | {"fidelity": {"dinov2": scores}, "attribute_accuracy": {}})
    assert names[7:9] == ["recall, cosine (dinov2)", "distance, nearest training image"] and len(names) == 19


def test_several_networks_follow_each_other() -> None:
    judge = SCORES["fidelity"]["judge"]
    names = named(SCORES | {"fidelity": {"judge": judge, "inception-v3-torchvision": judge}})
    assert names[:18:9] == ["FID (judge)", "FID (inception-v3-torchvision)"]


def test_an_unknown_position_is_left_out() -> None:
    judge, unknown = SCORES["fidelity"]["judge"], {"fakes": None, "train_reals": None}
    fid, kid = (judge[name] | {"position": unknown} for name in ("fid", "kid"))
    del kid["reals"]
    lines = summary(of_judge(fid=fid | {"of_halves": {}}, kid=kid)).splitlines()
    assert lines[1].split() == ["FID", "(judge)", "101.500", "12.250", "noise", "2000"]
    assert not any(line.startswith("position") for line in lines)


def test_without_pairs_there_is_no_ratio() -> None:
    nothing = {f"{kind}_{which}_image": None for kind in ("distance", "pixels") for which in ("same", "other")}
    lines = summary(SCORES | {"caption_consistency": nothing | {"distance_same_image": 0.125}}).splitlines()
    assert [line.split("  ")[0] for line in lines[14:18:3]] == [
        "distance, two captions of one image", "difference of pixels, captions of two images",
    ]  # fmt: skip
    assert [line.split()[-1] for line in lines[14:18]] == ["0.125", "images", "image", "images"]
