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
