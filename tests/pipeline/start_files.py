"""Model files to go on from, and what becomes of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.damsm_start import damsm_start
from t2i.pipeline.gan_start import gan_start
from t2i.pipeline.start import Start
from tests.conftest import ROOT

WORDS = ["<end>", "red", "bird"]
SMOKE = "budgets.smoke"


def params_of(*changes: str, **selectors: str) -> Params:
    return load(ROOT / "params.yaml", changes, **{"budget": "smoke", **selectors})


def save_damsm(
    path: Path, tokens: Any = "ascii", dim: int = 64, word_dim: int = 64, image: Any = None, pooling: Any = "max"
) -> Path:
    torch.manual_seed(0)
    text = TextEncoder(Vocabulary(WORDS, tokens), embedding_dim=dim, word_dim=word_dim, sentence_pooling=pooling)
    encoder = build_image_encoder(**(image or {"kind": "small", "width": 16}), embedding_dim=dim)
    model_file.save(path, "damsm", {**Damsm(text, encoder).to_checkpoint(), "provenance": {}})
    return path


def save_gan(path: Path, record: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A gan.pt of the smoke budget, but for some arguments of the generator."""
    torch.manual_seed(0)
    text = TextEncoder(Vocabulary(WORDS), embedding_dim=64, word_dim=64, sentence_pooling="max")
    given = {**params_of().generator, "model": "attngan", "embedding_dim": 64, "image_size": 32, **changes}
    content = {"generator": Generator(**given).to_checkpoint(), "text": text.to_checkpoint()}
    model_file.save(path, "gan", {**content, "provenance": record or {"settings": {}}})
    return path


def save_discriminators(
    path: Path, record: dict[str, Any] | None = None, sizes: Any = (16, 32), **changes: Any
) -> Path:
    given = {"ndf": 8, "embedding_dim": 64, "norm": "none", "projection_dim": 128, **changes}
    scales = {str(size): Discriminator(size, **given).to_checkpoint() for size in sizes}
    model_file.save(path, "discriminators", {"scales": scales, "provenance": record or {"settings": {}}})
    return path


def start_gan(*changes: str, image_size: int = 32, **selectors: str) -> Start | None:
    return gan_start(params_of(*changes, **selectors), embedding_dim=64, image_size=image_size)


def refused(name: str, given: object) -> str:
    params = params_of(f"start_from.{name}={given}")
    with pytest.raises(InputError) as caught:
        damsm_start(params, "ascii") if name == "damsm" else gan_start(params, embedding_dim=64, image_size=32)
    return str(caught.value).removeprefix(f"start_from.{name}: ")
