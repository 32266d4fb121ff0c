"""Networks as torch-fidelity extracts features with them.

A module of its own because torch-fidelity imports torchvision, which fails if its build does not match torch.
:mod:`t2i.scores.extractors` imports this one where features are needed; training and sampling work without it.
"""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_clip import FeatureExtractorCLIP
from torch_fidelity.feature_extractor_dinov2 import FeatureExtractorDinoV2
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import inception_v3
from torchvision.models.vision_transformer import VisionTransformer

from t2i.checkpoints.pretrained import EXTRACTORS, read_weights

DINOV2_SIZES = {"hidden_dim": 768, "num_layers": 12, "num_heads": 12, "mlp_dim": 3072}
"""Of ViT-B."""


class _Network(FeatureExtractorBase):  # type: ignore[misc]
    """A network whose outputs have the names ``features`` and ``logits``."""

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return "features", "logits"

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "logits" if metric == "isc" else "features"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    def chosen(self, features: Tensor, logits: Tensor) -> tuple[Tensor, ...]:
        """The outputs that were asked for."""
        outputs = {"features": features.float(), "logits": logits.float()}
        return tuple(outputs[name] for name in self.features_list)


class JudgeNetwork(_Network):
    """A judge: a network with a method ``features_and_logits`` for images [N, 3, H, W] uint8.

    Args:
        name, features_list: as torch-fidelity passes them.
        judge: copied, since torch-fidelity freezes it; images are moved to its device.
    """

    def __init__(self, name: str, features_list: list[str], judge: nn.Module, **_: Any) -> None:
        super().__init__(name, features_list)
        self.judge = copy.deepcopy(judge)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Shape: uint8 [N, 3, H, W] -> [N, F], [N, K]."""
        device = next(self.judge.parameters(), torch.empty(0)).device
        return self.chosen(*self.judge.features_and_logits(images.to(device)))  # type: ignore[operator]


class TorchvisionInception(_Network):
    """torchvision's Inception-v3 as DM-GAN's scoring script runs it: the scale of the paper's FIDs.

    That script resizes pictures to 299 pixels with Pillow (bilinear, 8 bits) and applies to values in [0, 1] the
    formula that turns values normalised with ImageNet's mean and deviation into [-1, 1]. So the network sees a quarter
    of the contrast that it was trained with, -0.19 to 0.43; the scores are on the published scale only with that.

    Args:
        name, features_list: as torch-fidelity passes them.
        feature_extractor_weights_path: torchvision's file.
    """

    SIDE = 299
    MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, name: str, features_list: list[str], feature_extractor_weights_path: str, **_: Any) -> None:
        super().__init__(name, features_list)
        state = read_weights(EXTRACTORS["inception-v3-torchvision"], Path(feature_extractor_weights_path))
        with torch.device("meta"):  # no time for initial weights
            self.body = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
        used = {key: value for key, value in state.items() if not key.startswith("AuxLogits.")}
        self.body.load_state_dict(used, assign=True)
        self.head, self.body.fc = self.body.fc, nn.Identity()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Shape: uint8 [N, 3, H, W] -> [N, 2048], [N, 1000]."""
        features = self.body(self.prepared(images))
        return self.chosen(features, self.head(features))

    @classmethod
    def prepared(cls, images: Tensor) -> Tensor:
        """What the network sees of uint8 [N, 3, H, W]: float32 [N, 3, 299, 299]."""
        resized = images.float()
        for size in ((images.shape[2], cls.SIDE), (cls.SIDE, cls.SIDE)):  # Pillow rounds after each direction
            resized = interpolate(resized, size, mode="bilinear", align_corners=False, antialias=True).round()
        mean, std = (resized.new_tensor(x)[:, None, None] for x in (cls.MEAN, cls.STD))
        return resized / 255 * (std / 0.5) + (mean - 0.5) / 0.5


