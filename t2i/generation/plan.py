"""Which images are generated for scores: captions of every test image, with noise that captions share on purpose."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i.data.batches import EncodedCaptions, sample_captions
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_pixels
from t2i.files import evenly_spaced
from t2i.generation.text_to_image import TextToImage

BATCH_SIZE = 100


def sampling_plan(pack: PackedSplit, *, images: int, noises: int, seed: int) -> pd.DataFrame:
    """Which caption is paired with which noise vector.

    Two distinct captions of an image share a noise vector, and so do two images: caption consistency compares the
    distances of the two kinds of pairs.

    Args:
        images: number of images of the split, evenly spaced; all if it has fewer.
        noises: noise vectors an image.

    Returns:
        One row a generated image: image (row of the pack), caption (row of its captions), noise (index of the vector).
    """
    chosen = evenly_spaced(len(pack), images)
    rng = np.random.default_rng([seed, 2])
    half = max(1, len(chosen) // 2)  # image k shares its noise with image k + half, which is of another class
    rows = [
        (image, caption, number * half + place % half)
        for place, image in enumerate(chosen)
        for number in range(noises)
        for caption in sample_captions(pack, image, 2, rng)
    ]
    return pd.DataFrame(rows, columns=["image", "caption", "noise"])


def sample(model: TextToImage, captions: EncodedCaptions, plan: pd.DataFrame, *, seed: int) -> Tensor:
    """Generate the images of a plan at the largest scale, in the order of its rows.

    A noise vector depends on the seed and its index alone.

    Returns:
        uint8 [len(plan), 3, S, S].
    """
    noise, epsilon = model.generator.draw_noise(int(plan["noise"].max()) + 1, np.random.default_rng(seed))
    rng = np.random.default_rng([seed, 3])
    images = []
    for start in tqdm(range(0, len(plan), BATCH_SIZE), desc="sampling", unit="batch"):
        batch = plan.iloc[start : start + BATCH_SIZE]
        indices = torch.tensor(batch["noise"].to_numpy())
        ids = captions.padded(batch["caption"].to_numpy(), rng)
        generated, _ = model.forward(ids, noise[indices], epsilon[indices])
        images.append(to_pixels(generated.images[-1]).cpu())
    return torch.cat(images)
