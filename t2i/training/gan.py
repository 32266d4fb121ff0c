"""Contrastive training of generator and discriminators (Ye et al., section 3.2)."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from t2i import distributed, runtime
from t2i.data.pack import Pack
from t2i.data.pairs import Batch, CaptionPairs
from t2i.data.pixels import to_unit
from t2i.distributed import gathered, own
from t2i.losses.adversarial import Kind
from t2i.losses.damsm import Candidates, damsm_losses
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.mode_seeking import mode_seeking
from t2i.losses.nt_xent import nt_xent
from t2i.models.batch_norm import synchronise
from t2i.models.blocks import Layers
from t2i.models.damsm import Damsm
from t2i.models.discriminator import Norm
from t2i.models.generator import Generator, scales
from t2i.models.initial import InitialWeights, start
from t2i.models.recompute import recompute_each
from t2i.models.text_encoder import Text
from t2i.training.adam import Adam
from t2i.training.adversaries import Adversaries, Mismatched
from t2i.training.ema import Ema
from t2i.training.memory import Memory
from t2i.training.steps import Resume, Stateful, Steps
from t2i.training.watch import Watch


def train_gan(
    pack: Pack,
    damsm: Damsm,
    *,
    model: str,
    steps: int | None,
    epochs: int | None,
    batch_size: int,
    captions: int,
    max_words: int,
    flip: bool,
    noise_dim: int,
    condition_dim: int,
    base_size: int,
    ngf: int,
    ndf: int,
    residual_blocks: int,
    layers: Layers,
    mapping_layers: int,
    noise_bits: int,
    discriminator_norm: Norm,
    projection: int,
    initial_weights: InitialWeights,
    adversarial: Kind,
    mismatched: Mismatched,
    matching_weight: float,
    remembered: int,
    lr_generator: float,
    lr_discriminator: float,
    beta1: float,
    beta2: float,
    decay_from: float,
    ema_decay: float,
    damsm_weight: float,
    kl_weight: float,
    diversity_weight: float,
    gradient_penalty: float,
    penalty_every: int,
    grow_at: float,
    contrastive_weight: float,
    temperature: float,
    shared_noise: bool,
    gamma1: float,
    gamma2: float,
    gamma3: float,
    precision: runtime.Precision,
    seed: int,
    compiled: bool = False,
    gradient_checkpointing: bool = False,
    watch: Watch | None = None,
    resume: Resume | None = None,
) -> tuple[Generator, list[dict[str, float]]]:
    """Train a generator on pairs of captions.

    Both captions of an image are drawn in one batch of 2N, so batch norm sees them together (the published code sees
    them one after the other). Losses are summed over the captions, as published. Several processes share out the
    images of a step.

    Args:
        damsm: frozen here; its text encoder reads the captions, its image encoder reads the last scale.
        steps, epochs: one of both; the other is None.
        captions: of an image in a step, 2 or 1; with 1 there is no pair to contrast: plain AttnGAN or DM-GAN.
        mapping_layers, noise_bits: of :class:`~t2i.models.generator.Generator`.
        projection, mismatched, matching_weight: of :class:`~t2i.training.adversaries.Adversaries`.
        remembered: sentences of the latest batches that the matching loss of the discriminators and the sentence-level
            loss of the generator tell an image's own from, beside those of its batch; 0: none, as published.
        decay_from: share of the steps after which the learning rates fall linearly to 0; 1: never.
        damsm_weight: of word and sentence loss (LAMBDA of the published code).
        diversity_weight: of mode seeking between two first-scale images of a caption; 0: none.
        gradient_penalty: weight of the penalty on real images, taken every ``penalty_every`` steps; 0: none.
        grow_at: share of the steps before which the largest scale, which takes most of the time, is neither painted nor
            judged; where a colour goes is settled on the smaller ones. Then it starts with the weights of the scale
            before it. 0: all scales from the start, as published.
        contrastive_weight: lambda of the paper, of NT-Xent between the image codes of an image's two fakes. At 0 a step
            still draws both captions, so that it differs from others in nothing but the term.
        shared_noise: one noise vector for both captions of an image. (The published code sorts the two captions apart
            but takes noise by row, so that the two fakes of an image get different noise.)
        compiled: whether torch compiles the stages of the generator; changes the last bits.
        gradient_checkpointing: of the generator, for less memory; changes no byte of the outcome.
        watch: paints now and then with the averaged generator.
        resume: where checkpoints go, and where to go on from one.

    Returns:
        The averaged generator in eval mode on the processor, and the loss curves.
    """
    # ---- Networks ----
    device = runtime.device()
    torch.manual_seed(seed)
    damsm = damsm.to(device).eval().requires_grad_(False)
    generator = Generator(
        model=model, embedding_dim=damsm.embedding_dim, noise_dim=noise_dim, condition_dim=condition_dim,
        base_size=base_size, image_size=pack.image_size, ngf=ngf, residual_blocks=residual_blocks, layers=layers,
        mapping_layers=mapping_layers, noise_bits=noise_bits,
    )  # fmt: skip
    sides = scales(base_size, pack.image_size)
    adversaries = Adversaries(
        sides, ndf=ndf, embedding_dim=damsm.embedding_dim, norm=discriminator_norm,
        projection=projection, kind=adversarial, mismatched=mismatched,
        matching_weight=matching_weight,
    )  # fmt: skip
    for network in (generator, adversaries):
        start(network, initial_weights)
        synchronise(network)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = Ema(generator, ema_decay)
    if gradient_checkpointing:
        recompute_each(generator.blocks())
    if compiled:
        runtime.compile_each(generator.initial, *generator.refinements)
    memory = Memory(remembered, damsm.embedding_dim, device)

    # ---- Optimizers and data ----
    pairs = CaptionPairs(
        pack, damsm.vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed, views=captions,
        own=distributed.own_rows(batch_size),
    )  # fmt: skip
    steps = pairs.steps(steps, epochs)
    optimizer_g = Adam(generator.parameters(), lr=lr_generator, betas=(beta1, beta2))
    optimizers_d = [
        Adam(network.parameters(), lr=lr_discriminator, betas=(beta1, beta2)) for network in adversaries.scales
    ]
    parts: dict[str, Stateful] = {
        "generator": generator, "adversaries": adversaries, "average": ema, "memory": memory,
        "optimizer_g": optimizer_g,
        **{f"optimizer_d{scale}": optimizer for scale, optimizer in enumerate(optimizers_d)},
    }  # fmt: skip
    if watch is not None:
        parts["watch"] = watch
    run = Steps("GAN", steps, parts, resume, keep_memory=not gradient_checkpointing)
    grown = math.ceil(grow_at * steps)  # the first step with the largest scale

    def share(step: int) -> float:  # of the learning rates
        return min(1.0, (steps - step) / max(1.0, steps * (1 - decay_from)))

    # ---- Steps ----
    for step, batch in run.batches(pairs):
        optimizer_g.set_lr(lr_generator * share(step))
        for optimizer_d in optimizers_d:
            optimizer_d.set_lr(lr_discriminator * share(step))
        batch = batch.to(device)
        with torch.no_grad():
            text = damsm.text(batch.ids.flatten(0, 1))  # all captions of the whole batch: [V N, ...]
        painted = max(1, len(sides) - (step < grown))
        if 0 < step == grown:
            for network in (generator, ema.network):
                network.inherit()
        reals, more = adversaries.pyramid(to_unit(batch.images))[:painted], memory.candidates
        rng = np.random.default_rng([seed, 2, step])
        noise = draw_noise(generator, batch_size, captions, shared_noise, rng, device)
        inputs = (*noise, text.sentence, text.words, text.padding)
        with runtime.autocast(precision):
            made = generator(*(own(tensor, captions) for tensor in inputs), painted=painted)

        adversaries.requires_grad_(True)
        told, penalties = [], []
        for scale in range(painted):  # one is done before the next begins: its graph, its gradients, its bf16 weights
            with runtime.autocast(precision):
                loss = adversaries.tell_apart(
                    scale, reals[scale], made.images[scale], text.sentence, batch.classes, more
                )
            told.append(backpropagated(loss))
            if gradient_penalty and step % penalty_every == 0:
                with runtime.autocast(precision):
                    loss = adversaries.penalty(scale, reals[scale], own(text.sentence[:batch_size]))
                penalties.append(backpropagated(loss, gradient_penalty * penalty_every))
            distributed.average_gradients(adversaries.scales[scale])
            optimizers_d[scale].step()
            optimizers_d[scale].zero_grad()
        losses = {"d": torch.stack(told).sum()}
        if penalties:
            losses["penalty"] = torch.stack(penalties).sum()

        adversaries.requires_grad_(False)
        # Gradients are taken down to the images at first, so that each judge's graph is gone before the next one's
        images = [image.detach().requires_grad_() for image in made.images]
        fooled = []
        for scale, image in enumerate(images):
            with runtime.autocast(precision):
                loss = adversaries.fooling(scale, image, own(text.sentence, captions), captions)
            fooled.append(backpropagated(loss))
        losses["g"] = torch.stack(fooled).sum()
        if diversity_weight:
            first, epsilon = (vector[:batch_size] for vector in noise)
            other, epsilon = (own(vector.roll(1, dims=0)) for vector in (first, epsilon))
            with runtime.autocast(precision):
                _, again, _, _ = generator.first_stage(other, epsilon, own(text.sentence[:batch_size]))
                loss = mode_seeking(images[0][: len(again)], again, own(first), other)
            losses["diversity"] = backpropagated(loss, diversity_weight)
        with runtime.autocast(precision):
            regions, codes = damsm.image(enlarged(images[-1], pack.image_size))
            losses["damsm"] = text_image_loss(regions, codes, text, batch, (gamma1, gamma2, gamma3), more)
        read = damsm_weight * losses["damsm"]
        if captions == 2:
            one, two = map(gathered, codes.chunk(2))
            losses["contrastive"] = nt_xent(one, two, temperature)
            read = read + contrastive_weight * losses["contrastive"]
        backpropagated(read)
        losses["kl"] = captions * kl_to_standard_normal(made.mu, made.logvar)
        torch.autograd.backward([kl_weight * losses["kl"], *made.images], [None, *(image.grad for image in images)])
        distributed.average_gradients(generator)
        optimizer_g.step()
        optimizer_g.zero_grad()

        ema.update()
        memory.add(text.sentence, batch.classes.repeat(captions))
        if watch is not None:
            watch(step + 1, steps, ema.network, painted)
        run.done(step, **losses)
    return ema.network.cpu(), run.curves.rows


def backpropagated(loss: Tensor, weight: float = 1.0) -> Tensor:
    """A loss, whose gradients, times a weight, have been taken."""
    (weight * loss).backward()
    return loss.detach()


def enlarged(images: Tensor, size: int) -> Tensor:
    """Images [N, 3, s, s] at the side that the image encoder reads, [N, 3, size, size]."""
    return images if images.shape[-1] == size else interpolate(images, size=(size, size), mode="bilinear")


def draw_noise(
    generator: Generator, images: int, captions: int, shared: bool, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Noise and epsilon of all captions of each image, [V N, ...] each."""
    noise, epsilon = generator.draw_noise(images if shared else captions * images, rng)
    repeats = captions if shared else 1
    return noise.repeat(repeats, 1).to(device), epsilon.repeat(repeats, 1).to(device)


def text_image_loss(
    regions: Tensor,
    codes: Tensor,
    text: Text,
    batch: Batch,
    gammas: tuple[float, float, float],
    more: Candidates | None = None,
) -> Tensor:
    """Word and sentence DAMSM loss of the last scale, summed over captions; ``more`` enters the sentence loss."""
    gamma1, gamma2, gamma3 = gammas
    captions = len(batch.ids)
    views = zip(*(t.chunk(captions) for t in (regions, codes, text.words, text.sentence, text.padding)), strict=True)
    losses = [
        loss
        for r, c, w, s, p in views
        for loss in damsm_losses(r, c, w, s, p, batch.classes, gamma1=gamma1, gamma2=gamma2, gamma3=gamma3, more=more)
    ]
    return torch.stack(losses).sum()
