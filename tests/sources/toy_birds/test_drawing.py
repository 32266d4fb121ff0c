"""Images of the drawn birds: sizes of parts, position, and facing."""

import numpy as np
import pytest

from t2i.sources.toy_birds import Palette
from t2i.sources.toy_birds.drawing import BEAK_SHAPES, POSES, draw
from t2i.sources.toy_birds.grammar import PARTS, load_yaml
from tests.sources.toy_birds.conftest import FOLDER, birds

MIN_PIXELS = {"body": 150, "belly": 90, "wing": 90, "crown": 30, "beak": 25}  # at 64 pixels, small birds included


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_large_enough_to_be_recognised(part: str, pose: str) -> None:
    green, red, sky = (56, 158, 70), (212, 36, 40), (168, 204, 232)
    smallest = min(load_yaml(FOLDER / "palette.yaml", Palette).sizes.values())
    for number, shape in enumerate(BEAK_SHAPES * 2):
        attributes = {"pose": pose, "background": "sky", "beak_shape": shape, "facing": ("left", "right")[number % 2]}
        images = []
        for colour in (green, red):  # the same image except for this part
            colours = {**dict.fromkeys(PARTS, green), part: colour}
            image = draw(
                attributes,
                colours=colours,
                background_colours=(sky, sky, sky),
                scale=smallest,
                seed=[number],
                image_size=64,
            )
            images.append(np.asarray(image).astype(int))
        assert (np.abs(images[0] - images[1]).sum(2) > 120).sum() >= MIN_PIXELS[part]


def test_a_bird_stays_inside_the_frame() -> None:
    """At most a corner of tail or beak lies on the border of the image."""
    sky, black = (168, 204, 232), (34, 34, 40)
    largest = max(load_yaml(FOLDER / "palette.yaml", Palette).sizes.values())
    for seed in range(20):
        attributes = {"pose": "flying", "background": "sky", "beak_shape": "long", "facing": "right"}
        colours = dict.fromkeys(PARTS, black)
        image = np.asarray(
            draw(
                attributes,
                colours=colours,
                background_colours=(sky, sky, sky),
                scale=largest,
                seed=[seed],
                image_size=64,
            )
        )
        dark = image.sum(2) < 300
        assert dark[[0, -1]].sum() + dark[:, [0, -1]].sum() <= 12


def test_facing_left_is_the_mirror_of_facing_right() -> None:
    record = birds()["train"][0]
    assert isinstance(record.attributes["facing"], str)
    beak_columns = {}
    for facing in ("left", "right"):
        attributes = {**record.attributes, "pose": "flying", "facing": facing}
        image = draw(
            attributes,
            colours={**dict.fromkeys(PARTS, (40, 92, 214)), "beak": (212, 36, 40)},
            background_colours=((230, 230, 230),) * 3,
            scale=0.9,
            seed=[3],
            image_size=64,
        )
        red = np.asarray(image).astype(int) @ [1, -1, -1] > 60
        beak_columns[facing] = np.nonzero(red)[1].mean()
    assert beak_columns["left"] < 24 < 40 < beak_columns["right"]
