"""Contrastive training of generator and discriminators (Ye et al., section 3.2)."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.models.encoders.damsm import Damsm
from t2i.models.generators.generator import Generator
from t2i.models.init import InitScheme, init_weights
from t2i.runtime import distributed
from t2i.runtime.activation_checkpointing import checkpoint_activations
from t2i.runtime.device import Precision, current_device
from t2i.runtime.sync_batch_norm import convert_sync_batchnorm
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.objective import GanObjective
from t2i.training.gan.observer import Observer
from t2i.training.gan.optimizers import GanOptimizers
from t2i.training.gan.start import GanStart
from t2i.training.loop.checkpoint import CheckpointPolicy, Stateful
from t2i.training.loop.loop import TrainingLoop


def train_gan(
    pack: PackedSplit,
    damsm: Damsm,
    *,
    model: str,
    captions_per_image: int,
    batch_size: int,
    max_words: int,
    flip: bool,
    generator: Mapping[str, Any],
    discriminator: Mapping[str, Any],
    losses: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    init: InitScheme,
    grow_at: float,
    precision: Precision,
    seed: int,
    steps: int | None = None,
    epochs: int | None = None,
    gradient_checkpointing: bool = False,
    start: GanStart | None = None,
    observers: Mapping[str, Observer] = MappingProxyType({}),
    checkpoints: CheckpointPolicy | None = None,
) -> tuple[Generator, MultiScaleDiscriminator, list[dict[str, float]]]:
    """Train a generator on images with several captions each. Several processes share out the images of a step.

    Args:
        damsm: pretrained encoders; frozen here.
        model: name of the generator's refinement stage.
        captions_per_image: of :class:`~t2i.training.gan.objective.GanObjective`, 2 or 1.
        generator: arguments of :class:`~t2i.models.generators.generator.Generator`.
        discriminator: arguments of :class:`~t2i.training.gan.discriminators.MultiScaleDiscriminator`.
        losses: arguments of :class:`~t2i.training.gan.objective.GanObjective`.
        optimizer: arguments of :class:`~t2i.training.gan.optimizers.GanOptimizers`.
        grow_at: share of the steps before which the largest scale, which takes most of the time, is neither generated
            nor discriminated. Then it starts with the weights of the scale before it. 0: all scales from the start, as
            published.
        steps, epochs: length of the training; one of both.
        gradient_checkpointing: of the generator, for less memory; changes no byte of the outcome.
        start: weights to go on from instead of initial ones; with them all scales are trained from the start, whatever
            ``grow_at`` says.
        observers: by name: what looks at the averaged generator after each step, such as
            :class:`~t2i.training.gan.snapshots.SnapshotFiles`.
        checkpoints: where checkpoints go, and where to go on from one.

    Returns:
        On the processor: the averaged generator in eval mode and the discriminators; and the loss history.

    Raises:
        InputError: see :class:`~t2i.training.loop.loop.TrainingLoop`.
    """
    # ---- Networks ----
    device = current_device()
    torch.manual_seed(seed)
    damsm = damsm.to(device).eval().requires_grad_(False)
    g = Generator(model=model, embedding_dim=damsm.embedding_dim, image_size=pack.image_size, **generator)
    d = MultiScaleDiscriminator(g.image_sizes, embedding_dim=damsm.embedding_dim, **discriminator)
    _initialise(g, d, init, start, device)

    # ---- Data, losses and optimizers ----
    data = CaptionBatches(
        pack, damsm.vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed,
        views=captions_per_image, rows=distributed.local_rows(batch_size),
    )  # fmt: skip
    num_steps = data.num_steps(steps, epochs)
    objective = GanObjective(g, d, damsm, captions_per_image=captions_per_image, precision=precision, **losses)
    optimizers = GanOptimizers(g, d, steps=num_steps, **optimizer)
    if gradient_checkpointing:
        checkpoint_activations(g.checkpointable_blocks())

    parts: dict[str, Stateful] = {
        "generator": g, "discriminators": d, "memory_bank": objective.memory_bank, **optimizers.parts(), **observers
    }  # fmt: skip
    loop = TrainingLoop(
        "GAN", num_steps, parts, checkpoints, keep_memory=not gradient_checkpointing,
        kept_bytes=sum(each.file_bytes(num_steps, optimizers.average) for each in observers.values()),
    )  # fmt: skip
    # the first step with the largest scale; one that starts from trained weights would lose what it has learned
    growth_step = math.ceil(grow_at * num_steps) if start is None else 0

    for step, batch in loop.batches(data):
        batch = batch.to(device)
        if 0 < step == growth_step:
            for network in (g, optimizers.average):
                network.copy_previous_stage()
        num_scales = g.num_scales if step >= growth_step else max(1, g.num_scales - 1)

        # ---- Images ----
        text = objective.encode_captions(batch)
        real = d.pyramid(to_float(batch.images))
        noise = objective.draw_noise(batch_size, np.random.default_rng([seed, 2, step]))
        rng = np.random.default_rng([seed, 4, step])  # of augmentation
        fake = objective.generate(text, noise, num_scales)

        # ---- Discriminators, one after the other: graph, gradients and bf16 weights of one at a time ----
        d.requires_grad_(True)
        d_terms: list[dict[str, Tensor]] = []
        for scale, image in enumerate(fake.images):
            d_terms.append(objective.discriminator_step(scale, real[scale], image, text, batch.classes, step, rng))
            optimizers.step_discriminator(scale)
        d.requires_grad_(False)

        # ---- Generator ----
        g_terms = objective.generator_step(fake, noise, text, batch, rng)
        optimizers.step_generator()

        # ---- Memory bank, observers, log ----
        objective.memory_bank.add(text.sentence, batch.classes.repeat(captions_per_image))
        for observer in observers.values():
            observer(step + 1, num_steps, optimizers.average, num_scales)
        loop.step_done(step, **_sums(d_terms), **g_terms)
    return optimizers.average.cpu(), d.cpu(), loop.history.rows


def _initialise(
    g: Generator, d: MultiScaleDiscriminator, init: InitScheme, start: GanStart | None, device: torch.device
) -> None:
    """Initial weights, or those to start from, on the device, channels last."""
    for network in (g, d):
        init_weights(network, init)
        convert_sync_batchnorm(network, discriminates=network is d)
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        start.load_into(g, d)


def _sums(terms: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Each loss of the discriminators, summed over scales."""
    return {name: torch.stack([of_scale[name] for of_scale in terms]).sum() for name in terms[0]}
