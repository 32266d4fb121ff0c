"""The packaged model, served by Cog's own server without Docker."""

import base64
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from t2i.checkpoints import model_file
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.text import TextEncoder
from tests.conftest import ROOT
from tests.helpers import make_generator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cog")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The server that the image runs, in a folder as the image has it."""
    torch.manual_seed(0)
    (folder / "t2i").symlink_to(ROOT / "t2i")
    text = TextEncoder(Vocabulary.build([tokenize("a red bird")]), embedding_dim=6, word_dim=5)
    model_file.save(
        folder / "models" / "gan.pt",
        "gan",
        {"generator": make_generator().to_checkpoint(), "text": text.to_checkpoint()},
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    runner = yaml.safe_load((ROOT / "cog.yaml").read_text())["run"]
    (folder / "tmp").mkdir()
    environment = {
        **os.environ, "PORT": port, "COG_PREDICT_TYPE_STUB": runner, "PYTHONPATH": str(folder),
        "TMPDIR": str(folder / "tmp"),
    }  # fmt: skip
    command = [sys.executable, "-m", "cog.server.http", "--host", "127.0.0.1"]
    log = (folder / "log").open("w+")
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as process:
        deadline = time.monotonic() + 90
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            try:
                if get(f"http://127.0.0.1:{port}/health-check")["status"] == "READY":
                    break
            except OSError:
                pass
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def get(address: str, **body: Any) -> Any:
    """The answer; a busy server is asked again for a while."""
    content = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 409 or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_images_of_a_caption(address: str) -> None:
    result = get(f"{address}/predictions", input={"caption": "a red bird", "number": 2, "seed": 3})
    assert result["status"] == "succeeded" and len(result["output"]) == 2
    sizes = []
    for image in result["output"]:
        with Image.open(io.BytesIO(base64.b64decode(image.partition(",")[2]))) as opened:
            sizes.append(opened.size)
    assert sizes == [(32, 32)] * 2
    again = get(f"{address}/predictions", input={"caption": "a red bird", "number": 2, "seed": 3})
    assert again["output"] == result["output"]


def test_images_of_one_answer_at_most_stay_on_the_disk(address: str, folder: Path) -> None:
    counts = []
    for _ in range(3):
        get(f"{address}/predictions", input={"caption": "a red bird", "number": 1})
        counts.append(len(list((folder / "tmp").glob("*/*.png"))))
    assert counts == [1, 1, 1]


def test_a_seed_that_json_does_not_keep_is_refused(address: str) -> None:
    result = get(f"{address}/predictions", input={"caption": "a red bird", "number": 1, "seed": 10**26})
    assert result["status"] == "failed" and "legal are 0 to 9007199254740991" in result["error"]
    assert get(f"{address}/predictions", input={"caption": "a red bird", "seed": 2**53 - 1})["status"] == "succeeded"


@pytest.mark.parametrize("number", [0, -1, 17, 2.5])
def test_a_number_beyond_the_limits_is_refused(address: str, number: float) -> None:
    result = get(f"{address}/predictions", input={"caption": "a red bird", "number": number})
    assert result["status"] == "failed" and f"the number is {number}; legal are 1 to 16" in result["error"]


def test_whole_numbers_with_a_point_are_whole_numbers(address: str) -> None:
    whole, point = (
        get(f"{address}/predictions", input={"caption": "a red bird", "number": number, "seed": seed})
        for number, seed in ((2, 3), (2.0, 3.0))
    )
    assert point["status"] == "succeeded" and point["output"] == whole["output"] and len(point["output"]) == 2


def test_words_that_are_not_read_are_in_the_log(address: str) -> None:
    result = get(f"{address}/predictions", input={"caption": "a red bird, schön 鸟 xyzzy", "number": 1})
    assert result["status"] == "succeeded" and result["logs"].splitlines() == [
        "'schön' is read as 'schn': the model's words are ASCII",
        "'鸟' is left out: the model's words are ASCII",
        "'schn' is not in the model's vocabulary and is left out",
        "'xyzzy' is not in the model's vocabulary and is left out",
    ]


def test_a_caption_without_a_known_word_fails_with_the_line(address: str) -> None:
    result = get(f"{address}/predictions", input={"caption": "xyzzy"})
    assert result["status"] == "failed"
    assert "the caption 'xyzzy' has no word that the model knows; e.g., a, red, bird" in result["error"]


def test_requirements_of_the_image_cover_what_the_runner_imports() -> None:
    listed = {line.split(">")[0] for line in (ROOT / "cog.requirements.txt").read_text().splitlines()}
    code = (
        "import sys, t2i.apps.defaults, t2i.generation.text_to_image; from t2i.data.text.tokenizer import tokenize; "
        "tokenize('\\xe4'); tokenize('\\xe4', 'unicode'); print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {{"PIL": "pillow"}.get(name, name) for name in done.stdout.split()}
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    ours = {re.split("[>=]", line)[0] for line in dependencies}
    # click, scipy, tqdm and pyyaml come with nltk and torch, if at all
    assert imported & ours - {"click", "scipy", "tqdm", "pyyaml"} == listed
