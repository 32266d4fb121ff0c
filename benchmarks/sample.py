"""Speed of generating images as stage `sample` does, compared with plain code.

    python -m benchmarks.sample --budget demo --images 100
    python -m benchmarks.sample --recipe paper --budget paper --data cub --images 5

Both generate the same plan with the same weights. The plain code is arranged as published: packed sequences, images
doubled before they are convolved, channels first, float32, and batches as large as in training. Networks are untrained
and captions are random. Saving images is not timed. Prints a table and a line of JSON for each model.
"""

import copy
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.options import add_repeats, add_selectors, load_params, make_parser, one_line_errors, sizes_text
from benchmarks.reference_networks import PackedTextEncoder, unfuse
from benchmarks.report import report_rates
from benchmarks.synthetic import synthetic_split, text_to_image, vocabulary_of
from benchmarks.timing import time_alternately
from t2i.data.batches import EncodedCaptions
from t2i.generation.plan import cut_captions, paired_plan, sample
from t2i.generation.text_to_image import TextToImage
from t2i.pipeline.run import peak_memory
from t2i.runtime.device import resolve_precision


@one_line_errors("sample")
def main() -> None:
    """Measure and report."""
    parser = make_parser("sample")
    parser.add_argument("--what", nargs="+", choices=["attngan", "dmgan"], default=["attngan", "dmgan"], help="models")
    add_selectors(parser, recipe="quick", budget="demo")
    parser.add_argument("--images", type=int, default=100, help="of a test split; each is generated from two captions")
    add_repeats(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        split = synthetic_split(Path(folder) / "prepared", images=given.images, image_size=8)
    vocabulary = vocabulary_of(split.captions["text"])
    plan = paired_plan(split, images=given.images, noises=1, seed=0)
    for what in given.what:
        params = load_params(given, what)
        captions = cut_captions(EncodedCaptions(split, vocabulary, params.dataset.sample_max_words), seed=0)
        fp32 = text_to_image(params, vocabulary, "fp32")
        auto = TextToImage(fp32.generator, fp32.text_encoder, "auto")
        plain = PlainTextToImage(fp32, batch_size=params.stage("train_gan")["batch_size"])
        variants = {
            "plain": partial(plain.sample, captions, plan, seed=0),
            "fp32": partial(images_of, fp32, captions, plan, seed=0),
            "auto": partial(images_of, auto, captions, plan, seed=0),
        }
        seconds = time_alternately(variants, given.repeats, warm_up=1)
        title = f"{what}, {sizes_text(given)}, {torch.get_num_threads()} threads, auto is {resolve_precision('auto')}"
        difference = largest_difference(variants["plain"](), variants["fp32"]())
        report_rates(
            title, seconds, dict.fromkeys(seconds, len(plan)), "images",
            largest_difference=difference, peak_gib=peak_memory() / 2**30,
        )  # fmt: skip


def images_of(model: TextToImage, captions: EncodedCaptions, plan: pd.DataFrame, *, seed: int) -> Tensor:
    """All images of a plan: [N, 3, S, S] uint8."""
    return torch.cat(list(sample(model, captions, plan, seed=seed)))


class PlainTextToImage:
    """The networks of a model arranged as published, on its device."""

    def __init__(self, model: TextToImage, batch_size: int) -> None:
        self.generator = unfuse(copy.deepcopy(model.generator)).to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
        # the generator of t2i makes the hidden image channels-last here, and all that follows keeps the layout
        ups: torch.nn.Module = self.generator.initial.ups
        ups.register_forward_pre_hook(lambda _, hidden: (hidden[0].contiguous(),))
        self.text_encoder = PackedTextEncoder(copy.deepcopy(model.text_encoder)).eval()
        self.batch_size, self.device = batch_size, model.device

    @torch.no_grad()
    def sample(self, captions: EncodedCaptions, plan: pd.DataFrame, *, seed: int) -> Tensor:
        """As :func:`images_of`; images are converted to pixels one by one."""
        noise, epsilon = self.generator.draw_noise(int(plan["noise"].max()) + 1, np.random.default_rng(seed))
        images = []
        for start in range(0, len(plan), self.batch_size):
            batch = plan.iloc[start : start + self.batch_size]
            indices = torch.tensor(batch["noise"].to_numpy())
            ids = captions.padded(batch["caption"].to_numpy()).to(self.device)
            words, sentences = self.text_encoder(ids)
            vectors = (vector[indices].to(self.device) for vector in (noise, epsilon))
            generated = self.generator(*vectors, sentences, words, ids == 0)
            for image in generated.images[-1].cpu():
                images.append(torch.from_numpy(((image.numpy() + 1) * 127.5).round().astype(np.uint8)))
        return torch.stack(images)


def largest_difference(one: Tensor, other: Tensor) -> int:
    """Of a pixel, between two sets of images [N, 3, S, S] uint8."""
    return int((one.int() - other.int()).abs().max())


if __name__ == "__main__":
    main()
