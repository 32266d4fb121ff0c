"""Arguments of the trainings as params.yaml gives them: all that their results depend on."""

from typing import Any

from t2i.params import Params
from t2i.runtime.device import resolve_precision


def damsm_arguments(params: Params) -> dict[str, Any]:
    """Arguments of :func:`t2i.training.damsm.train_damsm`."""
    stage = params.stage("pretrain_damsm")
    loss = params.loss.keywords("damsm_lambda", "temperature", "gamma1", "gamma2", "gamma3")
    resizing = {"align_corners": params.align_corners}
    image_encoder = stage["image_encoder"]
    return {
        **stage,
        "image_encoder": image_encoder | (resizing if image_encoder["kind"] == "inception_v3" else {}),
        "losses": {**stage["losses"], **loss},
        "max_words": params.dataset.damsm_max_words,
        "flip": params.dataset.flip,
        "precision": resolve_precision(params.runtime.precision),
        "seed": params.seed,
    }


def judge_arguments(params: Params) -> dict[str, Any]:
    """Arguments of :func:`t2i.training.judge.train_judge`."""
    return {
        **params.stage("train_judge"),
        **dict(params.judge),
        "max_words": params.dataset.max_words,
        "flip": params.dataset.flip,
        "gamma3": params.loss.gamma3,
        "precision": resolve_precision(params.runtime.precision),
    }


def gan_arguments(params: Params) -> dict[str, Any]:
    """Arguments of :func:`t2i.training.gan.train.train_gan`."""
    stage = params.stage("train_gan")
    del stage["snapshots"]  # changes no weight; see stages/train_gan.py
    loss = params.loss.keywords("lambda_", "temperature", "shared_noise", "gamma1", "gamma2", "gamma3")
    return {
        **stage,
        "model": params.model,
        "generator": params.generator,
        "losses": {**stage["losses"], **loss},
        "max_words": params.dataset.max_words,
        "flip": params.dataset.flip,
        "precision": resolve_precision(params.runtime.precision),
        "seed": params.seed,
    }
