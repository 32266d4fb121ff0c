"""DAMSM: text and image encoder with a common embedding space."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import torch
from torch import nn

from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.inception import InceptionImageEncoder
from t2i.models.encoders.pretrained import PretrainedImageEncoder
from t2i.models.encoders.text import TextEncoder

ImageEncoder = SmallImageEncoder | InceptionImageEncoder | PretrainedImageEncoder
"""Images [N, 3, S, S] in [-1, 1] -> regions [N, D, H, W] and code [N, D]."""

IMAGE_ENCODERS: dict[str, Callable[..., ImageEncoder]] = {
    "small": SmallImageEncoder,
    "inception_v3": InceptionImageEncoder,
}
"""Kind -> encoder; every other kind is the name of a :class:`~t2i.models.backbone.Backbone`."""


class Damsm(nn.Module):
    """Text and image encoder with a common embedding space of D dimensions.

    Raises:
        ValueError: the two encoders have different D.
    """

    def __init__(self, text: TextEncoder, image: ImageEncoder) -> None:
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

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file."""
        return {
            "text": self.text.to_checkpoint(),
            "image": {"config": self.image.config, "state": self.image.state_dict()},
        }

    def load_start(self, content: dict[str, Any]) -> None:
        """Take the weights of a model file of the same sizes, see :meth:`TextEncoder.load_start` for its words."""
        self.text.load_start(content["text"])
        self.image.load_state_dict(content["image"]["state"])

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> Self:
        """The encoders of a model file, in eval mode, the image encoder channels last."""
        image = build_image_encoder(**content["image"]["config"])
        image.load_state_dict(content["image"]["state"])
        image.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(TextEncoder.from_checkpoint(content["text"]), image).eval()


def build_image_encoder(
    kind: str,
    *,
    embedding_dim: int,
    width: int | None = None,
    side: int | None = None,
    align_corners: bool | None = None,
    weights: Mapping[str, Any] | None = None,
) -> ImageEncoder:
    """An image encoder whose heads are untrained.

    Args:
        kind: a key of :data:`IMAGE_ENCODERS`, or the name of a backbone.
        embedding_dim: D.
        width: of the small encoder; None for the others, whose width is fixed.
        side: pixels that a backbone sees; None for the others.
        align_corners: of Inception-v3's resizing; None for the others.
        weights: pretrained ones, see :func:`t2i.checkpoints.backbones.image_encoder_weights`.

    Raises:
        InputError: there is no such network, see :class:`~t2i.models.backbone.Backbone`.
    """
    optional = {"width": width, "side": side, "align_corners": align_corners, "weights": weights}
    given: dict[str, Any] = {name: value for name, value in optional.items() if value is not None}
    return IMAGE_ENCODERS.get(kind, partial(PretrainedImageEncoder, kind))(embedding_dim=embedding_dim, **given)
