"""Blocks against the plain operations they stand for."""

from typing import get_args

import pytest
import torch
from torch.nn.functional import conv2d, glu, interpolate

from t2i.models.blocks import GLU, ConditioningAugmentation, NormAct, ResidualBlock, UpBlock, UpConv3x3


@pytest.mark.parametrize("width", [4, 6])  # the smaller image is doubled first
def test_up_convolution_is_nearest_doubling_and_a_convolution_with_gradients(width: int) -> None:
    torch.manual_seed(0)
    up = UpConv3x3(5, 7)
    image, weights = torch.randn(2, 5, 4, width, requires_grad=True), torch.randn(2, 7, 8, 2 * width)
    plain = conv2d(interpolate(image, scale_factor=2, mode="nearest"), up.weight, padding=1)
    torch.testing.assert_close(up(image), plain, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad((up(image) * weights).sum(), (image, up.weight))
    theirs = torch.autograd.grad((plain * weights).sum(), (image, up.weight))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layers", get_args(NormAct))
def test_a_twofold_block_is_a_residual_block_of_a_stack_with_gradients(layers: NormAct) -> None:
    torch.manual_seed(0)
    duplicated_input, plain = ResidualBlock(16, layers, duplicated_input=True), ResidualBlock(16, layers)
    plain.load_state_dict(duplicated_input.state_dict())
    image = torch.randn(2, 8, 4, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    ours, theirs = duplicated_input(image), plain(torch.cat((image, image), dim=1))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    weights = torch.randn_like(ours)
    gradients = [
        torch.autograd.grad((made * weights).sum(), (image, *block.parameters()))
        for made, block in ((ours, duplicated_input), (theirs, plain))
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_gated_units_are_those_of_torch_and_keep_the_layout_of_gradients() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 6, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    ours, theirs = GLU()(image), glu(image, dim=1)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(ours)
    (gradient,), (expected,) = (torch.autograd.grad((made * weights).sum(), image) for made in (ours, theirs))
    torch.testing.assert_close(gradient, expected)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_blocks_keep_their_promised_shapes() -> None:
    image = torch.randn(2, 16, 4, 4)
    for layers in get_args(NormAct):
        assert UpBlock(16, 8, layers)(image).shape == (2, 8, 8, 8)
        assert ResidualBlock(16, layers)(image).shape == image.shape


def test_condition_is_the_mean_without_noise_and_spreads_with_it() -> None:
    torch.manual_seed(0)
    augment = ConditioningAugmentation(6, 4)
    sentence, epsilon = torch.randn(3, 6), torch.randn(3, 4)
    condition, mu, logvar = augment(sentence, torch.zeros(3, 4))
    torch.testing.assert_close(condition, mu)
    moved, _, _ = augment(sentence, epsilon)
    torch.testing.assert_close((moved - mu) / epsilon, (0.5 * logvar).exp(), rtol=1e-4, atol=1e-4)
    # mu and log variance come from a gated linear unit: the second half of its channels gates the first
    value, gate = augment.linear(sentence).chunk(2, dim=1)
    torch.testing.assert_close(torch.cat((mu, logvar), dim=1), value * gate.sigmoid())
