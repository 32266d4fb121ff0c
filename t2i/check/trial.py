"""A few steps of each training, to learn what it takes: ``python -m t2i.check.trial STAGE FOLDER BATCH_SIZE``.

In a process of its own, as the stage will be, so that its peak memory is its own. Prints a :class:`Trial` as JSON.
"""

import json
import logging
import math
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from t2i.checkpoints import model_file
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit, damsm_folder
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.damsm import Damsm
from t2i.params import Params
from t2i.pipeline.arguments import damsm_arguments, gan_arguments, judge_arguments
from t2i.pipeline.run import peak_memory
from t2i.runtime.device import current_device
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from t2i.training.judge import train_judge
from t2i.training.loop.checkpoint import CheckpointPolicy, num_bytes

STEPS = 5
"""Steps that are timed but for the first, which warms up; a GAN that grows runs as many again, at its full size. Every
fourth step has a gradient penalty in the recipes that have one, and so has one of the four that are timed."""


@dataclass
class Trial:
    """What a training took.

    Attributes:
        early, late: seconds a step, before the last scale is trained and after; equal but for a GAN that grows.
        start, peak: bytes of memory before the training, and at most; on a GPU, of the GPU.
        state: bytes of everything that a checkpoint holds.
        picture: seconds to generate an image, for a GAN.
        generator: bytes of its weights.
    """

    early: float
    late: float
    start: int
    peak: int
    state: int
    picture: float = 0.0
    generator: int = 0


def main(stage: str, folder: Path, batch_size: int) -> None:
    """Run the trial of a stage.

    Args:
        stage: pretrain_damsm, train_judge or train_gan, in this order.
        folder: holds prepared/, vocabulary.json and params.json; encoders are left there for the GAN.
        batch_size: images in a batch.
    """
    logging.disable()
    params = Params.model_validate_json((folder / "params.json").read_bytes())
    trial = run_trial(stage, folder, params, batch_size)
    sys.stdout.write(json.dumps(asdict(trial)) + "\n")


def run_trial(stage: str, folder: Path, params: Params, batch_size: int) -> Trial:
    """Train on the images in a folder; see :func:`main`."""
    prepared = folder / "prepared"
    pack = PackedSplit(damsm_folder(prepared) if stage == "pretrain_damsm" else prepared, "train")
    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    on_gpu = current_device().type == "cuda"
    moments: list[float] = []

    def tick() -> None:
        if on_gpu:
            torch.cuda.synchronize()
        moments.append(time.perf_counter())

    (folder / stage).mkdir()
    checkpoints = CheckpointPolicy(folder / stage, math.inf, tick)
    common: dict[str, Any] = {"batch_size": batch_size, "steps": STEPS}
    start, picture, size = 0 if on_gpu else peak_memory(), 0.0, 0
    if stage == "pretrain_damsm":
        arguments = damsm_arguments(params) | common | {"epochs": None}
        damsm, _ = train_damsm(pack, vocabulary, **arguments, checkpoints=checkpoints)
        model_file.save(folder / "damsm.pt", "damsm", damsm.to_checkpoint())
    elif stage == "train_judge":
        train_judge(pack, vocabulary, **judge_arguments(params) | common, checkpoints=checkpoints)
    else:
        damsm = Damsm.from_checkpoint(model_file.load(folder / "damsm.pt", "damsm"))
        arguments = gan_arguments(params) | common | {"epochs": None}
        if arguments["grow_at"]:
            arguments |= {"grow_at": 0.5, "steps": 2 * STEPS}
        memory: dict[str, Any] = {"gradient_checkpointing": params.runtime.gradient_checkpointing}
        generator, _, _ = train_gan(pack, damsm, **arguments, **memory, checkpoints=checkpoints)
        size = num_bytes(generator.state_dict())
        picture = _seconds_a_picture(TextToImage(generator, damsm.text, params.runtime.precision), pack, arguments)
    peak = torch.cuda.max_memory_allocated() if on_gpu else peak_memory()
    seconds = [after - before for before, after in zip(moments, moments[1:], strict=False)]
    early, late = statistics.mean(seconds[: STEPS - 1]), statistics.mean(seconds[STEPS:] or seconds)
    return Trial(early, late, start, peak, checkpoints.path.stat().st_size, picture, size)


def _seconds_a_picture(model: TextToImage, pack: PackedSplit, arguments: dict[str, Any]) -> float:
    count = arguments["batch_size"]
    captions = EncodedCaptions(pack, model.vocabulary, arguments["max_words"])
    ids = captions.padded(np.arange(count), np.random.default_rng(0))
    noise, epsilon = model.generator.draw_noise(count, np.random.default_rng(0))
    seconds = []
    for _ in range(2):
        begin = time.perf_counter()
        model.forward(ids, noise, epsilon)[0].images[-1].cpu()
        seconds.append(time.perf_counter() - begin)
    return min(seconds) / count


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    except InputError as error:
        sys.exit(str(error))
