"""Discriminator of one scale: is an image real, and does it match the sentence?"""

import math
from collections.abc import Sequence
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import spectral_norm

from t2i.models.blocks import conv3x3
from t2i.models.convolution import Conv2d, conv2d
from t2i.runtime.sync_batch_norm import normalise_apart

Norm = Literal["batch", "spectral", "none"]


def normed(convolution: nn.Conv2d, norm: Norm) -> list[nn.Module]:
    """A convolution with its normalisation and activation."""
    if norm == "spectral":
        return [spectral_norm(convolution), nn.LeakyReLU(0.2, inplace=True)]
    normalise: list[nn.Module] = [nn.BatchNorm2d(convolution.out_channels)] if norm == "batch" else []
    return [convolution, *normalise, nn.LeakyReLU(0.2, inplace=True)]


def pass_apart(layers: nn.Sequential, hidden: Tensor, counts: Sequence[int]) -> Tensor:
    """Several sets of rows through layers in one pass; but for batch norms, which see one set after the other.

    Shape: [N, ...] -> [N, ...]; the sets have ``counts`` rows, N in all.
    """
    for layer in layers:
        if isinstance(layer, _BatchNorm):
            hidden = torch.cat(normalise_apart(layer, hidden.split(list(counts))))
        else:
            hidden = layer(hidden)
    return hidden


