"""What stages get of params.yaml: blocks of budget and recipe merged into keyword arguments."""

import re

import pytest

from t2i.errors import InputError
from t2i.params.reader import load
from t2i.params.values import Section, merged
from t2i.pipeline.arguments import gan_arguments
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
    sizes = {"image_size": 32, "damsm_image_size": None, "max_images": None}
    assert quick.stage("preprocess") == sizes | {"filter": "bicubic", "sides": "rounded"}
    assert paper.stage("preprocess") == sizes | {"filter": "bilinear", "sides": "truncated"}


def test_no_key_is_in_a_recipe_and_in_a_budget() -> None:
    params = load(ROOT / "params.yaml")
    for name in ("preprocess", "pretrain_damsm", "train_gan"):
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


@pytest.mark.parametrize(
    ("value", "snapshot"), [("last", "last"), ("best", "best"), ("450", 450), ("'0450'", 450), ("1000000", 1_000_000)]
)
def test_a_snapshot_is_the_last_the_best_or_a_step(value: str, snapshot: str | int) -> None:
    assert load(ROOT / "params.yaml", [f"sample.snapshot={value}"]).sample.snapshot == snapshot


@pytest.mark.parametrize(
    "value", ["lats", "0", "-450", "4.5", "450.0", "true", "no", "null", "[450]", "''", "best 450"]
)
def test_anything_else_is_no_snapshot(value: str) -> None:
    with pytest.raises(InputError) as caught:
        load(ROOT / "params.yaml", [f"sample.snapshot={value}"])
    assert re.fullmatch(
        r".*params.yaml: sample.snapshot = .*: legal are last, best and the step of a snapshot", str(caught.value)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["budgets.smoke.train_gan.snapshots=0"],
         "budgets.smoke.train_gan.snapshots = 0: must be greater than or equal to 1"),
        (["budgets.smoke.train_gan.snapshots=true"],
         "budgets.smoke.train_gan.snapshots = True: expected a number, not true or false"),
        (["budgets.smoke.score_snapshots.images=0"],
         "budgets.smoke.score_snapshots.images = 0: must be greater than or equal to 1"),
        (["budgets.smoke.train_gan.snapshot=3"],
         "budgets.smoke.train_gan.snapshot: unknown key; did you mean snapshots?"),
    ],
)  # fmt: skip
def test_a_training_has_a_step_for_each_snapshot(changes: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(ROOT / "params.yaml", [*changes, "budget=smoke"])
    assert str(caught.value).startswith(f"{ROOT / 'params.yaml'}: {message}")


def test_a_generator_with_one_image_does_not_grow() -> None:
    last = ["recipes.quick.train_gan.generator.image_scales=last"]
    load(ROOT / "params.yaml", [*last, "budget=study"])
    load(ROOT / "params.yaml", ["recipe=photo"])  # growth of another recipe
    with pytest.raises(InputError, match=r"budgets.demo.train_gan.grow_at = 0.6: must be 0 with recipes.quick.*'last'"):
        load(ROOT / "params.yaml", last)


def test_groups_whose_spread_is_seen_fill_a_batch() -> None:
    batch_size = "budgets.photo.train_gan.batch_size"
    load(ROOT / "params.yaml", ["recipe=photo", "budget=photo", f"{batch_size}=12"])
    load(ROOT / "params.yaml", ["budget=photo", f"{batch_size}=10"])  # without groups
    with pytest.raises(InputError, match=f"{batch_size} = 10: must be a multiple of recipes.photo.train_gan.*_std, 4"):
        load(ROOT / "params.yaml", ["recipe=photo", "budget=photo", f"{batch_size}=10"])


def test_snapshots_may_be_given_by_data_set_and_model_and_are_no_argument_of_the_training() -> None:
    change = "budgets.smoke.train_gan.snapshots={attngan: 3, dmgan: {toy_birds: 4, cub: 5}}"
    for model, data, count in (("attngan", "cub", 3), ("dmgan", "toy_birds", 4), ("dmgan", "cub", 5)):
        params = load(ROOT / "params.yaml", [change], budget="smoke", model=model, data=data)
        assert params.stage("train_gan")["snapshots"] == count and "snapshots" not in gan_arguments(params)
