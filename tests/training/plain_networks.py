"""Networks of the paper in plain float64, written from its equations and without a line of t2i.

Tensors have the names that they have in t2i, so that both can be filled by one rule. Where this repository departs from
the published code by choice (docs/differences.md), so does this file: batch norm sees the images of both captions,
attention masks are a caption's own, and spectral norm makes one power iteration each time a layer is used.
"""

import math
import zlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, batch_norm, conv2d, glu, interpolate, leaky_relu, linear, normalize

N, WORDS, WORD_DIM, D, WIDTH = 4, 11, 6, 8, 4  # images, known words and the sizes of the encoders
Z, CONDITION, NGF, NDF, BLOCKS = 6, 5, 4, 2, 2  # of generator and discriminators
SIDES = (32, 64, 128)

Pair = tuple[Tensor, Tensor]


# ---- Weights ----


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """The initial values of a tensor: a function of its name, as in the golden values."""
    a = torch.from_numpy(np.random.default_rng([0, zlib.crc32(name.encode())]).standard_normal(shape))
    if name.endswith("running_var"):
        return 1 + 0.1 * a.abs()
    if len(shape) > 1:
        return a * math.sqrt(2 / math.prod(shape[1:]))
    return 1 + 0.1 * a if name.endswith("weight") else 0.1 * a


def singular_vectors(weight: Tensor) -> Pair:
    """The leading ones, u and v, of a weight as a matrix."""
    u, _, v = torch.linalg.svd(weight.detach().flatten(1), full_matrices=False)
    return u[:, 0], v[0]


class Weights(dict[str, Tensor]):
    """Tensors of a network by name, each filled when it is first asked for."""

    def __init__(self, prefix: str, *, trained: bool = True) -> None:
        super().__init__()
        self.prefix, self.trained = prefix, trained
        self.uv: dict[str, Pair] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        if name not in self:
            self[name] = fill(self.prefix + name, shape).requires_grad_(self.trained)
        return self[name]

    def spectral(self, name: str, *shape: int) -> Tensor:
        """A weight divided by its largest singular value, by a power iteration a call."""
        weight = self(f"{name}.parametrizations.weight.original", *shape)
        u, v = self.uv.get(name) or singular_vectors(weight)
        with torch.no_grad():
            u = normalize(weight.flatten(1) @ v, dim=0)
            v = normalize(weight.flatten(1).T @ u, dim=0)
        self.uv[name] = u, v
        return weight / (u @ weight.flatten(1) @ v)


# ---- Encoders ----


def lstm(w: Weights, name: str, words: Tensor) -> Tensor:
    """States [L, D / 2] of one direction over the vectors of one caption, [L, WORD_DIM]."""
    half = D // 2
    hidden, cell, states = torch.zeros(half), torch.zeros(half), []
    for word in words:
        gates = linear(word, w(f"{name}.weight_ih_l0", 4 * half, WORD_DIM), w(f"{name}.bias_ih_l0", 4 * half))
        gates = gates + linear(hidden, w(f"{name}.weight_hh_l0", 4 * half, half), w(f"{name}.bias_hh_l0", 4 * half))
        i, f, g, o = gates.chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        states.append(hidden)
    return torch.stack(states)


def encode_text(w: Weights, ids: Tensor) -> Pair:
    """Words [N, D, L], 0 beyond the end of a caption, and sentences [N, D]."""
    words, sentences = torch.zeros(len(ids), D, ids.shape[1]), []
    for row, caption in enumerate(ids):
        vectors = w("embedding.weight", WORDS + 1, WORD_DIM)[caption[caption > 0]]
        forth, back = lstm(w, "forward_lstm", vectors), lstm(w, "backward_lstm", vectors.flip(0))
        words[row, :, : len(vectors)] = torch.cat((forth, back.flip(0)), dim=1).T
        sentences.append(torch.cat((forth[-1], back[-1])))
    return words, torch.stack(sentences)


