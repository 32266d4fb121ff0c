"""Drawn birds: pictures, captions, and the two files that describe them."""

import pickle
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from t2i.data.records import Record, Splits
from t2i.data.toy_birds import CLASS_PARTS, PARTS, Palette, read, split_classes
from t2i.data.toy_captions import ATTRIBUTES, Grammar, load_yaml, write_captions
from t2i.data.toy_drawing import BEAK_SHAPES, POSES, draw
from t2i.errors import InputError

FOLDER = Path(__file__).parents[2] / "data" / "toy_birds"
TARGET = "this bird has wings that are red and has a yellow belly"
LEAST_PIXELS = {"body": 150, "belly": 90, "wing": 90, "crown": 30, "beak": 25}  # at 64 pixels, small birds included


def birds(folder: Path = FOLDER, **changes: int) -> Splits:
    settings = {"train_images": 6, "test_images": 3, "reference_images": 3, "captions_per_image": 10}
    return read(folder, **{**settings, "image_size": 64, "seed": 0, **changes})


def pixels(record: Record) -> np.ndarray:
    return np.asarray(record.load())


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@pytest.fixture(scope="module")
def many() -> Splits:
    return birds(train_images=3000, test_images=300, reference_images=10)


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_yaml(FOLDER / "grammar.yaml", Grammar)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "birds"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}, sort_keys=False))


# Records


def test_splits_have_the_sizes_and_names_asked_for() -> None:
    splits = birds()
    assert {split: len(records) for split, records in splits.items()} == {"train": 6, "test": 3, "reference": 3}
    assert [record.name for record in splits["test"]] == ["test/00000", "test/00001", "test/00002"]
    for record in splits["train"]:
        assert set(record.attributes) == set(ATTRIBUTES)
        assert record.class_name == "-".join(record.attributes[part] for part in CLASS_PARTS)


def test_test_classes_are_unseen_in_training_and_shared_with_reference(many: Splits) -> None:
    shown = {split: {record.class_name for record in records} for split, records in many.items()}
    assert not shown["train"] & shown["test"]
    assert shown["reference"] <= shown["test"]
    seen, unseen = split_classes(load_yaml(FOLDER / "palette.yaml", Palette))
    assert len(shown["train"]) == len(seen) and len(shown["test"]) == len(unseen)
    assert len(unseen) / (len(seen) + len(unseen)) == pytest.approx(0.15, abs=0.01)


def test_every_colour_of_every_part_is_in_training_and_in_testing(many: Splits) -> None:
    for split in ("train", "test"):
        for part, names in load_yaml(FOLDER / "palette.yaml", Palette).parts.items():
            assert {record.attributes[part] for record in many[split]} == set(names)


def test_test_and_reference_show_different_pictures() -> None:
    splits = birds()
    assert not np.array_equal(pixels(splits["test"][0]), pixels(splits["reference"][0]))


def test_same_seed_same_pixels_and_captions() -> None:
    for one, two in zip(birds()["train"], birds()["train"], strict=True):
        assert one.attributes == two.attributes and one.captions == two.captions
        assert np.array_equal(pixels(one), pixels(two))


def test_a_record_does_not_depend_on_how_many_there_are() -> None:
    few, more = birds(train_images=2), birds(train_images=4, test_images=1)
    assert [r.captions for r in few["train"]] == [r.captions for r in more["train"][:2]]
    assert np.array_equal(pixels(few["train"][1]), pixels(more["train"][1]))


def test_other_seed_other_pixels_and_captions_but_same_classes() -> None:
    for one, two in zip(birds()["train"], birds(seed=1)["train"], strict=True):
        assert one.class_name == two.class_name
        assert one.captions != two.captions
        assert not np.array_equal(pixels(one), pixels(two))


@pytest.mark.parametrize("size", [32, 64])
def test_pictures_are_square_rgb_and_survive_pickling(size: int) -> None:
    record = birds(image_size=size)["train"][0]
    picture = pickle.loads(pickle.dumps(record.load))()
    assert picture.mode == "RGB" and picture.size == (size, size)
    assert np.array_equal(np.asarray(picture), pixels(record))


@pytest.mark.parametrize("name", ["train_images", "captions_per_image", "image_size", "seed"])
def test_numbers_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .* not -1"):
        birds(**{name: -1})


# Pictures


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_large_enough_to_be_read(part: str, pose: str) -> None:
    green, red, sky = (56, 158, 70), (212, 36, 40), (168, 204, 232)
    smallest = min(load_yaml(FOLDER / "palette.yaml", Palette).sizes.values())
    for number, shape in enumerate(BEAK_SHAPES * 2):
        attributes = {"pose": pose, "background": "sky", "beak_shape": shape, "facing": ("left", "right")[number % 2]}
        both = []
        for colour in (green, red):  # the same picture but for this part
            paint = {**dict.fromkeys(PARTS, green), part: colour}
            picture = draw(
                attributes, paint=paint, scenery=(sky, sky, sky), scale=smallest, seed=[number], image_size=64
            )
            both.append(np.asarray(picture).astype(int))
        assert (np.abs(both[0] - both[1]).sum(2) > 120).sum() >= LEAST_PIXELS[part]


