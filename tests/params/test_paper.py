"""Recipe and budget of the paper against the published configuration files (Ye et al.)."""

import pytest

from t2i.check.reading import pack_arguments
from t2i.errors import InputError
from t2i.params import Params, Sample
from t2i.params.reader import load
from t2i.sources.pack_writer import packed_sides
from tests.conftest import ROOT


def chosen(data: str, model: str, budget: str = "paper") -> Params:
    return load(ROOT / "params.yaml", data=data, model=model, recipe="paper", budget=budget)


GAN = {  # (data, model): epochs, batch, ngf, ndf, residual blocks, DAMSM weight, norm of the discriminators, snapshots
    ("cub", "attngan"): (600, 20, 32, 64, 2, 5, "batch", 12),
    ("cub", "dmgan"): (800, 10, 64, 32, 2, 5, "spectral", 16),
    ("coco", "attngan"): (120, 14, 48, 96, 3, 50, "batch", 12),
    ("coco", "dmgan"): (200, 16, 64, 32, 3, 50, "spectral", 20),
}


@pytest.mark.parametrize(("data", "model"), GAN)
def test_gan_settings_are_the_published_ones(data: str, model: str) -> None:
    epochs, batch_size, ngf, ndf, residual_blocks, damsm, norm, snapshots = GAN[data, model]
    params = chosen(data, model)
    assert params.stage("train_gan") == {
        "steps": None, "epochs": epochs, "batch_size": batch_size, "captions_per_image": 2, "init": "orthogonal",
        "grow_at": 0.0, "snapshots": snapshots,
        "generator": {
            "base_size": 64, "ngf": ngf, "residual_blocks": residual_blocks, "norm_act": "glu_batchnorm",
            "mapping_layers": 0, "binary_noise_dims": 0, "image_scales": "all",
        },
        "discriminator": {
            "backbone": None, "augment": [], "ndf": ndf, "norm": norm, "projection_dim": 0,
            "minibatch_std": 0, "negative_captions": "next",
        },
        "losses": {
            "adversarial": "bce", "damsm": damsm, "kl": 1.0, "mode_seeking": 0.0, "matching": 0.0, "r1": 0.0,
            "r1_every": 1, "memory_bank": 0,
        },
        "optimizer": {
            "lr_generator": 2e-4, "lr_discriminator": 2e-4, "beta1": 0.5, "beta2": 0.999, "lr_decay_start": 1.0,
            "ema_decay": 0.999,
        },
    }  # fmt: skip
    assert params.stage("preprocess") == {
        "image_size": 256, "damsm_image_size": 299, "max_images": None, "filter": "bilinear", "sides": "truncated",
    }  # fmt: skip
    # of the branches: int(256 * 76 / 64); of DAMSM pretraining, with one branch of 299: int(299 * 76 / 64)
    assert packed_sides(**pack_arguments(params)) == {256: 304, 299: 355}
    assert (params.generator["noise_dim"], params.generator["condition_dim"]) == (100, 100)


@pytest.mark.parametrize(
    ("data", "epochs", "gan_words", "damsm_words", "sample_words"),
    [("cub", 200, 18, 18, 25), ("coco", 100, 12, 15, 20)],
)
def test_damsm_settings_are_the_published_ones(
    data: str, epochs: int, gan_words: int, damsm_words: int, sample_words: int
) -> None:
    params = chosen(data, "attngan")
    assert params.stage("pretrain_damsm") == {
        "steps": None, "epochs": epochs, "batch_size": 48, "embedding_dim": 256, "captions_per_image": 2,
        "text_encoder": {
            "word_dim": 300, "dropout": 0.5, "word_init_range": 0.1, "forget_bias": 0.0, "sentence_pooling": "last",
        },
        "image_encoder": {"kind": "inception_v3", "width": None, "side": None},
        "losses": {"negatives": "view"},
        "optimizer": {"lr": 2e-3, "lr_decay": 0.98, "lr_min_ratio": 0.1, "gradient_clip": 0.25, "reset": "epoch"},
    }  # fmt: skip
    assert (params.dataset.max_words, params.dataset.damsm_max_words) == (gan_words, damsm_words)
    assert params.dataset.sample_max_words == sample_words
    assert params.dataset.resize_ratio == 76 / 64 and params.dataset.flip


def test_loss_weights_are_the_published_ones() -> None:
    params = chosen("cub", "attngan")
    loss = params.loss
    assert (loss.lambda_, loss.temperature, loss.damsm_lambda) == (0.2, 0.5, 1.0)
    assert (loss.gamma1, loss.gamma2, loss.gamma3) == (4, 5, 10)
    assert loss.shared_noise == "none" and load(ROOT / "params.yaml", recipe="quick").loss.shared_noise == "all"
    assert params.datasets.cub.source.box_scale == 1.5 and params.datasets.cub.source.captions_per_image == 10


@pytest.mark.parametrize(("data", "images"), [("cub", 2933), ("coco", 40504)])
def test_30000_images_are_scored(data: str, images: int) -> None:
    params = chosen(data, "attngan")
    assert params.sample.protocol == "published"
    assert params.pictures([10] * images) == {"published": 30_000, "paired": 5_000}
    paired = params.model_copy(update={"sample": Sample(protocol="paired", snapshot="last")})
    assert paired.pictures([10] * images) == {"paired": 30_000}


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_a_small_budget_keeps_the_recipe(model: str) -> None:
    small, paper = (params.stage("train_gan") for params in (chosen("toy_birds", model, "small"), chosen("cub", model)))
    # the paper has a weight of the DAMSM loss for each data set: 5 for CUB, 50 for COCO, and none for drawn birds
    small["losses"]["damsm"] = paper["losses"]["damsm"]
    for group in ("losses", "optimizer"):
        assert small[group] == paper[group]
    for group, sizes in (("generator", {"base_size", "ngf", "residual_blocks"}), ("discriminator", {"ndf"})):
        kept = {key: value for key, value in paper[group].items() if key not in sizes}
        assert small[group] | kept == small[group]


@pytest.mark.parametrize(
    ("recipe", "resizing"), [("quick", ("bicubic", "rounded")), ("paper", ("bilinear", "truncated"))]
)
@pytest.mark.parametrize("budget", ["smoke", "demo", "study", "small"])
def test_other_budgets_read_the_same_pixels_in_damsm_pretraining(
    budget: str, recipe: str, resizing: tuple[str, str]
) -> None:
    stage = load(ROOT / "params.yaml", recipe=recipe, budget=budget).stage("preprocess")
    assert stage["damsm_image_size"] is None and (stage["filter"], stage["sides"]) == resizing


def test_numbers_of_the_paper_need_a_data_set_of_the_paper() -> None:
    with pytest.raises(InputError, match=r"budgets.paper.\S+: nothing for data toy_birds; there are cub, coco"):
        chosen("toy_birds", "attngan")
    with pytest.raises(InputError, match=r"recipes.paper.\S+damsm: nothing for data custom; there are cub, coco"):
        chosen("custom", "attngan", "small")