def encode_images(w: Weights, images: Tensor) -> Pair:
    """Regions [N, D, S / 8, S / 8] and codes [N, D] of the small encoder, in train mode if its weights are trained."""

    def activated(name: str, hidden: Tensor) -> Tensor:
        if w.trained:
            return leaky_relu(normed(w, name, hidden), 0.2)
        c = hidden.shape[1]
        mean, var = w(f"{name}.running_mean", c), w(f"{name}.running_var", c)
        return leaky_relu(batch_norm(hidden, mean, var, w(f"{name}.weight", c), w(f"{name}.bias", c)), 0.2)

    def down(name: str, hidden: Tensor, channels: int) -> Tensor:
        kernel = w(f"{name}.0.weight", channels, hidden.shape[1], 4, 4)
        return activated(f"{name}.1", conv2d(hidden, kernel, stride=2, padding=1))

    hidden = images
    for layer in range(3):
        hidden = down(f"to_regions.{layer}", hidden, WIDTH << layer)
    hidden = conv2d(hidden, w("to_regions.3.weight", 4 * WIDTH, 4 * WIDTH, 3, 3), padding=1)
    hidden = activated("to_regions.4", hidden)
    regions = conv2d(hidden, w("region_head.weight", D, 4 * WIDTH, 1, 1))
    features = adaptive_avg_pool2d(down("to_features.0", hidden, 8 * WIDTH), 4).flatten(1)
    features = linear(features, w("to_features.3.weight", 8 * WIDTH, 128 * WIDTH), w("to_features.3.bias", 8 * WIDTH))
    code = linear(leaky_relu(features, 0.2), w("code_head.weight", D, 8 * WIDTH), w("code_head.bias", D))
    return regions, code


# ---- Generator ----


def normed(w: Weights, name: str, hidden: Tensor) -> Tensor:
    """Batch norm with the statistics of the batch."""
    c = hidden.shape[1]
    return batch_norm(hidden, None, None, w(f"{name}.weight", c), w(f"{name}.bias", c), training=True)


def up(w: Weights, name: str, hidden: Tensor, channels: int) -> Tensor:
    doubled = interpolate(hidden, scale_factor=2, mode="nearest")
    convolved = conv2d(doubled, w(f"{name}.0.weight", 2 * channels, hidden.shape[1], 3, 3), padding=1)
    return glu(normed(w, f"{name}.1", convolved), dim=1)


def residual(w: Weights, name: str, hidden: Tensor) -> Tensor:
    c = hidden.shape[1]
    inner = glu(normed(w, f"{name}.1", conv2d(hidden, w(f"{name}.0.weight", 2 * c, c, 3, 3), padding=1)), dim=1)
    return hidden + normed(w, f"{name}.4", conv2d(inner, w(f"{name}.3.weight", c, c, 3, 3), padding=1))


def attended(hidden: Tensor, keys: Tensor, values: Tensor, padding: Tensor) -> Tensor:
    """For each pixel the mean of values [N, C, L], weighted by the softmax of its products with keys."""
    scores = torch.einsum("nchw,ncl->nlhw", hidden, keys).masked_fill(padding[:, :, None, None], -math.inf)
    return torch.einsum("nlhw,ncl->nchw", scores.softmax(dim=1), values)


def attngan_stage(w: Weights, name: str, hidden: Tensor, words: Tensor, padding: Tensor) -> Tensor:
    source = torch.einsum("cd,ndl->ncl", w(f"{name}.attention.project.weight", NGF, D, 1)[:, :, 0], words)
    return torch.cat((hidden, attended(hidden, source, source, padding)), dim=1)


def dmgan_stage(w: Weights, name: str, hidden: Tensor, words: Tensor, padding: Tensor) -> Tensor:
    def layer(part: str, x: Tensor, channels: int) -> Tensor:
        kernel = w(f"{name}.memory.{part}.0.weight", channels, x.shape[1], 1)[:, :, 0]
        bias = w(f"{name}.memory.{part}.0.bias", channels)
        return (torch.einsum("cd,ndl->ncl", kernel, x) + bias[None, :, None]).relu()

    mean = hidden.mean(dim=(2, 3)).detach()
    a = torch.einsum("d,ndl->nl", w(f"{name}.memory.gate_of_word.weight", 1, D)[0], words)
    b = mean @ w(f"{name}.memory.gate_of_image.weight", 1, NGF)[0]
    gate = (a + b[:, None]).sigmoid()[:, None]
    of_image = layer("write_image", mean[:, :, None], 2 * NGF)
    memory = gate * layer("write_word", words, 2 * NGF) + (1 - gate) * of_image
    response = attended(hidden, layer("key", memory, NGF), layer("value", memory, NGF), padding)
    kernel, bias = w(f"{name}.response_gate.0.weight", 1, 2 * NGF, 1, 1), w(f"{name}.response_gate.0.bias", 1)
    fuse = conv2d(torch.cat((hidden, response), dim=1), kernel, bias).sigmoid()
    fused = fuse * response + (1 - fuse) * hidden
    return torch.cat((fused, fused), dim=1)


