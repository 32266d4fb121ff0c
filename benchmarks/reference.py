"""Plain training steps to compare with: the same mathematics as in t2i, arranged as in the published code.

Each caption passes generator and discriminators by itself, real images pass once for each caption, optimizers and
averages go parameter by parameter, all in float32 (see also :mod:`benchmarks.reference_networks`).
`tests/benchmarks/test_reference.py` compares the losses of both, step by step, and
`tests/training/test_two_steps.py` both with values of plain code that shares none with t2i.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.reference_networks import PackedTextEncoder, conditional, damsm_losses, unconditional, unfuse
from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.losses.adversarial import AdversarialLoss, discriminator_loss, generator_loss
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.nt_xent import nt_xent
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generated, Generator
from t2i.models.init import InitScheme, init_weights
from t2i.runtime.device import Precision, current_device
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.objective import SharedNoise

Row = dict[str, float]

GAN_LIMITS: dict[str, Any] = {
    "captions_per_image": 2, "precision": "fp32", "grow_at": 0.0, "projection_dim": 0, "negative_captions": "next",
    "mode_seeking": 0.0, "matching": 0.0, "r1": 0.0, "memory_bank": 0, "lr_decay_start": 1.0, "augment": [],
    "backbone": None, "image_scales": "all",
}  # fmt: skip
DAMSM_LIMITS: dict[str, Any] = {"captions_per_image": 2, "precision": "fp32", "negatives": "view"}


def _check(limits: Mapping[str, Any], **arguments: Any) -> None:
    """Refuse what the published code does not have."""
    for name, legal in limits.items():
        if arguments[name] != legal:
            raise InputError(f"plain steps are those of recipe paper in fp32: {name} is {arguments[name]}, not {legal}")


# ---- GAN ----


@dataclass
class Pass:
    """Captions that pass together, N of one view or V N of all: words [., D, L], sentences [., D], padding [., L].

    Attributes:
        fake: the images that were generated from them.
        views: V' of these captions, 1 or V.
    """

    words: Tensor
    sentences: Tensor
    padding: Tensor
    fake: Generated
    views: int


def plain_gan(
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
    steps: int,
    together: bool = False,
    on_step: Callable[[], object] = lambda: None,
) -> tuple[Generator, list[Row]]:
    """As :func:`t2i.training.gan.train.train_gan`, for the losses of the paper.

    Args:
        together: whether both captions pass as one batch, as in t2i; else one after the other, as published, and batch
            norm has separate statistics for each.
        on_step: called after each step.

    Raises:
        InputError: an argument that the published code has no equivalent of.
    """
    limited = {"captions_per_image": captions_per_image, "precision": precision, "grow_at": grow_at}
    _check(GAN_LIMITS, **limited, **generator, **discriminator, **losses, **optimizer)
    device = current_device()
    text = PackedTextEncoder(copy.deepcopy(damsm.text)).eval().to(device)
    image = copy.deepcopy(damsm.image).eval().requires_grad_(False)
    image.to(device, memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    torch.manual_seed(seed)
    g = Generator(model=model, embedding_dim=damsm.embedding_dim, image_size=pack.image_size, **generator)
    d = MultiScaleDiscriminator(g.image_sizes, embedding_dim=damsm.embedding_dim, **discriminator)
    for network in (g, d):
        init_weights(network, init)
        network.to(device)
    unfuse(g)
    average = [parameter.detach().clone() for parameter in g.parameters()]
    betas = optimizer["beta1"], optimizer["beta2"]
    optimizer_g = torch.optim.Adam(g.parameters(), lr=optimizer["lr_generator"], betas=betas, foreach=False)
    optimizers_d = [
        torch.optim.Adam(network.parameters(), lr=optimizer["lr_discriminator"], betas=betas, foreach=False)
        for network in d.scales
    ]
    data = CaptionBatches(pack, damsm.vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed)
    rows: list[Row] = []
    for step, batch in enumerate(data.batches(0, steps)):
        batch = batch.to(device)
        count = captions_per_image if together else 1  # views in a pass
        captions = [torch.cat(tuple(ids)) for ids in batch.ids.split(count)]
        with torch.no_grad():
            encoded = [text(ids) for ids in captions]
        real = d.pyramid(to_float(batch.images).contiguous())
        drawn = draw_noise(g, batch_size, losses["shared_noise"], np.random.default_rng([seed, 2, step]))
        noise = [part.to(device) for part in drawn]
        passes = [
            Pass(words, sentences, ids == 0, g(z, epsilon, sentences, words, ids == 0), count)
            for (words, sentences), ids, z, epsilon in zip(
                encoded, captions, *(drawn.chunk(len(captions)) for drawn in noise), strict=True
            )
        ]

        row = {"step": step + 1, "d": 0.0}
        for scale, optimizer_d in enumerate(optimizers_d):
            loss = _discriminator_loss(_plain(d, scale), scale, real[scale], passes, losses["adversarial"])
            _update(optimizer_d, loss)
            row["d"] += loss.item()

        terms = _generator_terms(d, image, passes, batch.classes, losses)
        weights = {"g": 1.0, "damsm": losses["damsm"], "kl": losses["kl"], "contrastive": losses["lambda_"]}
        _update(optimizer_g, torch.stack([weights[name] * term for name, term in terms.items()]).sum())
        for slow, parameter in zip(average, g.parameters(), strict=True):
            slow.mul_(optimizer["ema_decay"]).add_(parameter.data, alpha=1 - optimizer["ema_decay"])
        rows.append(row | {name: term.item() for name, term in terms.items()})
        on_step()
    for slow, parameter in zip(average, g.parameters(), strict=True):
        parameter.data.copy_(slow)
    return g.eval(), rows


def draw_noise(g: Generator, images: int, shared: SharedNoise, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Noise and epsilon for the first captions of all images and then for the second."""
    noise, epsilon = g.draw_noise(2 * images, rng)
    first, first_epsilon = noise[:images], epsilon[:images]
    return (
        noise if shared == "none" else torch.cat((first, first)),
        torch.cat((first_epsilon, first_epsilon)) if shared == "all" else epsilon,
    )