def test_a_bird_stays_inside_the_frame() -> None:
    """Nothing of the bird lies on the frame's border, or little: a corner of tail or beak."""
    sky, black = (168, 204, 232), (34, 34, 40)
    largest = max(load_yaml(FOLDER / "palette.yaml", Palette).sizes.values())
    for seed in range(20):
        attributes = {"pose": "flying", "background": "sky", "beak_shape": "long", "facing": "right"}
        paint = dict.fromkeys(PARTS, black)
        picture = np.asarray(
            draw(attributes, paint=paint, scenery=(sky, sky, sky), scale=largest, seed=[seed], image_size=64)
        )
        dark = picture.sum(2) < 300
        assert dark[[0, -1]].sum() + dark[:, [0, -1]].sum() <= 12


def test_facing_left_is_the_mirror_of_facing_right() -> None:
    record = birds()["train"][0]
    assert isinstance(record.attributes["facing"], str)
    ways = {}
    for facing in ("left", "right"):
        attributes = {**record.attributes, "pose": "flying", "facing": facing}
        picture = draw(
            attributes,
            paint={**dict.fromkeys(PARTS, (40, 92, 214)), "beak": (212, 36, 40)},
            scenery=((230, 230, 230),) * 3,
            scale=0.9,
            seed=[3],
            image_size=64,
        )
        red = np.asarray(picture).astype(int) @ [1, -1, -1] > 60
        ways[facing] = np.nonzero(red)[1].mean()
    assert ways["left"] < 24 < 40 < ways["right"]


# Captions


def test_captions_of_an_image_are_distinct_and_short(many: Splits) -> None:
    for record in many["train"]:
        texts = [caption.text for caption in record.captions]
        assert len(set(texts)) == 10
        assert max(len(tokens(text)) for text in texts) <= 18


def test_says_is_true_and_stands_in_the_text(many: Splits, grammar: Grammar) -> None:
    words = {"size": grammar.sizes, "beak_shape": grammar.beak_shapes}
    for record in many["test"]:
        for caption in record.captions:
            assert 2 <= len(caption.says) <= 5
            for attribute, value in caption.says.items():
                assert record.attributes[attribute] == value
                if attribute in grammar.scene:
                    phrases = grammar.scene[attribute][value]
                    spoken = [*phrases.doing, *phrases.does]
                else:
                    spoken = list(words.get(attribute, grammar.colours)[value])
                assert any(re.search(rf"\b{word}\b", caption.text) for word in spoken), (caption, attribute)


def test_what_says_leaves_out_the_text_leaves_out(many: Splits, grammar: Grammar) -> None:
    colour_words = {word: name for name, words in grammar.colours.items() for word in words if " " not in word}
    for record in many["test"]:
        for caption in record.captions:
            stated = Counter(value for attribute, value in caption.says.items() if attribute in PARTS)
            assert Counter(colour_words[t] for t in tokens(caption.text) if t in colour_words) == stated
            for part in ("belly", "wing", "crown", "beak"):
                spoken = [*grammar.nouns[part], *(["top of its head"] if part == "crown" else [])]
                named = sum(len(re.findall(rf"\b{noun}\b", caption.text)) for noun in spoken)
                assert named == (part in caption.says or (part == "beak" and "beak_shape" in caption.says))


def test_attributes_are_stated_as_often_as_intended(many: Splits) -> None:
    captions = [caption for record in many["train"] for caption in record.captions]
    stated = Counter(attribute for caption in captions for attribute in caption.says)
    for attribute in ATTRIBUTES:
        low, high = (0.5, 0.6) if attribute in PARTS else (0.13, 0.3)
        assert low < stated[attribute] / len(captions) < high, attribute


def test_vocabulary_is_small_frequent_and_the_same_in_test(many: Splits) -> None:
    count = Counter(t for record in many["train"] for caption in record.captions for t in tokens(caption.text))
    assert 90 <= len(count) <= 200
    assert min(count.values()) >= 100
    assert {t for record in many["test"] for caption in record.captions for t in tokens(caption.text)} <= set(count)
    assert set(tokens(TARGET)) <= set(count)


def test_the_grammar_can_say_the_example_of_the_paper(grammar: Grammar) -> None:
    attributes = {**birds()["train"][0].attributes, "wing": "red", "belly": "yellow"}
    chance = {**dict.fromkeys(ATTRIBUTES, 0.0), "wing": 1.0, "belly": 1.0}
    only_these = grammar.model_copy(update={"chance": chance})
    said = write_captions(only_these, attributes, 200, np.random.default_rng(0))
    (caption,) = [caption for caption in said if caption.text == TARGET]
    assert caption.says == {"wing": "red", "belly": "yellow"}


def test_english(many: Splits) -> None:
    for record in many["train"]:
        for caption in record.captions:
            words = caption.text.split()
            assert all(one != two for one, two in zip(words, words[1:], strict=False)), caption.text
            assert not re.search(
                r"\ba [aeiou]|\ban [^aeiou]|wings that is|(its|the|whose|bird's) wings is|a \w+ wings|  |[{}]",
                caption.text,
            )
            assert caption.text == caption.text.strip()


# The two files


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
