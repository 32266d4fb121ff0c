"""Image encoder on a backbone pretrained on ImageNet, for photographs."""

from collections.abc import Mapping

from torch import Tensor, nn

from t2i.models.backbone import Backbone


class PretrainedImageEncoder(nn.Module):
    """Frozen backbone, trainable heads; reads images of any size.

    Regions are the maps of 1/16 of the side through a 1x1 convolution without bias, the code is the pooled last layer
    through a linear layer. Its state holds the backbone, so that a model file needs timm for the layers, but no package
    of weights.

    Args:
        kind: name of the backbone, see :class:`~t2i.models.backbone.Backbone`.
        embedding_dim: D of regions and code.
        side: pixels that the backbone sees, a multiple of 32.
        weights: of the backbone; None: random ones, which those of a model file are to replace.

    Attributes:
        feature_dim: F, channels of the last layer.

    Raises:
        InputError: see :class:`~t2i.models.backbone.Backbone`.
    """

    def __init__(self, kind: str, embedding_dim: int, side: int, weights: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.config = {"kind": kind, "embedding_dim": embedding_dim, "side": side}
        self.backbone = Backbone(kind, side, weights)
        self.feature_dim = self.backbone.width
        self.region_head = nn.Conv2d(self.backbone.channels[2], embedding_dim, 1, bias=False)
        self.code_head = nn.Linear(self.feature_dim, embedding_dim)

    def features(self, images: Tensor) -> Tensor:
        """Pooled last layer, which no training changes: [N, 3, S, S] in [-1, 1] -> [N, F] float32."""
        return _pooled(self.backbone(images)[1])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images.

        Args:
            images: [N, 3, S, S] in [-1, 1].

        Returns:
            regions [N, D, side/16, side/16] and code [N, D], float32.
        """
        maps, last = self.backbone(images)
        return self.region_head(maps[2]).float(), self.code_head(_pooled(last)).float()


def _pooled(maps: Tensor) -> Tensor:
    return maps.float().mean(dim=(2, 3))
