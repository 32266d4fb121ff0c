"""The discriminators of all scales, and what they and the generator want of each other."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from t2i.distributed import gathered, own, own_rows
from t2i.losses.adversarial import Kind, discriminator_loss, fools, gradient_penalty
from t2i.losses.damsm import Candidates, matching_loss
from t2i.models.discriminator import Discriminator, Norm

Mismatched = Literal["next", "hardest"]


class Adversaries(nn.Module):
    """One discriminator a scale, each with losses of its own, summed over the V captions of an image.

    Args:
        sizes: sides of the images of each scale, smallest first.
        ndf, embedding_dim, norm, projection: of :class:`~t2i.models.discriminator.Discriminator`.
        kind: of the adversarial loss; "bce" is the paper's.
        matching_weight: of a contrastive loss that the projection learns from: to find the right sentence for each real
            image of the batch and the right image for each sentence, as in DAMSM (cf. Zhang et al., "Cross-Modal
            Contrastive Learning for Text-to-Image Generation", CVPR 2021). 0: none, as published.
        mismatched: which wrong sentence a real image is shown with: the "next" one of the batch, as published, or the
            "hardest", that of another class which the projection finds most fitting. Most wrong sentences are told by
            the largest part of a bird alone; the hardest ask for the others too.
    """

    def __init__(
        self,
        sizes: list[int],
        *,
        ndf: int,
        embedding_dim: int,
        norm: Norm,
        projection: int,
        kind: Kind,
        mismatched: Mismatched,
        matching_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if (mismatched == "hardest" or matching_weight) and not projection:
            raise ValueError(
                "hardest mismatched sentences and the matching loss need a projection, which is 0; legal are 1 or more"
            )
        self.sizes, self.kind, self.mismatched, self.matching_weight = sizes, kind, mismatched, matching_weight
        self.scales = nn.ModuleList(Discriminator(size, ndf, embedding_dim, norm, projection) for size in sizes)

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Real images at the sides of the generated ones: [N, 3, S, S] -> [N, 3, s, s] for each s."""
        return [
            images
            if size == images.shape[-1]
            else interpolate(images, size=(size, size), mode="bilinear", antialias=True)
            for size in self.sizes
        ]

    def tell_apart(
        self,
        scale: int,
        reals: Tensor,
        fakes: Tensor,
        sentences: Tensor,
        classes: Tensor,
        more: Candidates | None = None,
    ) -> Tensor:
        """Loss of a discriminator.

        Real images pass the trunk once and are then asked about all their captions, right and wrong.

        Args:
            scale: of which discriminator, from 0, the smallest.
            reals: [N, 3, s, s] and fakes: [V N, 3, s, s] of that scale; of several processes, each gives its own.
            sentences: [V N, D], all first captions, then all second ones; of the whole batch, as the classes.
            classes: [N]; a mismatched sentence of the same class may well fit.
            more: sentences that the matching loss tells the right ones from, beside those of the batch.
        """
        discriminator = self._of(scale)
        views = sentences.view(-1, len(classes), sentences.shape[1]).unbind()
        features, fake_features = discriminator.features(reals, fakes.detach())
        wrong = [self._wrong(discriminator, features, view, classes) for view in views]
        asked = discriminator.conditional(features, *map(own, views), *wrong)
        matched, mismatched = torch.cat(asked[: len(views)]), torch.cat(asked[len(views) :])
        (fake_c,) = discriminator.conditional(fake_features, own(sentences, len(views)))
        real_u, fake_u = map(discriminator.unconditional, (features, fake_features))
        loss = len(views) * discriminator_loss(real_u, matched, fake_u, fake_c, mismatched, self.kind)
        if self.matching_weight:
            asked_for = [view if more is None else torch.cat((view, more.sentences)) for view in views]
            found = [
                part
                for said in asked_for
                for part in matching_loss(gathered(discriminator.fits(features, said)), classes, 1.0, more)
            ]
            loss = loss + self.matching_weight * torch.stack(found).sum()
        return loss

    def _wrong(self, discriminator: Discriminator, features: Tensor, sentences: Tensor, classes: Tensor) -> Tensor:
        """Wrong sentences for the first of the own images: all but the last of the batch as published, or all."""
        if self.mismatched == "next":
            return sentences[1:][own_rows(len(sentences))]
        with torch.no_grad():
            fits = discriminator.fits(features, sentences)
        same = own(classes)[:, None] == classes[None]
        return sentences[fits.masked_fill(same, float("-inf")).argmax(dim=1)]

    def penalty(self, scale: int, reals: Tensor, sentences: Tensor) -> Tensor:
        """Gradient penalty: N real images of a scale with one of their sentences each, [N, D]."""
        discriminator, real = self._of(scale), reals.detach().requires_grad_()
        (logits,) = discriminator.conditional(discriminator.trunk(real), sentences)
        return gradient_penalty(logits, real)

    def fooling(self, scale: int, fakes: Tensor, sentences: Tensor, views: int) -> Tensor:
        """Adversarial loss of the generator: [V N, 3, s, s] of a scale, [V N, D]."""
        unconditional, (conditional,) = self._of(scale)(fakes, sentences)
        return views * (fools(unconditional, self.kind) + fools(conditional, self.kind))

    def _of(self, scale: int) -> Discriminator:
        discriminator = self.scales[scale]
        assert isinstance(discriminator, Discriminator)
        return discriminator
