"""The pair of encoders that says how well an image and a caption fit."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from t2i.data.captions import Vocabulary
from t2i.data.pairs import EncodedCaptions, to_unit
from t2i.models.image_encoder import SmallImageEncoder
from t2i.models.text_encoder import TextEncoder


class Damsm(nn.Module):
    """Text and image encoder with a common embedding space.

    Args:
        vocabulary: the words that the text encoder knows.
        embedding_dim: D.
        word_dim: size of a word vector.
        width: channels of the image encoder's first convolution.
        start: further arguments of the text encoder that matter in training alone (dropout, initial values).
    """

    def __init__(
        self, vocabulary: Vocabulary, *, embedding_dim: int, word_dim: int, width: int, **start: float
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.config = {"embedding_dim": embedding_dim, "word_dim": word_dim, "width": width}
        self.text = TextEncoder(len(vocabulary), embedding_dim, word_dim, **start)
        self.image = SmallImageEncoder(embedding_dim, width)

    def content(self) -> dict[str, Any]:
        """What a model file holds."""
        return {"vocabulary": self.vocabulary.words, "config": self.config, "state": self.state_dict()}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> "Damsm":
        """The encoders of a model file, in eval mode."""
        damsm = cls(Vocabulary(content["vocabulary"]), **content["config"])
        damsm.load_state_dict(content["state"])
        return damsm.eval()


@torch.inference_mode()
def encode_images(encoder: nn.Module, images: Tensor, device: torch.device, batch_size: int = 250) -> Tensor:
    """Codes [N, D] of images [N, 3, S, S] uint8."""
    return torch.cat([encoder(to_unit(chunk.to(device)))[1].float().cpu() for chunk in images.split(batch_size)])


@torch.inference_mode()
def encode_sentences(encoder: TextEncoder, captions: EncodedCaptions, device: torch.device, seed: int) -> Tensor:
    """Sentence embeddings [M, D] of all captions of a split, each encoded once."""
    rng = np.random.default_rng(seed)
    chunks = np.array_split(np.arange(len(captions)), max(1, len(captions) // 500))
    return torch.cat([encoder(captions.padded(rows, rng).to(device)).sentence.cpu() for rows in chunks])
