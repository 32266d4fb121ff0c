"""Refinement stage of AttnGAN: every pixel attends to the words (Xu et al., section 3.1)."""

import torch
from torch import Tensor, nn

from t2i.models.blocks import NormAct, ResidualBlock, UpBlock, attend


class WordAttention(nn.Module):
    """Attention of every pixel over the words.

    Padding is masked with the caption's own length. (The published code tiles the masks in the wrong order, so that
    in a batch an image is masked with another caption's padding.)
    """

    def __init__(self, ngf: int, embedding_dim: int) -> None:
        super().__init__()
        self.project = nn.Conv1d(embedding_dim, ngf, 1, bias=False)
        nn.init.orthogonal_(self.project.weight, gain=4.0)  # words are small numbers beside the normalised hidden image

    def forward(self, hidden: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: [N, ngf, H, W], [N, D, L], [N, L] -> context [N, ngf, H, W], attention [N, L, H, W]."""
        source = self.project(words)  # [N, ngf, L]
        return attend(hidden, source, source, padding)


class AttentionStage(nn.Module):
    """Hidden image and words -> hidden image of twice the side."""

    def __init__(self, ngf: int, embedding_dim: int, residual_blocks: int, norm_act: NormAct) -> None:
        super().__init__()
        self.attention = WordAttention(ngf, embedding_dim)
        self.residual = nn.Sequential(*(ResidualBlock(2 * ngf, norm_act) for _ in range(residual_blocks)))
        self.up = UpBlock(2 * ngf, ngf, norm_act)

    def forward(self, hidden: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: [N, ngf, H, W], [N, D, L], [N, L] -> [N, ngf, 2H, 2W], attention [N, L, H, W]."""
        context, attention = self.attention(hidden, words, padding)
        return self.up(self.residual(torch.cat((hidden, context), dim=1))), attention
