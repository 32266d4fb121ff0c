"""Images depend on model, caption, seed and index alone; three lines of Python give PIL images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import t2i
from t2i.checkpoints import model_file
from t2i.errors import InputError
from t2i.generation.prompt import parse_prompt
from t2i.generation.text_to_image import TextToImage
from tests.conftest import ROOT


@pytest.fixture
def path(tmp_path: Path, model: TextToImage) -> Path:
    content = {"generator": model.generator.to_checkpoint(), "text": model.text_encoder.to_checkpoint()}
    model_file.save(tmp_path / "gan.pt", "gan", content)
    return tmp_path / "gan.pt"


def test_a_notebook_gets_pil_images(path: Path) -> None:
    loaded = t2i.TextToImage.load(str(path))
    images = loaded("the top is red", n=4, seed=0)
    assert [(type(image), image.size, image.mode) for image in images] == [(Image.Image, (32, 32), "RGB")] * 4
    assert len({image.tobytes() for image in images}) == 4
    again = TextToImage.load(path)("the top is red", n=4, seed=0)
    assert [image.tobytes() for image in images] == [image.tobytes() for image in again]


def test_importing_t2i_imports_nothing_until_a_name_is_used() -> None:
    code = (
        "import sys, t2i; before = 'torch' in sys.modules; t2i.TextToImage; "
        "print(before, 'torch' in sys.modules, *(name in sys.modules for name in ('nltk', 'scipy', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "False", "False"]
    with pytest.raises(AttributeError, match="module 't2i' has no attribute 'Painter'"):
        _ = t2i.Painter


def test_a_saved_model_is_the_same_model(path: Path, model: TextToImage) -> None:
    loaded = TextToImage.load(path, "fp32")
    assert loaded.precision == "fp32" and loaded.vocabulary == model.vocabulary
    assert not loaded.generator.training and not loaded.text_encoder.training
    ids = torch.tensor([[1, 2, 3], [4, 5, 0]])
    noise = model.generator.draw_noise(2, np.random.default_rng(0))
    ours, theirs = (one.forward(ids, *noise)[0] for one in (model, loaded))
    assert [tuple(image.shape) for image in ours.images] == [(2, 3, 8, 8), (2, 3, 16, 16), (2, 3, 32, 32)]
    assert all(torch.equal(a, b) for a, b in zip(ours.images, theirs.images, strict=True))


def test_an_image_depends_neither_on_the_number_of_images_nor_on_other_captions(model: TextToImage) -> None:
    many = model.generate("the top is red", n=5, seed=3).images
    model.generate("a blue ground")
    few = model.generate("the top is red", n=2, seed=3).images
    assert all(np.array_equal(a, b) for a, b in zip(many, few, strict=False))
    assert not np.array_equal(many[0], many[1])
    assert not np.array_equal(many[0], model.generate("the top is red", seed=4).images[0])
    assert not np.array_equal(many[0], model.generate("blue below", seed=3).images[0])


def test_result_has_scales_and_attention_of_the_first_image(model: TextToImage) -> None:
    result = model.generate("The top is gren, red!", n=2)
    assert result.prompt.words == ["the", "top", "is", "red"] and set(result.prompt.unknown) == {"gren"}
    assert [image.shape for image in result.scales] == [(side, side, 3) for side in (8, 16, 32)]
    assert np.array_equal(result.scales[-1], result.images[0])
    assert [weights.shape for weights in result.attention] == [(4, 8, 8), (4, 16, 16)]
    np.testing.assert_allclose(result.attention[0].sum(axis=0), 1, rtol=1e-5)


def test_parsed_captions_and_a_progress_bar(model: TextToImage) -> None:
    steps: list[int] = []
    prompt = parse_prompt("the top is red", model.vocabulary)
    result = model.generate(prompt, n=3, on_image=lambda: steps.append(len(steps)))
    assert steps == [0, 1, 2] and result.prompt is prompt
    assert np.array_equal(result.images[2], model.generate("the top is red", n=3).images[2])


def test_truncation_takes_the_variety_away(model: TextToImage) -> None:
    assert len({image.tobytes() for image in model("the top is red", n=3, truncation=0.0)}) == 1
    for truncation in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="truncation is .*; legal are numbers from 0 to 1"):
            model("the top is red", truncation=truncation)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.pt: no such model file"):
        TextToImage.load(tmp_path / "nowhere.pt")
    model_file.save(tmp_path / "damsm.pt", "damsm", {})
    with pytest.raises(InputError, match="holds 'damsm' where a 'gan' model is needed"):
        TextToImage.load(tmp_path / "damsm.pt")


def test_a_result_is_reduced_to_what_is_shown(model: TextToImage) -> None:
    result = model.generate("the top is red", 2)
    assert result.reduced(images=2, attention=True).attention == result.attention != []
    assert result.reduced(images=2, attention=True).images == result.images
    small = result.reduced(images=1, attention=False)
    assert (small.images, small.scales, small.attention) == (result.images[:1], [], [])
