"""Model files to go on from: which are taken, which refused with the way out, and what is logged and recorded."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.start import Start, damsm_start, gan_start, vocabulary_of, warn_of_other_text
from tests.conftest import ROOT

WORDS = ["<end>", "red", "bird"]
SMOKE = "budgets.smoke"


def params_of(*changes: str, **selectors: str) -> Params:
    return load(ROOT / "params.yaml", changes, **{"budget": "smoke", **selectors})


def save_damsm(
    path: Path, tokens: Any = "ascii", dim: int = 64, word_dim: int = 64, image: Any = None, pooling: Any = "max"
) -> Path:
    torch.manual_seed(0)
    text = TextEncoder(Vocabulary(WORDS, tokens), embedding_dim=dim, word_dim=word_dim, sentence_pooling=pooling)
    encoder = build_image_encoder(**(image or {"kind": "small", "width": 16}), embedding_dim=dim)
    model_file.save(path, "damsm", {**Damsm(text, encoder).to_checkpoint(), "provenance": {}})
    return path


def save_gan(path: Path, record: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A gan.pt of the smoke budget, but for some arguments of the generator."""
    torch.manual_seed(0)
    text = TextEncoder(Vocabulary(WORDS), embedding_dim=64, word_dim=64, sentence_pooling="max")
    given = {**params_of().generator, "model": "attngan", "embedding_dim": 64, "image_size": 32, **changes}
    content = {"generator": Generator(**given).to_checkpoint(), "text": text.to_checkpoint()}
    model_file.save(path, "gan", {**content, "provenance": record or {"settings": {}}})
    return path


def save_discriminators(
    path: Path, record: dict[str, Any] | None = None, sizes: Any = (16, 32), **changes: Any
) -> Path:
    given = {"ndf": 8, "embedding_dim": 64, "norm": "none", "projection_dim": 128, **changes}
    scales = {str(size): Discriminator(size, **given).to_checkpoint() for size in sizes}
    model_file.save(path, "discriminators", {"scales": scales, "provenance": record or {"settings": {}}})
    return path


def start_gan(*changes: str, image_size: int = 32, **selectors: str) -> Start | None:
    return gan_start(params_of(*changes, **selectors), embedding_dim=64, image_size=image_size)


def test_null_starts_with_initial_weights() -> None:
    assert damsm_start(params_of(), "ascii") is None and start_gan() is None


def test_encoders_that_fit_are_taken_and_recorded(tmp_path: Path) -> None:
    path = save_damsm(tmp_path / "damsm.pt")
    start = damsm_start(params_of(f"start_from.damsm={path}"), "ascii")
    assert start is not None and start.inputs[Path("start_from.damsm")] == file_digest(path)
    assert start.contents["damsm"]["text"]["vocabulary"]["words"] == WORDS


@pytest.mark.parametrize(
    ("given", "selectors", "differences"),
    [
        ({"dim": 32}, {}, f"embedding_dim 32 (not 64); use -S {SMOKE}.pretrain_damsm.embedding_dim=32"),
        ({"word_dim": 20, "pooling": "last"}, {},
         "word_dim 20 (not 64), sentence_pooling last (not max); use "
         f"-S {SMOKE}.pretrain_damsm.text_encoder.word_dim=20 "
         "-S recipes.quick.pretrain_damsm.text_encoder.sentence_pooling=last"),
        ({"tokens": "unicode"}, {"data": "cub"}, "tokens unicode (not ascii); use -S datasets.cub.tokens=unicode"),
        ({"image": {"kind": "small", "width": 8}}, {},
         f"width 8 (not 16); use -S {SMOKE}.pretrain_damsm.image_encoder.width=8"),
    ],
)  # fmt: skip
def test_encoders_of_other_sizes_are_refused_with_what_fits(
    tmp_path: Path, given: dict[str, Any], selectors: dict[str, str], differences: str
) -> None:
    path = save_damsm(tmp_path / "damsm.pt", **given)
    with pytest.raises(InputError) as caught:
        damsm_start(params_of(f"start_from.damsm={path}", **selectors), "ascii")
    assert str(caught.value) == f"start_from.damsm: {path} has {differences}"


def test_an_image_encoder_of_another_kind_or_resizing_is_refused(tmp_path: Path) -> None:
    path = save_damsm(tmp_path / "damsm.pt")
    content = torch.load(path, weights_only=True)
    content["image"]["config"] = {"kind": "inception_v3", "embedding_dim": 64}  # older files do not say align_corners
    torch.save(content, path)
    image = f"{SMOKE}.pretrain_damsm.image_encoder"
    with pytest.raises(InputError) as caught:
        damsm_start(params_of(f"start_from.damsm={path}"), "ascii")
    assert str(caught.value).endswith(
        "has kind inception_v3 (not small), width null (not 16); use "
        f"-S {image}.kind=inception_v3 -S {image}.width=null"
    )
    inception = (f"{image}.kind=inception_v3", f"{image}.width=null")  # what the line says, followed
    assert damsm_start(params_of(f"start_from.damsm={path}", *inception), "ascii") is not None
    with pytest.raises(InputError, match=r"align_corners false \(not true\); use -S models.dmgan.align_corners=false$"):
        damsm_start(params_of(f"start_from.damsm={path}", *inception, model="dmgan"), "ascii")


