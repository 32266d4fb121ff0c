"""The pair of encoders that says how well an image and a caption fit."""

from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from t2i.data.captions import Vocabulary
from t2i.data.pairs import EncodedCaptions
from t2i.data.pixels import to_unit
from t2i.models.image_encoder import SmallImageEncoder
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import TextEncoder

ImageEncoderKind = Literal["small", "inception_v3"]
IMAGE_ENCODERS: dict[str, type[SmallImageEncoder] | type[InceptionImageEncoder]] = {
    "small": SmallImageEncoder,
    "inception_v3": InceptionImageEncoder,
}
"""Kind -> encoder of images [N, 3, S, S] in [-1, 1] as regions [N, D, H, W] and code [N, D]."""


class Damsm(nn.Module):
    """Text and image encoder with a common embedding space of D dimensions.

    Raises:
        ValueError: the two encoders have different D.
    """

    def __init__(self, text: TextEncoder, image: SmallImageEncoder | InceptionImageEncoder) -> None:
        super().__init__()
        d_text, d_image = text.config["embedding_dim"], image.config["embedding_dim"]
        if d_text != d_image:
            raise ValueError(
                f"the text encoder has {d_text} dimensions and the image encoder {d_image}; they must agree"
            )
        self.text, self.image = text, image

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the text encoder."""
        return self.text.vocabulary

    @property
    def embedding_dim(self) -> int:
        """D."""
        return self.text.config["embedding_dim"]

    def content(self) -> dict[str, Any]:
        """What a model file holds."""
        return {"text": self.text.content(), "image": {"config": self.image.config, "state": self.image.state_dict()}}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """The encoders of a model file, in eval mode."""
        image = build_image_encoder(**content["image"]["config"])
        image.load_state_dict(content["image"]["state"])
        return cls(TextEncoder.from_content(content["text"]), image).eval()


def build_image_encoder(kind: ImageEncoderKind, **arguments: Any) -> SmallImageEncoder | InceptionImageEncoder:
    """An image encoder of :data:`IMAGE_ENCODERS`."""
    return IMAGE_ENCODERS[kind](**arguments)


@torch.inference_mode()
def encode_images(encoder: nn.Module, images: Tensor, device: torch.device, batch_size: int = 250) -> Tensor:
    """Codes [N, D] of images [N, 3, S, S] uint8."""
    return torch.cat([encoder(to_unit(chunk.to(device)))[1].float().cpu() for chunk in images.split(batch_size)])


@torch.inference_mode()
def encode_sentences(encoder: TextEncoder, captions: EncodedCaptions, device: torch.device, seed: int) -> Tensor:
    """Sentence embeddings [M, D] of all captions of a split, each encoded once.

    Captions of one length go together, so that hardly any padding is computed. Those that are shortened at random are
    all of one length then, and so are shortened in their own order.
    """
    rng = np.random.default_rng(seed)
    order = np.diff(captions.offsets).clip(max=captions.max_words).argsort(kind="stable")
    chunks = np.array_split(order, max(1, len(captions) // 500))
    codes = torch.cat([encoder(captions.padded(rows, rng).to(device)).sentence.cpu() for rows in chunks])
    return codes[torch.from_numpy(order).argsort()]
