"""The discriminator's shared convolution against the plain one on joined maps."""

import pytest
import torch

from t2i.models.discriminator import Discriminator, Norm


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_conditional_logits_equal_those_of_features_joined_with_tiled_sentences(norm: str) -> None:
    torch.manual_seed(0)
    network = Discriminator(32, 8, 12, norm)  # type: ignore[arg-type]
    images, sentences = torch.randn(3, 3, 32, 32), [torch.randn(3, 12), torch.randn(3, 12)]
    unconditional, conditional = network(images, *sentences)
    features = network.trunk(images)
    torch.testing.assert_close(unconditional, network.unconditional_head(features).flatten())
    for sentence, logits in zip(sentences, conditional, strict=True):
        joined = torch.cat((features, sentence[:, :, None, None].expand(-1, -1, 4, 4)), dim=1)
        plain = network.conditional_head(network.after_joint(network.joint(joined))).flatten()
        torch.testing.assert_close(logits, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("size", "channels"), [(8, 8), (32, 32), (64, 64), (128, 64), (256, 64)])
def test_trunk_ends_at_4x4_with_at_most_eight_ndf(size: int, channels: int) -> None:
    features = Discriminator(size, 8, 4, "none").trunk(torch.zeros(1, 3, size, size))
    assert features.shape == (1, channels, 4, 4)


def test_sizes_that_are_no_power_of_two_are_refused() -> None:
    with pytest.raises(ValueError, match="size is 48; legal are powers of two from 8"):
        Discriminator(48, 8, 4, "none")


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_several_sets_of_images_pass_as_if_by_themselves(norm: Norm) -> None:
    torch.manual_seed(0)
    together, apart = Discriminator(16, 4, 6, norm), Discriminator(16, 4, 6, norm)
    apart.load_state_dict(together.state_dict())
    for network in (together, apart):
        network.train(norm == "batch")  # spectral norms take a step at each pass of training
    sets = torch.randn(3, 3, 16, 16), 5 + torch.randn(2, 3, 16, 16)
    for found, images in zip(together.features(*sets), sets, strict=True):
        torch.testing.assert_close(found, apart.trunk(images))
    for (name, found), expected in zip(together.named_buffers(), apart.buffers(), strict=True):
        torch.testing.assert_close(found, expected, msg=name)
