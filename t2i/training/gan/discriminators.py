"""Multi-scale discriminator: one network for each size of generated image."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from t2i.models.discriminator import Discriminator, Norm
from t2i.models.projected_discriminator import ProjectedDiscriminator, Projection
from t2i.runtime.distributed import local_rows, local_shard
from t2i.training.gan.augmentation import Augmentation, Change

NegativeCaptions = Literal["next", "hardest"]


class MultiScaleDiscriminator(nn.Module):
    """One discriminator for each size of generated image.

    Args:
        image_sizes: sides of the generated images, smallest first.
        ndf, embedding_dim, norm, projection_dim: of :class:`~t2i.models.discriminator.Discriminator`, or with a
            backbone of :class:`~t2i.models.projected_discriminator.ProjectedDiscriminator`.
        backbone: name and side of :class:`~t2i.models.projected_discriminator.Projection`; None: the discriminators
            read the pixels, as published.
        backbone_weights: of the backbone; None: random ones.
        minibatch_std: of the projected discriminator.
        augment: changes of :class:`~t2i.training.gan.augmentation.Augmentation` to what they see.
        negative_captions: which mismatched sentence a real image is shown with: the "next" one of the batch, as
            published, or the "hardest": the one of another class with the highest similarity by the projection (the
            next where the whole batch is of one class). Most sentences differ in the largest part of a bird already;
            the hardest require the others too.

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
        backbone: Mapping[str, Any] | None = None,
        backbone_weights: dict[str, Tensor] | None = None,
        minibatch_std: int = 0,
        augment: Sequence[Change] = (),
    ) -> None:
        super().__init__()
        self.augmentation = Augmentation(augment)
        if negative_captions == "hardest" and not projection_dim:
            raise ValueError("hardest negative_captions need a projection_dim of 1 or more, it is 0")
        self.negative_captions = negative_captions
        self.image_sizes = image_sizes
        sizes = (ndf, embedding_dim, norm, projection_dim)
        if backbone is None:
            self.scales = nn.ModuleList(Discriminator(size, *sizes) for size in self.image_sizes)
        else:
            projection = Projection(backbone["name"], backbone["side"], ndf, backbone_weights)
            self.scales = nn.ModuleList(
                ProjectedDiscriminator(projection, *sizes, minibatch_std) for _ in self.image_sizes
            )

    def __getitem__(self, scale: int) -> Discriminator | ProjectedDiscriminator:
        """The discriminator of a scale, from 0, the smallest that has an image."""
        discriminator = self.scales[scale]
        assert isinstance(discriminator, Discriminator | ProjectedDiscriminator)
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
        hardest = similarity.masked_fill(same_class, float("-inf")).argmax(dim=1)
        # in a batch of one class all are masked, and an image's own sentence is the one that must not be taken
        after = local_shard(torch.arange(len(classes), device=classes.device).roll(-1))
        return sentences[torch.where(same_class.all(dim=1), after, hardest)]
