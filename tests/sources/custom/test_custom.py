"""The one format that a folder of people's own data has."""

from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.sources import custom
from t2i.sources.custom import LEGAL
from tests.sources.custom.own_data import pictures, read


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(folder)
    message = str(caught.value)
    assert message.isprintable()
    return message.replace(str(folder), "own")


def test_no_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == f"folder own is missing: put images and captions there, {LEGAL}"
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file") == f"folder own is missing: put images and captions there, {LEGAL}"


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ([], "nothing"), (["a.png"], "a.png"), (["captions.json"], "captions.json"), (["x/captions.csv"], "x/"),
        (["1", "2", "3", "4", "5", "6"], "1, 2, 3, 4, 5, ..."), (["captions.csv/a.png"], "captions.csv/"),
        (["metadata.tx"], "metadata.tx"), (["line\nend.txt"], "line\\nend.txt"), (["x/y/metadata.csv"], "x/"),
    ],
)  # fmt: skip
def test_no_captions(tmp_path: Path, names: list[str], held: str) -> None:
    assert refused(pictures(tmp_path, *names)) == f"own holds no captions (it holds {held}): legal are {LEGAL}"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["captions.csv", "captions.jsonl"], "captions.csv; captions.jsonl"),
        (["captions.csv", "captions.tsv"], "captions.csv; captions.tsv"),
        (["captions.csv", "Captions.csv"], "Captions.csv; captions.csv"),
        (["captions.csv", "metadata.csv"], "captions.csv; metadata.csv"),
        (["captions.csv", "dataset_coco.json"], "captions.csv; dataset_coco.json"),
        (["dataset_flickr8k.json", "dataset_coco.json"], "dataset_coco.json; dataset_flickr8k.json"),
        (["captions.csv", "x/a.txt", "x/a.png"], "captions.csv; x/a.png with x/a.txt"),
        (["train/metadata.jsonl", "a.txt", "a.JPG"], "train/metadata.jsonl; a.JPG with a.txt"),
    ],
)
def test_several_formats(tmp_path: Path, names: list[str], found: str) -> None:
    assert refused(pictures(tmp_path, *names)) == f"own holds captions in 2 places ({found}): keep one of them"


def test_texts_that_belong_to_no_picture_are_no_captions(tmp_path: Path) -> None:
    (pictures(tmp_path, "a.png", "README.txt") / "captions.csv").write_text("image,caption\na.png,x\n")
    assert sum(map(len, read(tmp_path).values())) == 1


def test_a_folder_that_must_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", denied)
    assert refused(tmp_path) == "own cannot be read (Permission denied): correct its rights"


@pytest.mark.parametrize(("captions", "share"), [(0, 0.5), (1, 0.0), (1, 1.0), (1, float("nan"))])
def test_arguments_are_checked(tmp_path: Path, captions: int, share: float) -> None:
    with pytest.raises(ValueError, match="captions_per_image must be at least 1 and test_share between 0 and 1"):
        custom.read(tmp_path, captions_per_image=captions, test_share=share)
