"""Generating images as the stage `sample` does, against generating them the plain way.

    python -m benchmarks.sample --data toy_birds --budget demo --images 100
    python -m benchmarks.sample --data cub --budget paper --images 5 --repeats 3

Both generate the same plan with the same weights. The plain way is that of the published code: packed sequences, images
doubled before they are convolved, channels first, float32, batches as large as in training. Weights are random and
captions are made up, which take the same time. Saving pictures is not in it. Prints a table and a line of JSON a model.
"""

import argparse
import copy
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.reference import PackedText, layer_by_layer
from benchmarks.synthetic import made_pack, text_to_image, vocabulary_of
from benchmarks.timing import report, take_turns
from t2i.data.batches import EncodedCaptions
from t2i.generation.plan import sample, sampling_plan
from t2i.generation.text_to_image import TextToImage
from t2i.params.reader import load
from t2i.pipeline.run import peak_memory
from t2i.runtime.device import resolve_precision


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sample")
    parser.add_argument("--what", nargs="+", choices=["attngan", "dmgan"], default=["attngan", "dmgan"])
    parser.add_argument("--data", default="toy_birds", help="whose sizes (toy_birds)")
    parser.add_argument("--budget", default="demo", help="whose sizes (demo)")
    parser.add_argument("--images", type=int, default=100, help="of the test split, each generated twice (100)")
    parser.add_argument("--repeats", type=int, default=3, help="turns that count; one more warms up (3)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pack = made_pack(Path(folder) / "prepared", images=given.images, image_size=8)
    vocabulary = vocabulary_of(pack.captions["text"])
    table = sampling_plan(pack, images=given.images, noises=1, seed=0)
    for what in given.what:
        params = load(Path("params.yaml"), data=given.data, model=what, budget=given.budget)
        captions = EncodedCaptions(pack, vocabulary, getattr(params.datasets, given.data).max_words)
        batch_size = params.budgets[given.budget].train_gan.batch_size
        ours = text_to_image(params, vocabulary, "fp32")
        faster = TextToImage(ours.generator, ours.text_encoder, "auto")
        plain = PlainTextToImage(ours)
        works = {
            "plain": lambda plain=plain, captions=captions, n=batch_size: plain.sample(captions, table, n, seed=0),
            "ours, fp32": lambda ours=ours, captions=captions: sample(ours, captions, table, seed=0),
            "ours, auto": lambda ours=faster, captions=captions: sample(ours, captions, table, seed=0),
        }
        runs = take_turns(works, given.repeats, warm_up=1)
        report(
            f"{what}, sizes of {given.data} in budget {given.budget}, {torch.get_num_threads()} threads, auto is "
            f"{resolve_precision('auto')}", runs, dict.fromkeys(runs, len(table)), "images",
            largest_difference=largest_difference(works["plain"](), works["ours, fp32"]()),
            peak_gib=peak_memory() / 2**30,
        )  # fmt: skip


class PlainTextToImage:
    """The networks of a model, arranged as published, on the processor."""

    def __init__(self, ours: TextToImage) -> None:
        generator = layer_by_layer(copy.deepcopy(ours.generator)).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        # ours brings the hidden image into channels last here, and all that follows keeps the order
        generator.initial.ups.register_forward_pre_hook(lambda _, hidden: (hidden[0].contiguous(),))
        self.generator, self.text = generator.eval(), PackedText(copy.deepcopy(ours.text_encoder)).eval()

    @torch.no_grad()
    def sample(self, captions: EncodedCaptions, table: pd.DataFrame, batch_size: int, *, seed: int) -> Tensor:
        """As :func:`t2i.generation.plan.sample`; pictures are turned into pixels one by one."""
        noise, epsilon = self.generator.draw_noise(int(table["noise"].max()) + 1, np.random.default_rng(seed))
        rng = np.random.default_rng([seed, 3])
        pictures = []
        for start in range(0, len(table), batch_size):
            part = table.iloc[start : start + batch_size]
            numbers = torch.tensor(part["noise"].to_numpy())
            ids = captions.padded(part["caption"].to_numpy(), rng)
            words, sentence = self.text(ids)
            made = self.generator(noise[numbers], epsilon[numbers], sentence, words, ids == 0)
            for image in made.images[-1]:
                pictures.append(torch.from_numpy(((image.numpy() + 1) * 127.5).round().astype(np.uint8)))
        return torch.stack(pictures)


def largest_difference(one: Tensor, other: Tensor) -> int:
    """Of a pixel of two sets of pictures [N, 3, S, S] uint8."""
    return int((one.int() - other.int()).abs().max())


if __name__ == "__main__":
    main()
