"""Embeddings of images, and of all captions of a split, each computed once."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from t2i.data.batches import EncodedCaptions
from t2i.data.pixels import to_float
from t2i.models.encoders.text import TextEncoder
from t2i.models.judge import Judge
from t2i.scores.rows import Rows


@torch.inference_mode()
def encode_images(encoder: nn.Module, batches: Iterable[Tensor], device: torch.device) -> Tensor:
    """Embeddings [N, D] of images in batches [n, 3, S, S] uint8."""
    codes = Rows()
    for batch in batches:
        codes.append(encoder(to_float(batch.to(device)))[1])
    return codes.tensor()


@torch.inference_mode()
def judge_codes(judge: Judge, features: Tensor, device: torch.device) -> Tensor:
    """Embeddings [N, D] of images from their features [N, F], as the image encoder of the judge gives them."""
    return judge.image.code_head(features.to(device)).float().cpu()


@torch.inference_mode()
def judge_attributes(judge: Judge, features: Tensor, device: torch.device) -> dict[str, list[str]]:
    """Attribute -> its predicted value in each image, from its features [N, F]."""
    return {
        name: [judge.attributes[name][i] for i in head(features.to(device)).argmax(dim=1).tolist()]
        for name, head in judge.attribute_heads.items()
    }


@torch.inference_mode()
def encode_sentences(encoder: TextEncoder, captions: EncodedCaptions, device: torch.device) -> Tensor:
    """Sentence embeddings [M, D] of all captions of a split as they are, each encoded once.

    Captions are batched by length, so that there is hardly any padding.
    """
    order = np.diff(captions.offsets).argsort(kind="stable")
    chunks = np.array_split(order, max(1, len(captions) // 500))
    codes = torch.cat([encoder(captions.padded(rows).to(device)).sentence.cpu() for rows in chunks])
    return codes[torch.from_numpy(order).argsort()]