STAGES: dict[str, Callable[..., Tensor]] = {"attngan": attngan_stage, "dmgan": dmgan_stage}


def generate(
    w: Weights, model: str, drawn: Pair, sentence: Tensor, words: Tensor, padding: Tensor
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Images of the three sides, mu and logvar."""
    z, epsilon = drawn
    kernel, bias = w("conditioning.linear.weight", 4 * CONDITION, D), w("conditioning.linear.bias", 4 * CONDITION)
    mu, logvar = glu(linear(sentence, kernel, bias), dim=1).chunk(2, dim=1)
    condition = mu + (logvar / 2).exp() * epsilon
    doublings = int(math.log2(SIDES[0] // 4))
    channels = NGF << doublings
    kernel = w("initial.linear.0.weight", 32 * channels, CONDITION + Z)
    hidden = glu(normed(w, "initial.linear.1", linear(torch.cat((condition, z), dim=1), kernel)), dim=1)
    hidden = hidden.view(-1, channels, 4, 4)
    for level in range(doublings):
        hidden = up(w, f"initial.ups.{level}", hidden, channels >> (level + 1))
    images = []
    for scale in range(len(SIDES)):
        if scale:
            name = f"refinements.{scale - 1}"
            hidden = STAGES[model](w, name, hidden, words, padding)
            for block in range(BLOCKS):
                hidden = residual(w, f"{name}.residual.{block}.block", hidden)
            hidden = up(w, f"{name}.up", hidden, NGF)
        images.append(conv2d(hidden, w(f"heads.{scale}.0.weight", 3, NGF, 3, 3), padding=1).tanh())
    return images, mu, logvar


# ---- Discriminators ----


def trunk(w: Weights, model: str, side: int, *sets: Tensor) -> list[Tensor]:
    """Features [., 8 NDF, 4, 4] of sets of images, each with batch norm statistics of its own."""
    hidden, place, channels = list(sets), 0, NDF
    layers = [(3, NDF, 4)]
    for _ in range(int(math.log2(side // 4)) - 1):
        layers.append((channels, 2 * channels, 4))
        channels *= 2
    while channels > 8 * NDF:
        layers.append((channels, channels // 2, 3))
        channels //= 2
    for number, (c_in, c_out, size) in enumerate(layers):
        shape, stride = (c_out, c_in, size, size), 2 if size == 4 else 1
        if model == "dmgan":
            kernel, bias = w.spectral(f"trunk.{place}", *shape), w(f"trunk.{place}.bias", c_out)
            hidden = [conv2d(x, kernel, bias, stride, 1) for x in hidden]
        else:
            hidden = [conv2d(x, w(f"trunk.{place}.weight", *shape), None, stride, 1) for x in hidden]
            if number:
                place += 1
                hidden = [normed(w, f"trunk.{place}", x) for x in hidden]
        place += 2
        hidden = [leaky_relu(x, 0.2) for x in hidden]
    return hidden


def head(w: Weights, name: str, features: Tensor) -> Tensor:
    """Probabilities [.] that images are real."""
    kernel, bias = w(f"{name}.weight", 1, features.shape[1], 4, 4), w(f"{name}.bias", 1)
    return conv2d(features, kernel, bias).flatten().sigmoid()


def conditional(w: Weights, model: str, *pairs: Pair) -> list[Tensor]:
    """The same, given sentences: one result for each pair of features and sentences."""
    c = pairs[0][0].shape[1]
    shape = (c, c + D, 3, 3)
    if model == "dmgan":
        kernel, bias = w.spectral("joint", *shape), w("joint.bias", c)
    else:
        kernel, bias = w("joint.weight", *shape), None
    results = []
    for features, sentence in pairs:
        tiled = sentence[:, :, None, None].expand(-1, -1, 4, 4)
        joined = conv2d(torch.cat((features, tiled), dim=1), kernel, bias, padding=1)
        joined = joined if model == "dmgan" else normed(w, "after_joint.0", joined)
        results.append(head(w, "conditional_head", leaky_relu(joined, 0.2)))
    return results
