"""The discriminator on frozen features: what is trained, what is frozen, and its logits against plain ones."""

import pytest
import torch

from t2i.errors import InputError
from t2i.models.projected_discriminator import LEVELS, ProjectedDiscriminator, Projection

pytest.importorskip("timm")

BACKBONE = "timm/test_efficientnet"


def make(norm: str = "spectral", minibatch_std: int = 0) -> ProjectedDiscriminator:
    torch.manual_seed(0)
    projection = Projection(BACKBONE, 128, 4)
    return ProjectedDiscriminator(projection, 4, 6, norm, 5, minibatch_std).eval()  # type: ignore[arg-type]


def test_every_level_judges_by_itself() -> None:
    network, images, sentences = make(), torch.rand(3, 3, 64, 64), torch.randn(2, 6)
    (features,) = network.features(images)
    assert features.shape == (3, LEVELS * 8 * 4, 4, 4)
    unconditional, (conditional,) = network.unconditional(features), network.conditional(features, sentences)
    assert unconditional.shape == (3, LEVELS) and conditional.shape == (2, LEVELS)
    assert network.similarity(features, sentences).shape == (3, 2)
    changed = features.clone()
    changed[:, 32:64] += 1  # the second level
    same = network.unconditional(changed) == unconditional
    assert same[:, [0, 2, 3]].all() and not same[:, 1].any()


def test_conditional_logits_and_similarity_are_inner_products_of_projections() -> None:
    network, features, sentences = make(), torch.randn(3, LEVELS * 32, 4, 4), torch.randn(3, 6)
    (logits,) = network.conditional(features, sentences)
    similarity = network.similarity(features, sentences)
    image_weight = network.project_image.weight.view(LEVELS, 5, -1)
    image_bias = network.project_image.bias
    assert image_bias is not None
    sentence_weight = network.project_sentence.weight.view(LEVELS, 5, 6)
    head = network.conditional_head(features).flatten(1)
    for n in range(3):
        for m in range(3):
            levels = []
            for level in range(LEVELS):
                of_level = features[n, 32 * level : 32 * (level + 1)].flatten()
                image = image_weight[level] @ of_level + image_bias.view(LEVELS, 5)[level]
                levels.append(image @ (sentence_weight[level] @ sentences[m]) / 5**0.5)
            torch.testing.assert_close(similarity[n, m], torch.stack(levels).mean())
            if n == m:
                torch.testing.assert_close(logits[n], head[n] + torch.stack(levels))


def test_gradients_reach_the_images_and_no_frozen_weight() -> None:
    network, images = make(), torch.rand(2, 3, 64, 64, requires_grad=True)
    network.requires_grad_(True)
    unconditional, (conditional,) = network(images, torch.randn(2, 6))
    (unconditional.sum() + conditional.sum()).backward()
    assert images.grad is not None and images.grad.abs().amax(dim=(1, 2, 3)).gt(0).all()
    (projection,) = network._projection
    assert all(weight.grad is None and not weight.requires_grad for weight in projection.parameters())
    assert all(weight.grad is not None for weight in network.parameters())


def test_the_frozen_part_is_in_no_file_and_moves_along() -> None:
    network = make()
    frozen = {weight.data_ptr() for weight in network._projection[0].parameters()}
    assert not frozen & {value.data_ptr() for value in network.state_dict().values()}
    assert not any("backbone" in name or "across" in name for name in network.state_dict())
    network.double()
    assert {weight.dtype for weight in network._projection[0].parameters()} == {torch.float64}
    assert network(torch.rand(1, 3, 32, 32).double())[0].dtype == torch.float32  # logits are float32


def test_the_random_mixing_is_always_the_same() -> None:
    first, second = (Projection(BACKBONE, 128, 4) for _ in range(2))
    for mixing in ("across_channels", "across_levels"):
        layers = (projection.get_submodule(mixing).parameters() for projection in (first, second))
        assert all(torch.equal(one, other) for one, other in zip(*layers, strict=True))


@pytest.mark.parametrize("norm", ["none", "batch", "spectral"])
def test_several_sets_of_images_pass_as_if_by_themselves(norm: str) -> None:
    together, apart = make(norm), make(norm)
    for network in (together, apart):
        network.train(norm == "batch")  # spectral norms take a step at each pass of training
    sets = torch.rand(3, 3, 32, 32), torch.rand(2, 3, 32, 32) - 1
    for found, images in zip(together.features(*sets), sets, strict=True):
        torch.testing.assert_close(found, apart.features(images)[0], rtol=1e-4, atol=1e-5)


def test_the_spread_of_a_group_is_one_more_channel_of_each_level() -> None:
    plain, network = make(), make(minibatch_std=2)
    sets = torch.rand(4, 3, 32, 32), torch.rand(1, 3, 32, 32).expand(2, -1, -1, -1)
    for features, expected in zip(network.features(*sets), plain.features(*sets), strict=True):
        levels = features.unflatten(1, (LEVELS, 33))
        torch.testing.assert_close(levels[:, :, :32], expected.unflatten(1, (LEVELS, 32)))
        for group in range(0, len(features), 2):
            spread = levels[group : group + 2, :, :32].std(dim=0, unbiased=False).mean(dim=1)
            torch.testing.assert_close(levels[group, :, 32], spread, rtol=1e-3, atol=2e-4)
            assert torch.equal(levels[group, :, 32], levels[group + 1, :, 32])
    unconditional, (conditional,) = network(sets[0], torch.randn(4, 6))
    assert unconditional.shape == conditional.shape == (4, LEVELS)


def test_gradients_of_the_spread_are_finite_where_there_is_none() -> None:
    network, images = make(minibatch_std=2), torch.rand(1, 3, 32, 32).repeat(2, 1, 1, 1).requires_grad_()
    network(images, torch.randn(2, 6))[0].sum().backward()
    assert images.grad is not None and images.grad.isfinite().all()


def test_images_beside_whole_groups_are_refused() -> None:
    with pytest.raises(InputError, match="minibatch_std is 4 and a process has 6 images of a batch: set a batch_size"):
        make(minibatch_std=4).features(torch.rand(6, 3, 32, 32))


@pytest.mark.parametrize("side", [64, 96, 192])
def test_sides_without_a_map_of_4x4_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match=f"side is {side}; legal are powers of two from 128"):
        Projection(BACKBONE, side, 4)
