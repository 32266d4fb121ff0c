"""Refinement stage of DM-GAN: a memory written from words and image, read by every pixel (Zhu et al., 2019)."""

import torch
from torch import Tensor, nn

from t2i.models.blocks import NormAct, ResidualBlock, UpBlock, attend


class DynamicMemory(nn.Module):
    """Dynamic memory: writes one slot a word, and every pixel attends to the slots.

    Writing: m_l = g_l M_w(e_l) + (1 - g_l) M_r(mean h) with the gate g_l = sigmoid(A e_l + B mean h).
    Addressing and reading: softmax over words of key(m_l) . h, then the mixture of value(m_l).
    The mean over the image enters without gradient, as published. Padding is masked with the caption's own length.
    """

    def __init__(self, ngf: int, embedding_dim: int) -> None:
        super().__init__()
        slot = 2 * ngf
        self.gate_of_word = nn.Linear(embedding_dim, 1, bias=False)  # A
        self.gate_of_image = nn.Linear(ngf, 1, bias=False)  # B
        self.write_word = nn.Sequential(nn.Conv1d(embedding_dim, slot, 1), nn.ReLU())  # M_w
        self.write_image = nn.Sequential(nn.Conv1d(ngf, slot, 1), nn.ReLU())  # M_r
        self.key = nn.Sequential(nn.Conv1d(slot, ngf, 1), nn.ReLU())
        self.value = nn.Sequential(nn.Conv1d(slot, ngf, 1), nn.ReLU())

    def forward(self, hidden: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: [N, ngf, H, W], [N, D, L], [N, L] -> response [N, ngf, H, W], attention [N, L, H, W]."""
        mean = hidden.detach().mean(dim=(2, 3))  # [N, ngf]
        gate = torch.sigmoid(self.gate_of_word(words.transpose(1, 2)) + self.gate_of_image(mean)[:, None])  # [N, L, 1]
        gate = gate.transpose(1, 2)
        memory = self.write_word(words) * gate + self.write_image(mean[:, :, None]) * (1 - gate)  # [N, 2 ngf, L]
        return attend(hidden, self.key(memory), self.value(memory), padding)


class MemoryStage(nn.Module):
    """Hidden image and words -> hidden image of twice the side."""

    def __init__(self, ngf: int, embedding_dim: int, residual_blocks: int, norm_act: NormAct) -> None:
        super().__init__()
        self.memory = DynamicMemory(ngf, embedding_dim)
        self.response_gate = nn.Sequential(nn.Conv2d(2 * ngf, 1, 1), nn.Sigmoid())
        self.residual = nn.Sequential(
            *(ResidualBlock(2 * ngf, norm_act, duplicated_input=place == 0) for place in range(residual_blocks))
        )
        self.up = UpBlock(2 * ngf, ngf, norm_act)

    def forward(self, hidden: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: [N, ngf, H, W], [N, D, L], [N, L] -> [N, ngf, 2H, 2W], attention [N, L, H, W].

        A gate a pixel fuses hidden image and response; residual blocks read the fused image twice, as published.
        """
        response, attention = self.memory(hidden, words, padding)
        gate = self.response_gate(torch.cat((hidden, response), dim=1))  # [N, 1, H, W]
        fused = response * gate + hidden * (1 - gate)
        return self.up(self.residual(fused)), attention
