"""`t2i generate`, from captions of any kind to files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from t2i.checkpoints import model_file
from t2i.generation.prompt import Prompt
from t2i.generation.text_to_image import GenerationResult, TextToImage
from tests.apps.conftest import Command
from tests.helpers import make_generator


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_one_image_is_the_bare_image_and_a_seed_gives_it_again(t2i: Command, gan: Path, tmp_path: Path) -> None:
    one, again, other = (tmp_path / f"{name}.png" for name in ("one", "again", "other"))
    for path, seed in ((one, 7), (again, 7), (other, 8)):
        result = t2i("generate", "the top is red", "--model", gan, "--seed", seed, "-o", path)
        assert (result.exit_code, result.stdout, result.stderr) == (0, f"{path}\n", "")
    assert pixels(one).shape == (32, 32, 3)
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()


def test_single_files_do_not_depend_on_how_many_there_are(t2i: Command, gan: Path, tmp_path: Path) -> None:
    captions = ["the top is red", "a blue ground"]
    t2i("generate", *captions, "-n", 3, "-m", gan, "-o", tmp_path / "many")
    names = sorted(path.name for path in (tmp_path / "many").iterdir())
    assert names == [f"00{caption}-00{number}.png" for caption in (1, 2) for number in (1, 2, 3)]
    t2i("generate", captions[1], "-m", gan, "-o", tmp_path / "one")
    assert np.array_equal(pixels(tmp_path / "one" / "001-001.png"), pixels(tmp_path / "many" / "002-001.png"))
    assert len({(tmp_path / "many" / name).read_bytes() for name in names}) == 6


def test_what_is_done_is_kept_when_it_is_interrupted(
    t2i: Command, gan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate, prompts = TextToImage.generate, []

    def interrupted(model: TextToImage, prompt: Prompt, *arguments: Any, **options: Any) -> GenerationResult:
        prompts.append(prompt.text)
        if len(prompts) == 3:
            raise KeyboardInterrupt
        return generate(model, prompt, *arguments, **options)

    monkeypatch.setattr(TextToImage, "generate", interrupted)
    result = t2i("generate", "red", "blue", "green", "-n", 2, "-m", gan, "-o", tmp_path / "some")
    assert result.exit_code == 130
    names = sorted(path.name for path in (tmp_path / "some").iterdir())
    assert names == [f"00{caption}-00{number}.png" for caption in (1, 2) for number in (1, 2)]


def test_a_grid_and_attention(t2i: Command, gan: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "grid.png"
    result = t2i("generate", "the top is red", "blue below", "-n", 2, "-m", gan, "-o", path, "--attention")
    assert result.output.splitlines() == [str(path), str(path.with_name("grid-attention.png"))]
    assert sorted(file.name for file in path.parent.iterdir()) == ["grid-attention.png", "grid.png"]
    assert pixels(path).shape[1] > 500 and pixels(path.with_name("grid-attention.png")).shape[0] > 400
    t2i("generate", "blue below", "-m", gan, "-o", tmp_path / "folder", "--attention")
    assert sorted(file.name for file in (tmp_path / "folder").iterdir()) == ["001-001.png", "attention.png"]


def test_captions_from_a_file_and_from_standard_input(t2i: Command, gan: Path, tmp_path: Path) -> None:
    (tmp_path / "captions.txt").write_text("the top is red\n\n  \nblue below\r\n")
    t2i("generate", "white", "-f", tmp_path / "captions.txt", "-m", gan, "-o", tmp_path / "a")
    assert len(list((tmp_path / "a").iterdir())) == 3
    t2i("generate", "-f", "-", "-m", gan, "-o", tmp_path / "b", stdin="a green ground\n\nwhite \ufffd above\n".encode())
    assert len(list((tmp_path / "b").iterdir())) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ["the top is red", "the top is red\r\nblue below\r\n"])
def test_captions_of_other_encodings_are_read_as_they_were_written(
    t2i: Command, gan: Path, tmp_path: Path, encoding: str, text: str
) -> None:
    for name, content in (("a", text.encode(encoding)), ("b", text.encode())):
        result = t2i("generate", "-f", "-", "-m", gan, "-o", tmp_path / name, stdin=content)
        assert (result.exit_code, result.stderr) == (0, "")
    images = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"]
    assert images[0] == images[1] and len(images[0]) == len(text.splitlines())


def test_words_that_are_not_read_as_typed_are_named(t2i: Command, gan: Path, tmp_path: Path) -> None:
    result = t2i("generate", "the töp is red 鸟", "red 鸟", "-m", gan, "-o", tmp_path / "x.png")
    assert result.exit_code == 0 and result.stderr.splitlines()[:2] == [
        "t2i: 'töp' is read as 'tp': the model's words are ASCII",
        "t2i: '鸟' is left out: the model's words are ASCII",
    ]
    assert result.stderr.count("'鸟'") == 1


def test_a_model_that_is_not_finite_is_not_used(t2i: Command, gan: Path, tmp_path: Path) -> None:
    content = model_file.load(gan, "gan")
    content["generator"]["state"]["heads.0.0.weight"][0, 0, 0, 0] = float("nan")
    model_file.save(tmp_path / "gan.pt", "gan", {key: content[key] for key in ("generator", "text")})
    result = t2i("generate", "red", "-m", tmp_path / "gan.pt", "-o", tmp_path / "x.png")
    line = "generator.state.heads.0.0.weight has numbers that are NaN or infinite; get or train the model again"
    assert (result.exit_code, result.stderr) == (1, f"t2i: {tmp_path / 'gan.pt'}: {line}\n")
    assert not (tmp_path / "x.png").exists()


def test_unknown_words_are_named_with_similar_ones(t2i: Command, gan: Path, tmp_path: Path) -> None:
    warnings = t2i("generate", "the botom is gren, xyzzy!", "-m", gan, "-o", tmp_path / "x.png").stderr.splitlines()
    assert [line.split(" is not")[0] for line in warnings] == ["t2i: 'botom'", "t2i: 'gren'", "t2i: 'xyzzy'"]
    assert "; similar words are " in warnings[1] and "green" in warnings[1]
    assert warnings[2].endswith("is not in the model's vocabulary and is left out")


def test_truncation_takes_the_variety_away(t2i: Command, gan: Path, tmp_path: Path) -> None:
    for name, truncation in (("all", "1"), ("none", "0")):
        t2i("generate", "the top is red", "-n", 2, "-t", truncation, "-m", gan, "-o", tmp_path / name)
    different = {n: len({f.read_bytes() for f in (tmp_path / n).iterdir()}) for n in ("all", "none")}
    assert different == {"all": 2, "none": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no caption; try: t2i generate"),
        ([""], "the caption '' has no word"),
        (["xyzzy"], "has no word that the model knows; e.g., "),
        (["the top is red", "gren"], "has no word that the model knows; similar words are green"),
        (["red " * 10_000], "has 10,000 words; at most 100 are allowed"),
        (["red", "-o", "x.jpg"], "x.jpg is neither a .png nor a folder"),
        (["red", "-m", "nowhere.pt"], "nowhere.pt: no such model file; `dvc repro` makes it"),
        (["red", "-m", __file__], "not a model file, or damaged"),
        (["red", "-o", f"{__file__}/x.png"], "cannot be written"),
        (["red", "-t", "nan"], "truncation is nan; legal are numbers from 0 to 1"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(
    t2i: Command, gan: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    model = [] if "-m" in arguments else ["-m", gan]
    out = [] if "-o" in arguments else ["-o", tmp_path / "x.png"]
    result = t2i("generate", *arguments, *model, *out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("t2i: ") and words in result.stderr and result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_model_without_attention_is_named(t2i: Command, gan: Path, tmp_path: Path) -> None:
    one_scale, text = make_generator(base_size=32), model_file.load(gan, "gan")["text"]
    model_file.save(tmp_path / "gan.pt", "gan", {"generator": one_scale.to_checkpoint(), "text": text})
    result = t2i("generate", "red", "-m", tmp_path / "gan.pt", "-o", tmp_path / "x.png", "--attention")
    assert result.exit_code == 1 and "has a single scale and so no attention to show" in result.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("-n", "0"), ("-n", "1001"), ("-n", "x"), ("-n", "²"), ("-s", "-1"), ("-s", "1e3"), ("-t", "2"), ("-f", "none")],
)
def test_wrong_usage_names_the_option(t2i: Command, option: str, value: str) -> None:
    result = t2i("generate", "red", option, value)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: Invalid value for '{option}' / ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300) | st.text("red top \U0001f426$\\{}\x00\x1b\u202e", max_size=40))
@example("red $x^2$ \\frac{1}")
@example("RED \u0130 \ufffd\ufffd")
@example("\ud800 red")
def test_any_text_gives_images_or_one_line(t2i: Command, gan: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.png"
    path.unlink(missing_ok=True)
    result = t2i("generate", "-n", 2, "-m", gan, "-o", path, "--", text)
    lines = result.stderr.splitlines()
    assert all(line.startswith("t2i: ") and line.isprintable() for line in lines)
    assert (result.exit_code, path.exists()) in ((0, True), (1, False)) and len(lines) >= result.exit_code
