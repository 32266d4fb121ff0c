"""The paper budgets against the published sizes and settings (Ye et al., its published configuration files)."""

from pathlib import Path
from typing import Any

import pytest

from t2i.errors import InputError
from t2i.params import Params
from t2i.params_file import load
from tests.conftest import ROOT


def chosen(data: str, model: str, budget: str = "paper") -> Params:
    return load(ROOT / "params.yaml", data=data, model=model, budget=budget)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """params.yaml with one thing replaced."""
    text = (ROOT / "params.yaml").read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1))
    return tmp_path / "params.yaml"


GAN = {  # (data, model): epochs, batch, ngf, ndf, residual blocks, DAMSM weight, norm of the discriminators
    ("cub", "attngan"): (600, 20, 32, 64, 2, 5, "batch"),
    ("cub", "dmgan"): (800, 10, 64, 32, 2, 5, "spectral"),
    ("coco", "attngan"): (120, 14, 48, 96, 3, 50, "batch"),
    ("coco", "dmgan"): (200, 16, 64, 32, 3, 50, "spectral"),
}


@pytest.mark.parametrize(("data", "model"), GAN)
def test_gan_settings_are_the_published_ones(data: str, model: str) -> None:
    params = chosen(data, model)
    settings = params.budgets["paper"].train_gan
    assert (
        settings.epochs, settings.batch_size, settings.ngf, settings.ndf, settings.residual_blocks,
        settings.damsm_weight, settings.discriminator_norm,
    ) == GAN[data, model]  # fmt: skip
    expected: dict[str, Any] = {
        "steps": None, "captions": 2, "base_size": 64, "layers": "glu_batchnorm", "adversarial": "bce",
        "mismatched": "next", "matching_weight": 0.0, "remembered": 0, "projection": 0, "initial_weights": "orthogonal",
        "lr_generator": 2e-4, "lr_discriminator": 2e-4, "beta1": 0.5, "beta2": 0.999, "decay_from": 1.0,
        "ema_decay": 0.999, "kl_weight": 1.0, "gradient_penalty": 0.0, "diversity_weight": 0.0,
        "grow_at": 0.0, "mapping_layers": 0, "noise_bits": 0,
    }  # fmt: skip
    assert {key: getattr(settings, key) for key in expected} == expected
    assert params.budgets["paper"].preprocess.image_size == 256
    sizes = getattr(params.models, model)
    assert (sizes.noise_dim, sizes.condition_dim) == (100, 100)


@pytest.mark.parametrize(("data", "epochs", "gan_words", "damsm_words"), [("cub", 200, 18, 18), ("coco", 100, 12, 15)])
def test_damsm_settings_are_the_published_ones(data: str, epochs: int, gan_words: int, damsm_words: int) -> None:
    params = chosen(data, "attngan")
    settings, dataset = params.budgets["paper"].pretrain_damsm, getattr(params.datasets, data)
    expected: dict[str, Any] = {
        "steps": None, "epochs": epochs, "batch_size": 48, "captions": 2, "candidates": "view", "lr": 2e-3,
        "lr_decay": 0.98, "lr_floor": 0.1, "gradient_clip": 0.25, "embedding_dim": 256, "word_dim": 300, "dropout": 0.5,
        "word_range": 0.1, "forget_bias": 0.0, "sentence": "last", "image_encoder": "inception_v3",
    }  # fmt: skip
    assert {key: getattr(settings, key) for key in expected} == expected
    assert (dataset.max_words, dataset.damsm_max_words) == (gan_words, damsm_words)
    assert dataset.resize_ratio == 76 / 64 and dataset.flip


def test_loss_weights_are_the_published_ones() -> None:
    params = chosen("cub", "attngan")
    loss = params.loss
    assert (loss.lambda_, loss.temperature, loss.damsm_contrastive) == (0.2, 0.5, 1.0)
    assert (loss.gamma1, loss.gamma2, loss.gamma3) == (4, 5, 10)
    assert params.datasets.cub.source.box_scale == 1.5 and params.datasets.cub.source.captions_per_image == 10


@pytest.mark.parametrize(("data", "images"), [("cub", 2933), ("coco", 40504)])
def test_30000_pictures_are_scored(data: str, images: int) -> None:
    sample = chosen(data, "attngan").budgets["paper"].sample
    assert sample.images <= images and sample.images * sample.noises * 2 == 30_000


def test_a_number_that_is_given_for_other_data_sets_only_is_missed() -> None:
    with pytest.raises(InputError, match=r"budgets.paper.\S+: nothing for data toy_birds; there are cub, coco"):
        chosen("toy_birds", "attngan")


def test_numbers_by_data_and_model_work_in_any_budget(tmp_path: Path) -> None:
    path = changed(tmp_path, "steps: 12, ", "steps: {toy_birds: {attngan: 3, dmgan: 5}, cub: 7}, ")
    for data, model, steps in (("toy_birds", "attngan", 3), ("toy_birds", "dmgan", 5), ("cub", "dmgan", 7)):
        assert load(path, data=data, model=model, budget="smoke").budgets["smoke"].train_gan.steps == steps
    path = changed(tmp_path, "steps: 12, ", "steps: {toy_birds: 3, cub: many}, ")
    with pytest.raises(InputError, match=r"budgets.smoke.train_gan.steps = 'many': must be a valid integer"):
        load(path, data="cub", budget="smoke")


@pytest.mark.parametrize("length", ["", "steps: 12, epochs: 3, "])
def test_steps_or_epochs_but_not_both(tmp_path: Path, length: str) -> None:
    with pytest.raises(InputError, match="budgets.smoke.train_gan: legal is one of steps and epochs"):
        load(changed(tmp_path, "steps: 12, ", length))


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_paper32_keeps_the_recipe_and_the_encoders_of_study(model: str) -> None:
    params = chosen("toy_birds", model, "paper32")
    small, study = params.budgets["paper32"], params.budgets["study"]
    paper = chosen("cub", model).budgets["paper"].train_gan
    assert (small.pretrain_damsm, small.train_judge) == (study.pretrain_damsm, study.train_judge)
    # the paper has a weight of the DAMSM loss for each data set: 5 for CUB, 50 for COCO, and none for drawn birds
    sizes = {"steps", "epochs", "batch_size", "base_size", "ngf", "ndf", "residual_blocks", "damsm_weight"}
    assert {k: v for k, v in small.train_gan if k not in sizes} == {k: v for k, v in paper if k not in sizes}
