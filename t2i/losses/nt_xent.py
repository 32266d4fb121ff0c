"""NT-Xent, the contrastive loss of the paper."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent (Chen et al., SimCLR, equation 1; Ye et al., equation 3), mean over all 2N embeddings.

    Row i of ``first`` and row i of ``second`` are a positive pair, all other rows are negatives. In DAMSM pretraining
    the views are the sentence embeddings of two captions of one image, in GAN training the image codes of the images
    generated from them.

    Args:
        first, second: [N, D] each. Normalised inside.
        temperature: above 0.

    Raises:
        ValueError: shapes differ, fewer than 2 rows, or a temperature of 0 or less.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise ValueError(
            f"views have shapes {tuple(first.shape)} and {tuple(second.shape)}; legal is one [N, D] for both"
        )
    if len(first) < 2:
        raise ValueError(f"views have {len(first)} rows; a contrast needs at least 2")
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}; legal are numbers above 0")
    n = len(first)
    z = normalize(torch.cat((first, second)).float(), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    partner = torch.arange(2 * n, device=z.device).roll(n)
    return cross_entropy(logits, partner)
