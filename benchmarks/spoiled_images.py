"""How the judge of a run scores what is no picture: test images without detail beside real ones of other classes.

    python -m benchmarks.spoiled_images

Reads prepared/ and models/judge.pt. A judge that gives images without detail better scores than real images of the
training classes should not be trusted. Prints a table and a line of JSON.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.options import make_parser, one_line_errors
from benchmarks.report import report
from t2i.checkpoints import model_file
from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit, splits_in
from t2i.files import evenly_spaced
from t2i.models.judge import Judge
from t2i.pipeline.run import JUDGE, PREPARED
from t2i.scores.extractors import Features, extract_features, load_network
from t2i.scores.fidelity import fidelity_scores
from t2i.scores.images import noise_images, real_images


def blurred(images: Tensor) -> Tensor:
    """Reduced to 8 pixels and enlarged again: uint8 [N, 3, S, S] -> the same."""
    small = interpolate(images.float(), (8, 8), mode="area")
    return interpolate(small, images.shape[2:], mode="bilinear").round().clamp(0, 255).byte()


def tiled(images: Tensor) -> Tensor:
    """Sixteen small copies: uint8 [N, 3, S, S], S a multiple of 4 -> the same."""
    side = images.shape[-1] // 4
    return interpolate(images.float(), (side, side), mode="area").round().byte().repeat(1, 1, 4, 4)


def coloured_noise(images: Tensor) -> Tensor:
    """Noise with the mean and deviation of each image and channel: uint8 [N, 3, S, S] -> the same."""
    pixels = images.float()
    drawn = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (pixels.mean((2, 3), True) + pixels.std((2, 3), keepdim=True) * drawn).round().clamp(0, 255).byte()


SPOILED: dict[str, Callable[[Tensor], Tensor]] = {
    "test images, blurred to 8 pixels": blurred,
    "test images, tiled": tiled,
    "noise in the colours of each test image": coloured_noise,
}
COLUMNS = ("precision", "recall", "precision_cosine", "recall_cosine")


@one_line_errors("spoiled_images")
def main() -> None:
    """Score and report."""
    make_parser("spoiled_images").parse_args()
    compare()


def compare() -> None:
    """Print the scores of training images and of spoiled test images."""
    train, test = (PackedSplit(PREPARED, split) for split in ("train", "test"))
    with model_file.building(JUDGE):
        network = load_network(Judge.from_checkpoint(model_file.load(JUDGE, "judge")))
    reference = [PackedSplit(PREPARED, split) for split in splits_in(PREPARED) if split != "train"]
    spoiled_rows = evenly_spaced(len(test), 2000)
    images = centre_crops(test, spoiled_rows)
    count = len(images)
    known = {
        "reals": extract_features(chain.from_iterable(map(real_images, reference)), network),
        "train_reals": extract_features(real_images(train, evenly_spaced(len(train), count)), network),
        "noise": extract_features(noise_images(count, test.image_size, seed=0), network),
    }
    known = {kind: Features(of_kind.features, None) for kind, of_kind in known.items()}
    scores: dict[str, Any] = {}
    for name, spoil in SPOILED.items():
        fakes = extract_features(spoil(images).split(64), network)
        scores[name] = fidelity_scores(known | {"fakes": Features(fakes.features, None)}, "", folds=1, seed=0)
    first = next(iter(scores.values()))
    rows = [{"compared with the test images": "training images", **_cells(first, "train_reals")}]
    rows += [{"compared with the test images": name, **_cells(of_name, "fakes")} for name, of_name in scores.items()]
    halves = f"two halves of the test images: KID x 1000 {1000 * first['kid']['reals']:,.0f}, "
    halves += f"FID {first['fid']['of_halves']['reals']:,.0f} with half of the images"
    report(f"{network.description}: {first['protocol']['features']} features", rows, [halves], scores=scores)


def _cells(scores: dict[str, Any], kind: str) -> dict[str, str]:
    distances = {"KID x 1000": f"{1000 * scores['kid'][kind]:,.0f}", "FID": f"{scores['fid'][kind]:,.0f}"}
    return distances | {column.replace("_", ", "): f"{scores[column][kind]:.2f}" for column in COLUMNS}


if __name__ == "__main__":
    main()
