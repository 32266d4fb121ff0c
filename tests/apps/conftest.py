"""A model file of an untrained model that knows the words of the striped captions, and the command."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from t2i.apps.cli import cli
from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.text import TextEncoder
from tests.helpers import make_generator

Command = Callable[..., Result]


@pytest.fixture(scope="session")
def gan(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "gan.pt"
    text = TextEncoder(vocabulary, embedding_dim=6, word_dim=5)
    model_file.save(path, "gan", {"generator": make_generator().to_checkpoint(), "text": text.to_checkpoint()})
    return path


@pytest.fixture
def t2i() -> Command:
    """Runs the command ``t2i`` with some arguments."""

    def run(*arguments: object, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], stdin, prog_name="t2i")

    return run
