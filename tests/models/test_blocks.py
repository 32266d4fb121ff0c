"""Blocks against the plain operations they stand for."""

import torch
from torch.nn.functional import conv2d, interpolate

from t2i.models.blocks import ConditioningAugmentation, ResidualBlock, UpBlock, UpConv3x3


def test_up_convolution_is_nearest_doubling_and_a_convolution_with_gradients() -> None:
    torch.manual_seed(0)
    up = UpConv3x3(5, 7)
    image, weights = torch.randn(2, 5, 4, 6, requires_grad=True), torch.randn(2, 7, 8, 12)
    plain = conv2d(interpolate(image, scale_factor=2, mode="nearest"), up.weight, padding=1)
    torch.testing.assert_close(up(image), plain, rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad((up(image) * weights).sum(), (image, up.weight))
    theirs = torch.autograd.grad((plain * weights).sum(), (image, up.weight))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_blocks_keep_their_promised_shapes() -> None:
    image = torch.randn(2, 16, 4, 4)
    for layers in ("glu_batchnorm", "leaky_groupnorm"):
        assert UpBlock(16, 8, layers)(image).shape == (2, 8, 8, 8)  # type: ignore[arg-type]
        assert ResidualBlock(16, layers)(image).shape == image.shape  # type: ignore[arg-type]


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
