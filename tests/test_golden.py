"""Published arithmetic: networks filled by the rule of the golden set, imported under their published names, compared.

The folder comes from T2I_GOLDEN_DIR (default: the copy in tests/golden), the seed of the weights from T2I_GOLDEN_SEED
(default 0), every size from the files.
"""

import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from t2i.data.text.vocabulary import Vocabulary
from t2i.losses.damsm import damsm_losses, matching_loss, sentence_scores, word_attention, word_scores
from t2i.losses.kl import kl_to_standard_normal
from t2i.losses.nt_xent import nt_xent
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.published import files, networks
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.objective import GanObjective
from tests.helpers import GAN, PAPER, changed, make_generator

GOLDEN = Path(os.environ.get("T2I_GOLDEN_DIR", Path(__file__).parent / "golden"))
SEED = int(os.environ.get("T2I_GOLDEN_SEED", "0"))


def arrays(name: str) -> dict[str, Tensor]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def fill(name: str) -> files.State:
    """The weights of <name>.keys.json."""
    shapes = json.loads((GOLDEN / f"{name}.keys.json").read_text())
    return _with_singular_vectors({key: _value(key, tuple(shape)) for key, shape in shapes.items()})


def _value(key: str, shape: tuple[int, ...]) -> Tensor:
    a = np.random.default_rng([SEED, zlib.crc32(key.encode())]).standard_normal(shape).astype(np.float32)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    value: np.ndarray
    if key.endswith("running_var"):
        value = 1 + 0.1 * np.abs(a)
    elif key.endswith("running_mean"):
        value = 0.1 * a
    elif len(shape) >= 2:
        value = a * np.sqrt(2 / np.prod(shape[1:]))
    else:
        value = 1 + 0.1 * a if key.endswith("weight") else 0.1 * a
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def _with_singular_vectors(state: files.State) -> files.State:
    for key in [key for key in state if key.endswith("weight_bar")]:
        u, _, v = torch.linalg.svd(state[key].flatten(1), full_matrices=False)
        state[key.replace("_bar", "_u")], state[key.replace("_bar", "_v")] = u[:, 0], v[0]
    return state


def close(found: Tensor, expected: Tensor, rtol: float = 1e-4) -> None:
    """Agreement relative to the size of what is expected: float32 sums are taken in another order here."""
    scale = expected.abs().max().item()
    torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol * scale)


def close_nearly_everywhere(found: Tensor, expected: Tensor) -> None:
    """The same for 99 % of the values, and 1e-3 for all."""
    off = (found - expected).abs() / expected.abs().max()
    assert (off > 1e-4).float().mean() < 0.01 and off.max() < 1e-3, off.max()


def named(pattern: str) -> list[str]:
    """Files of the set whose names fit, without suffix; at least one."""
    return sorted(path.stem for path in GOLDEN.glob(f"{pattern}.npz")) or [f"no {pattern} in {GOLDEN}"]


@pytest.mark.parametrize("name", named("damsm_losses_*"))
def test_damsm_losses_gradients_and_attention(name: str) -> None:
    golden = arrays(name)
    inputs = [golden[key].clone().requires_grad_() for key in ("regions", "image_code", "words", "sentence")]
    regions, codes, words, sentences = inputs
    gamma1, gamma2, gamma3 = (float(g) for g in golden["gammas"])
    padding = torch.arange(words.shape[2])[None] >= golden["lengths"][:, None]
    by_words = matching_loss(
        word_scores(regions, words, padding, gamma1=gamma1, gamma2=gamma2), golden["class_ids"], gamma3
    )
    by_sentence = matching_loss(sentence_scores(codes, sentences), golden["class_ids"], gamma3)
    for ours, key in zip(
        (*by_words, *by_sentence), ("words_loss0", "words_loss1", "sent_loss0", "sent_loss1"), strict=True
    ):
        close(ours, golden[key].float())
    total = sum(
        damsm_losses(
            regions, codes, words, sentences, padding, golden["class_ids"], gamma1=gamma1, gamma2=gamma2, gamma3=gamma3
        )
    )
    total.backward()  # type: ignore[union-attr]
    for tensor, key in zip(inputs, ("grad_regions", "grad_image_code", "grad_words", "grad_sentence"), strict=True):
        assert tensor.grad is not None
        close(tensor.grad, golden[key], rtol=1e-3)
    for key in [key for key in golden if key.startswith("attention_")]:
        i = int(key.removeprefix("attention_"))
        expected = golden[key].flatten(2)[0]  # [own words, R]
        similarity = torch.einsum("mdl,ndr->nmlr", words[i : i + 1], regions[i : i + 1].flatten(2))
        found = word_attention(similarity, padding[i : i + 1], gamma1)[0, 0, : len(expected)]
        close(found.detach(), expected)


