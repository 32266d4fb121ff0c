"""Discriminator on features of a frozen pretrained network (Sauer et al., "Projected GANs Converge Faster", 2021)."""

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from t2i.errors import InputError
from t2i.models.backbone import Backbone
from t2i.models.blocks import conv3x3
from t2i.models.convolution import Conv2d
from t2i.models.discriminator import Norm, init_without_norm, normed, pass_apart

LEVELS = 4


class Projection(nn.Module):
    """The frozen part: images [N, 3, S, S] in [-1, 1] -> maps of four levels that each know of all channels.

    Fixed random convolutions mix what a pretrained network gives (section 3.2): 1x1 the channels of each level; then,
    from the smallest map up, 3x3 those of a level and the enlarged map below it. Without them a discriminator attends
    to a few features of the network, and the generator neglects the others.

    Args:
        name: of the network.
        side: pixels of a side that images are resized to: 128, or a larger power of two.
        width: channels of the largest map before the last convolution; each smaller one has twice as many.
        weights: of the network, see :class:`~t2i.models.backbone.Backbone`.

    Attributes:
        config: name and side.
        channels, sides: of the maps, largest first.

    Raises:
        ValueError: the side is no such power.
    """

    def __init__(self, name: str, side: int, width: int, weights: dict[str, Tensor] | None = None) -> None:
        super().__init__()
        if side < 128 or side & (side - 1):
            raise ValueError(f"side is {side}; legal are powers of two from 128")
        self.config: dict[str, Any] = {"name": name, "side": side}
        self.backbone = Backbone(name, side, weights)
        mixed = [width << level for level in range(LEVELS)]
        self.channels = [mixed[max(0, level - 1)] for level in range(LEVELS)]  # as many as the level above has mixed
        self.sides = [side >> (level + 2) for level in range(LEVELS)]
        given = zip(self.backbone.channels, mixed, strict=True)
        self.across_channels = nn.ModuleList(nn.Conv2d(*pair, 1) for pair in given)
        self.across_levels = nn.ModuleList(conv3x3(*pair) for pair in zip(mixed, self.channels, strict=True))
        fixed = torch.Generator().manual_seed(0)
        for layer in (*self.across_channels, *self.across_levels):
            for name, parameter in layer.named_parameters():
                if name == "weight":
                    nn.init.kaiming_normal_(parameter, a=1.0, generator=fixed)
                else:
                    nn.init.zeros_(parameter)
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Mixed maps [N, C_k, H_k, H_k] of the four levels, largest first."""
        maps, results = self.backbone.levels(images), list[Tensor]()
        for level in reversed(range(LEVELS)):
            hidden = self.across_channels[level](maps[level])
            if results:
                hidden = hidden + interpolate(results[-1], scale_factor=2.0, mode="bilinear")
            results.append(self.across_levels[level](hidden))
        return results[::-1]


class ProjectedDiscriminator(nn.Module):
    """Image -> frozen maps of four levels -> features [N, 4 C, 4, 4], C of each level -> logits of each level apart.

    Used as :class:`~t2i.models.discriminator.Discriminator` is. Stride-2 convolutions lead each level to 4x4. The
    conditional logit of a level is a convolution over its features plus the inner product of P projections of image
    and sentence (after Miyato and Koyama, 2018).

    Args:
        projection: the frozen part, which several discriminators may share. It moves to a device with this module and
            is otherwise no part of it: whoever loops over weights, or keeps them, does not come across it.
        ndf: channels of a level at 32x32 and above; twice as many at each half of the side, C = 8 ndf at 4x4.
        embedding_dim: D of the sentence.
        norm: of the convolutions to 4x4: "batch", "spectral" or "none".
        projection_dim: P, 1 or more.
        minibatch_std: G, images of a group whose spread is seen: the standard deviation of their features within the
            group, mean over the channels, is one more channel of each level (cf. Karras et al., "Progressive Growing
            of GANs", 2018). A generator that draws one pose for all noises is told from photographs by it. 0: none.
    """

    def __init__(
        self,
        projection: Projection,
        ndf: int,
        embedding_dim: int,
        norm: Norm,
        projection_dim: int,
        minibatch_std: int = 0,
    ) -> None:
        super().__init__()
        self._projection = (projection,)  # in a tuple, where torch does not look for modules
        self.config: dict[str, Any] = {
            "backbone": projection.config, "ndf": ndf, "embedding_dim": embedding_dim, "norm": norm,
            "projection_dim": projection_dim, "minibatch_std": minibatch_std,
        }  # fmt: skip
        self.projection_dim, self.minibatch_std = projection_dim, minibatch_std
        self.levels = nn.ModuleList(
            _to_4x4(channels, side, ndf, norm)
            for channels, side in zip(projection.channels, projection.sides, strict=True)
        )
        width = LEVELS * (8 * ndf + bool(minibatch_std))
        self.unconditional_head = nn.Conv2d(width, LEVELS, 4, groups=LEVELS)
        self.conditional_head = nn.Conv2d(width, LEVELS, 4, groups=LEVELS)
        self.project_image = nn.Conv2d(width, LEVELS * projection_dim, 4, groups=LEVELS)
        self.project_sentence = nn.Linear(embedding_dim, LEVELS * projection_dim, bias=False)
        if norm == "none":
            init_without_norm(self)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the frozen part too."""
        self._projection[0]._apply(fn)
        return super()._apply(fn, recurse)

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file; the frozen part is named in the configuration."""
        return {"config": self.config, "state": self.state_dict()}

    def forward(self, images: Tensor, *sentences: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Unconditional logits [N, 4], and conditional ones [N, 4] for each of several sets of sentences [N, D]."""
        (features,) = self.features(images)
        return self.unconditional(features), self.conditional(features, *sentences)

    def features(self, *images: Tensor) -> list[Tensor]:
        """Features of several sets of images, in one pass; but for batch norms, which see one set after the other.

        Shape: any number of [N, 3, S, S] in [-1, 1] -> [N, 4 C, 4, 4] each; with ``minibatch_std``, C is one more.

        Raises:
            InputError: a set has images beside whole groups.
        """
        counts = [len(each) for each in images]
        maps = self._projection[0](torch.cat(images))
        levels = [pass_apart(trunk, each, counts) for trunk, each in zip(self.levels, maps, strict=True)]  # type: ignore[arg-type]
        if group := self.minibatch_std:
            for count in counts:
                if count % group:
                    raise InputError(
                        f"minibatch_std is {group} and a process has {count} images of a batch: set a batch_size that "
                        "gives each process a multiple, or minibatch_std 0"
                    )
            levels = [torch.cat((level, _spread(level, group)), dim=1) for level in levels]
        return list(torch.cat(levels, dim=1).split(counts))

    def unconditional(self, features: Tensor) -> Tensor:
        """Logits [N, 4] that features [N, 4 C, 4, 4] are of real images."""
        return self.unconditional_head(features).flatten(1).float()

    def conditional(self, features: Tensor, *sentences: Tensor) -> list[Tensor]:
        """Logits [M, 4] that images are real and match the sentence, for each of several sets of sentences.

        Args:
            features: [N, 4 C, 4, 4].
            sentences: any number of [M, D], M <= N; each is about the first M images.
        """
        logits, image = self.conditional_head(features).flatten(1).float(), self._projected(features)
        return [
            logits[: len(each)] + (image[: len(each)] * self._projected_sentences(each)).sum(dim=2)
            for each in sentences
        ]

    def similarity(self, features: Tensor, sentences: Tensor) -> Tensor:
        """Similarity of each image and sentence, the mean of the levels: [N, 4 C, 4, 4], [M, D] -> [N, M], float32."""
        image, sentence = self._projected(features).flatten(1), self._projected_sentences(sentences).flatten(1)
        with torch.autocast(image.device.type, enabled=False):
            return image @ sentence.T / LEVELS

    def _projected(self, features: Tensor) -> Tensor:
        return self.project_image(features).view(-1, LEVELS, self.projection_dim).float() * self.projection_dim**-0.5

    def _projected_sentences(self, sentences: Tensor) -> Tensor:
        return self.project_sentence(sentences).view(-1, LEVELS, self.projection_dim).float()


def _spread(level: Tensor, group: int) -> Tensor:
    """Spread of the group that each image is in: [N, C, 4, 4] -> [N, 1, 4, 4]."""
    variance = level.float().unflatten(0, (-1, group)).var(dim=1, unbiased=False)
    spread = (variance + 1e-8).sqrt().mean(dim=1, keepdim=True)
    return spread.repeat_interleave(group, dim=0).to(level.dtype)


def _to_4x4(channels: int, side: int, ndf: int, norm: Norm) -> nn.Sequential:
    """A map of one level -> [N, 8 ndf, 4, 4]; of 4x4, by a convolution that keeps the side."""
    if side == 4:
        return nn.Sequential(*normed(conv3x3(channels, 8 * ndf, bias=norm != "batch"), norm))
    layers: list[nn.Module] = []
    while side > 4:
        side //= 2
        wanted = max(ndf, 32 * ndf // side)
        layers += normed(Conv2d(channels, wanted, 4, 2, 1, bias=norm != "batch"), norm)
        channels = wanted
    return nn.Sequential(*layers)
