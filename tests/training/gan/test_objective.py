"""Losses of a step, without a loop, against the published order of passes and slow oracles."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from t2i.data.batches import Batch
from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.adversarial import fake_loss, generator_loss, real_loss
from t2i.losses.damsm import Negatives
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.mode_seeking import mode_seeking
from t2i.losses.nt_xent import nt_xent
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.objective import GanObjective
from tests.helpers import GAN, changed, make_generator

SIZES = (8, 16)
LOSSES = changed(
    GAN["losses"],
    {"adversarial": "bce", "matching": 0.0, "memory_bank": 0, "mode_seeking": 0.0, "r1": 0.0, "damsm": 0.0, "kl": 0.0},
)

RNG = np.random.default_rng(0)  # of augmentation, of which there is none here


def make(captions: int = 2, projection_dim: int = 0, negative_captions: str = "next", **losses: object) -> GanObjective:
    """Two scales, an untrained DAMSM with embeddings of 6 dimensions, losses of AttnGAN unless changed."""
    torch.manual_seed(0)
    discriminators = MultiScaleDiscriminator(
        list(SIZES), ndf=4, embedding_dim=6, norm="none", projection_dim=projection_dim,
        negative_captions=negative_captions,  # type: ignore[arg-type]
    )  # fmt: skip
    words = Vocabulary(["<end>", *"abcdefgh"])
    text = TextEncoder(words, embedding_dim=6, word_dim=5)
    damsm = Damsm(text, build_image_encoder("small", embedding_dim=6, width=4)).eval().requires_grad_(False)
    return GanObjective(
        make_generator(image_size=16), discriminators, damsm, captions_per_image=captions, precision="fp32",
        **changed(LOSSES, losses),
    )  # fmt: skip


def images(n: int) -> list[Tensor]:
    return [torch.randn(n, 3, size, size) for size in SIZES]


def batch_of(n: int, captions: int) -> Batch:
    torch.manual_seed(3)
    ids = torch.randint(1, 9, (captions, n, 4))
    return Batch(torch.randint(256, (n, 3, 16, 16), dtype=torch.uint8), ids, torch.arange(n), torch.arange(n))


def discriminator_losses(
    objective: GanObjective, real: list[Tensor], fake: list[Tensor], sentences: Tensor, classes: Tensor
) -> Tensor:
    """Summed over the scales."""
    scales = enumerate(zip(real, fake, strict=True))
    return torch.stack([objective.discriminator_loss(s, r, f, sentences, classes) for s, (r, f) in scales]).sum()


@pytest.mark.parametrize("views", [1, 2])
def test_discriminator_loss_is_that_of_each_caption_in_passes_of_its_own(views: int) -> None:
    objective, real, fake, sentences = make(views), images(4), images(4 * views), torch.randn(4 * views, 6)
    expected = torch.zeros(())
    for d, r, f in zip(objective.discriminators.scales, real, fake, strict=True):
        for view in range(views):
            rows = slice(4 * view, 4 * view + 4)
            sentence = sentences[rows]
            real_u, (real_c,) = d(r, sentence)
            fake_u, (fake_c,) = d(f[rows], sentence)
            _, (mismatched_c,) = d(r[:-1], sentence[1:])  # as published, the last image has no mismatched sentence
            expected = expected + (real_loss(real_u, "bce") + real_loss(real_c, "bce")).mean() / 2
            fakes = (fake_u, fake_c, mismatched_c)
            expected = expected + torch.stack([fake_loss(logits, "bce").mean() for logits in fakes]).sum() / 3
    torch.testing.assert_close(discriminator_losses(objective, real, fake, sentences, torch.arange(4)), expected)


@pytest.mark.parametrize("views", [1, 2])
def test_generator_loss_is_summed_over_scales_and_captions(views: int) -> None:
    objective, fake, sentences = make(views), images(3 * views), torch.randn(3 * views, 6)
    expected = torch.zeros(())
    for d, f in zip(objective.discriminators.scales, fake, strict=True):
        for view, sentence in zip(f.split(3), sentences.split(3), strict=True):
            unconditional, (conditional,) = d(view, sentence)
            expected = expected + generator_loss(unconditional, kind="bce") + generator_loss(conditional, kind="bce")
    summed = sum(objective.generator_loss(scale, f, sentences) for scale, f in enumerate(fake))
    torch.testing.assert_close(summed, expected)


def test_fakes_get_no_gradient_from_the_discriminator_step() -> None:
    objective, batch = make(), batch_of(4, 2)
    text, fake = objective.encode_captions(batch), [image.requires_grad_() for image in images(8)]
    for scale, real in enumerate(images(4)):
        objective.discriminator_step(scale, real, fake[scale], text, batch.classes, 0, RNG)
    assert all(image.grad is None for image in fake)
    assert all(weight.grad is not None for weight in objective.discriminators.parameters())


def test_r1_is_taken_every_so_many_steps_and_weighted_for_the_others() -> None:
    objective, batch, (real, _) = make(r1=0.3, r1_every=4), batch_of(4, 2), images(4)
    text, (fake, _) = objective.encode_captions(batch), images(8)
    d = objective.discriminators[0]
    objective.discriminator_step(0, real, fake, text, batch.classes, 3, RNG)
    without = [weight.grad.clone() for weight in d.parameters() if weight.grad is not None]
    d.zero_grad()
    terms = objective.discriminator_step(0, real, fake, text, batch.classes, 4, RNG)
    with_it = [weight.grad.clone() for weight in d.parameters() if weight.grad is not None]
    d.zero_grad()
    image = real.clone().requires_grad_()
    (logits,) = d.conditional(*d.features(image), text.sentence[:4])
    (slope,) = torch.autograd.grad(logits.sum(), image, create_graph=True)
    penalty = slope.square().sum() / 4
    torch.testing.assert_close(terms["r1"], penalty.detach())
    added = torch.autograd.grad(0.3 * 4 * penalty, list(d.parameters()), allow_unused=True)
    for one, other, more in zip(without, with_it, added, strict=True):
        torch.testing.assert_close(other, one if more is None else one + more)


@pytest.mark.parametrize("captions", [1, 2])
def test_gradients_of_a_generator_step_are_those_of_the_sum_of_its_losses(captions: int) -> None:
    weights: dict[str, Any] = {"damsm": 0.7, "kl": 0.5, "mode_seeking": 0.3, "lambda_": 2.0, "memory_bank": 5}
    objective, batch = make(captions, **weights), batch_of(4, captions)
    text = objective.encode_captions(batch)
    objective.memory_bank.add(torch.randn(5, 6), torch.arange(10, 15))
    noise = objective.draw_noise(4, np.random.default_rng(0))
    generator = objective.generator
    terms = objective.generator_step(objective.generate(text, noise, 2), noise, text, batch, RNG)
    taken = [copy.copy(weight.grad) for weight in generator.parameters()]
    generator.zero_grad()

    fake = objective.generate(text, noise, 2)  # all losses at once, one graph
    adversarial = [objective.generator_loss(scale, image, text.sentence) for scale, image in enumerate(fake.images)]
    g = torch.stack(adversarial).sum()
    rolled = (vector[:4].roll(1, dims=0) for vector in noise)
    other_noise, epsilon = rolled
    own_text = (each[:4] for each in (text.sentence, text.words, text.padding))
    (other,) = generator(other_noise, epsilon, *own_text, num_scales=1).images
    apart = (noise[0][:4] - other_noise).abs().mean(dim=1)
    ratios = (fake.images[0][:4] - other).abs().mean(dim=(1, 2, 3)) / apart
    regions, codes = objective.damsm_encoders.image(fake.images[-1])
    damsm = objective.damsm_loss(regions, codes, text, batch.classes)
    kl = captions * kl_to_standard_normal(fake.mu, fake.logvar)
    total = g + (0.3 / (ratios + 1e-2)).mean() + 0.7 * damsm + 0.5 * kl
    if captions == 2:
        first, second = codes.chunk(2)
        total = total + 2.0 * nt_xent(first, second, 0.5)
    total.backward()
    assert set(terms) == {"g", "mode_seeking", "damsm", "kl"} | ({"contrastive"} if captions == 2 else set())
    torch.testing.assert_close(terms["g"], g.detach())
    for gradient, weight in zip(taken, generator.parameters(), strict=True):
        torch.testing.assert_close(gradient, weight.grad, rtol=1e-3, atol=1e-5)


def test_noise_of_every_second_pair_differs_but_for_its_binary_dimensions(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, batch = make(mode_seeking=0.3), batch_of(4, 2)
    objective.generator = make_generator(image_size=16, binary_noise_dims=2)
    compared = list[Tensor]()

    def loss(first: Tensor, second: Tensor, *noise: Tensor) -> Tensor:
        compared.extend(noise)
        return mode_seeking(first, second, *noise)

    monkeypatch.setattr("t2i.training.gan.objective.mode_seeking", loss)
    text, noise = objective.encode_captions(batch), objective.draw_noise(4, np.random.default_rng(0))
    drawn = noise[0].clone()
    objective.generator_step(objective.generate(text, noise, 2), noise, text, batch, RNG)
    first, other = compared
    assert torch.equal(noise[0], drawn)  # of the images themselves: as it was drawn
    assert torch.equal(first, drawn[:4])
    assert torch.equal(other[:, 2:], drawn[:4, 2:].roll(1, dims=0))
    assert torch.equal(other[::2, :2], drawn[:4:2, :2])
    assert torch.equal(other[1::2, :2], drawn[:4:2, :2])  # of the image before


def test_the_matching_loss_is_added_for_each_scale_and_caption() -> None:
    plain, contrasted = make(projection_dim=5), make(projection_dim=5, matching=0.7)
    real, fake, sentences, classes = images(4), images(8), torch.randn(8, 6), torch.tensor([0, 1, 1, 2])
    added = torch.zeros(())
    for scale, r in enumerate(real):
        d = plain.discriminators[scale]
        for sentence in sentences.split(4):
            similarity = d.similarity(d.features(r)[0], sentence)
            for logits in (similarity, similarity.T):
                for i in range(4):  # -log softmax of the right one among those of other classes and itself
                    others = [j for j in range(4) if j == i or classes[j] != classes[i]]
                    added = added - torch.log_softmax(logits[i, others], dim=0)[others.index(i)] / 4
    expected = discriminator_losses(plain, real, fake, sentences, classes) + 0.7 * added
    torch.testing.assert_close(discriminator_losses(contrasted, real, fake, sentences, classes), expected)


def test_the_memory_bank_makes_the_matching_loss_harder() -> None:
    objective = make(projection_dim=5, matching=1.0, memory_bank=7)
    real, fake, sentences, classes = images(4), images(8), torch.randn(8, 6), torch.arange(4)
    negatives = Negatives(torch.randn(7, 6), torch.tensor([0, 4, 5, 6, 7, 8, 9]))
    before = discriminator_losses(objective, real, fake, sentences, classes)
    added = torch.zeros(())
    for scale, r in enumerate(real):
        d = objective.discriminators[scale]
        (features,) = d.features(r)
        for sentence in sentences.split(4):
            batch, bank = d.similarity(features, sentence), d.similarity(features, negatives.sentences)
            bank[0, 0] = float("-inf")  # of the same class
            harder = torch.cat((batch, bank), dim=1)
            added = added + (harder.logsumexp(dim=1) - batch.logsumexp(dim=1)).mean()
    objective.memory_bank.add(negatives.sentences, negatives.classes)
    after = discriminator_losses(objective, real, fake, sentences, classes)
    torch.testing.assert_close(after, before + added)


def test_a_matching_loss_needs_a_projection() -> None:
    with pytest.raises(ValueError, match="the matching loss needs a projection_dim of 1 or more, it is 0"):
        make(matching=1.0)


@pytest.mark.parametrize(
    ("shared_noise", "shared"), [("none", (False, False)), ("z", (True, False)), ("all", (True,) * 2)]
)
def test_both_captions_of_an_image_share_the_noise_that_is_configured(
    shared_noise: str, shared: tuple[bool, bool]
) -> None:
    objective = make(shared_noise=shared_noise)
    noise = objective.draw_noise(3, np.random.default_rng(0))
    assert [vectors.shape for vectors in noise] == [(6, 5), (6, 4)]
    for vectors, of_both in zip(noise, shared, strict=True):
        assert torch.equal(vectors[:3], vectors[3:]) is of_both
        assert len(vectors.unique(dim=0)) == (3 if of_both else 6)
    for vectors, alone in zip(noise, objective.generator.draw_noise(3, np.random.default_rng(0)), strict=True):
        assert torch.equal(vectors[:3], alone)  # the first captions' does not depend on it
    single = make(captions=1, shared_noise=shared_noise).draw_noise(3, np.random.default_rng(0))
    assert all(torch.equal(vectors, both[:3]) for vectors, both in zip(single, noise, strict=True))
