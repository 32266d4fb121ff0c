"""Encoders to go on from: which are taken, which refused with the way out, and their words."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints.provenance import file_digest
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.pipeline.damsm_start import damsm_start, vocabulary_of
from tests.pipeline.start_files import (
    SMOKE,
    WORDS,
    params_of,
    save_damsm,
)


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
