"""Multi-scale discriminator: one network for each size of generated image."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from t2i.models.discriminator import Discriminator, Norm
from t2i.runtime.distributed import local_rows, local_shard

NegativeCaptions = Literal["next", "hardest"]


class MultiScaleDiscriminator(nn.Module):
    """One discriminator a scale.

    Args:
        image_sizes: sides of the images of each scale, smallest first.
        ndf, embedding_dim, norm, projection_dim: of :class:`~t2i.models.discriminator.Discriminator`.
        negative_captions: which mismatched sentence a real image is shown with: the "next" one of the batch, as
            published, or the "hardest": the one of another class with the highest similarity by the projection. Most
            sentences differ in the largest part of a bird already; the hardest require the others too.

    Raises:
        ValueError: hardest negatives without a projection.
    """

    def __init__(
        self,
        image_sizes: list[int],
        *,
        ndf: int,
        embedding_dim: int,
        norm: Norm,
        projection_dim: int,
        negative_captions: NegativeCaptions,
    ) -> None:
        super().__init__()
        if negative_captions == "hardest" and not projection_dim:
            raise ValueError("hardest negative_captions need a projection_dim of 1 or more, it is 0")
        self.image_sizes, self.negative_captions = image_sizes, negative_captions
        self.scales = nn.ModuleList(
            Discriminator(size, ndf, embedding_dim, norm, projection_dim) for size in image_sizes
        )

    def __getitem__(self, scale: int) -> Discriminator:
        """The discriminator of a scale, from 0, the smallest."""
        discriminator = self.scales[scale]
        assert isinstance(discriminator, Discriminator)
        return discriminator

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file: the discriminators by the size of their images."""
        return {"scales": {str(size): self[scale].to_checkpoint() for scale, size in enumerate(self.image_sizes)}}

    def load_start(self, content: dict[str, Any]) -> None:
        """Take the weights of a model file with discriminators of these sizes."""
        for scale, size in enumerate(self.image_sizes):
            self[scale].load_state_dict(content["scales"][str(size)]["state"])

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Real images at the sides of the generated ones: [N, 3, S, S] -> [N, 3, s, s] for each s."""
        return [
            images
            if size == images.shape[-1]
            else interpolate(images, size=(size, size), mode="bilinear", antialias=True)
            for size in self.image_sizes
        ]

    def negative_sentences(self, scale: int, features: Tensor, sentences: Tensor, classes: Tensor) -> Tensor:
        """Mismatched sentences for the first of the local images: all but the last of the batch as published, or all.

        Args:
            features: [N, C, 4, 4], of the real images.
            sentences: [N, D]; classes: [N]; both of the whole batch.
        """
        if self.negative_captions == "next":
            return sentences[1:][local_rows(len(sentences))]
        with torch.no_grad():
            similarity = self[scale].similarity(features, sentences)
        same_class = local_shard(classes)[:, None] == classes[None]
        return sentences[similarity.masked_fill(same_class, float("-inf")).argmax(dim=1)]
