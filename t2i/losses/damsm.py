"""DAMSM: how well images and captions of a batch fit, word by word and as a whole (Xu et al., section 3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

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
    the Gram matrix G of the regions. Where autocast is on, these three products are its own, and all the rest is not.

    Args:
        regions: [N, D, ...] one or more trailing axes of R regions in all.
        words: [M, D, L].
        padding: [M, L], True where a caption has no word any more.

    Returns:
        [N, M].
    """
    v = regions.flatten(2)  # [N, D, R]
    similarity = torch.einsum("mdl,ndr->nmlr", words, v).to(words.dtype)
    looks = attention(similarity, padding, gamma1)
    gram = v.transpose(1, 2) @ v  # [N, R, R]
    weighted = (looks.flatten(1, 2) @ gram).to(words.dtype)  # [N, M L, R]
    squared = (weighted.view_as(looks) * looks).sum(dim=3)
    word_norm = words.norm(dim=1)  # [M, L]
    cosine = (looks * similarity).sum(dim=3) / (
        squared.clamp_min(EPSILON**2).sqrt() * word_norm.clamp_min(EPSILON)
    ).clamp_min(EPSILON)
    return torch.logsumexp((gamma2 * cosine).masked_fill(padding[None], float("-inf")), dim=2)


def sentence_scores(codes: Tensor, sentences: Tensor) -> Tensor:
    """Cosine of every image code with every sentence, in their own precision: [N, D], [M, D] -> [N, M]."""
    with torch.autocast(codes.device.type, enabled=False):
        return normalize(codes, dim=1, eps=EPSILON) @ normalize(sentences, dim=1, eps=EPSILON).T


@dataclass(frozen=True)
class Candidates:
    """Captions of other images, which an image has to be told from beside those of its batch.

    A batch of N asks for log N of what a caption says and no more: among 12 birds the body alone tells which one is
    meant. (cf. van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 5.)

    Attributes:
        sentences: [K, D].
        classes: [K].
    """

    sentences: Tensor
    classes: Tensor


def matching_loss(
    scores: Tensor, classes: Tensor, gamma3: float, more: Candidates | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of finding the right caption for each image and the right image for each caption.

    Args:
        scores: [N, N + K], image i against caption j; pairs that belong together on the diagonal.
        classes: [N] integers; other pairs of the same class are left out, since the caption may well fit.
        gamma3: sharpness of the softmax over the batch.
        more: what the last K columns are about; they have no images here, and so count for image -> text alone.

    Returns:
        image -> text, text -> image (equations 11 and 12).

    Raises:
        ValueError: scores do not fit the classes.
    """
    n, of_captions = len(classes), classes if more is None else torch.cat((classes, more.classes))
    if scores.shape != (n, len(of_captions)):
        raise ValueError(
            f"scores have shape {tuple(scores.shape)}; legal is ({n}, {len(of_captions)}) for {n} images and "
            f"{len(of_captions)} captions"
        )
    same = classes[:, None] == of_captions[None, :]
    own = torch.eye(n, len(of_captions), dtype=torch.bool, device=same.device)
    logits = (gamma3 * scores).masked_fill(same & ~own, float("-inf"))
    target = torch.arange(n, device=scores.device)
    return cross_entropy(logits, target), cross_entropy(logits[:, :n].T, target)


def word_loss(
    regions: Tensor,
    words: Tensor,
    padding: Tensor,
    classes: Tensor,
    *,
    gamma1: float,
    gamma2: float,
    gamma3: float,
) -> Tensor:
    """Word-level loss, the sum of both directions; arguments as in :func:`word_scores`, classes [N]."""
    scores = word_scores(regions, words, padding, gamma1=gamma1, gamma2=gamma2)
    return torch.stack(matching_loss(gathered(scores), classes, gamma3)).sum()


def sentence_loss(
    codes: Tensor, sentences: Tensor, classes: Tensor, gamma3: float, more: Candidates | None = None
) -> Tensor:
    """Sentence-level loss, the sum of both directions: codes [N, D], sentences [N, D], classes [N]."""
    candidates = sentences if more is None else torch.cat((sentences, more.sentences))
    scores = gathered(sentence_scores(codes, candidates))
    return torch.stack(matching_loss(scores, classes, gamma3, more)).sum()


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
    more: Candidates | None = None,
) -> tuple[Tensor, Tensor]:
    """Word-level and sentence-level loss of N images with their captions, each the sum of both directions.

    Args:
        regions: [N, D, H, W]; codes: [N, D]; words: [N, D, L]; sentences: [N, D]; padding: [N, L]; classes: [N].
        more: for the sentence-level loss; None: as published.

        Of several processes, each gives regions and codes of its own images, and the captions of all.
    """
    gammas = {"gamma1": gamma1, "gamma2": gamma2, "gamma3": gamma3}
    return (
        word_loss(regions, words, padding, classes, **gammas),
        sentence_loss(codes, sentences, classes, gamma3, more),
    )
