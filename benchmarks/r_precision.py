"""R-precision of 30,000 images with each caption encoded once, against encoding 100 captions an image anew.

    python -m benchmarks.r_precision --budget demo
    python -m benchmarks.r_precision --data cub --budget paper --subset 200

The plain way is that of the published code: an image's own caption and 99 of other classes go through the text encoder,
image after image. That is measured on a subset and multiplied. Ours is measured whole: all captions of a test split
through the encoder, then all images ranked. Encoding the images is in neither, it is the same work. Captions are made
up, as many as CUB has, weights and image codes are random. Prints a table and a line of JSON.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cosine_similarity

from benchmarks.reference import PackedText
from benchmarks.synthetic import made_pack, text_encoder, vocabulary_of
from benchmarks.timing import report, take_turns
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.models.encoders.text import TextEncoder
from t2i.params.reader import load
from t2i.pipeline.run import peak_memory
from t2i.scores.features import encode_sentences
from t2i.scores.r_precision import _other_captions, r_precision

CANDIDATES = 100
CPU = torch.device("cpu")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.r_precision")
    parser.add_argument("--data", default="toy_birds", help="whose sizes (toy_birds)")
    parser.add_argument("--budget", default="demo", help="whose sizes (demo)")
    parser.add_argument("--images", type=int, default=30_000, help="that are scored (30000)")
    parser.add_argument("--test-images", type=int, default=2933, help="with ten captions each (2933, those of CUB)")
    parser.add_argument("--subset", type=int, default=200, help="images that the plain way is measured on (200)")
    parser.add_argument("--repeats", type=int, default=3, help="turns that count; one more warms up (3)")
    given = parser.parse_args()
    params = load(Path("params.yaml"), data=given.data, budget=given.budget)
    max_words = getattr(params.datasets, given.data).max_words
    with tempfile.TemporaryDirectory() as folder:
        pack = made_pack(Path(folder) / "prepared", images=given.test_images, image_size=8, words=(6, max_words))
    vocabulary = vocabulary_of(pack.captions["text"])
    torch.manual_seed(0)
    encoder = text_encoder(params, vocabulary).eval()
    captions = EncodedCaptions(pack, vocabulary, max_words)
    whole = Case(encoder, captions, pack, given.images)
    part = Case(encoder, captions, pack, given.subset)
    runs = take_turns({"plain": part.plain, "ours": whole.ours}, given.repeats, warm_up=1)
    agree = int((part.plain() == part.ours()).sum())
    seconds = {way: statistics.median(times) for way, times in runs.items()}
    minutes = seconds["plain"] * given.images / given.subset / 60
    title = f"R-precision, sizes of {given.data} in budget {given.budget}, {len(captions):,} captions"
    report(
        f"{title}, {torch.get_num_threads()} threads", runs, {"plain": given.subset, "ours": given.images}, "images",
        [
            f"{given.images:,} images: ours {seconds['ours']:.1f} s, measured; plain {minutes:.1f} min, extrapolated "
            f"linearly from {given.subset}",
            f"on {given.subset} images both find the same hit or miss for {agree}",
        ],
        subset_agrees=agree, peak_gib=peak_memory() / 2**30,
    )  # fmt: skip


class Case:
    """Images whose codes are those of one of their captions and noise, so that some hit and some do not."""

    def __init__(self, encoder: TextEncoder, captions: EncodedCaptions, pack: PackedSplit, images: int) -> None:
        self.encoder, self.packed, self.captions = encoder, PackedText(encoder).eval(), captions
        self.caption_class = pack.images["class_id"].to_numpy()[pack.captions["image"].to_numpy()]
        rng = np.random.default_rng(0)
        self.true = rng.integers(len(captions), size=images)
        sentences = encode_sentences(encoder, captions, CPU, 0).numpy()
        noise = rng.standard_normal((images, sentences.shape[1]), dtype=np.float32)
        dim = sentences.shape[1]  # the more there are, the more noise it takes to miss
        self.codes = sentences[self.true] + dim**0.5 / 3 * sentences.std(axis=0) * noise
        self.image_class = self.caption_class[self.true]
        self.others = _other_captions(self.image_class, self.caption_class, CANDIDATES - 1, np.random.default_rng(0))

    def ours(self) -> NDArray[np.bool_]:
        """Hit or miss, image by image, in an order of its own: folds of one image."""
        sentences = encode_sentences(self.encoder, self.captions, CPU, 0)
        found = r_precision(
            self.codes, sentences, self.true, self.image_class, self.caption_class,
            candidates=CANDIDATES, folds=len(self.codes), seed=0,
        )  # fmt: skip
        return np.array(found.folds) == 1

    @torch.no_grad()
    def plain(self) -> NDArray[np.bool_]:
        """The same in the same order; candidates are drawn beforehand, which is in favour of this way."""
        rng = np.random.default_rng(0)
        hits = []
        for code, true, others in zip(self.codes, self.true, self.others, strict=True):
            ids = self.captions.padded(np.array([true, *others]), rng)
            _, sentences = self.packed(ids)
            scores = cosine_similarity(torch.from_numpy(code)[None], sentences)
            hits.append(bool(scores[0] > scores[1:].max()))
        rng = np.random.default_rng(0)  # as r_precision goes on: first the candidates, then the folds
        _other_captions(self.image_class, self.caption_class, CANDIDATES - 1, rng)
        return rng.permutation(np.array(hits))


if __name__ == "__main__":
    main()
