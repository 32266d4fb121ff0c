"""Contrastive training of generator and discriminators (Ye et al., section 3.2)."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from tqdm import tqdm

from t2i import runtime
from t2i.data.packing import Pack
from t2i.data.pairs import Batch, CaptionPairs, to_unit
from t2i.losses.adversarial import Kind, discriminator_loss, fools, matching_aware_penalty
from t2i.losses.damsm import damsm_losses
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.nt_xent import nt_xent
from t2i.models.blocks import Layers
from t2i.models.damsm import Damsm
from t2i.models.discriminator import Discriminator, Norm
from t2i.models.generator import Generator, scales
from t2i.models.text_encoder import Text
from t2i.training.curves import Curves
from t2i.training.ema import Ema

VIEWS = 2  # captions an image


def train_gan(
    pack: Pack,
    damsm: Damsm,
    *,
    model: str,
    steps: int,
    batch_size: int,
    max_words: int,
    flip: bool,
    noise_dim: int,
    condition_dim: int,
    base_size: int,
    ngf: int,
    ndf: int,
    residual_blocks: int,
    layers: Layers,
    discriminator_norm: Norm,
    adversarial: Kind,
    lr_generator: float,
    lr_discriminator: float,
    beta1: float,
    beta2: float,
    decay_from: float,
    ema_decay: float,
    damsm_weight: float,
    kl_weight: float,
    gradient_penalty: float,
    penalty_every: int,
    contrastive_weight: float,
    temperature: float,
    shared_noise: bool,
    gamma1: float,
    gamma2: float,
    gamma3: float,
    precision: runtime.Precision,
    seed: int,
    watch: Callable[[int, Generator], None] | None = None,
) -> tuple[Generator, dict[str, object], list[dict[str, float]]]:
    """Train a generator on pairs of captions.

    Both captions of an image are drawn in one batch of 2N, so batch norm sees them together (the published code sees
    them one after the other). Losses are summed over the captions, as published.

    Args:
        damsm: frozen here; its text encoder reads the captions, its image encoder reads the last scale.
        decay_from: share of the steps after which the learning rates fall linearly to 0; 1: never.
        damsm_weight: of word and sentence loss (LAMBDA of the published code).
        gradient_penalty: weight of the matching-aware penalty, taken every ``penalty_every`` steps; 0: none.
        contrastive_weight: lambda of the paper, of NT-Xent between the image codes of an image's two fakes.
        shared_noise: one noise vector for both captions of an image. (The published code sorts the two captions apart
            but takes noise by row, so that the two fakes of an image get different noise.)
        watch: called after each step with the number of steps done and the averaged generator.

    Returns:
        The averaged generator in eval mode on the processor, the arguments it was made with, and the loss curves.
    """
    # ---- Networks ----
    device = runtime.device()
    torch.manual_seed(seed)
    damsm = damsm.to(device).eval().requires_grad_(False)
    embedding_dim = damsm.config["embedding_dim"]
    config: dict[str, object] = {
        "model": model, "embedding_dim": embedding_dim, "noise_dim": noise_dim, "condition_dim": condition_dim,
        "base_size": base_size, "image_size": pack.image_size, "ngf": ngf, "residual_blocks": residual_blocks,
        "layers": layers,
    }  # fmt: skip
    generator = Generator(**config)  # type: ignore[arg-type]
    sizes = scales(base_size, pack.image_size)
    by_scale = [Discriminator(size, ndf, embedding_dim, discriminator_norm) for size in sizes]
    discriminators = nn.ModuleList(by_scale)
    for network in (generator, discriminators):
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = Ema(generator, ema_decay)

    # ---- Optimizers and data ----
    betas = (beta1, beta2)
    optimizer_g = torch.optim.Adam(generator.parameters(), lr=lr_generator, betas=betas)
    optimizer_d = torch.optim.Adam(discriminators.parameters(), lr=lr_discriminator, betas=betas)

    def share(step: int) -> float:  # of the learning rates
        return min(1.0, (steps - step) / max(1.0, steps * (1 - decay_from)))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, share) for optimizer in (optimizer_g, optimizer_d)]
    pairs = CaptionPairs(pack, damsm.vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed)
    curves = Curves(every=max(1, min(25, steps // 4)))

    # ---- Steps ----
    with tqdm(total=steps, desc="GAN", unit="step") as bar:
        for step, batch in enumerate(pairs.batches(0, steps)):
            batch = batch.to(device)
            with torch.no_grad():
                text = damsm.text(batch.ids.flatten(0, 1))  # both captions: [2N, ...]
            reals = pyramid(to_unit(batch.images), sizes)
            noise = draw_noise(generator, batch_size, shared_noise, np.random.default_rng([seed, 2, step]), device)
            with runtime.autocast(precision):
                made = generator(*noise, text.sentence, text.words, text.padding)

            discriminators.requires_grad_(True)
            with runtime.autocast(precision):
                triples = zip(by_scale, reals, made.images, strict=True)
                loss_d = total(
                    tell_scale_apart(d, real, fake.detach(), text.sentence, adversarial) for d, real, fake in triples
                )
                losses = {"d": loss_d}
                if gradient_penalty and step % penalty_every == 0:
                    pairs_seen = zip(by_scale, reals, strict=True)
                    losses["penalty"] = total(penalise(d, real, text.sentence[:batch_size]) for d, real in pairs_seen)
                    loss_d = loss_d + gradient_penalty * penalty_every * losses["penalty"]
            optimizer_d.zero_grad(set_to_none=True)
            loss_d.backward()
            optimizer_d.step()

            discriminators.requires_grad_(False)
            with runtime.autocast(precision):
                fooling = total(
                    fool_scale(d, fake, text.sentence, adversarial)
                    for d, fake in zip(by_scale, made.images, strict=True)
                )
                regions, codes = damsm.image(made.images[-1])
            matching = text_image_loss(regions, codes, text, batch, (gamma1, gamma2, gamma3))
            first, second = codes.chunk(VIEWS)
            contrastive = nt_xent(first, second, temperature)
            divergence = VIEWS * kl_to_standard_normal(made.mu, made.logvar)
            loss_g = fooling + damsm_weight * matching + contrastive_weight * contrastive + kl_weight * divergence
            optimizer_g.zero_grad(set_to_none=True)
            loss_g.backward()
            optimizer_g.step()

            ema.update()
            if watch is not None:
                watch(step + 1, ema.network)
            for schedule in schedules:
                schedule.step()
            losses |= {"g": fooling, "damsm": matching, "contrastive": contrastive, "kl": divergence}
            if curves.add(step, **losses):
                bar.set_postfix_str(curves.summary(), refresh=False)
            bar.update()
    return ema.network.cpu(), config, curves.rows


def total(losses: Iterable[Tensor]) -> Tensor:
    """Sum of scalar losses."""
    return torch.stack(list(losses)).sum()


def pyramid(images: Tensor, sizes: list[int]) -> list[Tensor]:
    """Real images at the sides of the generated ones: [N, 3, S, S] -> [N, 3, s, s] for each s."""
    return [
        images if size == images.shape[-1] else interpolate(images, size=(size, size), mode="bilinear", antialias=True)
        for size in sizes
    ]


def draw_noise(
    generator: Generator, images: int, shared: bool, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Noise and epsilon of both captions of each image, [2N, ...] each."""
    rows = images if shared else VIEWS * images
    noise, epsilon = generator.draw_noise(rows, rng)
    repeats = VIEWS if shared else 1
    return noise.repeat(repeats, 1).to(device), epsilon.repeat(repeats, 1).to(device)


