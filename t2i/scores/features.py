"""Embeddings of images, and of all captions of a split, each computed once."""

import numpy as np
import torch
from torch import Tensor, nn

from t2i.data.batches import EncodedCaptions
from t2i.data.pixels import to_float
from t2i.models.encoders.text import TextEncoder


@torch.inference_mode()
def encode_images(encoder: nn.Module, images: Tensor, device: torch.device, batch_size: int = 250) -> Tensor:
    """Embeddings [N, D] of images [N, 3, S, S] uint8."""
    return torch.cat([encoder(to_float(chunk.to(device)))[1].float().cpu() for chunk in images.split(batch_size)])


@torch.inference_mode()
def encode_sentences(encoder: TextEncoder, captions: EncodedCaptions, device: torch.device) -> Tensor:
    """Sentence embeddings [M, D] of all captions of a split as they are, each encoded once.

    Captions are batched by length, so that there is hardly any padding.
    """
    order = np.diff(captions.offsets).argsort(kind="stable")
    chunks = np.array_split(order, max(1, len(captions) // 500))
    codes = torch.cat([encoder(captions.padded(rows).to(device)).sentence.cpu() for rows in chunks])
    return codes[torch.from_numpy(order).argsort()]
