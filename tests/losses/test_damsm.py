"""DAMSM losses against loops straight from the equations, and under symmetries."""

import numpy as np
import pytest
import torch
from torch import Tensor

from t2i.losses.damsm import Negatives, damsm_losses, matching_loss, matching_sum, sentence_scores, word_scores


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


def test_sentence_scores_are_cosines_and_zeros_have_none() -> None:
    torch.manual_seed(0)
    codes, sentences = torch.randn(3, 8), torch.randn(5, 8)
    sentences[4] = 0
    expected = torch.nn.functional.cosine_similarity(codes[:, None], sentences[None], dim=2)
    torch.testing.assert_close(sentence_scores(codes, sentences), expected)


def test_autocast_rounds_the_products_of_words_and_nothing_else() -> None:
    torch.manual_seed(0)
    regions, words, padding = torch.randn(4, 64, 4, 4), torch.randn(4, 64, 6), padding_of(torch.tensor([6, 2, 3, 5]), 6)
    codes, sentences = torch.randn(4, 64), torch.randn(4, 64)
    by_words, by_sentence = (
        word_scores(regions, words, padding, gamma1=4.0, gamma2=5.0),
        sentence_scores(codes, sentences),
    )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = word_scores(regions, words, padding, gamma1=4.0, gamma2=5.0)
        assert torch.equal(sentence_scores(codes, sentences), by_sentence)
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, by_words)
    torch.testing.assert_close(rounded, by_words, rtol=2e-2, atol=2e-2)


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
    with pytest.raises(ValueError, match=r"legal is \(3, 5\) for 3 images and 5 captions"):
        matching_loss(torch.zeros(3, 3), torch.arange(3), 10.0, Negatives(torch.zeros(2, 4), torch.arange(2)))


def test_more_candidates_count_for_images_alone_and_not_of_their_own_class() -> None:
    torch.manual_seed(0)
    codes, sentences, classes = torch.randn(3, 5), torch.randn(3, 5), torch.tensor([4, 7, 4])
    extra_negatives = Negatives(torch.randn(4, 5), torch.tensor([7, 1, 4, 2]))
    expected, every = 0.0, torch.cat((sentences, extra_negatives.sentences))
    cosine = sentence_scores(codes, every)
    of = [*classes.tolist(), *extra_negatives.classes.tolist()]
    for i in range(3):
        others = [j for j in range(7) if j == i or of[j] != of[i]]
        expected -= torch.log_softmax(6.0 * cosine[i, others], dim=0)[others.index(i)].item() / 3
        images = [j for j in range(3) if j == i or of[j] != of[i]]
        expected -= torch.log_softmax(6.0 * cosine[images, i], dim=0)[images.index(i)].item() / 3
    scores = sentence_scores(codes, sentences, extra_negatives)
    assert matching_sum(scores, classes, 6.0, extra_negatives).item() == pytest.approx(expected, rel=1e-5)


def test_k_more_candidates_that_all_fit_alike_cost_log_of_all() -> None:
    extra_negatives = Negatives(torch.zeros(11, 2), torch.arange(20, 31))
    to_text, to_image = matching_loss(torch.zeros(5, 16), torch.arange(5), 10.0, extra_negatives)
    assert to_text.item() == pytest.approx(np.log(16)) and to_image.item() == pytest.approx(np.log(5))


def test_candidates_enter_the_sentence_level_loss_alone() -> None:
    torch.manual_seed(0)
    regions, words, padding = torch.randn(3, 4, 2, 2), torch.randn(3, 4, 5), padding_of(torch.tensor([5, 2, 3]), 5)
    codes, sentences, classes = torch.randn(3, 4), torch.randn(3, 4), torch.arange(3)
    extra_negatives = Negatives(torch.randn(6, 4), torch.arange(3, 9))
    gammas = {"gamma1": 4.0, "gamma2": 5.0, "gamma3": 10.0}
    plain, harder = (
        damsm_losses(regions, codes, words, sentences, padding, classes, **gammas, extra_negatives=given)
        for given in (None, extra_negatives)
    )
    assert plain[0] == harder[0] and plain[1] < harder[1]
    scores = sentence_scores(codes, sentences, extra_negatives)
    assert harder[1] == matching_sum(scores, classes, 10.0, extra_negatives)