class DinoV2(FeatureExtractorDinoV2):  # type: ignore[misc]
    """torch-fidelity's DINOv2 (ViT-B/14) with weights from a file; torch-fidelity itself downloads and runs code.

    Args:
        name, features_list: as torch-fidelity passes them.
        feature_extractor_weights_path: the published file.
    """

    def __init__(self, name: str, features_list: list[str], feature_extractor_weights_path: str, **_: Any) -> None:
        FeatureExtractorBase.__init__(self, name, features_list)
        self.feature_extractor_internal_dtype = torch.float32
        self.model = dinov2(read_weights(EXTRACTORS["dinov2-vit-b-14"], Path(feature_extractor_weights_path)))


def dinov2(state: dict[str, Tensor]) -> VisionTransformer:
    """The published DINOv2 (ViT-B/14) for images of 224 pixels, as torchvision's transformer; gives the class token.

    The layer scales, which torchvision does not have, are multiplied into the linear layers before them, and the
    position embeddings, published for 518 pixels, are resized as DINOv2's own code does.

    Args:
        state: in DINOv2's names.

    Raises:
        RuntimeError: names or shapes are others.
        KeyError: a name is missing.
    """
    with torch.device("meta"):  # no time for initial weights
        norm = partial(nn.LayerNorm, eps=1e-6)
        model = VisionTransformer(image_size=224, patch_size=14, norm_layer=norm, **DINOV2_SIZES)
    model.heads = nn.Identity()
    left = dict(state)
    left.pop("mask_token", None)  # serves pretraining alone
    converted = {
        "class_token": left.pop("cls_token"),
        "encoder.pos_embedding": _resized(left.pop("pos_embed"), grid=224 // 14),
    }
    names = {"conv_proj": "patch_embed.proj", "encoder.ln": "norm"}
    for i in range(DINOV2_SIZES["num_layers"]):
        ours, theirs = f"encoder.layers.encoder_layer_{i}", f"blocks.{i}"
        names |= {
            f"{ours}.ln_1": f"{theirs}.norm1",
            f"{ours}.ln_2": f"{theirs}.norm2",
            f"{ours}.mlp.0": f"{theirs}.mlp.fc1",
        }
        for kind in ("weight", "bias"):
            converted[f"{ours}.self_attention.in_proj_{kind}"] = left.pop(f"{theirs}.attn.qkv.{kind}")
        for layer, source, scale in (("self_attention.out_proj", "attn.proj", "ls1"), ("mlp.3", "mlp.fc2", "ls2")):
            gamma = left.pop(f"{theirs}.{scale}.gamma")
            converted[f"{ours}.{layer}.weight"] = gamma[:, None] * left.pop(f"{theirs}.{source}.weight")
            converted[f"{ours}.{layer}.bias"] = gamma * left.pop(f"{theirs}.{source}.bias")
    converted |= {
        f"{ours}.{kind}": left.pop(f"{theirs}.{kind}") for ours, theirs in names.items() for kind in ("weight", "bias")
    }
    model.load_state_dict(converted | left, assign=True)  # what is left has no place and is named
    return model


def _resized(positions: Tensor, grid: int) -> Tensor:
    """Position embeddings [1, 1 + n^2, D] of class token and patches for a grid of another size.

    DINOv2 adds 0.1 to the new side when it computes the scale, and the network was published with that.
    """
    side = round((positions.shape[1] - 1) ** 0.5)
    scale = (grid + 0.1) / side
    patches = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    patches = interpolate(patches, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1], patches.flatten(2).transpose(1, 2)], dim=1)


CLASSES: dict[str, type[FeatureExtractorBase]] = {
    "inception-v3-compat": FeatureExtractorInceptionV3,
    "inception-v3-torchvision": TorchvisionInception,
    "dinov2-vit-b-14": DinoV2,
    "clip-vit-b-32": FeatureExtractorCLIP,
}
"""Pretrained networks by the names of params.yaml."""
