"""Multi-stage generator: an initial image from noise and sentence, then refinement stages that attend to the words.

AttnGAN (Xu et al., CVPR 2018) and DM-GAN (Zhu et al., CVPR 2019) differ in the refinement stage alone, which is looked
up by name.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from t2i.models.blocks import (
    ConditioningAugmentation,
    NormAct,
    ResidualBlock,
    UpBlock,
    conv3x3,
    is_batch_normed,
    pre_activation_channels,
)
from t2i.models.generators.attngan import AttentionStage, WordAttention
from t2i.models.generators.dmgan import DynamicMemory, MemoryStage

REFINEMENTS: dict[str, type[nn.Module]] = {"attngan": AttentionStage, "dmgan": MemoryStage}
"""Model name -> refinement stage, (hidden, words, padding) -> (hidden of twice the side, attention)."""

ImageScales = Literal["all", "last"]


@dataclass
class Generated:
    """Output of a generator for N captions.

    Attributes:
        images: one [N, 3, S, S] a scale that has an image, smallest first, in [-1, 1].
        attention: one [N, L, H, W] a refinement stage: how much each word entered each pixel.
        mu, logvar: [N, condition_dim], of the conditioning augmentation.
    """

    images: list[Tensor]
    attention: list[Tensor]
    mu: Tensor
    logvar: Tensor


BINARY_NOISE_SCALE = 4.0
"""Magnitude of binary noise: four standard deviations of the rest, large enough to dominate early training."""

MAPPING_WIDTH = 512
"""Width of a mapping layer."""


class InitialStage(nn.Module):
    """Noise and condition -> hidden image; a linear layer to 4x4, then doublings up to ``base_size``.

    Before them there may be a mapping network over the whole vector (after Karras et al., "A Style-Based Generator
    Architecture for GANs", CVPR 2019): attributes of the whole image, such as the direction a bird faces, are decided
    once and not by the linear layer for each position apart.
    """

    def __init__(
        self, noise_dim: int, condition_dim: int, ngf: int, base_size: int, norm_act: NormAct, mapping_layers: int = 0
    ) -> None:
        super().__init__()
        inputs = noise_dim + condition_dim
        self.mapping = nn.Sequential()
        for _ in range(mapping_layers):
            layer = nn.Linear(inputs, MAPPING_WIDTH)
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            nn.init.zeros_(layer.bias)
            self.mapping.extend((layer, nn.LeakyReLU(0.2)))
            inputs = MAPPING_WIDTH
        doublings = int(math.log2(base_size // 4))
        self.channels = ngf * 2**doublings
        width = pre_activation_channels(self.channels * 16, norm_act)
        batch_norm = is_batch_normed(norm_act)
        self.linear = nn.Sequential(
            nn.Linear(inputs, width, bias=not batch_norm),
            *([nn.BatchNorm1d(width)] if batch_norm else []),
            nn.GLU(dim=1) if norm_act == "glu_batchnorm" else nn.LeakyReLU(0.2),
        )
        self.ups = nn.Sequential(
            *(UpBlock(self.channels >> level, self.channels >> (level + 1), norm_act) for level in range(doublings))
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
        mapping_layers: layers of the mapping network before the initial stage; 0: none, as published.
        binary_noise_dims: dimensions of the noise that are +-:data:`BINARY_NOISE_SCALE`, the others standard normal.
            Binary attributes, such as the direction a bird faces, get a binary latent; a continuous noise interpolates
            between the two. 0: none, as published.
        image_scales: of which scales there is an image: "all" as published, or the "last", where hidden images alone
            lead to it.

    Attributes:
        image_sizes: sides of the images, smallest first.
        scales_without_image: number of scales before the first image.

    Raises:
        ValueError: unknown model, sizes that are no powers of two in order, or more binary than noise.
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
        norm_act: NormAct,
        mapping_layers: int = 0,
        binary_noise_dims: int = 0,
        image_scales: ImageScales = "all",
    ) -> None:
        super().__init__()
        if not 0 <= binary_noise_dims <= noise_dim:
            raise ValueError(f"binary_noise_dims is {binary_noise_dims}; legal are 0 to noise_dim, {noise_dim}")
        if model not in REFINEMENTS:
            raise ValueError(f"model is {model!r}; legal are {', '.join(REFINEMENTS)}")
        if not 8 <= base_size <= image_size or base_size & (base_size - 1) or image_size & (image_size - 1):
            raise ValueError(f"sizes are {base_size} to {image_size}; legal are powers of two, 8 <= base <= image")
        self.config: dict[str, Any] = {
            "model": model, "embedding_dim": embedding_dim, "noise_dim": noise_dim, "condition_dim": condition_dim,
            "base_size": base_size, "image_size": image_size, "ngf": ngf, "residual_blocks": residual_blocks,
            "norm_act": norm_act, "mapping_layers": mapping_layers, "binary_noise_dims": binary_noise_dims,
            "image_scales": image_scales,
        }  # fmt: skip
        self.noise_dim, self.condition_dim, self.binary_noise_dims = noise_dim, condition_dim, binary_noise_dims
        self.conditioning = ConditioningAugmentation(embedding_dim, condition_dim)
        self.initial = InitialStage(noise_dim, condition_dim, ngf, base_size, norm_act, mapping_layers)
        refinements = int(math.log2(image_size // base_size))
        self.refinements = nn.ModuleList(
            REFINEMENTS[model](ngf, embedding_dim, residual_blocks, norm_act) for _ in range(refinements)
        )
        self.image_sizes = image_sizes(base_size, image_size, image_scales)
        self.scales_without_image = self.num_scales - len(self.image_sizes)
        self.heads = nn.ModuleList(nn.Sequential(conv3x3(ngf, 3), nn.Tanh()) for _ in self.image_sizes)

    def forward(
        self,
        noise: Tensor,
        epsilon: Tensor,
        sentence: Tensor,
        words: Tensor,
        padding: Tensor,
        *,
        num_scales: int | None = None,
    ) -> Generated:
        """Generate one image a caption at each scale that has one.

        Args:
            noise: [N, noise_dim], as :meth:`draw_noise` gives it.
            epsilon: [N, condition_dim], standard normal: the noise of the conditioning augmentation.
            sentence: [N, D].
            words: [N, D, L].
            padding: [N, L], True beyond the end of a caption.
            num_scales: number of scales to generate, from the smallest; None: all.
        """
        condition, mu, logvar = self.conditioning(sentence, epsilon)
        hidden = self.initial(noise, condition)
        images, attention = list[Tensor](), list[Tensor]()
        for scale in range(self.num_scales if num_scales is None else num_scales):
            if scale:
                hidden, weights = self.refinements[scale - 1](hidden, words, padding)
                attention.append(weights)
            if scale >= self.scales_without_image:
                images.append(self.heads[scale - self.scales_without_image](hidden))
        return Generated(images, attention, mu, logvar)

    @property
    def num_scales(self) -> int:
        """Number of scales, with an image or without."""
        return len(self.refinements) + 1

    def checkpointable_blocks(self) -> Iterator[nn.Module]:
        """Modules that take most of the time and memory; none contains another."""
        kinds = (WordAttention, DynamicMemory, ResidualBlock, UpBlock)
        return (module for module in self.modules() if isinstance(module, kinds))

    def copy_previous_stage(self) -> None:
        """Initialise the largest scale with the weights of the one before it, refinement stage and image head.

        Does nothing if the one before is the initial stage.
        """
        if len(self.refinements) > 1:
            for parts in (self.refinements, self.heads):
                parts[-1].load_state_dict(parts[-2].state_dict())

    def to_checkpoint(self, num_scales: int | None = None) -> dict[str, Any]:
        """Contents of a model file, on the processor.

        Args:
            num_scales: of a generator of so many scales, from the smallest; None: all.
        """
        scales = num_scales or self.num_scales
        parts = {"refinements": scales - 1, "heads": scales - self.scales_without_image}
        state = self.state_dict()
        for name in list(state):
            part, number, *_ = name.split(".")
            if part in parts and int(number) >= parts[part]:
                del state[name]
            else:
                state[name] = state[name].cpu()
        return {"config": self.config | {"image_size": self.config["base_size"] << (scales - 1)}, "state": state}

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> Self:
        """The generator of a model file, in eval mode, channels last."""
        with torch.device("meta"):  # initial values, which take longer than all the rest of loading, are not computed
            generator = cls(**content["config"])
        generator.load_state_dict(content["state"], assign=True)
        return generator.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]

    def draw_noise(self, count: int, rng: np.random.Generator, truncation: float = 1.0) -> tuple[Tensor, Tensor]:
        """Noise [count, noise_dim] and epsilon [count, condition_dim]; row n does not depend on the count.

        ``truncation`` multiplies all but the binary dimensions of the noise, which come first.
        """
        # numpy draws one number after the other; torch.randn's last numbers depend on how many there are
        both = torch.from_numpy(rng.standard_normal((count, self.noise_dim + self.condition_dim), dtype=np.float32))
        binary = BINARY_NOISE_SCALE * both[:, : self.binary_noise_dims].sign()
        both = truncation * both
        both[:, : self.binary_noise_dims] = binary
        return both[:, : self.noise_dim], both[:, self.noise_dim :]


def image_sizes(base_size: int, image_size: int, image_scales: ImageScales = "all") -> list[int]:
    """Sides of the images of a generator, smallest first."""
    sizes = [base_size << scale for scale in range(int(math.log2(image_size // base_size)) + 1)]
    return sizes if image_scales == "all" else sizes[-1:]