@pytest.mark.parametrize("name", named("nt_xent_*"))
def test_nt_xent_and_gradients(name: str) -> None:
    golden = arrays(name)
    a, b = golden["a"].clone().requires_grad_(), golden["b"].clone().requires_grad_()
    loss = nt_xent(a, b, float(golden["temperature"]))
    close(loss, golden["loss"].float())
    loss.backward()
    for tensor, key in ((a, "grad_a"), (b, "grad_b")):
        assert tensor.grad is not None
        close(tensor.grad, golden[key], rtol=1e-3)


def test_kl() -> None:
    golden = arrays("kl")
    close(kl_to_standard_normal(golden["mu"], golden["logvar"]), golden["kl"].float())


def test_text_encoder() -> None:
    golden, state = arrays("text_encoder"), fill("text_encoder")
    words = Vocabulary(["<end>", *(f"word{i}" for i in range(1, int(golden["vocab_size"])))])
    encoder = networks.text_encoder(state, words)
    assert encoder.config["embedding_dim"] == int(golden["embedding_dim"])
    text = encoder(golden["captions"].long())
    close(text.words[:, :, : golden["words"].shape[2]], golden["words"])
    close(text.sentence, golden["sentence"])


@pytest.mark.parametrize("name", named("image_encoder*"))
@torch.no_grad()
def test_image_encoder(name: str) -> None:
    golden, align_corners = arrays(name), name.endswith("align")  # in DM-GAN's tree
    regions, code = networks.image_encoder(fill("image_encoder"), align_corners=align_corners)(golden["image"])
    close(regions, golden["regions"])
    close(code, golden["code"])


@pytest.mark.parametrize("name", named("*_discriminator*"))
@torch.no_grad()
def test_discriminator(name: str) -> None:
    golden, size = arrays(name), int(name.removeprefix("attngan").removeprefix("dmgan").removeprefix("_discriminator"))
    network = networks.discriminator(fill(name))
    if "image_every" in golden:  # the input is the enlarged picture of which every n-th pixel is given
        image = interpolate(golden["image_every"], size=(size, size), mode="nearest")
    else:
        image = golden["real"]
    features = network.trunk(image)
    close(features, golden["features_eval"])
    unconditional, (conditional,) = network(image, golden["sentence"])
    close(unconditional.sigmoid(), golden["uncond_prob_eval"])
    close(conditional.sigmoid(), golden["cond_prob_eval"])


@pytest.mark.parametrize("name", named("*_discriminator64"))
@torch.no_grad()
def test_discriminator_loss(name: str) -> None:
    golden, network = arrays(name), networks.discriminator(fill(name))
    ndf, dim = int(golden["ndf"]), int(golden["nef"])
    norm = "spectral" if name.startswith("dmgan") else "batch"
    discriminators = MultiScaleDiscriminator(
        [64], ndf=ndf, embedding_dim=dim, norm=norm, projection_dim=0, negative_captions="next"  # type: ignore[arg-type]
    )  # fmt: skip
    discriminators.scales[0] = network.train()
    words = Vocabulary(["<end>", "a"])
    encoders = Damsm(TextEncoder(words, embedding_dim=dim, word_dim=2), SmallImageEncoder(dim, 2))
    losses = changed(GAN["losses"], PAPER["losses"])
    objective = GanObjective(
        make_generator(), discriminators, encoders, captions_per_image=1, precision="fp32", **losses
    )
    classes = torch.arange(len(golden["real"]))
    loss = objective.discriminator_loss(0, golden["real"], golden["fake"], golden["sentence"], classes)
    close(loss, golden["loss_train"].float())


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_generator(model: str, mode: str) -> None:
    golden = arrays(f"{model}_generator_{mode}")
    network = networks.generator(fill(f"{model}_generator")).train(mode == "train")
    assert network.config["model"] == model and network.config["ngf"] == int(golden["ngf"])
    assert network.config["residual_blocks"] == int(golden["residual_blocks"])
    compared = 0
    for dtype in (torch.float64, torch.float32):
        inputs = [golden[key].to(dtype) for key in ("noise", "sentence", "words")]
        epsilon = torch.zeros(len(inputs[0]), int(golden["ncf"]), dtype=dtype)
        with torch.no_grad():
            made = network.to(dtype)(inputs[0], epsilon, inputs[1], inputs[2], golden["pad_mask"])
        by_side = {image.shape[-1]: image for image in made.images}
        # batch norm over a few samples magnifies rounding in single places; in float64 there is none to speak of
        agree = close if dtype == torch.float64 or mode == "eval" else close_nearly_everywhere
        for key, expected in golden.items():
            if found := re.fullmatch(r"image(\d+)(?:_every(\d+))?", key):
                every = int(found[2] or 1)
                agree(by_side[int(found[1])][:, :, ::every, ::every].float(), expected)
                compared += 1
            elif found := re.fullmatch(r"attention(\d+)", key):
                attention = made.attention[int(found[1])]
                every = attention.shape[-1] // expected.shape[-1]
                agree(attention[:, :, ::every, ::every].float(), expected)
                compared += 1
        close(made.mu.float(), golden["mu"])
        close(made.logvar.float(), golden["logvar"])
    assert compared >= 6
