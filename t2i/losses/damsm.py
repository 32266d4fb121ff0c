"""DAMSM: similarity of images and captions of a batch, by words and by sentence (Xu et al., section 3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from t2i.runtime.distributed import all_gather

EPSILON = 1e-8


def word_attention(similarity: Tensor, padding: Tensor, gamma1: float) -> Tensor:
    """Attention of each caption's words over each image's regions (equations 8, 9): softmax over words, then regions.

    Shape: similarity [N, M, L, R], padding [M, L] -> [N, M, L, R], sums over R are 1; rows of padding have no meaning.
    """
    of_words = torch.softmax(similarity.masked_fill(padding[None, :, :, None], float("-inf")), dim=2)
    return torch.softmax(gamma1 * of_words, dim=3)


def word_scores(regions: Tensor, words: Tensor, padding: Tensor, *, gamma1: float, gamma2: float) -> Tensor:
    """R(i, j): similarity of image i and caption j by words (equations 7 to 10, without the outer 1 / gamma2).

    Every word attends to regions; the cosine between the word and its context is summed over words. The context
    c = sum_r a_r v_r is never formed: e . c is a weighted sum of the similarities, and |c|^2 = a G a with the Gram
    matrix G of the regions. Under autocast these three products are in its precision, and all the rest is not.

    Args:
        regions: [N, D, ...] one or more trailing axes of R regions in all.
        words: [M, D, L].
        padding: [M, L], True beyond the end of a caption.

    Returns:
        [N, M].
    """
    v = regions.flatten(2)  # [N, D, R]
    similarity = torch.einsum("mdl,ndr->nmlr", words, v).to(words.dtype)
    attention = word_attention(similarity, padding, gamma1)
    gram = v.transpose(1, 2) @ v  # [N, R, R]
    weighted = (attention.flatten(1, 2) @ gram).to(words.dtype)  # [N, M L, R]
    squared = (weighted.view_as(attention) * attention).sum(dim=3)
    word_norm = words.norm(dim=1)  # [M, L]
    cosine = (attention * similarity).sum(dim=3) / (
        squared.clamp_min(EPSILON**2).sqrt() * word_norm.clamp_min(EPSILON)
    ).clamp_min(EPSILON)
    return torch.logsumexp((gamma2 * cosine).masked_fill(padding[None], float("-inf")), dim=2)


@dataclass(frozen=True)
class Negatives:
    """Captions of other images, as negatives beside those of the batch.

    With N in-batch negatives, InfoNCE can extract at most log N nats (van den Oord et al., "Representation Learning
    with Contrastive Predictive Coding", 2018, equation 5): among 12 birds the body alone identifies the caption.

    Attributes:
        sentences: [K, D].
        classes: [K].
    """

    sentences: Tensor
    classes: Tensor


def sentence_scores(codes: Tensor, sentences: Tensor, extra_negatives: Negatives | None = None) -> Tensor:
    """Cosine of every image code with every sentence, in their own precision: [N, D], [M, D] -> [N, M (+ K)]."""
    if extra_negatives is not None:
        sentences = torch.cat((sentences, extra_negatives.sentences))
    with torch.autocast(codes.device.type, enabled=False):
        return normalize(codes, dim=1, eps=EPSILON) @ normalize(sentences, dim=1, eps=EPSILON).T


def matching_loss(
    scores: Tensor, classes: Tensor, gamma3: float, extra_negatives: Negatives | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of finding the right caption for each image and the right image for each caption.

    Args:
        scores: [N, N + K], image i against caption j; matching pairs on the diagonal.
        classes: [N] integers; other pairs of the same class are left out, since the caption may well fit.
        gamma3: inverse temperature of the softmax over the batch.
        extra_negatives: captions of the last K columns; they have no images here, and so count for image -> text alone.

    Returns:
        image -> text, text -> image (equations 11 and 12).

    Raises:
        ValueError: scores do not fit the classes.
    """
    n = len(classes)
    caption_classes = classes if extra_negatives is None else torch.cat((classes, extra_negatives.classes))
    if scores.shape != (n, len(caption_classes)):
        raise ValueError(
            f"scores have shape {tuple(scores.shape)}; legal is ({n}, {len(caption_classes)}) for {n} images and "
            f"{len(caption_classes)} captions"
        )
    same_class = classes[:, None] == caption_classes[None, :]
    is_positive = torch.eye(n, len(caption_classes), dtype=torch.bool, device=same_class.device)
    logits = (gamma3 * scores).masked_fill(same_class & ~is_positive, float("-inf"))
    target = torch.arange(n, device=scores.device)
    return cross_entropy(logits, target), cross_entropy(logits[:, :n].T, target)


def matching_sum(scores: Tensor, classes: Tensor, gamma3: float, extra_negatives: Negatives | None = None) -> Tensor:
    """Sum of both directions of :func:`matching_loss`."""
    return torch.stack(matching_loss(scores, classes, gamma3, extra_negatives)).sum()


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
    extra_negatives: Negatives | None = None,
) -> list[Tensor]:
    """Word-level and sentence-level loss of images with their captions, each the sum of both directions.

    Args:
        regions: [V N, D, H, W]; codes: [V N, D]; words: [V N, D, L]; sentences: [V N, D]; padding: [V N, L]; classes:
            [N]: V views of N images, which are not contrasted with each other. In distributed training each process
            gives regions and codes of its own images, and the captions of all.
        extra_negatives: for the sentence-level loss; None: as published.

    Returns:
        the two losses of each view, 2 V in all.
    """
    scores = []
    views = [tensor.chunk(len(words) // len(classes)) for tensor in (regions, codes, words, sentences, padding)]
    for r, c, w, s, p in zip(*views, strict=True):
        scores += [word_scores(r, w, p, gamma1=gamma1, gamma2=gamma2), sentence_scores(c, s, extra_negatives)]
    whole = all_gather(scores, len(classes))
    return [
        matching_sum(each, classes, gamma3, None if by_word else extra_negatives)
        for each, by_word in zip(whole, (True, False) * (len(whole) // 2), strict=True)
    ]
