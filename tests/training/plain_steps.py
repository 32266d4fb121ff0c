"""Two steps of the recipe of the paper in plain float64, written from its equations and without a line of t2i.

python -m tests.training.plain_steps      writes paper_steps.json, with which test_two_steps.py compares
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cosine_similarity, cross_entropy, interpolate

from tests.training.plain_networks import (
    CONDITION,
    SIDES,
    STAGES,
    WORDS,
    N,
    Pair,
    Weights,
    Z,
    conditional,
    encode_images,
    encode_text,
    generate,
    head,
    trunk,
)

VALUES = Path(__file__).with_name("paper_steps.json")
LENGTHS = ((5, 2, 4, 1), (3, 5, 2, 5))  # words of the two captions of each image
CLASSES = (0, 1, 0, 2)
GAMMA1, GAMMA2, GAMMA3, TEMPERATURE = 4.0, 5.0, 10.0, 0.5
DAMSM_WEIGHT, CONTRASTIVE_WEIGHT, KL_WEIGHT = 5.0, 0.2, 1.0
LR, BETAS, EMA_DECAY, SEED = 2e-4, (0.5, 0.999), 0.999, 0
DAMSM_LR, LR_DECAY, GRADIENT_CLIP = 2e-3, 0.98, 0.25
TRAININGS = ("damsm", *STAGES)


# ---- Images, captions and noise ----


def batch(step: int) -> Pair:
    """Images uint8 [N, 3, S, S] and word ids [2, N, L] of a step."""
    rng = np.random.default_rng([1, step])
    images = rng.integers(0, 256, (N, 3, SIDES[-1], SIDES[-1]), dtype=np.uint8)
    ids = np.zeros((2, N, max(map(max, LENGTHS))), dtype=np.int64)
    for view, lengths in enumerate(LENGTHS):
        for row, length in enumerate(lengths):
            ids[view, row, :length] = rng.integers(1, WORDS + 1, length)
    return torch.from_numpy(images), torch.from_numpy(ids)


def noise(step: int) -> Pair:
    """Noise [2 N, Z] and epsilon [2 N, CONDITION] of a step, drawn for each caption apart."""
    rng = np.random.default_rng([SEED, 2, step])
    both = torch.from_numpy(rng.standard_normal((2 * N, Z + CONDITION), dtype=np.float32)).double()
    return both[:, :Z], both[:, Z:]


# ---- Losses of the discriminators ----


def bce(probability: Tensor, real: float) -> Tensor:
    return binary_cross_entropy(probability, torch.full_like(probability, real))


def discriminator_loss(w: Weights, model: str, side: int, real: Tensor, fake: Tensor, sentences: Tensor) -> Tensor:
    """Summed over the two captions: (real_u + real_c) / 2 + (fake_u + fake_c + mismatched_c) / 3."""
    of_real, of_fake = trunk(w, model, side, real, fake.detach())
    views = sentences.chunk(2)
    pairs = [(of_real, view) for view in views] + [(of_real[:-1], view[1:]) for view in views]
    *of_pairs, fake_c = (*conditional(w, model, *pairs), *conditional(w, model, (of_fake, sentences)))
    real_u, fake_u = (head(w, "unconditional_head", features) for features in (of_real, of_fake))
    loss = torch.zeros(())
    for view in range(2):
        rows = slice(view * N, (view + 1) * N)
        loss = loss + (bce(real_u, 1) + bce(of_pairs[view], 1)) / 2
        loss = loss + (bce(fake_u[rows], 0) + bce(fake_c[rows], 0) + bce(of_pairs[2 + view], 0)) / 3
    return loss


# ---- Losses of the generator ----


def matching(scores: Tensor) -> Tensor:
    """Cross-entropy both ways, without other pairs of the same class."""
    classes = torch.tensor(CLASSES)
    left_out = (classes[:, None] == classes) & ~torch.eye(N, dtype=torch.bool)
    logits = (GAMMA3 * scores).masked_fill(left_out, -math.inf)
    return cross_entropy(logits, torch.arange(N)) + cross_entropy(logits.T, torch.arange(N))


def word_score(regions: Tensor, words: Tensor) -> Tensor:
    """R of an image [D, R] and a caption [D, L]."""
    attention = (GAMMA1 * (words.T @ regions).softmax(dim=0)).softmax(dim=1)  # [L, R]
    contexts = regions @ attention.T  # [D, L]
    return (GAMMA2 * cosine_similarity(contexts, words, dim=0)).exp().sum().log()


def damsm_losses(regions: Tensor, codes: Tensor, words: Tensor, sentences: Tensor, ids: Tensor) -> Pair:
    """Word and sentence loss of one caption an image."""
    captions = [words[j][:, ids[j] > 0] for j in range(N)]
    by_words = torch.stack([torch.stack([word_score(image, c) for c in captions]) for image in regions.flatten(2)])
    by_sentence = cosine_similarity(codes[:, None], sentences[None], dim=2)
    return matching(by_words), matching(by_sentence)


def nt_xent(first: Tensor, second: Tensor) -> Tensor:
    codes, total = torch.cat((first, second)), torch.zeros(())
    for i in range(2 * N):
        similar = (cosine_similarity(codes[i][None], codes, dim=1) / TEMPERATURE).exp()
        total = total - (similar[(i + N) % (2 * N)] / (similar.sum() - similar[i])).log()
    return total / (2 * N)


# ---- Steps ----


def updated(optimizer: torch.optim.Optimizer, weights: Weights, loss: Tensor) -> float:
    """Take a step down a loss; returns the norm of its gradient."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return gradient_norm(weights)


