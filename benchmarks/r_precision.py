"""Speed of R-precision with each caption encoded once, compared with encoding 100 captions for each image.

    python -m benchmarks.r_precision --budget demo
    python -m benchmarks.r_precision --recipe paper --budget paper --data cub

The plain code is arranged as published: for each image, its own caption and 99 of other classes pass the text encoder.
It is timed on a subset and extrapolated. t2i is timed on all images: all captions of a test split pass the encoder
once, then all images are ranked. Encoding the images is the same work for both and not timed. Captions are random, as
many as CUB has; the encoder is untrained. Prints a table and a line of JSON.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cosine_similarity

from benchmarks.options import add_repeats, add_selectors, load_params, make_parser, one_line_errors, sizes_text
from benchmarks.reference_networks import PackedTextEncoder
from benchmarks.report import report_rates
from benchmarks.synthetic import synthetic_split, text_encoder, vocabulary_of
from benchmarks.timing import time_alternately
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.models.encoders.text import TextEncoder
from t2i.pipeline.run import peak_memory
from t2i.scores.features import encode_sentences
from t2i.scores.r_precision import _other_captions, r_precision

CANDIDATES = 100
CPU = torch.device("cpu")


@one_line_errors("r_precision")
def main() -> None:
    """Measure and report."""
    parser = make_parser("r_precision")
    add_selectors(parser, recipe="quick", budget="demo")
    parser.add_argument("--images", type=int, default=30_000, help="that are ranked")
    parser.add_argument("--test-images", type=int, default=2933, help="with ten captions each; CUB has 2933")
    parser.add_argument("--subset", type=int, default=200, help="images that the plain code is timed on")
    add_repeats(parser)
    given = parser.parse_args()
    params = load_params(given)
    max_words = params.dataset.sample_max_words
    with tempfile.TemporaryDirectory() as folder:
        split = synthetic_split(
            Path(folder) / "prepared", images=given.test_images, image_size=8, words=(6, max_words)
        )  # fmt: skip
    vocabulary = vocabulary_of(split.captions["text"])
    torch.manual_seed(0)
    encoder = text_encoder(params, vocabulary).eval()
    captions = EncodedCaptions(split, vocabulary)
    all_images = Ranking(encoder, captions, split, given.images)
    subset = Ranking(encoder, captions, split, given.subset)
    seconds = time_alternately({"plain": subset.plain, "t2i": all_images.encoded_once}, given.repeats, warm_up=1)
    equal = int((subset.plain() == subset.encoded_once()).sum())
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    minutes = medians["plain"] * given.images / given.subset / 60
    title = f"R-precision, {sizes_text(given)}, {len(captions):,} captions, {torch.get_num_threads()} threads"
    notes = [
        f"{given.images:,} images: t2i {medians['t2i']:.1f} s, plain {minutes:.1f} min (extrapolated from "
        f"{given.subset} images)",
        f"The results of {equal} of {given.subset} images are equal.",
    ]
    report_rates(
        title, seconds, {"plain": given.subset, "t2i": given.images}, "images", notes,
        equal_results=equal, peak_gib=peak_memory() / 2**30,
    )  # fmt: skip


class Ranking:
    """Images to rank: each has the code of one of the captions plus noise, so that some are hits and some are not."""

    def __init__(self, encoder: TextEncoder, captions: EncodedCaptions, split: PackedSplit, images: int) -> None:
        self.encoder, self.plain_encoder, self.captions = encoder, PackedTextEncoder(encoder).eval(), captions
        self.caption_class = split.images["class_id"].to_numpy()[split.captions["image"].to_numpy()]
        rng = np.random.default_rng(0)
        self.true = rng.integers(len(captions), size=images)
        sentences = encode_sentences(encoder, captions, CPU).numpy()
        dim = sentences.shape[1]  # in more dimensions it takes more noise to miss
        noise = rng.standard_normal((images, dim), dtype=np.float32)
        self.codes = sentences[self.true] + dim**0.5 / 3 * sentences.std(axis=0) * noise
        self.image_class = self.caption_class[self.true]
        self.others = _other_captions(self.image_class, self.caption_class, CANDIDATES - 1, np.random.default_rng(0))

    def encoded_once(self) -> NDArray[np.bool_]:
        """Whether each image is a hit, as t2i computes it: the folds, of one image each, in their random order."""
        sentences = encode_sentences(self.encoder, self.captions, CPU)
        result = r_precision(
            self.codes, sentences, self.true, self.image_class, self.caption_class,
            candidates=CANDIDATES, folds=len(self.codes), seed=0,
        )  # fmt: skip
        return np.array(result.folds) == 1

    @torch.no_grad()
    def plain(self) -> NDArray[np.bool_]:
        """The same in the same order; candidates were sampled before, which favours the plain code."""
        hits = []
        for code, true, others in zip(self.codes, self.true, self.others, strict=True):
            ids = self.captions.padded(np.array([true, *others]))
            _, sentences = self.plain_encoder(ids)
            scores = cosine_similarity(torch.from_numpy(code)[None], sentences)
            hits.append(bool(scores[0] > scores[1:].max()))
        rng = np.random.default_rng(0)  # r_precision samples candidates, then the order of the folds
        _other_captions(self.image_class, self.caption_class, CANDIDATES - 1, rng)
        return rng.permutation(np.array(hits))


if __name__ == "__main__":
    main()
