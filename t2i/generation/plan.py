"""Which images are generated for scores: captions of test images, each with a noise vector."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm import tqdm

from t2i.data.batches import EncodedCaptions, sample_captions
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_pixels
from t2i.files import evenly_spaced
from t2i.generation.pictures import PAIRED, PUBLISHED
from t2i.generation.text_to_image import TextToImage
from t2i.runtime.memory import keep_freed_memory

BATCH_SIZE, BATCH_PIXELS = 100, 2**20
"""Images that are generated at a time: fewer where they have more pixels in all."""


def sampling_plans(
    pack: PackedSplit, *, protocol: str, images: int, noises: int, pictures: int, pairs: int, seed: int
) -> dict[str, pd.DataFrame]:
    """The plan of each set of pictures of a protocol, see :func:`published_plan` and :func:`paired_plan`.

    Caption consistency compares pairs, which the published plan has none of: it comes with a paired one.

    Args:
        protocol: published or paired.
        images, noises: sizes of the paired protocol.
        pictures, pairs: sizes of the published one: generated images, and test images of the pairs beside it.
    """
    if protocol == PAIRED:
        return {PAIRED: paired_plan(pack, images=images, noises=noises, seed=seed)}
    return {
        PUBLISHED: published_plan(pack, pictures=pictures, seed=seed),
        PAIRED: paired_plan(pack, images=pairs, noises=1, seed=seed),
    }


def published_plan(pack: PackedSplit, *, pictures: int, seed: int) -> pd.DataFrame:
    """Passes over all images of the split in random order, one random caption of each, fresh noise every time.

    The last pass ends with the last picture: it has a random subset of the images.

    Args:
        pictures: number of generated images.

    Returns:
        As :func:`paired_plan`; no two rows share a noise.
    """
    rng = np.random.default_rng([seed, 6])
    passes = [rng.permutation(len(pack)) for _ in range(-(-pictures // len(pack)))]
    images = np.concatenate(passes)[:pictures]
    captions = [int(sample_captions(pack, image, 1, rng)[0]) for image in images]
    return pd.DataFrame({"image": images, "caption": captions, "noise": np.arange(pictures)})


def paired_plan(pack: PackedSplit, *, images: int, noises: int, seed: int) -> pd.DataFrame:
    """Two distinct captions of an image share a noise vector, and so do two images, of different classes if possible.

    Caption consistency compares the distances of the two kinds of pairs. An image with one caption gets one row a
    noise: the same picture twice would be a pair without any distance.

    Args:
        images: number of images of the split, evenly spaced; all if it has fewer.
        noises: noise vectors an image.

    Returns:
        One row a generated image: image (row of the pack), caption (row of its captions), noise (index of the vector).
    """
    chosen = evenly_spaced(len(pack), images)
    rng = np.random.default_rng([seed, 2])
    half = max(1, len(chosen) // 2)  # image k shares its noise with image k + half
    classes = pack.images["class_id"].to_numpy()[chosen]
    shared = classes[:half] == classes[half : 2 * half]
    if len(chosen) > 1 and shared.mean() > 0.5:  # in sorted order they are mostly of two classes
        chosen = [chosen[place] for place in np.argsort(classes, kind="stable")]
    rows = [
        (image, caption, number * half + place % half)
        for place, image in enumerate(chosen)
        for number in range(noises)
        for caption in sample_captions(pack, image, min(2, len(pack.captions_of(image))), rng)
    ]
    return pd.DataFrame(rows, columns=["image", "caption", "noise"])


def cut_captions(captions: EncodedCaptions, *, seed: int) -> EncodedCaptions:
    """Shorten each long caption once: all pictures of it, and R-precision, read the same words.

    (The published code shortens a caption anew for each picture.)
    """
    return captions.cut(np.random.default_rng([seed, 3]))


def sample(
    model: TextToImage, captions: EncodedCaptions, plan: pd.DataFrame, *, seed: int, image_size: int | None = None
) -> Iterator[Tensor]:
    """Generate the images of a plan at the largest scale, in the order of its rows, batch by batch.

    A noise vector (z, and epsilon of the conditioning augmentation) depends on the seed and its index alone.

    Args:
        captions: read as they are, see :func:`cut_captions`.
        image_size: side to which images are enlarged if they are smaller, by bilinear interpolation: those of a
            snapshot whose largest scale was not yet trained. None: they are left as they are.

    Yields:
        uint8 [N, 3, S, S]; no batch is kept.
    """
    keep_freed_memory(True)  # for the next batch
    noise, epsilon = model.generator.draw_noise(int(plan["noise"].max()) + 1, np.random.default_rng(seed))
    batch_size = min(BATCH_SIZE, max(1, BATCH_PIXELS // model.generator.config["image_size"] ** 2))
    for start in tqdm(range(0, len(plan), batch_size), desc="sampling", unit="batch"):
        batch = plan.iloc[start : start + batch_size]
        indices = torch.tensor(batch["noise"].to_numpy())
        ids = captions.padded(batch["caption"].to_numpy())
        generated, _ = model.forward(ids, noise[indices], epsilon[indices])
        largest = generated.images[-1].float()
        if image_size is not None and largest.shape[-1] < image_size:
            largest = interpolate(largest, size=(image_size, image_size), mode="bilinear")
        yield to_pixels(largest).cpu()
