"""Pretrained weights that a run needs."""

from t2i.check.findings import Findings
from t2i.checkpoints.pretrained import EXTRACTORS, INCEPTION_V3, locate_weights
from t2i.params import Params
from t2i.pipeline.run import WEIGHTS


def check_weights(params: Params) -> Findings:
    """Whether the weights that the run needs are there, or have to be downloaded."""
    found = Findings("weights")
    needed = [EXTRACTORS[name] for name in params.evaluate.extractors if name in EXTRACTORS]
    if params.stage("pretrain_damsm")["image_encoder"]["kind"] == "inception_v3":
        needed.insert(0, INCEPTION_V3)
    for weights in dict.fromkeys(needed):
        path = locate_weights(weights, WEIGHTS)
        where = path or f"will be downloaded from {weights.url}; without a network, put the file into {WEIGHTS}/"
        found.add("found" if path else "missing", f"{weights.what}: {where}")
    return found
