"""The network that scores: trained on real images and captions, apart from everything that is scored."""

from typing import Any

import torch
from torch import Tensor, nn

from t2i.data.captions import Vocabulary
from t2i.data.pixels import to_unit
from t2i.models.image_encoder import SmallImageEncoder
from t2i.models.text_encoder import Sentence, TextEncoder


class Judge(nn.Module):
    """One body for FID features, class logits (IS), image-caption matching (R-precision) and attributes.

    Args:
        vocabulary: of its own text encoder.
        classes: ids of the classes it tells apart, those of its training images; empty: no class head.
        attributes: attribute -> its values, e.g. ``{"wing": ["blue", "red"]}``; empty where the data set has none.
        embedding_dim: D of codes and sentences.
        width: channels of the first convolution.
        sentence: of its text encoder.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        classes: list[int],
        attributes: dict[str, list[str]],
        embedding_dim: int,
        width: int,
        sentence: Sentence = "last",
    ) -> None:
        super().__init__()
        self.classes, self.attributes = classes, attributes
        self.config = {
            "classes": classes, "attributes": attributes, "embedding_dim": embedding_dim, "width": width,
            "sentence": sentence,
        }  # fmt: skip
        self.text = TextEncoder(
            vocabulary, embedding_dim=embedding_dim, word_dim=embedding_dim, dropout=0.1, word_range=1.7,
            forget_bias=2.0, sentence=sentence,
        )  # fmt: skip
        self.image = SmallImageEncoder(embedding_dim, width)
        self.class_head = nn.Linear(8 * width, max(1, len(classes)))
        self.attribute_heads = nn.ModuleDict(
            {name: nn.Linear(8 * width, len(values)) for name, values in attributes.items()}
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of its text encoder."""
        return self.text.vocabulary

    def read(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Everything the judge sees in images [N, 3, S, S] in [-1, 1].

        Returns:
            features [N, F], class logits [N, K], code [N, D], attribute -> logits [N, values].
        """
        features = self.image.features(self.image.to_regions(images.contiguous(memory_format=torch.channels_last)))
        heads = {name: head(features).float() for name, head in self.attribute_heads.items()}
        # attributes, where they are known, shape the features; hundreds of classes would drown them
        of_classes = features.detach() if self.attributes else features
        return features, self.class_head(of_classes).float(), self.image.code_head(features).float(), heads

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """FID features [N, F] and class logits [N, K] of images [N, 3, S, S] uint8."""
        features, logits, _, _ = self.read(to_unit(images))
        return features, logits

    @torch.inference_mode()
    def attributes_of(self, images: Tensor, device: torch.device, batch_size: int = 250) -> dict[str, list[str]]:
        """Attribute -> the value the judge reads in each of the images [N, 3, S, S] uint8."""
        found: dict[str, list[str]] = {name: [] for name in self.attributes}
        for chunk in images.split(batch_size):
            for name, logits in self.read(to_unit(chunk.to(device)))[3].items():
                found[name] += [self.attributes[name][i] for i in logits.argmax(dim=1).tolist()]
        return found

    def content(self) -> dict[str, Any]:
        """What a model file holds."""
        return {"vocabulary": self.vocabulary.words, "config": self.config, "state": self.state_dict()}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> "Judge":
        """The judge of a model file, in eval mode."""
        judge = cls(Vocabulary(content["vocabulary"]), **content["config"])
        judge.load_state_dict(content["state"])
        return judge.eval()