def gradient_norm(weights: Weights) -> float:
    return math.sqrt(sum(float(w.grad.square().sum()) for w in weights.values() if w.grad is not None))


def summary(tensor: Tensor) -> list[float]:
    """Sum, sum of squares, and first, middle and last number."""
    flat = tensor.detach().flatten()
    return [float(x) for x in (flat.sum(), flat.square().sum(), flat[0], flat[len(flat) // 2], flat[-1])]


def summaries(networks: Mapping[str, Mapping[str, Tensor]]) -> dict[str, dict[str, list[float]]]:
    return {name: {key: summary(value) for key, value in sorted(state.items())} for name, state in networks.items()}


def two_steps(training: str) -> dict[str, Any]:
    """Losses and gradient norms of two steps, and weights after them, of damsm, attngan or dmgan."""
    torch.set_default_dtype(torch.float64)
    try:
        return damsm_steps() if training == "damsm" else gan_steps(training)
    finally:
        torch.set_default_dtype(torch.float32)


def damsm_steps() -> dict[str, Any]:
    """Pretraining without dropout in epochs of one step, at whose end Adam is made anew."""
    text, image = Weights("text."), Weights("image.")
    losses, norms = [], []
    for step in range(2):
        pixels, ids = batch(step)
        regions, codes = encode_images(image, pixels.double() / 127.5 - 1)
        encoded = [encode_text(text, of_view) for of_view in ids]
        of_words, of_sentences = zip(
            *(damsm_losses(regions, codes, *of_view, i) for of_view, i in zip(encoded, ids, strict=True)), strict=True
        )
        terms = {"words": torch.stack(of_words).sum(), "sentence": torch.stack(of_sentences).sum()}
        terms["contrastive"] = nt_xent(encoded[0][1], encoded[1][1])
        weights = [*text.values(), *image.values()]
        adam = torch.optim.Adam(weights, lr=DAMSM_LR * LR_DECAY**step, betas=BETAS)
        adam.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        norms.append({"text": gradient_norm(text), "image": gradient_norm(image)})
        for weight in text.values():
            assert weight.grad is not None
            weight.grad *= min(1.0, GRADIENT_CLIP / norms[-1]["text"])
        adam.step()
        losses.append({name: term.item() for name, term in terms.items()})
    return {"losses": losses, "gradient_norms": norms, "weights": summaries({"text": text, "image": image})}


def gan_steps(model: str) -> dict[str, Any]:
    """Training of a GAN with frozen encoders."""
    text, image, g = Weights("text.", trained=False), Weights("image.", trained=False), Weights("g.")
    d = [Weights(f"d.scales.{scale}.") for scale in range(len(SIDES))]
    networks = {"g": g, **{f"d{scale}": weights for scale, weights in enumerate(d)}}
    optimizers: dict[str, torch.optim.Optimizer] = {}
    average: dict[str, Tensor] = {}
    losses, norms = [], []
    for step in range(2):
        pixels, ids = batch(step)
        real = pixels.double() / 127.5 - 1
        with torch.no_grad():
            words, sentences = encode_text(text, ids.flatten(0, 1))
        fake, mu, logvar = generate(g, model, noise(step), sentences, words, ids.flatten(0, 1) == 0)
        if not step:
            average = {name: weight.detach().clone() for name, weight in g.items()}
        row, of_step = {"d": 0.0}, {}
        for scale, side in enumerate(SIDES):
            small = interpolate(real, size=(side, side), mode="bilinear", antialias=True)
            loss = discriminator_loss(d[scale], model, side, small, fake[scale], sentences)
            optimizer = optimizers.setdefault(f"d{scale}", torch.optim.Adam(d[scale].values(), lr=LR, betas=BETAS))
            of_step[f"d{scale}"] = updated(optimizer, d[scale], loss)
            row["d"] += loss.item()
        terms = generator_terms(d, image, model, fake, words, sentences, ids)
        terms["kl"] = -torch.stack([(1 + v - m**2 - v.exp()).mean() for m, v in views(mu, logvar)]).sum() / 2
        total = terms["g"] + DAMSM_WEIGHT * terms["damsm"] + CONTRASTIVE_WEIGHT * terms["contrastive"]
        optimizer = optimizers.setdefault("g", torch.optim.Adam(g.values(), lr=LR, betas=BETAS))
        of_step["g"] = updated(optimizer, g, total + KL_WEIGHT * terms["kl"])
        for name, weight in g.items():
            average[name] = EMA_DECAY * average[name] + (1 - EMA_DECAY) * weight.detach()
        losses.append(row | {name: term.item() for name, term in terms.items()})
        norms.append(of_step)
    states: Mapping[str, Mapping[str, Tensor]] = {**networks, "average": average}
    return {"losses": losses, "gradient_norms": norms, "weights": summaries(states)}


def views(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The parts of tensors that belong to the first captions, and to the second."""
    return zip(*(tensor.chunk(2) for tensor in tensors), strict=True)


def generator_terms(
    d: list[Weights], image: Weights, model: str, fake: list[Tensor], words: Tensor, sentences: Tensor, ids: Tensor
) -> dict[str, Tensor]:
    """Adversarial, DAMSM and contrastive loss, without weights, summed over the two captions."""
    adversarial = []
    for weights, side, images in zip(d, SIDES, fake, strict=True):
        (features,) = trunk(weights, model, side, images)
        (given,) = conditional(weights, model, (features, sentences))
        alone = head(weights, "unconditional_head", features)
        adversarial += [bce(u, 1) + bce(c, 1) for u, c in views(alone, given)]
    regions, codes = encode_images(image, fake[-1])
    of_captions = zip(views(regions, codes, words, sentences), ids, strict=True)
    damsm = [loss for (r, c, w, s), i in of_captions for loss in damsm_losses(r, c, w, s, i)]
    contrastive = nt_xent(*codes.chunk(2))
    return {"g": torch.stack(adversarial).sum(), "damsm": torch.stack(damsm).sum(), "contrastive": contrastive}


def main() -> None:
    """Write the values of all trainings."""
    values = {training: two_steps(training) for training in TRAININGS}
    text = json.dumps(values, indent=1)
    # one line a tensor
    VALUES.write_text(text.replace("\n     ", " ").replace("[ ", "[").replace("\n    ]", "]") + "\n")


if __name__ == "__main__":
    main()
