"""Pretrained weights that a run needs, and model files that it goes on from."""

from t2i.check.findings import Findings
from t2i.checkpoints.backbones import packaged_weights
from t2i.checkpoints.pretrained import EXTRACTORS, INCEPTION_V3, locate_weights
from t2i.errors import InputError
from t2i.models.backbone import Backbone
from t2i.params import Params
from t2i.pipeline.damsm_start import damsm_start
from t2i.pipeline.gan_start import gan_start
from t2i.pipeline.run import weights_folder


def check_weights(params: Params) -> Findings:
    """Whether needed weights are there, or have to be downloaded, and whether model files to start from fit."""
    found = Findings("weights")
    needed = [EXTRACTORS[name] for name in params.evaluate.extractors if name in EXTRACTORS]
    inception = params.stage("pretrain_damsm")["image_encoder"]["kind"] == "inception_v3"
    if inception and params.start_from.damsm is None:
        needed.insert(0, INCEPTION_V3)
    folder = weights_folder()
    for weights in dict.fromkeys(needed):
        path = locate_weights(weights, folder)
        where = path or f"will be downloaded from {weights.url}; without a network, put the file into {folder}/"
        found.add("found" if path else "missing", f"{weights.what}: {where}")
    for stage in ("pretrain_damsm", "train_judge"):
        encoder = params.stage(stage)["image_encoder"]
        _check_backbone(encoder["kind"], encoder["side"], found)
    backbone = params.stage("train_gan")["discriminator"]["backbone"] or {"name": "", "side": None}
    _check_backbone(backbone["name"], backbone["side"], found)
    _check_start(params, found)
    return found


def _check_backbone(kind: str, side: int | None, found: Findings) -> None:
    if side is None:
        return
    try:
        Backbone(kind, side)
        path = packaged_weights(kind)
    except InputError as error:
        found.problems.append(str(error))
        return
    found.add("found" if path else "timm", f"{kind}: {path or 'timm downloads its weights unless it has them'}")


def _check_start(params: Params, found: Findings) -> None:
    sizes = {
        "embedding_dim": params.stage("pretrain_damsm")["embedding_dim"],
        "image_size": params.stage("preprocess")["image_size"],
    }
    for given, read in (
        (params.start_from.damsm, lambda: damsm_start(params, params.dataset.tokens)),
        (params.start_from.gan, lambda: gan_start(params, **sizes)),
    ):
        try:
            if start := read():
                found.add("start from", f"{given}: {', '.join(start.contents)}")
        except InputError as error:
            found.problems.append(str(error))
    if params.start_from.gan is not None and params.start_from.damsm is None:
        found.add(
            "start from", "start_from.gan without start_from.damsm: its generator reads sentences of new encoders"
        )