def tell_scale_apart(
    discriminator: Discriminator, reals: Tensor, fakes: Tensor, sentences: Tensor, kind: Kind
) -> Tensor:
    """Discriminator loss of one scale, summed over captions: N real images, 2N fakes, 2N sentences.

    The real images pass the trunk once and are then asked about both captions, right and wrong: image i with sentence
    i + 1 of the batch is the mismatched pair.
    """
    views = sentences.chunk(VIEWS)
    real_u, real_c = discriminator(reals, *views, *(view.roll(-1, dims=0) for view in views))
    fake_u, (fake_c,) = discriminator(fakes, sentences)
    matched, mismatched = torch.cat(real_c[:VIEWS]), torch.cat(real_c[VIEWS:])
    return VIEWS * discriminator_loss(real_u, matched, fake_u, fake_c, mismatched, kind)


def penalise(discriminator: Discriminator, reals: Tensor, sentences: Tensor) -> Tensor:
    """Matching-aware gradient penalty of one scale: N real images with one of their sentences each."""
    reals, sentences = reals.detach().requires_grad_(), sentences.detach().requires_grad_()
    _, (logits,) = discriminator(reals, sentences)
    return matching_aware_penalty(logits, reals, sentences)


def fool_scale(discriminator: Discriminator, fakes: Tensor, sentences: Tensor, kind: Kind) -> Tensor:
    """Adversarial loss of the generator at one scale, summed over captions: 2N fakes, 2N sentences."""
    unconditional, (conditional,) = discriminator(fakes, sentences)
    return VIEWS * (fools(unconditional, kind) + fools(conditional, kind))


def text_image_loss(
    regions: Tensor, codes: Tensor, text: Text, batch: Batch, gammas: tuple[float, float, float]
) -> Tensor:
    """Word and sentence DAMSM loss of the last scale, summed over captions."""
    gamma1, gamma2, gamma3 = gammas
    views = zip(*(t.chunk(VIEWS) for t in (regions, codes, text.words, text.sentence, text.padding)), strict=True)
    return total(
        loss
        for r, c, w, s, p in views
        for loss in damsm_losses(r, c, w, s, p, batch.classes, gamma1=gamma1, gamma2=gamma2, gamma3=gamma3)
    )
