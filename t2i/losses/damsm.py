"""DAMSM: how well images and captions of a batch fit, word by word and as a whole (Xu et al., section 3.2)."""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from t2i.distributed import gathered

EPSILON = 1e-8


def attention(similarity: Tensor, padding: Tensor, gamma1: float) -> Tensor:
    """Where in each image the words of each caption look (equations 8 and 9): softmax over words, then over regions.

    Shape: similarity [N, M, L, R], padding [M, L] -> [N, M, L, R], sums over R are 1; those of padding say nothing.
    """
    of_words = torch.softmax(similarity.masked_fill(padding[None, :, :, None], float("-inf")), dim=2)
    return torch.softmax(gamma1 * of_words, dim=3)


def word_scores(regions: Tensor, words: Tensor, padding: Tensor, *, gamma1: float, gamma2: float) -> Tensor:
    """R(i, j): how well caption j fits image i, word by word (equations 7 to 10, without the outer 1 / gamma2).

    Every word looks for its own regions; the cosine between the word and what it found is summed over words.
    The context c = sum_r a_r v_r is never formed: e . c is a weighted sum of the similarities, and |c|^2 = a G a with
    the Gram matrix G of the regions.

    Args:
        regions: [N, D, ...] one or more trailing axes of R regions in all.
        words: [M, D, L].
        padding: [M, L], True where a caption has no word any more.

    Returns:
        [N, M].
    """
    v = regions.flatten(2)  # [N, D, R]
    similarity = torch.einsum("mdl,ndr->nmlr", words, v)
    looks = attention(similarity, padding, gamma1)
    gram = v.transpose(1, 2) @ v  # [N, R, R]
    weighted = looks.flatten(1, 2) @ gram  # [N, M L, R]
    squared = (weighted.view_as(looks) * looks).sum(dim=3)
    word_norm = words.norm(dim=1)  # [M, L]
    cosine = (looks * similarity).sum(dim=3) / (
        squared.clamp_min(EPSILON**2).sqrt() * word_norm.clamp_min(EPSILON)
    ).clamp_min(EPSILON)
    return torch.logsumexp((gamma2 * cosine).masked_fill(padding[None], float("-inf")), dim=2)


def sentence_scores(codes: Tensor, sentences: Tensor) -> Tensor:
    """Cosine of every image code with every sentence: [N, D], [M, D] -> [N, M]."""
    return cosine_similarity(codes[:, None], sentences[None], dim=2, eps=EPSILON)


def matching_loss(scores: Tensor, classes: Tensor, gamma3: float) -> tuple[Tensor, Tensor]:
    """Cross-entropy of finding the right caption for each image and the right image for each caption.

    Args:
        scores: [N, N], image i against caption j; pairs that belong together on the diagonal.
        classes: [N] integers; other pairs of the same class are left out, since the caption may well fit.
        gamma3: sharpness of the softmax over the batch.

    Returns:
        image -> text, text -> image (equations 11 and 12).

    Raises:
        ValueError: scores are not square, or do not fit the classes.
    """
    n = len(classes)
    if scores.shape != (n, n):
        raise ValueError(f"scores have shape {tuple(scores.shape)}; legal is ({n}, {n}) for {n} classes")
    same = classes[:, None] == classes[None, :]
    logits = (gamma3 * scores).masked_fill(same & ~torch.eye(n, dtype=torch.bool, device=same.device), float("-inf"))
    target = torch.arange(n, device=scores.device)
    return cross_entropy(logits, target), cross_entropy(logits.T, target)


def damsm_losses(
    regions: Tensor,
    codes: Tensor,
    words: Tensor,
    sentences: Tensor,
    padding: Tensor,
    classes: Tensor,
    *,
    gamma1: float,
    gamma2: float,
    gamma3: float,
) -> tuple[Tensor, Tensor]:
    """Word-level and sentence-level loss of N images with their captions, each the sum of both directions.

    Args:
        regions: [N, D, H, W]; codes: [N, D]; words: [N, D, L]; sentences: [N, D]; padding: [N, L]; classes: [N].
            Of several processes, each gives regions and codes of its own images, and the captions of all.
    """
    by_words = word_scores(regions, words, padding, gamma1=gamma1, gamma2=gamma2)
    word_loss = sum(matching_loss(gathered(by_words), classes, gamma3))
    sentence_loss = sum(matching_loss(gathered(sentence_scores(codes, sentences)), classes, gamma3))
    assert isinstance(word_loss, Tensor) and isinstance(sentence_loss, Tensor)
    return word_loss, sentence_loss
