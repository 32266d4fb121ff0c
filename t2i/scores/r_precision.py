"""R-precision: how often an image is closer to its own caption than to captions of other classes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from t2i.data.packed import PackedSplit
from t2i.errors import InputError

_CHUNK = 2**20  # numbers compared at a time: 4 MiB of float32 fit into the cache, whatever N, M and D are


@dataclass(frozen=True)
class RPrecision:
    """Share of images whose true caption scores highest, 0 to 1.

    Attributes:
        mean, std: over the folds (population standard deviation, numpy's default).
        folds: the share in each fold.
    """

    mean: float
    std: float
    folds: tuple[float, ...]


def r_precision(
    image_codes: ArrayLike,
    caption_codes: ArrayLike,
    true_caption: ArrayLike,
    image_class: ArrayLike,
    caption_class: ArrayLike,
    *,
    candidates: int = 100,
    folds: int = 10,
    seed: int,
) -> RPrecision:
    """Rank each image's true caption among ``candidates - 1`` distinct random captions of other classes, by cosine.

    A hit is a true caption that scores strictly highest: a tie does not count, so a constant encoder scores 0. (Xu et
    al., "AttnGAN", 2018, section 4, with the folds of its published code, which drops the last item of each fold; here
    every image is in one fold, assigned at random.)

    Args:
        image_codes: [N, D] embeddings of generated images.
        caption_codes: [M, D] embeddings of captions, each once, even if several images are generated from it.
        true_caption: [N] integers, the row of `caption_codes` that an image was generated from.
        image_class: [N] integers, equal to the class of the true caption.
        caption_class: [M] integers.
        candidates: number of captions that an image is compared with, including the true one; 2 or more.
        folds: number of parts over which mean and standard deviation are taken; 1 to N.
        seed: of candidates and folds.

    Raises:
        ValueError: shapes or values are out of range, or there are too few captions outside a class.
    """
    codes, captions = _unit(image_codes, "image_codes"), _unit(caption_codes, "caption_codes")
    true, of_image, of_caption = np.asarray(true_caption), np.asarray(image_class), np.asarray(caption_class)
    n, m = len(codes), len(captions)
    if codes.shape[1] != captions.shape[1]:
        raise ValueError(f"image_codes have D = {codes.shape[1]}, caption_codes {captions.shape[1]}; it must be one")
    for name, labels, count in (
        ("true_caption", true, n),
        ("image_class", of_image, n),
        ("caption_class", of_caption, m),
    ):
        if labels.shape != (count,):
            raise ValueError(f"{name} has shape {labels.shape}; legal is ({count},), one a row of the codes")
    if true.dtype.kind not in "iu" or true.min() < 0 or true.max() >= m:
        raise ValueError(f"true_caption is {true.dtype} from {true.min()} to {true.max()}; legal are rows 0 to {m - 1}")
    if not np.array_equal(of_caption[true], of_image):
        raise ValueError("image_class differs from the class of the true caption; the rows are not aligned")
    if candidates < 2:
        raise ValueError(f"candidates is {candidates}; legal are 2 and more")
    if not 1 <= folds <= n:
        raise ValueError(f"folds is {folds}; legal are 1 to {n}, the number of images")

    rng = np.random.default_rng(seed)
    compared = np.column_stack((true, _other_captions(of_image, of_caption, candidates - 1, rng)))

    def hit(rows: slice) -> NDArray[np.bool_]:
        # einsum sums every row in the same order: equal captions get equal bits, so ties are exact.
        cosines = np.einsum("nd,nkd->nk", codes[rows], captions[compared[rows]])
        return cosines[:, 0] > cosines[:, 1:].max(axis=1)

    step = max(1, _CHUNK // (candidates * codes.shape[1]))
    with ThreadPoolExecutor() as pool:  # numpy releases the interpreter lock while it computes
        hits = np.concatenate(list(pool.map(hit, (slice(start, start + step) for start in range(0, n, step)))))
    shares = [float(fold.mean()) for fold in np.array_split(rng.permutation(hits), folds)]
    return RPrecision(mean=float(np.mean(shares)), std=float(np.std(shares)), folds=tuple(shares))


def _other_captions(
    image_class: NDArray[np.integer], caption_class: NDArray[np.integer], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Sample distinct captions of other classes, every set of them with the same probability.

    Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", 1987), vectorised over images: the j-th draw is one
    of the first ``others - count + j + 1`` captions, or the last of these if that one is taken. No draw is rejected, so
    a pool of just enough captions costs no more than a large one.

    Shape: [N], [M] -> [N, count] row numbers of captions.
    """
    by_class = np.argsort(caption_class, kind="stable")
    sorted_class = caption_class[by_class]
    start = np.searchsorted(sorted_class, image_class, side="left")
    same_class = np.searchsorted(sorted_class, image_class, side="right") - start
    others = len(caption_class) - same_class
    if others.min() < count:
        worst = int(others.argmin())
        raise ValueError(
            f"candidates is {count + 1}, which takes {count} captions of other classes, but outside class "
            f"{image_class[worst]} there are only {others[worst]} (of {len(caption_class)})"
        )
    drawn = np.empty((count, len(image_class)), dtype=np.int64)
    for j in range(count):
        last = others - count + j
        draw = rng.integers(0, last + 1)
        drawn[j] = np.where((drawn[:j] == draw).any(axis=0), last, draw)
    return by_class[np.where(drawn >= start, drawn + same_class, drawn).T]  # skips the class of the image


def _unit(codes: ArrayLike, name: str) -> NDArray[np.float32]:
    """Rows normalised to length 1; zero rows stay 0."""
    rows = np.asarray(codes, dtype=np.float32)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise ValueError(f"{name} has shape {rows.shape} or values that are not finite; legal are finite codes [N, D]")
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=np.finfo(np.float32).tiny)
    return unit


def r_precision_scores(
    codes: dict[str, Tensor],
    sentences: Tensor,
    plan: pd.DataFrame,
    test: PackedSplit,
    *,
    candidates: int,
    folds: int,
    seed: int,
) -> dict[str, float]:
    """R-precision of pictures ("fakes") and of the real images of their captions ("reals"), or of one of both.

    Args:
        codes: of the images of the plan, by kind.
        sentences: of all captions of the split, as they were read.

    Raises:
        InputError: there are too few captions for the data set, candidates and folds.
    """
    classes = test.images["class_id"].to_numpy()
    image_class = classes[plan["image"].to_numpy()]
    caption_class = classes[test.captions["image"].to_numpy()]
    scores: dict[str, float] = {}
    for kind, of_kind in codes.items():
        try:
            result = r_precision(
                of_kind, sentences, plan["caption"].to_numpy(), image_class, caption_class,
                candidates=candidates, folds=folds, seed=seed,
            )  # fmt: skip
        except ValueError as error:  # too few captions for this data set and these parameters
            raise InputError(f"R-precision: {error}; lower evaluate.candidates or evaluate.folds") from error
        scores |= {kind: round(result.mean, 4), f"{kind}_std": round(result.std, 4)}
    return scores
