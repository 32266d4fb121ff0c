"""Which captions are painted with which noise, and that pictures depend on nothing else."""

from pathlib import Path

import pytest
import torch

from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.errors import InputError
from t2i.gallery import draw_gallery
from t2i.models.text_encoder import TextEncoder
from t2i.painter import Painter
from t2i.sampling import load_origin, load_pictures, paint_plan, plan, save_pictures
from tests.models.test_generator import make


@pytest.fixture
def painter(vocabulary: Vocabulary) -> Painter:
    torch.manual_seed(0)
    return Painter(make(), TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32")


def test_two_captions_of_an_image_and_two_images_share_a_noise(striped: Path) -> None:
    pack = Pack.open(striped, "test")
    table = plan(pack, images=10, noises=3, seed=0)
    assert len(table) == 10 * 3 * 2 and table["image"].nunique() == 10
    assert (pack.captions["image"].iloc[table["caption"]].to_numpy() == table["image"].to_numpy()).all()
    for _, group in table.groupby(["image", "noise"]):
        assert len(group) == 2 and group["caption"].nunique() == 2
    assert (table.groupby("noise")["image"].nunique() == 2).all()
    assert table.equals(plan(pack, images=10, noises=3, seed=0))
    assert not table.equals(plan(pack, images=10, noises=3, seed=1))


def test_a_picture_depends_on_its_caption_and_noise_alone(
    striped: Path, vocabulary: Vocabulary, painter: Painter
) -> None:
    pack = Pack.open(striped, "test")
    captions = EncodedCaptions(pack, vocabulary, 18)
    table = plan(pack, images=24, noises=3, seed=0)  # 144 pictures: two batches
    pictures = paint_plan(painter, captions, table, seed=0)
    assert pictures.shape == (144, 3, 32, 32) and pictures.dtype == torch.uint8
    some = table.iloc[[3, 120, 77]]
    # batches of another size may round the last bit differently
    assert (paint_plan(painter, captions, some, seed=0).int() - pictures[[3, 120, 77]].int()).abs().max() <= 1
    other = paint_plan(painter, captions, some, seed=1)
    assert (other.int() - pictures[[3, 120, 77]].int()).abs().max() > 1


@pytest.mark.parametrize("base_size", [8, 32])  # 32: a single scale, which has no attention
def test_gallery_draws_its_four_grids(
    tmp_path: Path, striped: Path, vocabulary: Vocabulary, painter: Painter, base_size: int
) -> None:
    pack = Pack.open(striped, "test")
    painter.generator = make(base_size=base_size)
    draw_gallery(tmp_path, painter, EncodedCaptions(pack, vocabulary, 18), pack, seed=0, rows=3, noises=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "attention.png", "noises.png", "pairs.png", "samples.png",
    ]  # fmt: skip


def test_pictures_come_back_and_damage_is_named(tmp_path: Path, striped: Path) -> None:
    table = plan(Pack.open(striped, "test"), images=4, noises=1, seed=0)
    pictures = torch.arange(8 * 3 * 4 * 4).to(torch.uint8).view(8, 3, 4, 4)
    save_pictures(tmp_path, table, pictures, {"inputs": {}})
    found, read = load_pictures(tmp_path)
    assert found.equals(table) and torch.equal(read, pictures) and load_origin(tmp_path) == {"inputs": {}}
    table.iloc[:3].to_csv(tmp_path / "plan.csv", index=False)
    with pytest.raises(InputError, match="plan.csv does not fit its 8 pictures"):
        load_pictures(tmp_path)
    (tmp_path / "origin.json").write_bytes(b"half")
    with pytest.raises(InputError, match="no origin.json, or a damaged one; run `dvc repro sample`"):
        load_origin(tmp_path)
    (tmp_path / "pictures.npy").write_bytes(b"half")
    with pytest.raises(InputError, match="no pictures, or damaged ones; run `dvc repro sample`"):
        load_pictures(tmp_path)
