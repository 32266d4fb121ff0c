"""The command, from captions of any kind to files."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from t2i import checkpoints
from t2i.cli import main
from t2i.data.captions import Vocabulary
from t2i.models.text_encoder import TextEncoder
from tests.models.test_generator import make


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, vocabulary: Vocabulary) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "gan.pt"
    text = TextEncoder(vocabulary, embedding_dim=6, word_dim=5)
    checkpoints.save(path, "gan", {"generator": make().content(), "text": text.content()})
    return path


def refused(*arguments: str) -> str:
    """The one line that a mistake ends in."""
    with pytest.raises(SystemExit) as caught:
        main(["generate", *arguments])
    line = str(caught.value.code)
    assert line.startswith("t2i: ") and "\n" not in line
    return line


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_one_picture_is_the_bare_picture_and_a_seed_gives_it_again(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, again, other = (tmp_path / f"{name}.png" for name in ("one", "again", "other"))
    for path, seed in ((one, "7"), (again, "7"), (other, "8")):
        main(["generate", "the top is red", "--model", str(model), "--seed", seed, "-o", str(path)])
    assert pixels(one).shape == (32, 32, 3)
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(one), str(again), str(other)] and printed.err == ""


def test_single_files_do_not_depend_on_how_many_there_are(model: Path, tmp_path: Path) -> None:
    captions = ["the top is red", "a blue ground"]
    main(["generate", *captions, "-n", "3", "-m", str(model), "-o", str(tmp_path / "many")])
    names = sorted(path.name for path in (tmp_path / "many").iterdir())
    assert names == [f"00{caption}-00{picture}.png" for caption in (1, 2) for picture in (1, 2, 3)]
    main(["generate", captions[1], "-m", str(model), "-o", str(tmp_path / "one")])
    assert np.array_equal(pixels(tmp_path / "one" / "001-001.png"), pixels(tmp_path / "many" / "002-001.png"))
    assert len({(tmp_path / "many" / name).read_bytes() for name in names}) == 6


def test_a_grid_and_attention(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "grid.png"
    main(["generate", "the top is red", "blue below", "-n", "2", "-m", str(model), "-o", str(path), "--attention"])
    assert sorted(file.name for file in path.parent.iterdir()) == ["grid-attention.png", "grid.png"]
    assert pixels(path).shape[1] > 500 and pixels(path.with_name("grid-attention.png")).shape[0] > 400


def test_captions_from_a_file_and_from_standard_input(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captions.txt").write_text("the top is red\n\n  \nblue below\r\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a green ground\nwhite \xff above\n")))
    arguments = ["-", "-f", str(tmp_path / "captions.txt"), "-m", str(model), "-o", str(tmp_path / "out")]
    main(["generate", *arguments])
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_unknown_words_are_named_with_their_neighbours(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["generate", "the botom is gren, xyzzy!", "-m", str(model), "-o", str(tmp_path / "x.png")])
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(" is not")[0] for line in warnings] == ["t2i: 'botom'", "t2i: 'gren'", "t2i: 'xyzzy'"]
    assert "; near it are " in warnings[1] and "green" in warnings[1]
    assert warnings[2].endswith("is not in the model's vocabulary and is left out")


def test_truncation_takes_the_variety_away(model: Path, tmp_path: Path) -> None:
    for name, truncation in (("all", "1"), ("none", "0")):
        arguments = ["-n", "2", "-t", truncation, "-m", str(model), "-o", str(tmp_path / name)]
        main(["generate", "the top is red", *arguments])
    same = {n: len({f.read_bytes() for f in (tmp_path / n).iterdir()}) for n in ("all", "none")}
    assert same == {"all": 2, "none": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no caption; try: t2i generate"),
        ([""], "the caption '' has no word"),
        ([" \t\n"], "the caption '' has no word"),
        (["!?"], "the caption '!?' has no word"),
        (["xyzzy"], "has no word that the model knows; it knows, e.g., "),
        (["gren"], "has no word that the model knows; near it are green"),
        (["red " * 10_000], "has 10,000 words; at most 100 are read"),
        (["red", "-o", "x.jpg"], "x.jpg is neither a .png nor a folder"),
        (["red", "-m", "nowhere.pt"], "nowhere.pt: no such model file; `dvc repro` makes it"),
        (["red", "-m", __file__], "not a model file, or damaged"),
        (["-f", "nowhere.txt"], "nowhere.txt cannot be read"),
        (["red", "-o", f"{__file__}/x.png"], "cannot be written"),
    ],
)
def test_mistakes_are_one_line(model: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    given = arguments if "-m" in arguments else [*arguments, "-m", str(model)]
    assert words in refused(*(given if "-o" in given else [*given, "-o", str(tmp_path / "x.png")]))
    assert not list(tmp_path.iterdir())


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "damsm.pt", "damsm", {})
    assert "holds 'damsm' where a 'gan' model is needed" in refused("red", "-m", str(tmp_path / "damsm.pt"))


@pytest.mark.parametrize(
    "arguments", [["-n", "0"], ["-n", "x"], ["-s", "-1"], ["-s", "1e3"], ["-t", "2"], ["-t", "nan"], ["-n", "²"]]
)
def test_numbers_out_of_range_name_the_range(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["generate", "red", *arguments])
    assert "is no " in capsys.readouterr().err.splitlines()[-1]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300).filter("-".__ne__) | st.text("red top \U0001f426$\\{}\x00\x1b\u202e", max_size=40))
@example("red $x^2$ \\frac{1}")
@example("RED \u0130 \ufffd\ufffd")
@example("\ud800 red")
def test_any_text_gives_a_picture_or_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "any.png"
    path.unlink(missing_ok=True)
    try:
        main(["generate", "-n", "2", "-m", str(model), "-o", str(path), "--", text])
        assert path.exists()
        assert all(line.startswith("t2i: ") for line in capsys.readouterr().err.splitlines())
    except SystemExit as ended:
        line = str(ended.code)
        assert line.startswith("t2i: ") and line.isprintable() and not path.exists()
