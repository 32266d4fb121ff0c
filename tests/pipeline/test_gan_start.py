"""A generator and discriminators to go on from: which are taken, which refused with the way out."""

import logging
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from t2i.errors import InputError
from t2i.pipeline.damsm_start import damsm_start
from t2i.pipeline.gan_start import warn_of_other_text
from t2i.pipeline.start import Value, compare
from tests.pipeline.start_files import (
    SMOKE,
    params_of,
    save_damsm,
    save_discriminators,
    save_gan,
    start_gan,
)


def test_a_generator_is_taken_with_the_discriminators_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_gan(tmp_path / "gan.pt")
    with caplog.at_level(logging.INFO):
        alone = start_gan(f"start_from.gan={path}")
        save_discriminators(tmp_path / "discriminators.pt")
        both = start_gan(f"start_from.gan={path}")
    assert alone is not None and set(alone.contents) == {"gan"} and both is not None
    assert set(both.contents) == {"gan", "discriminators"}
    assert set(both.inputs) == {Path("start_from.gan"), Path("start_from.gan/discriminators")}
    line = "start_from.gan: no discriminators.pt beside it; discriminators start with initial weights"
    assert caplog.messages == [line]
    save_discriminators(tmp_path / "discriminators.pt", {"settings": {"seed": 1}})
    start_gan(f"start_from.gan={path}")
    assert caplog.messages[1:] == [
        f"start_from.gan: {tmp_path}/discriminators.pt is not of the training that gan.pt is of"
    ]


@pytest.mark.parametrize(
    ("given", "differences"),
    [
        ({"model": "dmgan"}, "model dmgan (not attngan); use -S model=dmgan"),
        ({"noise_dim": 10}, "noise_dim 10 (not 100); use -S models.attngan.noise_dim=10"),
        ({"ngf": 16, "mapping_layers": 0, "norm_act": "glu_batchnorm"},
         "ngf 16 (not 8), norm_act glu_batchnorm (not leaky_groupnorm), mapping_layers 0 (not 3); use "
         f"-S {SMOKE}.train_gan.generator.ngf=16 -S recipes.quick.train_gan.generator.norm_act=glu_batchnorm "
         "-S recipes.quick.train_gan.generator.mapping_layers=0"),
        ({"image_size": 64}, f"image_size 64 (not 32); use -S {SMOKE}.preprocess.image_size=64"),
        ({"embedding_dim": 32}, f"embedding_dim 32 (not 64); use -S {SMOKE}.pretrain_damsm.embedding_dim=32"),
    ],
)  # fmt: skip
def test_a_generator_of_other_sizes_is_refused_with_what_fits(
    tmp_path: Path, given: dict[str, Any], differences: str
) -> None:
    path = save_gan(tmp_path / "gan.pt", **given)
    with pytest.raises(InputError) as caught:
        start_gan(f"start_from.gan={path}")
    assert str(caught.value) == f"start_from.gan: {path} has {differences}"


@pytest.mark.parametrize(
    ("given", "differences"),
    [
        ({"ndf": 16}, f"ndf 16 (not 8); use -S {SMOKE}.train_gan.discriminator.ndf=16"),
        ({"norm": "spectral", "projection_dim": 0},
         "norm spectral (not none), projection_dim 0 (not 128); use -S recipes.quick.train_gan.discriminator.norm="
         "spectral -S recipes.quick.train_gan.discriminator.projection_dim=0"),
    ],
)  # fmt: skip
def test_discriminators_of_other_sizes_are_refused_with_what_fits(
    tmp_path: Path, given: dict[str, Any], differences: str
) -> None:
    path, beside = save_gan(tmp_path / "gan.pt"), save_discriminators(tmp_path / "discriminators.pt", **given)
    with pytest.raises(InputError) as caught:
        start_gan(f"start_from.gan={path}")
    otherwise = " (or move it elsewhere: discriminators then start anew)"
    assert str(caught.value) == f"start_from.gan: {beside} has {differences}{otherwise}"


def test_values_in_messages_are_as_dvc_and_the_shell_take_them(tmp_path: Path) -> None:
    values = [
        Value("a.backbone", {"name": "efficientnet_lite1", "side": 128}, None),
        Value("a.augment", ["contrast", "brightness"], []),
        Value("a.norm", "batch", "none"),
        Value("a.weight", 0.5, None),
        Value("a.flip", True, False),
    ]
    with pytest.raises(InputError) as caught:
        compare("gan", "gan.pt", values)
    arguments = shlex.split(str(caught.value).partition("; use ")[2])
    assert arguments == [
        "-S", "a.backbone={name: efficientnet_lite1, side: 128}", "-S", "a.augment=[contrast, brightness]",
        "-S", "a.norm=batch", "-S", "a.weight=0.5", "-S", "a.flip=true",
    ]  # fmt: skip
    params = tmp_path / "params.yaml"
    params.write_text(yaml.safe_dump({"a": dict.fromkeys(("backbone", "augment", "norm", "weight", "flip"))}))
    apply_overrides(params, arguments[1::2])
    assert yaml.safe_load(params.read_text())["a"] == {v.key.partition(".")[2]: v.of_file for v in values}


@pytest.mark.parametrize("sizes", [(32, 64), (32,)])
def test_discriminators_of_other_images_than_the_generator_s_are_refused(tmp_path: Path, sizes: tuple[int]) -> None:
    path, beside = save_gan(tmp_path / "gan.pt"), save_discriminators(tmp_path / "discriminators.pt", sizes=sizes)
    with pytest.raises(InputError) as caught:
        start_gan(f"start_from.gan={path}")
    assert str(caught.value) == (
        f"start_from.gan: {beside} is for images of {', '.join(map(str, sizes))} pixels, and gan.pt makes 16, 32: move "
        "it elsewhere, and discriminators start anew"
    )


def test_the_only_discriminator_is_that_of_the_only_image(tmp_path: Path) -> None:
    path = save_gan(tmp_path / "gan.pt", image_scales="last")
    save_discriminators(tmp_path / "discriminators.pt", sizes=(32,))
    last = ("recipes.quick.train_gan.generator.image_scales=last", "budgets.smoke.train_gan.grow_at=0")
    start = start_gan(f"start_from.gan={path}", *last)
    assert start is not None and list(start.contents) == ["gan", "discriminators"]
    with pytest.raises(
        InputError, match=r"has image_scales last \(not all\); use -S recipes.quick.*image_scales=last$"
    ):
        start_gan(f"start_from.gan={path}")


def test_a_generator_of_another_text_encoder_is_mentioned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start = start_gan(f"start_from.gan={save_gan(tmp_path / 'gan.pt')}")
    assert start is not None
    own = start.contents["gan"]["text"]["state"]
    trained = {name: value + 1 for name, value in own.items()}
    encoders = damsm_start(params_of(f"start_from.damsm={save_damsm(tmp_path / 'damsm.pt')}"), "ascii")
    assert encoders is not None
    record = {"inputs": {path.as_posix(): digest for path, digest in encoders.inputs.items()}}
    caplog.clear()
    warn_of_other_text(start, own, {})
    warn_of_other_text(start, trained, record)  # both files have the same text encoder
    assert caplog.messages == []
    warn_of_other_text(start, trained, {})
    assert caplog.messages == [
        "start_from.gan: its generator reads sentences of another text encoder than that of models/damsm.pt; "
        "start_from.damsm takes the damsm.pt of its training"
    ]
