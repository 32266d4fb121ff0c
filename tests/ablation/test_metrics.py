"""Which numbers of metrics/evaluate.json are compared."""

import math
from typing import Any

import pytest

from t2i.ablation.metrics import COLOURS, flatten, read_scores
from tests.ablation.made_up import experiment


def scores(evaluate: dict[str, Any]) -> dict[str, float]:
    return {metric.name: value for metric, value in read_scores(evaluate).items()}


def evaluated(**kwargs: Any) -> dict[str, Any]:
    return dict(experiment(0, 0, **kwargs)["metrics"]["metrics/evaluate.json"]["data"])


def test_scores_of_every_network_in_order() -> None:
    found = scores(evaluated(extractors=("judge", "inception-v3-compat")))
    assert list(found) == [
        "FID (inception-v3-compat)", "FID (judge)", "KID (inception-v3-compat)", "KID (judge)",
        "precision (inception-v3-compat)", "precision (judge)", "recall (inception-v3-compat)", "recall (judge)",
        "IS (inception-v3-compat)", "IS (judge)", "R-precision (damsm)", "R-precision (judge)",
        "distance ratio, same image / other image", "distance, two captions of one image",
        "distance, captions of two images", "attribute accuracy (mean of all)", "colour accuracy (mean of five)",
    ]  # fmt: skip
    assert found["FID (judge)"] == 600 and found["KID (judge)"] == 0.002 and found["IS (judge)"] == 20
    assert found["precision (judge)"] == 0.7 and found["recall (judge)"] == 0.4
    assert found["colour accuracy (mean of five)"] == pytest.approx(0.9)
    assert found["attribute accuracy (mean of all)"] == pytest.approx((5 * 0.9 + 0.3) / 6)


def test_the_ratio_of_distances_does_not_change_when_all_shrink() -> None:
    def consistency(same: float | None, other: float | None) -> dict[str, float]:
        return scores({"caption_consistency": {"distance_same_image": same, "distance_other_image": other}})

    assert consistency(0.6, 0.9)["distance ratio, same image / other image"] == pytest.approx(2 / 3)
    assert consistency(0.3, 0.45)["distance ratio, same image / other image"] == pytest.approx(2 / 3)
    for same, other in ((None, 0.9), (0.6, None), (0.6, 0.0)):
        assert "distance ratio, same image / other image" not in consistency(same, other)
    pixels = scores({"caption_consistency": {"pixels_same_image": 0.02, "pixels_other_image": 0.1}})
    assert pixels == {"pixel difference ratio, same image / other image": pytest.approx(0.2)}


def test_agreement_of_attributes_is_compared_by_how_many_captions_mention_them() -> None:
    agreement = {"attribute_agreement": {"both": 0.9, "one": 0.7, "none": None}}
    assert scores({"caption_consistency": agreement}) == {
        "same attribute, mentioned by both of two captions": 0.9,
        "same attribute, mentioned by one of two captions": 0.7,
    }


def test_variety_over_noise_is_compared_where_it_is_known() -> None:
    assert scores({"variety": {"fakes": 0.25, "reals": 0.5}}) == {"feature distance, two noises of one caption": 0.25}
    assert scores({"variety": {"fakes": None, "reals": 0.5}}) == {}


def test_neither_distance_is_better_by_itself() -> None:
    directions = {metric.name: metric.better for metric in read_scores(evaluated())}
    assert directions["distance ratio, same image / other image"] == "lower"
    assert directions["distance, two captions of one image"] == directions["distance, captions of two images"] == ""


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "612", True, [612.0], {}])
def test_what_is_no_number_is_missing(value: object) -> None:
    evaluate = evaluated()
    evaluate["fidelity"] = {"judge": {"fid": {"fakes": value}}, "protocol": {"fid": 3}}
    found = scores(evaluate)
    assert not [name for name in found if "FID" in name] and "R-precision (judge)" in found


def test_a_former_layout_has_the_scores_that_it_shares() -> None:
    former = {"fidelity": {"judge_fid": {"fakes": 600}}, "r_precision": {"judge": {"fakes": 0.5}}, "x": 3}
    assert scores(former) == {"R-precision (judge)": 0.5}
    assert scores({}) == scores({"fidelity": 3, "caption_consistency": None, "attribute_accuracy": []}) == {}


def test_the_mean_of_five_colours_needs_all_five() -> None:
    evaluate = evaluated()
    del evaluate["attribute_accuracy"][COLOURS[0]]
    found = scores(evaluate)
    assert "colour accuracy (mean of five)" not in found
    assert found["attribute accuracy (mean of all)"] == pytest.approx((4 * 0.9 + 0.3) / 5)


def test_nested_parameters_become_flat() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": [1]}) == {"a.b": 1, "a.c.d": 2, "e": [1]}
