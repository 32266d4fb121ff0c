"""Progress images while a generator learns."""

from pathlib import Path

from PIL import Image

from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.training.gan.progress import ProgressImages
from tests.helpers import same_weights, small_damsm, small_gan


def test_progress_images_do_not_change_the_training(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    damsm = small_damsm(striped, vocabulary, steps=3)[0]
    progress = ProgressImages(PackedSplit(striped, "test"), damsm, tmp_path / "grid.png", 18)
    watched = small_gan(striped, damsm, observers={"progress": progress})[0]
    assert same_weights(watched, small_gan(striped, damsm)[0]) and list(progress.pictures) == [1, 2, 4]
    with Image.open(tmp_path / "grid.png") as grid:
        width, height = grid.size
    assert height > width > 3 * 32  # six captions, three steps


def test_images_that_are_loaded_are_written_again(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    """A training that goes on after its last step has no step left that would write them."""
    damsm = small_damsm(striped, vocabulary, steps=3)[0]
    first, again = (
        ProgressImages(PackedSplit(striped, "test"), damsm, tmp_path / name, 18) for name in ("first.png", "again.png")
    )
    again.load_state_dict(first.state_dict())
    assert not (tmp_path / "again.png").exists()  # there are none yet
    small_gan(striped, damsm, observers={"progress": first})
    again.load_state_dict(first.state_dict())
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "first.png").read_bytes()
