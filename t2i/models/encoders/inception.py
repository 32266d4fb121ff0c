"""The paper's image encoder of DAMSM: Inception-v3 with two linear heads (Xu et al., section 3.2)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

SIDE = 299
"""Pixels of a side that Inception-v3 was trained with."""


class InceptionImageEncoder(nn.Module):
    """Frozen Inception-v3 body, trainable heads.

    Images are resized to 299 x 299 (bilinear) and enter as they are, in [-1, 1]. Regions are the output of ``Mixed_6e``
    through a 1x1 convolution without bias, the code is the pooled last layer through a linear layer; both heads start
    uniform in [-0.1, 0.1], as published.

    In train mode the body's batch norms use and follow the statistics of the batch, as published, though no weight of
    it is trained.

    Args:
        embedding_dim: D of regions and code.
        align_corners: of the resizing: whether the corner pixels of both sizes coincide (the published DM-GAN), or
            the outer edges (AttnGAN, and encoders of model files that do not say).
        weights: of :meth:`load_body`; None: random ones, which those of a model file are to replace.

    Attributes:
        feature_dim: F, channels of the last layer.
    """

    def __init__(
        self, embedding_dim: int, align_corners: bool = False, weights: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        from torchvision.models import inception_v3  # takes a second to import, and only this encoder needs it

        self.config = {"kind": "inception_v3", "embedding_dim": embedding_dim, "align_corners": align_corners}
        self.align_corners = align_corners
        with torch.random.fork_rng(devices=[]):  # weights are replaced and shall not move others' seeds
            body = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
        layers = dict(body.named_children())
        for unused in ("fc", "dropout", "avgpool"):
            layers.pop(unused)
        self.body = nn.ModuleDict(layers).requires_grad_(False)
        self.feature_dim = 2048
        self.region_head = nn.Conv2d(768, embedding_dim, 1, bias=False)
        self.code_head = nn.Linear(self.feature_dim, embedding_dim)
        for head in (self.region_head, self.code_head):
            nn.init.uniform_(head.weight, -0.1, 0.1)
        if weights is not None:
            self.load_body(weights)

    def load_body(self, state: Mapping[str, Any]) -> None:
        """Take the weights of a classifier in torchvision's names; its classification layers are left aside.

        Raises:
            RuntimeError: names or shapes are not those of Inception-v3.
        """
        unused = ("fc.", "AuxLogits.")
        self.body.load_state_dict({name: value for name, value in state.items() if not name.startswith(unused)})

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images.

        Args:
            images: [N, 3, S, S] in [-1, 1].

        Returns:
            regions [N, D, 17, 17] and code [N, D], float32.
        """
        middle, features = self._body(images)
        return self.region_head(middle).float(), self.code_head(features).float()

    def features(self, images: Tensor) -> Tensor:
        """Pooled last layer: [N, 3, S, S] in [-1, 1] -> [N, F] float32."""
        return self._body(images)[1].float()

    def _body(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Output of ``Mixed_6e``, and the last layer, pooled."""
        hidden = interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=self.align_corners)
        middle = hidden
        for name, layer in self.body.items():
            hidden = layer(hidden)
            if name == "Mixed_6e":
                middle = hidden
        return middle, adaptive_avg_pool2d(hidden, 1).flatten(1)
