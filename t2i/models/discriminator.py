"""One discriminator a scale: is this image real, and does it show what the sentence says?"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from t2i.models.blocks import conv3x3

Norm = Literal["batch", "none"]


def _normed(convolution: nn.Conv2d, norm: Norm) -> list[nn.Module]:
    normalise: list[nn.Module] = [nn.BatchNorm2d(convolution.out_channels)] if norm == "batch" else []
    return [convolution, *normalise, nn.LeakyReLU(0.2)]


class Discriminator(nn.Module):
    """Image [N, 3, S, S] -> features [N, C, 4, 4] -> an unconditional logit and a conditional one for each sentence.

    Stride-2 convolutions down to 4x4, channels doubling from ndf; whatever exceeds 8 ndf (images above 64) is brought
    back to it by 3x3 convolutions.

    Args:
        size: S, a power of two of at least 8.
        ndf: channels after the first convolution.
        embedding_dim: D of the sentence.
        norm: "batch" as in AttnGAN, or "none".
    """

    def __init__(self, size: int, ndf: int, embedding_dim: int, norm: Norm) -> None:
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"size is {size}; legal are powers of two from 8")
        bias = norm == "none"
        trunk: list[nn.Module] = [nn.Conv2d(3, ndf, 4, 2, 1, bias=bias), nn.LeakyReLU(0.2)]
        channels = ndf
        for _ in range(int(math.log2(size // 4)) - 1):
            trunk += _normed(nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=bias), norm)
            channels *= 2
        while channels > 8 * ndf:
            trunk += _normed(conv3x3(channels, channels // 2, bias=bias), norm)
            channels //= 2
        self.trunk = nn.Sequential(*trunk)
        self.joint = conv3x3(channels + embedding_dim, channels, bias=bias)
        self.after_joint = nn.Sequential(*_normed(self.joint, norm)[1:])
        self.unconditional_head = nn.Conv2d(channels, 1, 4)
        self.conditional_head = nn.Conv2d(channels, 1, 4)

    def forward(self, images: Tensor, *sentences: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logit that images are real, and that they are real and show what is said, for each of several sayings.

        The convolution over features joined with a sentence tiled to 4x4 is a sum: of one over the features, done once
        an image, and one over the constant sentence, which is a product with 16 sums of taps.

        Args:
            images: [N, 3, S, S] in [-1, 1].
            sentences: any number of [N, D].

        Returns:
            unconditional logits [N] and, for each of the sentences, conditional logits [N], float32.
        """
        features = self.trunk(images)
        unconditional = self.unconditional_head(features).flatten().float()
        of_features, of_sentence = self.joint.weight.split([features.shape[1], sentences[0].shape[1]], dim=1)
        shared = nn.functional.conv2d(features, of_features, self.joint.bias, padding=1)
        conditional = []
        for sentence in sentences:
            said = torch.einsum("nd,cdp->ncp", sentence, self._sums_of_taps(of_sentence))  # [N, C, 16]
            joined = self.after_joint(shared + said.unflatten(2, (4, 4)).to(shared.dtype))
            conditional.append(self.conditional_head(joined).flatten().float())
        return unconditional, conditional

    @staticmethod
    def _sums_of_taps(weight: Tensor) -> Tensor:
        """What a 3x3 convolution does to a constant 4x4 map with zeros around it: [C, D, 3, 3] -> [C, D, 16]."""
        inside = torch.ones(1, 1, 4, 4, device=weight.device)
        seen = nn.functional.unfold(inside, 3, padding=1)[0]  # [9, 16]: whether tap t of position p is inside the map
        return weight.flatten(2) @ seen.to(weight.dtype)
