"""Drawn birds: records, classes, and the two files that define them."""

import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from t2i.errors import InputError
from t2i.sources.records import Splits
from t2i.sources.toy_birds import CLASS_PARTS, Palette, split_classes
from t2i.sources.toy_birds.grammar import ATTRIBUTES, load_yaml
from tests.sources.toy_birds.conftest import FOLDER, birds, pixels


@pytest.fixture(scope="module")
def many() -> Splits:
    return birds(train_images=3000, test_images=300, reference_images=10, captions_per_image=1)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "birds"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}, sort_keys=False))


def test_splits_have_the_requested_sizes() -> None:
    splits = birds()
    assert {split: len(records) for split, records in splits.items()} == {"train": 6, "test": 3, "reference": 3}
    assert [record.name for record in splits["test"]] == ["test/00000", "test/00001", "test/00002"]
    for record in splits["train"]:
        assert set(record.attributes) == set(ATTRIBUTES)
        assert record.class_name == "-".join(record.attributes[part] for part in CLASS_PARTS)


def test_test_classes_are_unseen_in_training_and_shared_with_reference(many: Splits) -> None:
    classes = {split: {record.class_name for record in records} for split, records in many.items()}
    assert not classes["train"] & classes["test"]
    assert classes["reference"] <= classes["test"]
    seen, unseen = split_classes(load_yaml(FOLDER / "palette.yaml", Palette))
    assert len(classes["train"]) == len(seen) and len(classes["test"]) == len(unseen)
    assert len(unseen) / (len(seen) + len(unseen)) == pytest.approx(0.15, abs=0.01)


def test_every_colour_of_every_part_is_in_training_and_in_testing(many: Splits) -> None:
    for split in ("train", "test"):
        for part, names in load_yaml(FOLDER / "palette.yaml", Palette).parts.items():
            assert {record.attributes[part] for record in many[split]} == set(names)


def test_test_and_reference_show_different_images() -> None:
    splits = birds()
    assert not np.array_equal(pixels(splits["test"][0]), pixels(splits["reference"][0]))


def test_same_seed_same_pixels_and_captions() -> None:
    for one, two in zip(birds()["train"], birds()["train"], strict=True):
        assert one.attributes == two.attributes and one.captions == two.captions
        assert np.array_equal(pixels(one), pixels(two))


def test_a_record_does_not_depend_on_how_many_there_are() -> None:
    few, many = birds(train_images=2), birds(train_images=4, test_images=1)
    assert [r.captions for r in few["train"]] == [r.captions for r in many["train"][:2]]
    assert np.array_equal(pixels(few["train"][1]), pixels(many["train"][1]))


def test_other_seed_other_pixels_and_captions_but_same_classes() -> None:
    for one, two in zip(birds()["train"], birds(seed=1)["train"], strict=True):
        assert one.class_name == two.class_name
        assert one.captions != two.captions
        assert not np.array_equal(pixels(one), pixels(two))


@pytest.mark.parametrize("size", [32, 64])
def test_images_are_square_rgb_and_can_be_loaded_after_pickling(size: int) -> None:
    record = birds(image_size=size)["train"][0]
    image = pickle.loads(pickle.dumps(record.load))()
    assert image.mode == "RGB" and image.size == (size, size)
    assert np.array_equal(np.asarray(image), pixels(record))


@pytest.mark.parametrize("name", ["train_images", "captions_per_image", "image_size", "seed"])
def test_numbers_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .* not -1"):
        birds(FOLDER, **{name: -1})


@pytest.mark.parametrize("name", ["palette.yaml", "grammar.yaml"])
def test_a_missing_or_broken_file_is_one_line(copied: Path, name: str) -> None:
    for text in ("colours: [1,\n  {", "", "- a\n- b", "colours: 3"):
        (copied / name).write_text(text)
        with pytest.raises(InputError, match=re.escape(name)) as caught:
            birds(copied)
        assert "\n" not in str(caught.value)
    (copied / name).unlink()
    with pytest.raises(InputError, match=f"{re.escape(name)}: cannot be read: No such file"):
        birds(copied)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("palette.yaml", {"colors": {}}, "colors: Extra inputs"),
        ("palette.yaml", {"test_share": 1.5}, "test_share: .* less than 1"),
        ("palette.yaml", {"sizes": {}}, "sizes"),
        ("palette.yaml", {"poses": {"diving": ["sky"]}}, "poses names 'diving', which is none of perched"),
        ("palette.yaml", {"poses": {"flying": ["space"]}}, "poses.flying names 'space', which is none of sky"),
        ("palette.yaml", {"parts": {"body": ["red"]}}, "parts must be body, belly"),
        ("palette.yaml", {"sizes": {"small": 0.8, "giant": 1.0}}, "no words for size 'giant'"),
        ("grammar.yaml", {"states": [5, 2]}, "states must be"),
        ("grammar.yaml", {"chance": {"body": 0.5}}, "chance must name body"),
        ("grammar.yaml", {"captions": {"a {brid}": 1}}, r"'a \{brid\}' has \{brid\}, which is none of adjectives"),
        ("grammar.yaml", {"captions": {"a {bird}": 1}}, "no caption has room for"),
        ("grammar.yaml", {"captions": {"a {look} {noun": 1}}, r"'a \{look\} \{noun' has a brace that is no part of a"),
        ("grammar.yaml", {"captions": {"a { bird }": 1}}, r"'a \{ bird \}' has a brace that is no part of a word"),
        ("grammar.yaml", {"captions": {"a {bird}": -1}}, "greater than 0"),
        ("grammar.yaml", {"sizes": {"small": {"tiny": 1}, "large": {"tiny": 1}}}, "'tiny' stands for two values"),
        ("grammar.yaml", {"sizes": {"small": {"tiny": 1}}}, "no words for size 'large'"),
        ("grammar.yaml", {"longest": 2}, "only 0 of 10 captions"),
    ],
)
def test_a_file_that_makes_no_sense_says_what_is_wrong(
    copied: Path, name: str, changes: dict[str, object], message: str
) -> None:
    edit(copied / name, **changes)
    with pytest.raises(InputError, match=message) as caught:
        birds(copied)
    assert ".yaml: " in str(caught.value) and "\n" not in str(caught.value)


def test_a_colour_named_twice_is_refused(copied: Path) -> None:
    parts = yaml.safe_load((copied / "palette.yaml").read_text())["parts"]
    edit(copied / "palette.yaml", parts={**parts, "body": ["red", "red"]})
    with pytest.raises(InputError, match="parts.body names 'red' twice"):
        birds(copied)