def _plain(d: MultiScaleDiscriminator, scale: int) -> Discriminator:
    network = d[scale]
    assert isinstance(network, Discriminator)
    return network


def _discriminator_loss(
    discriminator: Discriminator, scale: int, real: Tensor, passes: list[Pass], kind: AdversarialLoss
) -> Tensor:
    loss = torch.zeros((), device=real.device)
    for each in passes:
        features = discriminator.trunk(real)
        fake_features = discriminator.trunk(each.fake.images[scale].detach())
        views = each.sentences.chunk(each.views)
        loss = loss + each.views * discriminator_loss(
            unconditional(discriminator, features),
            torch.cat([conditional(discriminator, features, view) for view in views]),
            unconditional(discriminator, fake_features),
            conditional(discriminator, fake_features, each.sentences),
            torch.cat([conditional(discriminator, features, view[1:]) for view in views]),
            kind,
        )
    return loss


def _generator_terms(
    d: MultiScaleDiscriminator, image: nn.Module, passes: list[Pass], classes: Tensor, losses: Mapping[str, Any]
) -> dict[str, Tensor]:
    gammas = {name: losses[name] for name in ("gamma1", "gamma2", "gamma3")}
    adversarial: list[Tensor] = []
    matching: list[Tensor] = []
    kl: list[Tensor] = []
    codes: list[Tensor] = []
    for each in passes:
        for scale, fake in enumerate(each.fake.images):
            network = _plain(d, scale)
            features = network.trunk(fake)
            for logits in (unconditional(network, features), conditional(network, features, each.sentences)):
                adversarial.append(each.views * generator_loss(logits, kind=losses["adversarial"]))
        regions, code = image(each.fake.images[-1])
        tensors = (regions, code, each.words, each.sentences, each.padding)
        for r, c, w, s, p in zip(*(tensor.chunk(each.views) for tensor in tensors), strict=True):
            matching += damsm_losses(r, c, w, s, p, classes, **gammas)
        kl.append(each.views * kl_to_standard_normal(each.fake.mu, each.fake.logvar))
        codes.append(code)
    first, second = torch.cat(codes).chunk(2)
    terms = {name: torch.stack(parts).sum() for name, parts in (("g", adversarial), ("damsm", matching), ("kl", kl))}
    return terms | {"contrastive": nt_xent(first, second, losses["temperature"])}


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# ---- DAMSM ----


def plain_damsm(
    pack: PackedSplit,
    vocabulary: Vocabulary,
    *,
    captions_per_image: int,
    batch_size: int,
    max_words: int,
    flip: bool,
    embedding_dim: int,
    text_encoder: Mapping[str, Any],
    image_encoder: Mapping[str, Any],
    losses: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    precision: Precision,
    seed: int,
    steps: int,
    on_step: Callable[[], object] = lambda: None,
) -> tuple[Damsm, list[Row]]:
    """As :func:`t2i.training.damsm.train_damsm`, for the losses of the paper, at a constant learning rate.

    Args:
        on_step: called after each step.

    Raises:
        InputError: an argument that the published code has no equivalent of.
    """
    _check(DAMSM_LIMITS, captions_per_image=captions_per_image, precision=precision, **losses)
    torch.manual_seed(seed)
    encoder = TextEncoder(vocabulary, embedding_dim=embedding_dim, **text_encoder)
    image = build_image_encoder(embedding_dim=embedding_dim, **image_encoder).train()
    text = PackedTextEncoder(encoder).train()
    device = current_device()
    for network in (text, image):
        network.to(device)
    data = CaptionBatches(pack, vocabulary, batch_size=batch_size, max_words=max_words, flip=flip, seed=seed)
    trained = [parameter for parameter in (*text.parameters(), *image.parameters()) if parameter.requires_grad]
    adam = torch.optim.Adam(trained, lr=optimizer["lr"], betas=(0.5, 0.999), foreach=False)
    gammas = {name: losses[name] for name in ("gamma1", "gamma2", "gamma3")}
    rows: list[Row] = []
    for step, batch in enumerate(data.batches(0, steps)):
        batch = batch.to(device)
        images = to_float(batch.images).contiguous()
        by_words, by_sentence, sentences = [], [], []
        for ids in batch.ids:
            regions, codes = image(images)
            words, sentence = text(ids)
            of_words, of_sentence = damsm_losses(regions, codes, words, sentence, ids == 0, batch.classes, **gammas)
            by_words.append(of_words)
            by_sentence.append(of_sentence)
            sentences.append(sentence)
        terms = {
            "words": torch.stack(by_words).sum(),
            "sentence": torch.stack(by_sentence).sum(),
            "contrastive": nt_xent(sentences[0], sentences[1], losses["temperature"]),
        }
        adam.zero_grad()
        (terms["words"] + terms["sentence"] + losses["damsm_lambda"] * terms["contrastive"]).backward()
        torch.nn.utils.clip_grad_norm_(text.parameters(), optimizer["gradient_clip"], foreach=False)
        adam.step()
        rows.append({"step": step + 1, **{name: term.item() for name, term in terms.items()}})
        on_step()
    return Damsm(encoder, image).eval(), rows
