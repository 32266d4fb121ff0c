"""The small image encoder of DAMSM: features of the regions of an image and a code of the whole."""

import torch
from torch import Tensor, nn

from t2i.models.blocks import conv3x3


def _down(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 4, 2, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.LeakyReLU(0.2, inplace=True),
    )


class Pool4x4(nn.Module):
    """Means over a 4x4 grid, or copies where a map is smaller: what AdaptiveAvgPool2d(4) gives.

    The backward pass of torch's own adds in any order on a GPU, so that no two trainings would be the same.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Shape: [N, C, H, H], H a multiple or a divisor of 4 -> [N, C, 4, 4]."""
        side = features.shape[-1]
        if side > 4:
            return features.unflatten(3, (4, -1)).unflatten(2, (4, -1)).mean(dim=(3, 5))
        copies = 4 // side
        return features.repeat_interleave(copies, dim=2).repeat_interleave(copies, dim=3) if copies > 1 else features


class SmallImageEncoder(nn.Module):
    """A few trainable convolutions, for small drawn images; needs no pretrained weights.

    Args:
        embedding_dim: D of regions and code.
        width: channels after the first convolution.

    Attributes:
        feature_dim: F, size of the features that code and predictions are computed from.
    """

    def __init__(self, embedding_dim: int, width: int) -> None:
        super().__init__()
        self.config = {"kind": "small", "embedding_dim": embedding_dim, "width": width}
        self.feature_dim = 8 * width
        self.to_regions = nn.Sequential(
            _down(3, width),
            _down(width, 2 * width),
            _down(2 * width, 4 * width),
            conv3x3(4 * width, 4 * width),
            nn.BatchNorm2d(4 * width),
            nn.LeakyReLU(0.2, inplace=True),
        )
        # Where a part is matters as much as that it is there: a beak is lost in the mean over all places, so the places
        # of a 4x4 map are kept apart.
        self.to_features = nn.Sequential(
            _down(4 * width, 8 * width),
            Pool4x4(),
            nn.Flatten(),
            nn.Linear(16 * 8 * width, self.feature_dim),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.region_head = nn.Conv2d(4 * width, embedding_dim, 1, bias=False)
        self.code_head = nn.Linear(self.feature_dim, embedding_dim)

    def features(self, images: Tensor) -> Tensor:
        """Shape: [N, 3, S, S] in [-1, 1] -> [N, F] float32."""
        return self.to_features(self._body(images)).float()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images.

        Args:
            images: [N, 3, S, S] in [-1, 1], S a multiple of 16.

        Returns:
            regions [N, D, S/8, S/8] and code [N, D], float32.
        """
        body = self._body(images)
        return self.region_head(body).float(), self.code_head(self.to_features(body).float()).float()

    def _body(self, images: Tensor) -> Tensor:
        return self.to_regions(images.contiguous(memory_format=torch.channels_last))
