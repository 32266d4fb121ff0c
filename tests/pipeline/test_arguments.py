"""What trainings get of params.yaml beyond the blocks of their stage."""

import pytest

from t2i.params.reader import load
from t2i.pipeline.arguments import damsm_arguments, gan_arguments
from tests.conftest import ROOT


@pytest.mark.parametrize(("model", "align_corners"), [("attngan", False), ("dmgan", True)])
def test_the_model_decides_how_the_inception_encoder_resizes(model: str, align_corners: bool) -> None:
    params = load(ROOT / "params.yaml", data="cub", model=model, recipe="paper", budget="paper")
    expected = {"kind": "inception_v3", "width": None, "side": None, "align_corners": align_corners}
    assert damsm_arguments(params)["image_encoder"] == expected
    assert set(gan_arguments(params)["generator"]) >= {"noise_dim", "condition_dim"}
    assert "align_corners" not in gan_arguments(params)["generator"]
    changes = [f"models.{model}.align_corners={not align_corners}"]
    changed = load(ROOT / "params.yaml", changes, data="cub", model=model, recipe="paper", budget="paper")
    assert damsm_arguments(changed)["image_encoder"]["align_corners"] is not align_corners


def test_the_small_encoder_is_the_same_for_every_model() -> None:
    of_model = [damsm_arguments(load(ROOT / "params.yaml", model=model)) for model in ("attngan", "dmgan")]
    assert of_model[0] == of_model[1] and "align_corners" not in of_model[0]["image_encoder"]


@pytest.mark.parametrize(
    ("recipe", "changes", "shared"),
    [
        ("quick", [], "all"),
        ("paper", [], "none"),
        ("quick", ["loss.shared_noise=z"], "z"),
        ("paper", ["loss.shared_noise=all"], "all"),
        ("paper", ["loss.shared_noise.paper=z"], "z"),
        ("quick", ["loss.shared_noise.paper=z"], "all"),
        ("quick", ["loss.shared_noise={attngan: z, dmgan: none}"], "z"),
    ],
)
def test_shared_noise_is_the_recipes_own_or_one_for_all(recipe: str, changes: list[str], shared: str) -> None:
    assert gan_arguments(load(ROOT / "params.yaml", changes, recipe=recipe))["losses"]["shared_noise"] == shared
