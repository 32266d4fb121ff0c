"""The judge: a network that scores, trained on real images and captions, apart from everything that is scored."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import build_image_encoder
from t2i.models.encoders.text import SentencePooling, TextEncoder


class Judge(nn.Module):
    """One body for FID features, class logits (IS), image-caption matching (R-precision) and attributes.

    Args:
        vocabulary: of its own text encoder.
        classes: ids of the classes of its training images; empty: no class head.
        attributes: attribute -> its values, e.g. ``{"wing": ["blue", "red"]}``; empty where the data set has none.
        embedding_dim: D of codes and sentences.
        image_encoder: arguments of :func:`~t2i.models.encoders.damsm.build_image_encoder`. The features of a backbone
            are those of ImageNet, whatever the heads on top are trained on.
        sentence_pooling: of its text encoder.
        weights: pretrained ones of the image encoder.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        classes: list[int],
        attributes: dict[str, list[str]],
        embedding_dim: int,
        image_encoder: Mapping[str, Any],
        sentence_pooling: SentencePooling = "last",
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.classes, self.attributes = classes, attributes
        self.config: dict[str, Any] = {
            "classes": classes, "attributes": attributes, "embedding_dim": embedding_dim,
            "image_encoder": dict(image_encoder), "sentence_pooling": sentence_pooling,
        }  # fmt: skip
        self.text = TextEncoder(
            vocabulary, embedding_dim=embedding_dim, word_dim=embedding_dim, dropout=0.1, word_init_range=1.7,
            forget_bias=2.0, sentence_pooling=sentence_pooling,
        )  # fmt: skip
        self.image = build_image_encoder(embedding_dim=embedding_dim, **image_encoder, weights=weights)
        width = self.image.feature_dim
        self.class_head = nn.Linear(width, max(1, len(classes)))
        self.attribute_heads = nn.ModuleDict(
            {name: nn.Linear(width, len(values)) for name, values in attributes.items()}
        )

    @property
    def description(self) -> str:
        """Which network it is, for the protocol of scores."""
        kind = self.config["image_encoder"]["kind"]
        if kind == "small":
            return "trained in this pipeline, not Inception"
        return f"{kind} of ImageNet, with heads trained in this pipeline"

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of its text encoder."""
        return self.text.vocabulary

    def forward_all(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Features and all predictions for images [N, 3, S, S] in [-1, 1].

        Returns:
            features [N, F], class logits [N, K], code [N, D], attribute -> logits [N, values].
        """
        features = self.image.features(images)
        heads = {name: head(features).float() for name, head in self.attribute_heads.items()}
        # where attributes are known they shape the features; the loss of hundreds of classes would dominate them
        of_classes = features.detach() if self.attributes else features
        return features, self.class_head(of_classes).float(), self.image.code_head(features).float(), heads

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """FID features [N, F] and class logits [N, K] of images [N, 3, S, S] uint8."""
        features, logits, _, _ = self.forward_all(to_float(images))
        return features, logits

    def to_checkpoint(self) -> dict[str, Any]:
        """Contents of a model file."""
        return {"vocabulary": self.vocabulary.to_checkpoint(), "config": self.config, "state": self.state_dict()}

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any]) -> "Judge":
        """The judge of a model file, in eval mode."""
        judge = cls(Vocabulary.from_checkpoint(content["vocabulary"]), **content["config"])
        judge.load_state_dict(content["state"])
        return judge.eval()
