"""The frame of the multi-stage generators: a first image from noise and sentence, then refinements that read the words.

AttnGAN (Xu et al., CVPR 2018) and DM-GAN (Zhu et al., CVPR 2019) differ in the refinement stage alone, which is looked
up by name.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from t2i.models.attngan import AttentionStage, WordAttention
from t2i.models.blocks import ConditioningAugmentation, Layers, ResidualBlock, UpBlock, conv3x3
from t2i.models.dmgan import Memory, MemoryStage

REFINEMENTS: dict[str, type[nn.Module]] = {"attngan": AttentionStage, "dmgan": MemoryStage}
"""Model name -> refinement stage, (hidden, words, padding) -> (hidden of twice the side, attention)."""


@dataclass
class Generated:
    """What a generator makes of N captions.

    Attributes:
        images: one [N, 3, S, S] a scale, smallest first, in [-1, 1].
        attention: one [N, L, H, W] a refinement stage: how much each word entered each pixel.
        mu, logvar: [N, condition_dim], of the conditioning augmentation.
    """

    images: list[Tensor]
    attention: list[Tensor]
    mu: Tensor
    logvar: Tensor


BIT = 4.0
"""Size of the noise numbers that are either + or -; four times the others' standard deviation, so a network soon hears
them."""

MAPPED = 512
"""Channels of a mapping layer."""


class InitialStage(nn.Module):
    """Noise and condition -> hidden image; a linear layer to 4x4, then doublings up to ``base_size``.

    Before them there may be a mapping of the whole vector (after Karras et al., "A Style-Based Generator Architecture
    for GANs", CVPR 2019): what a colour means for each place and which way a bird looks is settled once, where the
    linear layer has each place find out for itself.
    """

    def __init__(
        self, noise_dim: int, condition_dim: int, ngf: int, base_size: int, layers: Layers, mapping_layers: int = 0
    ) -> None:
        super().__init__()
        inputs = noise_dim + condition_dim
        self.mapping = nn.Sequential()
        for _ in range(mapping_layers):
            layer = nn.Linear(inputs, MAPPED)
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            nn.init.zeros_(layer.bias)
            self.mapping.extend((layer, nn.LeakyReLU(0.2)))
            inputs = MAPPED
        doublings = int(math.log2(base_size // 4))
        self.channels = ngf * 2**doublings
        width = self.channels * 16
        self.linear: nn.Module
        if layers == "glu_batchnorm":
            self.linear = nn.Sequential(
                nn.Linear(inputs, 2 * width, bias=False), nn.BatchNorm1d(2 * width), nn.GLU(dim=1)
            )
        else:
            self.linear = nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2))
        self.ups = nn.Sequential(
            *(UpBlock(self.channels >> level, self.channels >> (level + 1), layers) for level in range(doublings))
        )

    def forward(self, noise: Tensor, condition: Tensor) -> Tensor:
        """Shape: [N, noise_dim], [N, condition_dim] -> [N, ngf, base_size, base_size]."""
        hidden = self.linear(self.mapping(torch.cat((condition, noise), dim=1))).view(-1, self.channels, 4, 4)
        return self.ups(hidden.contiguous(memory_format=torch.channels_last))


class Generator(nn.Module):
    """Captions and noise -> images at ``base_size``, 2 ``base_size``, ... ``image_size``.

    Args:
        model: name of the refinement stage, a key of :data:`REFINEMENTS`.
        embedding_dim: D of words and sentence.
        base_size, image_size: side of the first and of the last image, powers of two.
        ngf: channels of the hidden image.
        residual_blocks: in each refinement stage.
        mapping_layers: before the initial stage; 0: none, as published.
        noise_bits: so many of the noise numbers are :data:`BIT` or -:data:`BIT`, the others standard normal. What is
            either-or in a picture, such as which way a bird looks, has no middle then, where a continuous noise passes
            through birds that look both ways. 0: none, as published.

    Raises:
        ValueError: unknown model, sizes that are no powers of two in order, or more bits than noise.
    """

    def __init__(
        self,
        *,
        model: str,
        embedding_dim: int,
        noise_dim: int,
        condition_dim: int,
        base_size: int,
        image_size: int,
        ngf: int,
        residual_blocks: int,
        layers: Layers,
        mapping_layers: int = 0,
        noise_bits: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= noise_bits <= noise_dim:
            raise ValueError(f"noise_bits is {noise_bits}; legal are 0 to noise_dim, {noise_dim}")
        if model not in REFINEMENTS:
            raise ValueError(f"model is {model!r}; legal are {', '.join(REFINEMENTS)}")
        if not 8 <= base_size <= image_size or base_size & (base_size - 1) or image_size & (image_size - 1):
            raise ValueError(f"sizes are {base_size} to {image_size}; legal are powers of two, 8 <= base <= image")
        self.config: dict[str, Any] = {
            "model": model, "embedding_dim": embedding_dim, "noise_dim": noise_dim, "condition_dim": condition_dim,
            "base_size": base_size, "image_size": image_size, "ngf": ngf, "residual_blocks": residual_blocks,
            "layers": layers, "mapping_layers": mapping_layers, "noise_bits": noise_bits,
        }  # fmt: skip
        self.noise_dim, self.condition_dim, self.noise_bits = noise_dim, condition_dim, noise_bits
        self.conditioning = ConditioningAugmentation(embedding_dim, condition_dim)
        self.initial = InitialStage(noise_dim, condition_dim, ngf, base_size, layers, mapping_layers)
        refinements = int(math.log2(image_size // base_size))
        self.refinements = nn.ModuleList(
            REFINEMENTS[model](ngf, embedding_dim, residual_blocks, layers) for _ in range(refinements)
        )
        self.heads = nn.ModuleList(nn.Sequential(conv3x3(ngf, 3), nn.Tanh()) for _ in range(refinements + 1))

    def forward(
        self,
        noise: Tensor,
        epsilon: Tensor,
        sentence: Tensor,
        words: Tensor,
        padding: Tensor,
        *,
        painted: int | None = None,
    ) -> Generated:
        """Draw one image a caption.

        Args:
            noise: [N, noise_dim], as :meth:`draw_noise` gives it.
            epsilon: [N, condition_dim], standard normal: the noise of the conditioning augmentation.
            sentence: [N, D].
            words: [N, D, L].
            padding: [N, L], True where a caption has no word any more.
            painted: how many scales, from the smallest; None: all.
        """
        hidden, first, mu, logvar = self.first_stage(noise, epsilon, sentence)
        images, attention = [first], []
        scales = len(self.heads) if painted is None else painted
        for refine, head in zip(list(self.refinements)[: scales - 1], list(self.heads)[1:scales], strict=True):
            hidden, looked_at = refine(hidden, words, padding)
            images.append(head(hidden))
            attention.append(looked_at)
        return Generated(images, attention, mu, logvar)

    def first_stage(self, noise: Tensor, epsilon: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Hidden image [N, ngf, S, S], image [N, 3, S, S] at ``base_size``, mu and logvar; see :meth:`forward`."""
        condition, mu, logvar = self.conditioning(sentence, epsilon)
        hidden = self.initial(noise, condition)
        return hidden, self.heads[0](hidden), mu, logvar

    def blocks(self) -> Iterator[nn.Module]:
        """What most of the time and memory goes to; none lies in another."""
        kinds = (WordAttention, Memory, ResidualBlock, UpBlock)
        return (module for module in self.modules() if isinstance(module, kinds))

    def inherit(self) -> None:
        """The largest scale starts where the one before it is: its refinement and head take over the weights of those.

        Nothing happens where the one before is the initial stage.
        """
        if len(self.refinements) > 1:
            for parts in (self.refinements, self.heads):
                parts[-1].load_state_dict(parts[-2].state_dict())

    def content(self) -> dict[str, Any]:
        """What a model file holds of it."""
        return {"config": self.config, "state": self.state_dict()}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """The generator of a model file, in eval mode, channels last."""
        with torch.device("meta"):  # initial values, which take longer than all the rest of loading, are not computed
            generator = cls(**content["config"])
        generator.load_state_dict(content["state"], assign=True)
        return generator.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]

    def draw_noise(self, count: int, rng: np.random.Generator, truncation: float = 1.0) -> tuple[Tensor, Tensor]:
        """Noise [count, noise_dim] and epsilon [count, condition_dim]; row n does not depend on the count.

        ``truncation`` multiplies all but the bits of the noise, which come first.
        """
        # numpy draws one number after the other; torch.randn's last numbers depend on how many there are
        both = torch.from_numpy(rng.standard_normal((count, self.noise_dim + self.condition_dim), dtype=np.float32))
        bits = BIT * both[:, : self.noise_bits].sign()
        both = truncation * both
        both[:, : self.noise_bits] = bits
        return both[:, : self.noise_dim], both[:, self.noise_dim :]


def scales(base_size: int, image_size: int) -> list[int]:
    """Sides of the images that a generator makes, smallest first."""
    return [base_size << level for level in range(int(math.log2(image_size // base_size)) + 1)]
