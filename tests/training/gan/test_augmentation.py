"""Differentiable augmentation: what changes, by how much, and that gradients pass."""

import numpy as np
import pytest
import torch

from t2i.training.gan.augmentation import Augmentation, Change


def test_without_changes_images_stay_as_they_are() -> None:
    images = torch.rand(4, 3, 16, 16)
    assert Augmentation(())(images, 2, 2, np.random.default_rng(0)) is images


def test_amounts_depend_on_the_random_generator_alone() -> None:
    images = torch.rand(4, 3, 16, 16)
    changes: tuple[Change, ...] = ("brightness", "contrast", "translation")
    first, again, other = (Augmentation(changes)(images, 4, 1, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_brightness_adds_one_number_to_an_image() -> None:
    images = torch.rand(200, 3, 8, 8)
    added = Augmentation(["brightness"])(images, 200, 1, np.random.default_rng(0)) - images
    amounts = added.mean(dim=(1, 2, 3))
    torch.testing.assert_close(added, amounts[:, None, None, None].expand_as(added), rtol=0, atol=1e-6)
    assert -0.5 <= amounts.min() < -0.45 and 0.45 < amounts.max() <= 0.5


def test_contrast_keeps_the_mean_and_scales_what_differs_from_it() -> None:
    images = torch.rand(200, 3, 8, 8)
    changed = Augmentation(["contrast"])(images, 200, 1, np.random.default_rng(0))
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), images.mean(dim=(1, 2, 3)))
    factors = changed.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert 0.5 <= factors.min() < 0.55 and 1.45 < factors.max() <= 1.5 + 1e-5


def test_translation_moves_by_up_to_an_eighth_and_fills_with_zeros() -> None:
    images = torch.zeros(300, 1, 16, 16)
    images[:, :, 8, 8] = 1.0
    moved = Augmentation(["translation"])(images, 300, 1, np.random.default_rng(0))
    assert (moved.sum(dim=(1, 2, 3)) == 1).all()
    places = {tuple(place[2:].tolist()) for place in moved.nonzero()}
    assert places == {(8 + down, 8 + right) for down in range(-2, 3) for right in range(-2, 3)}


@pytest.mark.parametrize("change", ["brightness", "contrast", "translation"])
def test_gradients_pass(change: Change) -> None:
    images = torch.rand(3, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: Augmentation([change])(given, 3, 1, np.random.default_rng(0)), images)


def test_views_of_an_image_are_changed_apart() -> None:
    images = torch.zeros(4, 3, 8, 8)
    amounts = Augmentation(["brightness"])(images, 2, 2, np.random.default_rng(0))[:, 0, 0, 0]
    assert len(set(amounts.tolist())) == 4