def test_an_image_encoder_that_sees_other_sizes_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("timm")
    image = f"{SMOKE}.pretrain_damsm.image_encoder"
    path = save_damsm(tmp_path / "damsm.pt", image={"kind": "timm/test_resnet", "side": 32})
    same = (f"start_from.damsm={path}", f"{image}={{kind: timm/test_resnet, side: 32}}")
    assert damsm_start(params_of(*same), "ascii") is not None
    with pytest.raises(InputError, match=r"has side 32 \(not 64\); use -S .*image_encoder.side=32$"):
        damsm_start(params_of(*same, f"{image}.side=64"), "ascii")


@pytest.mark.parametrize("trained", [True, False])
def test_new_words_follow_those_of_the_encoders_if_they_are_trained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trained: bool
) -> None:
    path = save_damsm(tmp_path / "damsm.pt")
    start = damsm_start(params_of(f"start_from.damsm={path}"), "ascii")
    assert start is not None
    with caplog.at_level(logging.INFO):
        one = vocabulary_of(start, Vocabulary(["<end>", "bird", "aviary"]), trained=trained)
        many = vocabulary_of(start, Vocabulary(["<end>", *(f"w{n}" for n in range(12))]), trained=trained)
        same = vocabulary_of(start, Vocabulary(["<end>", "bird"]), trained=trained)
    assert one.words == [*WORDS, "aviary"][: None if trained else 3] and same.words == WORDS
    assert many.words == [*WORDS, *(f"w{n}" for n in range(12))][: None if trained else 3]
    end = "" if trained else "; without training they stay unknown"
    assert caplog.messages == [
        f"start_from.damsm: 3 words and 1 new word: aviary{end}",
        f"start_from.damsm: 3 words and 12 new words: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, ...{end}",
    ]


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
    last = ("recipes.quick.train_gan.generator.image_scales=last", "recipes.quick.train_gan.grow_at=0")
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


def refused(name: str, given: object) -> str:
    params = params_of(f"start_from.{name}={given}")
    with pytest.raises(InputError) as caught:
        damsm_start(params, "ascii") if name == "damsm" else gan_start(params, embedding_dim=64, image_size=32)
    return str(caught.value).removeprefix(f"start_from.{name}: ")


def test_files_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    legal = "; legal are an absolute path and one from the root of the repository"
    assert refused("damsm", "runs/damsm.pt") == f"there is no {tmp_path}/runs/damsm.pt{legal}"
    (tmp_path / "netG.pth").write_bytes(b"x")
    assert refused("gan", "netG.pth").startswith("netG.pth: not a model file, or damaged")
    torch.save({"a": torch.ones(2)}, tmp_path / "netG.pth")
    line = "netG.pth: not a model file of this repository; `t2i import` reads published checkpoints"
    assert refused("gan", "netG.pth") == line
    save_damsm(tmp_path / "damsm.pt")
    assert refused("gan", "damsm.pt") == "damsm.pt: holds 'damsm' where a 'gan' model is needed"
    assert refused("damsm", tmp_path) == f"{tmp_path}: a folder, where a model file is needed"
    model_file.save(tmp_path / "empty.pt", "damsm", {})
    assert refused("damsm", "empty.pt").startswith("empty.pt: its content does not fit this version (KeyError: 'text')")


@pytest.mark.parametrize("given", ["models/gan.pt", "./models/../models/gan.pt", "models/snapshots/000300.pt"])
def test_what_the_run_itself_makes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "snapshots").mkdir(parents=True)
    save_gan(tmp_path / given)
    for path in (given, tmp_path / given):
        assert refused("gan", path) == (
            f"{path} is what the run itself makes, and DVC removes it first: copy it to another folder (for `t2i "
            "import`: --out) and give its path there"
        )


def test_queued_runs_find_files_of_the_repository_that_they_are_a_copy_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    save_damsm(tmp_path / "start.pt")
    assert damsm_start(params_of("start_from.damsm=start.pt"), "ascii") is not None
    assert refused("gan", "runs/gan.pt").startswith(f"there is no {tmp_path}/runs/gan.pt; legal are ")
    assert "is what the run itself makes" in refused("gan", tmp_path / "models" / "gan.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("start_from.gan=''", "start_from.gan = '': String should have at least 1 character"),
        ("start_from.gna=x", "start_from.gna: unknown key; did you mean gan?"),
        ("budgets.smoke.pretrain_damsm.steps=0",
         "budgets.smoke.pretrain_damsm has no steps: only encoders that start_from.damsm names can do without"),
        ("budgets.smoke.train_judge.steps=0", "train_judge.steps = 0: must be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_values_that_make_no_sense(change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        params_of(change)
    assert str(caught.value).endswith(message)


def test_an_untilded_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_damsm(tmp_path / "damsm.pt")
    assert damsm_start(params_of("start_from.damsm=~/damsm.pt"), "ascii") is not None
