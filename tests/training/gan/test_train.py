"""GAN training on striped images: either recipe repeats to the bit, and options change what they should and no more."""

from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm
from tests.helpers import PAPER, PAPER_DMGAN, PHOTO, same_weights, small_damsm, small_gan


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=3)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"losses": {"shared_noise": "none"}},
        {"losses": {"shared_noise": "z"}},
        {"precision": "bf16"},
        PAPER,
        PAPER_DMGAN,
        PHOTO,
        {"model": "dmgan"},
        {"captions_per_image": 1},
    ],
)
def test_gan_trains_with_either_recipe_and_repeats_to_the_bit(
    striped: Path, damsm: Damsm, changes: dict[str, Any]
) -> None:
    one, history = small_gan(striped, damsm, **changes)
    two, _ = small_gan(striped, damsm, **changes)
    assert same_weights(one, two) and one.config["image_size"] == 32
    assert len(history) == 4 and ("contrastive" in history[0]) == (changes.get("captions_per_image") != 1)
    assert all(value == value and abs(value) < 1e4 for row in history for value in row.values())


def test_gan_changes_with_lambda_and_leaves_the_encoders_alone(striped: Path, damsm: Damsm) -> None:
    before = {name: value.clone() for name, value in damsm.state_dict().items()}
    with_it, without = (small_gan(striped, damsm, losses={"lambda_": weight})[0] for weight in (5.0, 0.0))
    assert not same_weights(with_it, without)
    assert all(torch.equal(value, before[name]) for name, value in damsm.state_dict().items())


@pytest.mark.parametrize("group", ["generator", "discriminator", "losses", "optimizer"])
def test_a_misspelt_argument_of_a_group_is_a_type_error(striped: Path, damsm: Damsm, group: str) -> None:
    with pytest.raises(TypeError, match="misspelt"):
        small_gan(striped, damsm, **{group: {"misspelt": 1}})


def test_the_largest_scale_is_not_trained_before_its_turn(striped: Path, damsm: Damsm) -> None:
    one, four, grown = (
        small_gan(striped, damsm, steps=steps, grow_at=share)[0] for steps, share in ((1, 0.9), (4, 0.9), (4, 0.6))
    )
    assert not same_weights(one.initial, four.initial)
    for part in ("refinements", "heads.1"):
        assert same_weights(one.get_submodule(part), four.get_submodule(part))
        assert not same_weights(one.get_submodule(part), grown.get_submodule(part))


def test_the_largest_scale_starts_with_the_weights_of_the_one_before_it(striped: Path, damsm: Damsm) -> None:
    for share, alike in ((0.5, True), (0.0, False)):
        changes = {"generator": {"base_size": 8}, "optimizer": {"lr_generator": 1e-8}}
        hardly_trained = small_gan(striped, damsm, **changes, grow_at=share)[0]
        for parts in (hardly_trained.refinements, hardly_trained.heads):
            before, last = (torch.cat([value.flatten() for value in part.parameters()]) for part in parts[-2:])
            assert torch.allclose(before, last, atol=1e-5) is alike


@pytest.mark.parametrize("changes", [{}, PAPER, PAPER_DMGAN])
def test_gradient_checkpointing_changes_no_byte(striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    (one, history), (other, again) = (
        small_gan(striped, damsm, gradient_checkpointing=on, **changes) for on in (False, True)
    )
    assert same_weights(one, other) and history == again
