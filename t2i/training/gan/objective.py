"""Forward and backward passes of a step of contrastive GAN training (Ye et al., section 3.2), without a loop."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from t2i.data.batches import Batch
from t2i.losses.adversarial import AdversarialLoss, discriminator_loss, generator_loss, r1_penalty
from t2i.losses.damsm import damsm_losses, matching_loss
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.mode_seeking import mode_seeking
from t2i.losses.nt_xent import nt_xent
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.text import Text
from t2i.models.generators.generator import Generated, Generator
from t2i.runtime.device import Precision, autocast
from t2i.runtime.distributed import all_gather, local_shard
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.memory_bank import MemoryBank

Noise = tuple[Tensor, Tensor]
"""Noise z [V N, noise_dim] and epsilon of the conditioning augmentation [V N, condition_dim] of a whole batch."""

SharedNoise = Literal["none", "z", "all"]
"""What the captions of an image share: neither noise, z alone, or z and epsilon."""


class GanObjective:
    """Losses of generator and discriminators on V captions of each of N images, summed over captions, as published.

    Both captions of an image are generated in one batch of 2N, so batch norm sees them together (the published code
    runs them one after the other). In distributed training each process has the images of its own part of the batch,
    and the text, classes and noise of all of it.

    Args:
        damsm_encoders: frozen; the text encoder reads the captions, the image encoder the images of the last scale.
        captions_per_image: V, 2 or 1; with 1 there is no pair to contrast: plain AttnGAN or DM-GAN.
        adversarial: "bce" is the paper's.
        damsm: weight of word and sentence loss (LAMBDA of the published code).
        kl: weight of the conditioning augmentation's divergence.
        mode_seeking: weight of :func:`~t2i.losses.mode_seeking.mode_seeking` between two images of a caption, at
            the smallest scale that has one; 0: none, as published.
        matching: weight of a contrastive loss that the discriminators' projection learns from: find the right sentence
            for each real image and the right image for each sentence, as in DAMSM (cf. Zhang et al., "Cross-Modal
            Contrastive Learning for Text-to-Image Generation", CVPR 2021). 0: none, as published.
        r1, r1_every: weight of the R1 penalty on real images, taken every so many steps; 0: none, as published.
        memory_bank: number of earlier sentences that serve as extra negatives in the matching loss and in the
            generator's sentence loss; 0: none, as published.
        lambda_: weight of the paper's contrastive loss, NT-Xent between the image codes of the two images generated
            from two captions of an image. At 0 a step still generates both, and differs in nothing but the term.
        temperature: of NT-Xent.
        shared_noise: what both captions of an image share. The published code draws epsilon for each caption apart,
            and takes one z for each row; since it sorts first and second captions by length apart, a row is seldom
            the same image twice (8 % of the rows of CUB at a batch of 20), which "none" comes closest to.
        gamma1, gamma2, gamma3: of the DAMSM losses.

    Raises:
        ValueError: a matching loss without a projection.
    """

    def __init__(
        self,
        generator: Generator,
        discriminators: MultiScaleDiscriminator,
        damsm_encoders: Damsm,
        *,
        captions_per_image: int,
        precision: Precision,
        adversarial: AdversarialLoss,
        damsm: float,
        kl: float,
        mode_seeking: float,
        matching: float,
        r1: float,
        r1_every: int,
        memory_bank: int,
        lambda_: float,
        temperature: float,
        shared_noise: SharedNoise,
        gamma1: float,
        gamma2: float,
        gamma3: float,
    ) -> None:
        if matching and not discriminators[0].projection_dim:
            raise ValueError("the matching loss needs a projection_dim of 1 or more, it is 0")
        self.generator, self.discriminators, self.damsm_encoders = generator, discriminators, damsm_encoders
        self.captions_per_image, self.precision, self.adversarial = captions_per_image, precision, adversarial
        self.damsm, self.kl, self.mode_seeking, self.matching = damsm, kl, mode_seeking, matching
        self.r1, self.r1_every = r1, r1_every
        self.lambda_, self.temperature, self.shared_noise = lambda_, temperature, shared_noise
        self.gammas = {"gamma1": gamma1, "gamma2": gamma2, "gamma3": gamma3}
        self.augmentation = discriminators.augmentation
        self.device = next(generator.parameters()).device
        self.memory_bank = MemoryBank(memory_bank, damsm_encoders.embedding_dim, self.device)

    # ---- Captions, noise and images of a step ----

    @torch.no_grad()
    def encode_captions(self, batch: Batch) -> Text:
        """All captions of the whole batch, view by view: [V N, ...]."""
        return self.damsm_encoders.text(batch.ids.flatten(0, 1))

    def draw_noise(self, images: int, rng: np.random.Generator) -> Noise:
        """Noise of all captions of each of N images; that of the first caption does not depend on what is shared."""
        captions = self.captions_per_image
        noise, epsilon = self.generator.draw_noise(images if self.shared_noise == "all" else captions * images, rng)
        if self.shared_noise != "none":
            noise = noise[:images].repeat(captions, 1)
        if self.shared_noise == "all":
            epsilon = epsilon.repeat(captions, 1)
        return noise.to(self.device, non_blocking=True), epsilon.to(self.device, non_blocking=True)

    def generate(self, text: Text, noise: Noise, num_scales: int) -> Generated:
        """Images of this process's part of the captions, at the smallest ``num_scales`` scales."""
        inputs = (*noise, text.sentence, text.words, text.padding)
        with autocast(self.precision):
            return self.generator(*(local_shard(t, self.captions_per_image) for t in inputs), num_scales=num_scales)

    # ---- Discriminators ----

    def discriminator_step(
        self, scale: int, real: Tensor, fake: Tensor, text: Text, classes: Tensor, step: int, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Gradients of one discriminator; returns its losses, detached.

        Args:
            scale: of which discriminator, from 0, the smallest.
            real: [N, 3, s, s] and fake: [V N, 3, s, s] of that scale, this process's part.
            classes: [N], of the whole batch; a mismatched sentence of the same class may well fit.
            step: number of the step; R1 is taken every ``r1_every`` steps.
            rng: draws the augmentation.
        """
        real = self.augmentation(real, len(classes), 1, rng)
        fake = self.augmentation(fake.detach(), len(classes), self.captions_per_image, rng)
        with autocast(self.precision):
            loss = self.discriminator_loss(scale, real, fake, text.sentence, classes)
        terms = {"d": backward(loss)}
        if self.r1 and step % self.r1_every == 0:
            with autocast(self.precision):
                loss = self.r1_penalty(scale, real, local_shard(text.sentence[: len(classes)]))
            terms["r1"] = backward(loss, self.r1 * self.r1_every)
        return terms

    def discriminator_loss(self, scale: int, real: Tensor, fake: Tensor, sentences: Tensor, classes: Tensor) -> Tensor:
        """Adversarial and matching loss of a discriminator; arguments as in :meth:`discriminator_step`.

        Real images pass the trunk once for all their captions, matching and mismatched.
        """
        discriminator = self.discriminators[scale]
        views = sentences.view(-1, len(classes), sentences.shape[1]).unbind()
        features, fake_features = discriminator.features(real, fake.detach())
        negatives = [self.discriminators.negative_sentences(scale, features, view, classes) for view in views]
        real_logits = discriminator.conditional(features, *map(local_shard, views), *negatives)
        real_c, mismatched_c = torch.cat(real_logits[: len(views)]), torch.cat(real_logits[len(views) :])
        (fake_c,) = discriminator.conditional(fake_features, local_shard(sentences, len(views)))
        real_u, fake_u = map(discriminator.unconditional, (features, fake_features))
        loss = len(views) * discriminator_loss(real_u, real_c, fake_u, fake_c, mismatched_c, self.adversarial)
        if self.matching:
            bank = self.memory_bank.negatives
            columns = [view if bank is None else torch.cat((view, bank.sentences)) for view in views]
            scores = all_gather([discriminator.similarity(features, column) for column in columns], len(classes))
            terms = [term for each in scores for term in matching_loss(each, classes, 1.0, bank)]
            loss = loss + self.matching * torch.stack(terms).sum()
        return loss

    def r1_penalty(self, scale: int, real: Tensor, sentences: Tensor) -> Tensor:
        """R1 penalty at N real images of a scale with one of their sentences each, [N, D]."""
        discriminator, images = self.discriminators[scale], real.detach().requires_grad_()
        (logits,) = discriminator.conditional(*discriminator.features(images), sentences)
        return r1_penalty(logits, images)

    # ---- Generator ----

    def generator_step(
        self, fake: Generated, noise: Noise, text: Text, batch: Batch, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """Gradients of the generator; returns its losses, detached.

        Gradients are first taken down to the images, scale by scale, so that the graph of one discriminator is freed
        before the next one's is built; then all of them go through the generator at once.
        """
        images = [image.detach().requires_grad_() for image in fake.images]
        sentences = local_shard(text.sentence, self.captions_per_image)
        adversarial = [self._adversarial_term(*each, sentences, len(batch.classes), rng) for each in enumerate(images)]
        terms = {"g": torch.stack(adversarial).sum()}
        if self.mode_seeking:
            terms["mode_seeking"] = self._mode_seeking_term(images[0], noise, text, len(batch.classes))
        terms |= self._matching_terms(images[-1], text, batch)
        terms["kl"] = self.captions_per_image * kl_to_standard_normal(fake.mu, fake.logvar)
        whole = [(image, leaf.grad) for image, leaf in zip(fake.images, images, strict=True) if leaf.grad is not None]
        torch.autograd.backward([self.kl * terms["kl"], *(image for image, _ in whole)], [None, *(g for _, g in whole)])
        return {name: term.detach() for name, term in terms.items()}

    def generator_loss(self, scale: int, images: Tensor, sentences: Tensor) -> Tensor:
        """Adversarial loss of the generator at one scale: [V N, 3, s, s], [V N, D]."""
        unconditional, (conditional,) = self.discriminators[scale](images, sentences)
        return self.captions_per_image * generator_loss(unconditional, conditional, kind=self.adversarial)

    def _adversarial_term(
        self, scale: int, images: Tensor, sentences: Tensor, count: int, rng: np.random.Generator
    ) -> Tensor:
        images = self.augmentation(images, count, self.captions_per_image, rng)
        with autocast(self.precision):
            loss = self.generator_loss(scale, images, sentences)
        return backward(loss)

    def _mode_seeking_term(self, images: Tensor, noise: Noise, text: Text, count: int) -> Tensor:
        """Between images of the first view and those of the noise of the next image of the batch.

        Every second pair has equal binary dimensions: its images have to differ by the normal ones, which the generator
        would otherwise ignore, since the binary ones alone make enough different images.
        """
        first_noise, epsilon = (vector[:count] for vector in noise)
        other_noise, epsilon = (vector.roll(1, dims=0) for vector in (first_noise, epsilon))
        binary = self.generator.binary_noise_dims
        other_noise[::2, :binary] = first_noise[::2, :binary]
        with autocast(self.precision):
            captions = (tensor[:count] for tensor in (text.sentence, text.words, text.padding))
            first_noise, other_noise, *others = map(local_shard, (first_noise, other_noise, epsilon, *captions))
            num_scales = self.generator.scales_without_image + 1
            (other,) = self.generator(other_noise, *others, num_scales=num_scales).images
            loss = mode_seeking(images[: len(other)], other, first_noise, other_noise)
        return backward(loss, self.mode_seeking)

    def _matching_terms(self, images: Tensor, text: Text, batch: Batch) -> dict[str, Tensor]:
        """DAMSM loss and, for pairs of captions, the contrastive loss, on the images of the last scale."""
        with autocast(self.precision):
            regions, codes = self.damsm_encoders.image(resize_to_encoder(images, batch.images.shape[-1]))
            terms = {"damsm": self.damsm_loss(regions, codes, text, batch.classes)}
        loss = self.damsm * terms["damsm"]
        if self.captions_per_image == 2:
            first, second = all_gather(codes.chunk(2), len(batch.classes))
            terms["contrastive"] = nt_xent(first, second, self.temperature)
            loss = loss + self.lambda_ * terms["contrastive"]
        backward(loss)
        return terms

    def damsm_loss(self, regions: Tensor, codes: Tensor, text: Text, classes: Tensor) -> Tensor:
        """Word and sentence loss of the last scale, summed over views; the memory bank enters the sentence loss."""
        losses = damsm_losses(
            regions, codes, text.words, text.sentence, text.padding, classes, **self.gammas,
            extra_negatives=self.memory_bank.negatives,
        )  # fmt: skip
        return torch.stack(losses).sum()


def backward(loss: Tensor, weight: float = 1.0) -> Tensor:
    """Take the gradients of a weighted loss; returns the loss, detached and without the weight."""
    (weight * loss).backward()
    return loss.detach()


def resize_to_encoder(images: Tensor, size: int) -> Tensor:
    """Images [N, 3, s, s] at the side that the image encoder was trained with, [N, 3, size, size]."""
    return images if images.shape[-1] == size else interpolate(images, size=(size, size), mode="bilinear")
