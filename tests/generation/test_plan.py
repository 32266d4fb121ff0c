"""Which captions share noise, and that a generated image depends on its caption and noise alone."""

from pathlib import Path

import torch

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.plan import sample, sampling_plan
from t2i.generation.text_to_image import TextToImage


def test_two_captions_of_an_image_and_two_images_share_a_noise(striped: Path) -> None:
    pack = PackedSplit(striped, "test")
    plan = sampling_plan(pack, images=10, noises=3, seed=0)
    assert len(plan) == 10 * 3 * 2 and plan["image"].nunique() == 10
    assert (pack.captions["image"].iloc[plan["caption"]].to_numpy() == plan["image"].to_numpy()).all()
    for _, group in plan.groupby(["image", "noise"]):
        assert len(group) == 2 and group["caption"].nunique() == 2
    assert (plan.groupby("noise")["image"].nunique() == 2).all()
    assert plan.equals(sampling_plan(pack, images=10, noises=3, seed=0))
    assert not plan.equals(sampling_plan(pack, images=10, noises=3, seed=1))


def test_images_depend_on_their_caption_and_noise_alone(
    striped: Path, vocabulary: Vocabulary, model: TextToImage
) -> None:
    pack = PackedSplit(striped, "test")
    captions = EncodedCaptions(pack, vocabulary, 18)
    plan = sampling_plan(pack, images=24, noises=3, seed=0)  # 144 images: two batches
    images = sample(model, captions, plan, seed=0)
    assert images.shape == (144, 3, 32, 32) and images.dtype == torch.uint8
    some = plan.iloc[[3, 120, 77]]
    # batches of another size may round the last bit differently
    assert (sample(model, captions, some, seed=0).int() - images[[3, 120, 77]].int()).abs().max() <= 1
    other = sample(model, captions, some, seed=1)
    assert (other.int() - images[[3, 120, 77]].int()).abs().max() > 1