def init_without_norm(network: nn.Module) -> None:
    """Initial weights for layers that no normalisation follows: torch's own shrink what passes, layer by layer."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.shape[0] > 1:
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _logits(head: nn.Conv2d, features: Tensor) -> Tensor:
    """A convolution that covers all of a 4x4 map, as the product that it is: [N, C, 4, 4] -> [N], float32."""
    return nn.functional.linear(features.flatten(1), head.weight.flatten(1), head.bias).flatten().float()


class Discriminator(nn.Module):
    """Image [N, 3, S, S] -> features [N, C, 4, 4] -> an unconditional logit and a conditional one for each sentence.

    Stride-2 convolutions down to 4x4, channels doubling from ndf; whatever exceeds 8 ndf (images above 64) is brought
    back to it by 3x3 convolutions.

    Args:
        size: S, a power of two of at least 8.
        ndf: channels after the first convolution.
        embedding_dim: D of the sentence.
        norm: "batch" as in AttnGAN, "spectral" as in DM-GAN (with biases, the first convolution too), or "none".
        projection_dim: P > 0 adds the inner product of P projections of image and sentence to the conditional logit
            (after Miyato and Koyama, "cGANs with Projection Discriminator", 2018): a sum of image and sentence, as in
            the published discriminators, has to learn to multiply first. 0: as published.

    Raises:
        ValueError: size is no power of two from 8.
    """

    def __init__(self, size: int, ndf: int, embedding_dim: int, norm: Norm, projection_dim: int = 0) -> None:
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"size is {size}; legal are powers of two from 8")
        self.config: dict[str, Any] = {
            "size": size, "ndf": ndf, "embedding_dim": embedding_dim, "norm": norm, "projection_dim": projection_dim
        }  # fmt: skip
        bias = norm != "batch"
        first = Conv2d(3, ndf, 4, 2, 1, bias=bias)
        trunk = normed(first, "spectral" if norm == "spectral" else "none")  # the first has no batch norm
        channels = ndf
        for _ in range(int(math.log2(size // 4)) - 1):
            trunk += normed(Conv2d(channels, 2 * channels, 4, 2, 1, bias=bias), norm)
            channels *= 2
        while channels > 8 * ndf:
            trunk += normed(conv3x3(channels, channels // 2, bias=bias), norm)
            channels //= 2
        self.trunk = nn.Sequential(*trunk)
        joint, *after_joint = normed(conv3x3(channels + embedding_dim, channels, bias=bias), norm)
        assert isinstance(joint, nn.Conv2d)
        self.joint, self.after_joint = joint, nn.Sequential(*after_joint)
        self.unconditional_head = nn.Conv2d(channels, 1, 4)
        self.conditional_head = nn.Conv2d(channels, 1, 4)
        self.projection_dim = projection_dim
        if projection_dim:
            self.project_image = nn.Linear(16 * channels, projection_dim)
            self.project_sentence = nn.Linear(embedding_dim, projection_dim, bias=False)
        if norm == "none":
            init_without_norm(self)

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file; those of the norms are among them."""
        return {"config": self.config, "state": self.state_dict()}

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> Self:
        """The discriminator of a model file, in eval mode."""
        discriminator = cls(**content["config"])
        discriminator.load_state_dict(content["state"])
        return discriminator.eval()

    def forward(self, images: Tensor, *sentences: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Unconditional logits, and conditional ones for each of several sets of sentences.

        Args:
            images: [N, 3, S, S] in [-1, 1].
            sentences: any number of [N, D].

        Returns:
            unconditional logits [N] and, for each of the sentences, conditional logits [N], float32.
        """
        features = self.trunk(images)
        return self.unconditional(features), self.conditional(features, *sentences)

    def features(self, *images: Tensor) -> list[Tensor]:
        """Features of several sets of images, in one pass; but for batch norms, which see one set after the other.

        Shape: any number of [N, 3, S, S] -> [N, C, 4, 4] each.
        """
        counts = [len(each) for each in images]
        return list(pass_apart(self.trunk, torch.cat(images), counts).split(counts))

    def unconditional(self, features: Tensor) -> Tensor:
        """Logits [N] that features [N, C, 4, 4] are of real images."""
        return _logits(self.unconditional_head, features)

    def conditional(self, features: Tensor, *sentences: Tensor) -> list[Tensor]:
        """Logits that images are real and match the sentence, for each of several sets of sentences.

        The convolution over features joined with a sentence tiled to 4x4 is a sum: of one over the features, done once
        an image, and one over the constant sentence, which is a product with each tap and sums of these.

        Args:
            features: [N, C, 4, 4].
            sentences: any number of [M, D], M <= N; each is about the first M images.

        Returns:
            one [M] for each set of sentences, float32.
        """
        of_features, of_sentence = self.joint.weight.split([features.shape[1], sentences[0].shape[1]], dim=1)
        shared = conv2d(features, of_features, self.joint.bias, padding=1)
        biases = self._convolved_sentences(of_sentence, torch.cat(sentences)).split([len(each) for each in sentences])
        joined = [shared[: len(bias)] + bias.to(shared.dtype) for bias in biases]
        for layer in self.after_joint:
            joined = normalise_apart(layer, joined)
        logits = [_logits(self.conditional_head, each) for each in joined]
        if self.projection_dim:
            image = self._projected(features)
            logits = [
                logit + (image[: len(sentence)] * self.project_sentence(sentence).float()).sum(dim=1)
                for logit, sentence in zip(logits, sentences, strict=True)
            ]
        return logits

    def similarity(self, features: Tensor, sentences: Tensor) -> Tensor:
        """Similarity of each image and sentence by their projections: [N, C, 4, 4], [M, D] -> [N, M], float32."""
        image, sentence = self._projected(features), self.project_sentence(sentences).float()
        with torch.autocast(image.device.type, enabled=False):
            return image @ sentence.T

    def _projected(self, features: Tensor) -> Tensor:
        return self.project_image(features.flatten(1)).float() * self.projection_dim**-0.5

    @staticmethod
    def _convolved_sentences(weight: Tensor, sentences: Tensor) -> Tensor:
        """A 3x3 convolution of sentences tiled to 4x4: [C, D, 3, 3], [N, D] -> [N, C, 4, 4]."""
        by_tap = weight.permute(0, 2, 3, 1).flatten(0, 2)  # [9 C, D]; copies nothing where weights are channels last
        products = (sentences @ by_tap.T).unflatten(1, (-1, 9))  # [N, C, 9]
        inside = torch.ones(1, 1, 4, 4, device=weight.device)
        seen = nn.functional.unfold(inside, 3, padding=1)[0]  # [9, 16]: whether tap t of position p is inside the map
        return (products @ seen.to(products.dtype)).unflatten(2, (4, 4))
