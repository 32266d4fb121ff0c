"""The Inception image encoder: how it resizes is part of its model file."""

from typing import Any

import pytest
import torch
from torch.nn.functional import interpolate

from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.inception import SIDE, InceptionImageEncoder
from t2i.models.encoders.text import TextEncoder


def damsm(**image: Any) -> Damsm:
    torch.manual_seed(0)
    text = TextEncoder(Vocabulary(["<end>", "a"]), embedding_dim=4, word_dim=2)
    return Damsm(text, build_image_encoder("inception_v3", embedding_dim=4, **image)).eval()


@pytest.mark.parametrize("align_corners", [False, True])
@torch.no_grad()
def test_images_are_resized_as_the_checkpoint_says(align_corners: bool) -> None:
    encoders = damsm(align_corners=align_corners)
    again = Damsm.from_checkpoint(encoders.to_checkpoint())
    assert again.image.config == {"kind": "inception_v3", "embedding_dim": 4, "align_corners": align_corners}
    images = torch.rand(1, 3, 64, 64) * 2 - 1
    resized = interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=align_corners)
    for encoder in (encoders.image, again.image):
        regions, code = encoder(images)
        of_resized = encoder(resized)  # nothing is left to do
        assert torch.equal(regions, of_resized[0]) and torch.equal(code, of_resized[1])


@pytest.mark.parametrize("align_corners", [False, True])
def test_images_of_299_pixels_are_left_as_they_are(align_corners: bool) -> None:
    encoder = InceptionImageEncoder(4, align_corners)
    encoder.body = torch.nn.ModuleDict({"Mixed_6e": torch.nn.Identity()})
    encoder.region_head = torch.nn.Identity()  # type: ignore[assignment]
    encoder.code_head = torch.nn.Linear(3, 4)
    images = (torch.rand(2, 3, SIDE, SIDE) * 2 - 1).to(memory_format=torch.channels_last).requires_grad_()
    entered, _ = encoder(images)
    (gradient,) = torch.autograd.grad((entered**2).sum(), images)
    assert torch.equal(entered, images) and torch.equal(gradient, 2 * images.detach())


def test_model_files_that_do_not_say_keep_the_edges() -> None:
    content = damsm(align_corners=True).to_checkpoint()
    del content["image"]["config"]["align_corners"]  # as written before there was a choice
    image = Damsm.from_checkpoint(content).image
    assert isinstance(image, InceptionImageEncoder) and image.align_corners is False
    assert image.config == damsm().image.config


def test_the_small_encoder_has_no_such_choice() -> None:
    with pytest.raises(TypeError, match="align_corners"):
        build_image_encoder("small", embedding_dim=4, width=2, align_corners=True)
