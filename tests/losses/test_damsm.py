"""DAMSM losses against loops straight from the equations, and under symmetries."""

import numpy as np
import pytest
import torch
from torch import Tensor

from t2i.losses.damsm import matching_loss, word_scores


def padding_of(lengths: Tensor, longest: int) -> Tensor:
    return torch.arange(longest)[None] >= lengths[:, None]


def naive_word_score(regions: Tensor, words: Tensor, gamma1: float, gamma2: float) -> Tensor:
    """One image [D, R], one caption without padding [D, L], one number at a time."""
    similarity = words.T @ regions
    attention = similarity.softmax(dim=0)
    attention = (gamma1 * attention).softmax(dim=1)
    total = torch.zeros(())
    for word, weights in zip(words.T, attention, strict=True):
        context = sum(w * v for w, v in zip(weights, regions.T, strict=True))
        total = total + torch.exp(gamma2 * torch.dot(context, word) / (context.norm() * word.norm()))  # type: ignore
    return total.log()


def test_word_scores_follow_the_equations_with_a_different_length_each() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([5, 1, 3, 4])
    regions, words = torch.randn(3, 8, 2, 3), torch.randn(4, 8, 5)
    ours = word_scores(regions, words, padding_of(lengths, 5), gamma1=4.0, gamma2=5.0)
    for i in range(3):
        for j, length in enumerate(lengths.tolist()):
            expected = naive_word_score(regions[i].flatten(1), words[j, :, :length], 4.0, 5.0)
            torch.testing.assert_close(ours[i, j], expected, rtol=1e-4, atol=1e-5)


def test_padding_has_no_influence() -> None:
    torch.manual_seed(0)
    regions, words, padding = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 6), padding_of(torch.tensor([2, 6]), 6)
    changed = torch.where(padding[:, None], torch.full_like(words, 7.0), words)
    arguments = {"gamma1": 4.0, "gamma2": 5.0}
    torch.testing.assert_close(
        word_scores(regions, words, padding, **arguments), word_scores(regions, changed, padding, **arguments)
    )


def test_matching_loss_is_zero_information_for_equal_scores_and_symmetric() -> None:
    both = matching_loss(torch.zeros(5, 5), torch.arange(5), 10.0)
    for loss in both:
        assert loss.item() == pytest.approx(np.log(5))
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    one, other = matching_loss(scores, torch.arange(4), 3.0), matching_loss(scores.T, torch.arange(4), 3.0)
    assert one[0].item() == pytest.approx(other[1].item()) and one[1].item() == pytest.approx(other[0].item())


def test_other_pairs_of_the_same_class_are_left_out() -> None:
    scores = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([7, 3, 7, 1])
    changed = scores.clone()
    changed[0, 2] = changed[2, 0] = 100.0
    for a, b in zip(matching_loss(scores, classes, 10.0), matching_loss(changed, classes, 10.0), strict=True):
        assert a.item() == b.item()
    expected = torch.stack(
        [
            torch.logsumexp(torch.stack([10 * scores[i, j] for j in range(4) if j == i or classes[j] != classes[i]]), 0)
            - 10 * scores[i, i]
            for i in range(4)
        ]
    ).mean()
    torch.testing.assert_close(matching_loss(scores, classes, 10.0)[0], expected)


def test_scores_that_do_not_fit_the_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3, 4\); legal is \(3, 3\)"):
        matching_loss(torch.zeros(3, 4), torch.arange(3), 10.0)
