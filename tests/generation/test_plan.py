"""Which captions share noise and which do not, and that a generated image depends on its words and noise alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_pixels
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.plan import cut_captions, paired_plan, published_plan, sample, sampling_plans
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.text import Text
from t2i.models.generators.generator import Generated
from t2i.params.reader import load
from t2i.scores.consistency import paired_rows
from tests.conftest import ROOT

SIZES = {"images": 10, "noises": 3, "pictures": 50, "pairs": 7}


def images_of(*arguments: Any, **keywords: Any) -> Tensor:
    """All that :func:`sample` generates."""
    return torch.cat(list(sample(*arguments, **keywords)))


@pytest.fixture
def pack(striped: Path) -> PackedSplit:
    return PackedSplit(striped, "test")  # 24 images of three captions


def test_two_captions_of_an_image_and_two_images_share_a_noise(pack: PackedSplit) -> None:
    plan = paired_plan(pack, images=10, noises=3, seed=0)
    assert len(plan) == 10 * 3 * 2 and plan["image"].nunique() == 10
    assert (pack.captions["image"].iloc[plan["caption"]].to_numpy() == plan["image"].to_numpy()).all()
    for _, group in plan.groupby(["image", "noise"]):
        assert len(group) == 2 and group["caption"].nunique() == 2
    assert (plan.groupby("noise")["image"].nunique() == 2).all()
    assert plan.equals(paired_plan(pack, images=10, noises=3, seed=0))
    assert not plan.equals(paired_plan(pack, images=10, noises=3, seed=1))


def test_the_paired_plan_of_a_seed_stays_what_it_is(pack: PackedSplit) -> None:
    plan = paired_plan(pack, images=4, noises=2, seed=0)
    assert plan.to_numpy().tolist() == [
        [0, 0, 0], [0, 1, 0], [0, 0, 2], [0, 2, 2], [8, 24, 1], [8, 25, 1], [8, 26, 3], [8, 24, 3],
        [15, 46, 0], [15, 45, 0], [15, 47, 2], [15, 45, 2], [23, 71, 1], [23, 69, 1], [23, 69, 3], [23, 70, 3],
    ]  # fmt: skip


@pytest.mark.parametrize("pictures", [1, 23, 24, 25, 72, 100])
def test_published_passes_cover_all_images_equally(pack: PackedSplit, pictures: int) -> None:
    plan = published_plan(pack, pictures=pictures, seed=0)
    assert len(plan) == pictures and list(plan) == list(paired_plan(pack, images=1, noises=1, seed=0))
    passes = [plan["image"].iloc[start : start + 24] for start in range(0, pictures, 24)]
    assert all(images.nunique() == len(images) for images in passes)  # a pass has each image once
    assert all(len(images) == 24 for images in passes[:-1])
    assert (pack.captions["image"].iloc[plan["caption"]].to_numpy() == plan["image"].to_numpy()).all()
    assert plan["noise"].is_unique


def test_published_passes_draw_captions_and_their_last_images_at_random(pack: PackedSplit) -> None:
    plan = published_plan(pack, pictures=24 * 40 + 12, seed=0)
    captions = np.bincount(plan["caption"], minlength=72)
    assert captions.min() >= 4 and captions.max() <= 25  # 13.5 on average, standard deviation 3
    last = plan["image"].iloc[-12:]
    assert 6 < last.mean() < 17  # not the first 12 of a sorted split
    assert plan.equals(published_plan(pack, pictures=24 * 40 + 12, seed=0))
    assert not plan.equals(published_plan(pack, pictures=24 * 40 + 12, seed=1))
    # more pictures continue the passes, but for the captions
    assert plan["image"].iloc[:30].equals(published_plan(pack, pictures=30, seed=0)["image"])


def test_an_image_with_a_single_caption_gets_it_every_time(pack: PackedSplit) -> None:
    pack.captions = pack.captions.iloc[::3].reset_index(drop=True)
    pack._first_captions = np.arange(25)
    plan = published_plan(pack, pictures=60, seed=0)
    assert plan["caption"].equals(plan["image"])
    pairs = paired_plan(pack, images=10, noises=2, seed=0)
    assert len(pairs) == 20 and not pairs.duplicated().any()
    assert len(paired_rows(pairs["image"], pairs["noise"], pack.images["class_id"].to_numpy()[pairs["image"]])[0]) == 0


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_images_that_share_a_noise_are_of_different_classes_whatever_their_order(
    pack: PackedSplit, classes: int
) -> None:
    pack.images["class_id"] = np.arange(24) % classes
    plan = paired_plan(pack, images=24, noises=1, seed=0)
    _, other = paired_rows(plan["image"], plan["noise"], pack.images["class_id"].to_numpy()[plan["image"]])
    assert len(other) == 4 * 12


@pytest.mark.parametrize(
    ("protocol", "sizes", "counts"),
    [
        ("paired", {}, [60]), ("paired", {"images": 99}, [144]),  # the split has 24 images
        ("published", {}, [50, 14]), ("published", {"pairs": 99, "pictures": 5}, [5, 48]),
    ],
)  # fmt: skip
def test_sets_of_a_protocol_are_as_large_as_checks_expect(
    pack: PackedSplit, protocol: str, sizes: dict[str, int], counts: list[int]
) -> None:
    plans = sampling_plans(pack, protocol=protocol, **SIZES | sizes, seed=0)
    assert [len(plan) for plan in plans.values()] == counts
    changes = [f"budgets.smoke.sample.{key}={value}" for key, value in (SIZES | sizes).items()]
    params = load(ROOT / "params.yaml", [*changes, f"sample.protocol={protocol}"], budget="smoke")
    assert params.pictures([3] * len(pack)) == {name: len(plan) for name, plan in plans.items()}


def test_images_with_one_caption_are_counted_once(pack: PackedSplit) -> None:
    single = [True, *[False, True, True] * 7, False, True]
    numbers = np.array([1 if one else 3 for one in single])
    first = np.concatenate([[0], np.cumsum(numbers)])
    rows = np.concatenate([3 * image + np.arange(count) for image, count in enumerate(numbers)])
    pack.captions = pack.captions.iloc[rows].reset_index(drop=True)
    pack._first_captions = first
    changes = ["budgets.smoke.sample.images=9", "budgets.smoke.sample.noises=3", "sample.protocol=paired"]
    params = load(ROOT / "params.yaml", changes, budget="smoke")
    assert params.pictures(numbers.tolist()) == {"paired": len(paired_plan(pack, images=9, noises=3, seed=0))}


@pytest.mark.filterwarnings("error")
def test_a_single_image_has_no_other_to_share_with(pack: PackedSplit) -> None:
    assert len(paired_plan(pack, images=1, noises=3, seed=0)) == 6


def test_the_pairs_beside_the_published_pictures_are_those_of_the_paired_protocol(pack: PackedSplit) -> None:
    beside = sampling_plans(pack, protocol="published", **SIZES, seed=3)["paired"]
    assert beside.equals(
        sampling_plans(pack, protocol="paired", **SIZES | {"images": 7, "noises": 1}, seed=3)["paired"]
    )


def test_images_depend_on_their_caption_and_noise_alone(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage
) -> None:
    captions = EncodedCaptions(pack, vocabulary)
    plan = paired_plan(pack, images=24, noises=3, seed=0)  # 144 images: two batches
    images = images_of(model, captions, plan, seed=0)
    assert images.shape == (144, 3, 32, 32) and images.dtype == torch.uint8
    some = plan.iloc[[3, 120, 77]]
    # batches of another size may round the last bit differently
    assert (images_of(model, captions, some, seed=0).int() - images[[3, 120, 77]].int()).abs().max() <= 1
    other = images_of(model, captions, some, seed=1)
    assert (other.int() - images[[3, 120, 77]].int()).abs().max() > 1


def test_large_images_are_generated_in_smaller_batches(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions, plan = EncodedCaptions(pack, vocabulary), paired_plan(pack, images=24, noises=3, seed=0)
    for pixels, sizes in ((100 * 128**2, [100, 44]), (60 * 32**2, [60, 60, 24]), (1, [1] * 144)):
        monkeypatch.setattr("t2i.generation.plan.BATCH_PIXELS", pixels)
        assert [len(batch) for batch in sample(model, captions, plan, seed=0)] == sizes


def test_images_of_a_smaller_generator_are_enlarged_if_a_size_is_asked_for(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage
) -> None:
    captions, plan = EncodedCaptions(pack, vocabulary), paired_plan(pack, images=6, noises=1, seed=0)
    own, same, smaller, larger = (
        images_of(model, captions, plan, seed=0, image_size=size) for size in (None, 32, 16, 64)
    )
    assert torch.equal(own, same) and torch.equal(own, smaller) and larger.shape == (12, 3, 64, 64)
    back = interpolate(larger.float(), size=(32, 32), mode="area")
    assert (back - own).abs().mean() < 4  # smooth: neighbours mix


def test_paired_images_are_what_they_were_when_captions_were_shortened_as_they_came(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage
) -> None:
    plan = paired_plan(pack, images=24, noises=3, seed=0)
    captions = EncodedCaptions(pack, vocabulary, 18)  # none is longer
    noise, epsilon = model.generator.draw_noise(36, np.random.default_rng(0))
    rng = np.random.default_rng([0, 3])
    expected = []
    for batch in (plan.iloc[:100], plan.iloc[100:]):
        ids = captions.padded(batch["caption"].to_numpy(), rng)
        rows = torch.tensor(batch["noise"].to_numpy())
        expected.append(to_pixels(model.forward(ids, noise[rows], epsilon[rows])[0].images[-1]))
    assert torch.equal(images_of(model, cut_captions(captions, seed=0), plan, seed=0), torch.cat(expected))


def test_every_published_image_has_noise_and_epsilon_of_its_own(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = published_plan(pack, pictures=130, seed=0)
    _, noise, epsilon = recorded(model, EncodedCaptions(pack, vocabulary), plan, monkeypatch)
    assert len(torch.unique(noise, dim=0)) == len(torch.unique(epsilon, dim=0)) == 130


def test_all_images_of_a_caption_read_the_same_words(
    pack: PackedSplit, vocabulary: Vocabulary, model: TextToImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = cut_captions(EncodedCaptions(pack, vocabulary, 3), seed=0)  # two in three have more words
    for name, plan in sampling_plans(pack, protocol="published", **SIZES | {"pictures": 130}, seed=0).items():
        ids, *_ = recorded(model, captions, plan, monkeypatch)
        assert ids.shape == (len(plan), 3), name
        texts = captions.texts()
        read = [" ".join(vocabulary.decode(row[row > 0].tolist())) for row in ids]
        assert read == [texts[caption] for caption in plan["caption"]]


def test_cuts_depend_on_the_seed_alone_and_keep_short_captions(pack: PackedSplit, vocabulary: Vocabulary) -> None:
    captions = EncodedCaptions(pack, vocabulary, 4)
    one, again, other = (cut_captions(captions, seed=seed).texts() for seed in (0, 0, 1))
    assert one == again != other
    whole = captions.texts()
    assert [a == b for a, b in zip(one, whole, strict=True)] == [len(text.split()) <= 4 for text in whole]
    assert max(len(text.split()) for text in one) == 4


def recorded(
    model: TextToImage, captions: EncodedCaptions, plan: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tensor, ...]:
    """Word ids, noise and epsilon that the images of a plan are generated from."""
    inputs: list[tuple[Tensor, ...]] = []
    forward = model.forward

    def record(*given: Tensor) -> tuple[Generated, Text]:
        inputs.append(given)
        return forward(*given)

    with monkeypatch.context() as patched:
        patched.setattr(model, "forward", record)
        images_of(model, captions, plan, seed=0)
    return tuple(torch.cat(parts) for parts in zip(*inputs, strict=True))
