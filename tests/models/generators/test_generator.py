"""Generators: shapes at any number of stages, and attention that sees only a caption's own words."""

from typing import get_args

import numpy as np
import pytest
import torch

from t2i.models.blocks import NormAct
from t2i.models.generators.generator import Generator
from tests.helpers import generator_inputs, make_generator


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
@pytest.mark.parametrize("norm_act", get_args(NormAct))
@pytest.mark.parametrize(("base_size", "image_size"), [(8, 8), (16, 32), (8, 32)])
def test_a_picture_a_scale_and_attention_a_refinement(
    base_size: int, image_size: int, norm_act: str, model: str
) -> None:
    made = make_generator(base_size, image_size, norm_act, model)(*generator_inputs([4, 2]))
    sizes = [size for size in (8, 16, 32) if base_size <= size <= image_size]
    assert [tuple(image.shape) for image in made.images] == [(2, 3, size, size) for size in sizes]
    assert [tuple(a.shape) for a in made.attention] == [(2, 4, size, size) for size in sizes[:-1]]
    assert all(image.abs().max() <= 1 for image in made.images)
    assert made.mu.shape == made.logvar.shape == (2, 4)


def test_small_scales_can_be_had_without_the_large_ones() -> None:
    generator, given = make_generator(8, 32), generator_inputs([4, 2])
    whole, part = generator(*given), generator(*given, num_scales=2)
    assert len(part.images) == 2 and len(part.attention) == 1
    for a, b in zip(part.images, whole.images, strict=False):
        assert torch.equal(a, b)
    assert len(generator(*given, num_scales=1).images) == 1


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
@pytest.mark.parametrize("num_scales", [1, 2, 3, None])
def test_a_model_file_may_hold_the_small_scales_alone(model: str, num_scales: int | None) -> None:
    whole, given = make_generator(8, 32, model=model), generator_inputs([4, 2])
    content = whole.to_checkpoint(num_scales)
    part = Generator.from_checkpoint(content)
    images, expected = part(*given).images, whole(*given, num_scales=num_scales).images
    assert part.config == whole.config | {"image_size": expected[-1].shape[-1]}
    for a, b in zip(images, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)  # channels last
    assert whole.to_checkpoint().keys() == content.keys() and len(whole.to_checkpoint()["state"]) == len(
        whole.state_dict()
    )


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_the_last_scale_alone_may_have_an_image(model: str) -> None:
    usual, last = (make_generator(8, 32, model=model, image_scales=which) for which in ("all", "last"))
    assert (usual.image_sizes, last.image_sizes) == ([8, 16, 32], [32])
    state = {name: value for name, value in usual.state_dict().items() if name.split(".")[0] != "heads"}
    heads = {f"heads.0.0.{name}": value for name, value in usual.heads[2][0].state_dict().items()}  # type: ignore[index]
    last.load_state_dict(state | heads)
    expected, made = usual(*generator_inputs([4, 2])), last(*generator_inputs([4, 2]))
    assert len(made.images) == 1 and torch.equal(made.images[0], expected.images[2])
    assert [a.shape for a in made.attention] == [a.shape for a in expected.attention]
    kept = Generator.from_checkpoint(last.to_checkpoint())
    torch.testing.assert_close(kept(*generator_inputs([4, 2])).images, made.images, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm_act", get_args(NormAct))
def test_a_mapping_comes_before_the_first_stage_alone(norm_act: str) -> None:
    plain, mapped = make_generator(norm_act=norm_act), make_generator(norm_act=norm_act, mapping_layers=2)
    ours, theirs = mapped.state_dict(), plain.state_dict()
    assert {n for n, v in ours.items() if n not in theirs or v.shape != theirs[n].shape} == {
        "initial.mapping.0.weight", "initial.mapping.0.bias", "initial.mapping.2.weight", "initial.mapping.2.bias",
        "initial.linear.0.weight",
    }  # fmt: skip
    given = generator_inputs([4, 2])
    condition, _, _ = mapped.conditioning(given[2], given[1])
    vector = torch.cat((condition, given[0]), dim=1)
    for layer in (mapped.initial.mapping[0], mapped.initial.mapping[2]):
        vector = torch.nn.functional.leaky_relu(vector @ layer.weight.T + layer.bias, 0.2)  # type: ignore[operator, union-attr]
    hidden = mapped.initial.ups(mapped.initial.linear(vector).view(2, mapped.initial.channels, 4, 4))
    torch.testing.assert_close(mapped.heads[0](hidden), mapped(*given).images[0])


def test_some_of_the_noise_is_either_or_and_truncation_leaves_that() -> None:
    usual, bits = make_generator(), make_generator(binary_noise_dims=2)
    (noise, epsilon), (other, same) = (g.draw_noise(200, np.random.default_rng(0)) for g in (usual, bits))
    assert torch.equal(epsilon, same) and torch.equal(noise[:, 2:], other[:, 2:])
    assert torch.equal(other[:, :2], 4 * noise[:, :2].sign())
    assert len(other[:, :2].unique(dim=0)) == 4
    less, calm = bits.draw_noise(200, np.random.default_rng(0), truncation=0.5)
    assert torch.equal(less[:, :2], other[:, :2]) and torch.equal(less[:, 2:], 0.5 * other[:, 2:])
    assert torch.equal(calm, 0.5 * epsilon)


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_the_largest_scale_can_inherit_the_weights_of_the_one_before(model: str) -> None:
    generator = make_generator(8, 32, model=model)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    generator.copy_previous_stage()
    for name, value in generator.state_dict().items():
        source = name.replace("refinements.1", "refinements.0").replace("heads.2", "heads.1")
        assert torch.equal(value, before[source]), name
    one_refinement = make_generator(16, 32, model=model)
    kept = one_refinement.heads[1][0].weight.clone()  # type: ignore[index]
    one_refinement.copy_previous_stage()
    assert torch.equal(one_refinement.heads[1][0].weight, kept)  # type: ignore[index]


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_attention_sums_to_one_over_own_words_and_a_batch_equals_one_caption_at_a_time(model: str) -> None:
    lengths = [5, 1, 3]
    generator, (noise, epsilon, sentence, words, padding) = make_generator(model=model), generator_inputs(lengths)
    together = generator(noise, epsilon, sentence, words, padding)
    for attention in together.attention:
        torch.testing.assert_close(attention.sum(dim=1), torch.ones_like(attention[:, 0]))
    for n, length in enumerate(lengths):
        rows = slice(n, n + 1)
        alone = generator(noise[rows], epsilon[rows], sentence[rows], words[rows, :, :length], padding[rows, :length])
        for a, b in zip(together.images, alone.images, strict=True):
            torch.testing.assert_close(a[rows], b, rtol=1e-4, atol=1e-5)
        for a, b in zip(together.attention, alone.attention, strict=True):
            torch.testing.assert_close(a[rows, :length], b, rtol=1e-4, atol=1e-6)
            assert a[rows, length:].sum() == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "stackgan"}, "model is 'stackgan'; legal are attngan, dmgan"),
        ({"base_size": 48}, "sizes are 48 to 32"),
        ({"base_size": 64}, "sizes are 64 to 32"),
        ({"binary_noise_dims": 6}, "binary_noise_dims is 6; legal are 0 to noise_dim, 5"),
    ],
)
def test_bad_arguments_are_refused(changed: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "model": "attngan", "embedding_dim": 6, "noise_dim": 5, "condition_dim": 4, "base_size": 8, "image_size": 32,
        "ngf": 8, "residual_blocks": 1, "norm_act": "leaky_groupnorm",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        Generator(**(arguments | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_a_loaded_generator_is_the_saved_one_to_the_bit_and_draws_no_random_numbers(model: str) -> None:
    ours = make_generator(model=model, norm_act="glu_batchnorm").to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = torch.get_rng_state()
    loaded = Generator.from_checkpoint(ours.to_checkpoint())
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(ours.state_dict().values(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a, b) and a.stride() == b.stride()
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    given = generator_inputs([4, 2])
    assert torch.equal(ours(*given).images[-1], loaded(*given).images[-1])
