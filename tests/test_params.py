"""params.yaml: what is legal, and one line for what is not."""

import re
from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.params_file import load
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text()


def load_changed(tmp_path: Path, old: str, new: str) -> object:
    assert old in TEXT, old
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    return load(path)


def test_the_repository_s_own_file_is_legal() -> None:
    params = load(ROOT / "params.yaml")
    assert (params.data, params.model, params.budget) == ("toy_birds", "attngan", "demo")
    assert params.loss.lambda_ == 0.2 and set(params.budgets) == {"smoke", "demo", "study", "paper32", "paper"}


def test_numbers_as_dvc_writes_them_are_numbers(tmp_path: Path) -> None:
    params = load_changed(tmp_path, "lambda: 0.2", "lambda: 2e-05")  # a string to PyYAML
    assert params.loss.lambda_ == 2e-05  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lambda: 0.2", "lamda: 0.2", "loss.lamda: unknown key; did you mean lambda?"),
        ("max_words: 18", "zebra: 18", "datasets.toy_birds.zebra: unknown key; legal are"),
        ("lambda: 0.2", "lambda: much", "loss.lambda = 'much': must be a valid number"),
        ("lambda: 0.2", "lambda: -1", "loss.lambda = -1: must be greater than or equal to 0"),
        ("lambda: 0.2", "lambda: .inf", "loss.lambda = inf: must be a finite number"),
        ("lambda: 0.2", "lambda: yes", "loss.lambda = True: expected a number, not true or false"),
        ("lambda: 0.2", "lambda: [1, 2]", "loss.lambda = [1, 2]: must be a valid number"),
        ("shared_noise: true", "shared_noise: 7", "loss.shared_noise = 7: must be a valid boolean"),
        ("seed: 0 ", "seed: 1.5 ", "seed = 1.5: must be a valid integer"),
        ("model: attngan", "model: stackgan", "model = 'stackgan': legal are attngan, dmgan"),
        ("data: toy_birds", "data: toy", "data = 'toy': legal are toy_birds, cub, coco"),
        ("noise_bits: 4", "noise_bits: 101", "train_gan.noise_bits = 101: legal are 0 to noise_dim of attngan, 100"),
        ("budget: demo", "budget: large", "budget = 'large': legal are smoke, demo, study, paper32, paper"),
        ("image_size: 32", "image_size: 33", "budgets.smoke.preprocess.image_size = 33: must be 32, 64, 128 or 256"),
        ("base_size: 16", "base_size: 64", "train_gan.base_size 64 is larger than preprocess.image_size 32"),
        ("  temperature: 0.5", "  temperature: 0", "loss.temperature = 0: must be greater than 0"),
        ("adversarial: hinge", "adversarial: lsgan", "adversarial = 'lsgan': must be 'bce' or 'hinge'"),
        ("training_processes: 1", "training_processes: 0", "runtime.training_processes = 0: must be greater than"),
        ("vocab:\n", "vocab: 3\nvocabs:\n", "vocab = 3: must be a valid dictionary"),
    ],
)
def test_a_mistake_is_one_line_that_names_key_and_value(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_changed(tmp_path, old, new)
    assert "\n" not in str(caught.value) and str(tmp_path / "params.yaml") in str(caught.value)


def test_compiling_and_recomputing_at_once_is_refused(tmp_path: Path) -> None:
    both = re.search(r"  compile: false.*gradient_checkpointing: false", TEXT, re.DOTALL)
    assert both is not None
    with pytest.raises(InputError, match="compile and gradient_checkpointing cannot both be true"):
        load_changed(tmp_path, both[0], both[0].replace(": false", ": true"))


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [", "not YAML"), ("", "must be a valid dictionary"), ("- 1", "must be a valid dictionary")],
)
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(InputError, match=message):
        load(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run stages from the repository root"):
        load(tmp_path / "params.yaml")
