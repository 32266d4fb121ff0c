"""What stages get of params.yaml: blocks of budget and recipe merged into keyword arguments."""

import pytest

from t2i.errors import InputError
from t2i.params.reader import load
from t2i.params.values import Section, merged
from tests.conftest import ROOT


class Inner(Section):
    a: int = 1


class Other(Section):
    b: int = 2


class First(Section):
    group: Inner = Inner()
    steps: int | None = None


class Second(Section):
    group: Other = Other()
    lr: float = 0.1


def test_blocks_are_merged_group_by_group_and_null_stays() -> None:
    assert merged(First(), Second()) == {"group": {"a": 1, "b": 2}, "steps": None, "lr": 0.1}
    assert merged(Second(), First()) == {"group": {"a": 1, "b": 2}, "steps": None, "lr": 0.1}
    assert merged(First(), None) == {"group": {"a": 1}, "steps": None}


def test_a_stage_gets_sizes_of_the_budget_and_losses_of_the_recipe() -> None:
    quick, paper = (load(ROOT / "params.yaml", recipe=recipe, budget="study") for recipe in ("quick", "paper"))
    for params, norm_act, adversarial in ((quick, "leaky_groupnorm", "hinge"), (paper, "glu_batchnorm", "bce")):
        stage = params.stage("train_gan")
        assert stage["generator"] == {k: v for k, v in params.generator.items() if k not in dict(params.models.attngan)}
        assert stage["generator"]["norm_act"] == norm_act and stage["losses"]["adversarial"] == adversarial
        assert stage["generator"]["ngf"] == 32 and stage["steps"] == 1000
    assert quick.stage("preprocess") == paper.stage("preprocess") == {"image_size": 32, "max_images": None}


def test_no_key_is_in_a_recipe_and_in_a_budget() -> None:
    params = load(ROOT / "params.yaml")
    for name in ("pretrain_damsm", "train_gan"):
        budget, recipe = getattr(params.budgets["demo"], name), getattr(params.recipes.quick, name)
        for key in set(dict(budget)) & set(dict(recipe)):
            assert not set(dict(getattr(budget, key))) & set(dict(getattr(recipe, key))), key


def test_lambda_becomes_a_keyword_that_python_takes() -> None:
    assert load(ROOT / "params.yaml").loss.keywords("lambda_", "gamma1") == {"lambda_": 0.2, "gamma1": 4.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("evaluate.extractors=[]",
         "evaluate.extractors = []: List should have at least 1 item after validation, not 0"),
        ("evaluate.extractors=judge", "evaluate.extractors = 'judge': must be a valid list"),
        ("evaluate.extractors=null", "evaluate.extractors = None: must be a valid list"),
        ("evaluate.extractors=[judge, clip-vit-b-32, judge]",
         "evaluate.extractors = ['judge', 'clip-vit-b-32', 'judge']: each extractor may be named once"),
        ("evaluate.extractors=[inception]",
         "evaluate.extractors.0 = 'inception': must be 'judge', 'inception-v3-compat', 'inception-v3-torchvision', "
         "'dinov2-vit-b-14' or 'clip-vit-b-32'"),
        ("evaluate.extractor=judge", "evaluate.extractor is evaluate.extractors now"),
    ],
)  # fmt: skip
def test_extractors_are_a_list_of_different_networks(change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(ROOT / "params.yaml", [change])
    assert str(caught.value) == f"{ROOT / 'params.yaml'}: {message}"


def test_any_extractors_in_any_order() -> None:
    assert load(ROOT / "params.yaml").evaluate.extractors == ["judge"]
    names = ["dinov2-vit-b-14", "inception-v3-torchvision", "judge"]
    assert load(ROOT / "params.yaml", [f"evaluate.extractors=[{', '.join(names)}]"]).evaluate.extractors == names
