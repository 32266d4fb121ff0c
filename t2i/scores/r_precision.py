"""R-precision: how often an image lies nearer to its own caption than to captions of other classes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CHUNK = 2**20  # codes compared at a time, in numbers: 4 MiB of float32, which caches hold, whatever N, M and D are


@dataclass(frozen=True)
class RPrecision:
    """Shares of images whose true caption scores highest, 0 to 1.

    Attributes:
        mean, std: of the folds (population standard deviation, numpy's default).
        folds: one share a fold.
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
    """Rank each image's true caption among `candidates - 1` distinct random captions of other classes, by cosine.

    A hit is a true caption that scores strictly highest: a tie is none, so a constant encoder scores 0. (Xu et al.,
    "AttnGAN", 2018, section 4, with the folds of its published code, which drops the last item of each fold; here every
    image is in one, dealt at random.)

    Args:
        image_codes: [N, D].
        caption_codes: [M, D], each caption once, however many images are made from it.
        true_caption: [N] integers, row of `caption_codes` an image belongs to.
        image_class: [N] integers, equal to the class of the true caption.
        caption_class: [M] integers.
        candidates: captions an image is compared with, the true one included; 2 or more.
        folds: parts that mean and standard deviation are taken over; 1 to N.
        seed: of candidates and folds.

    Raises:
        ValueError: shapes or values out of range, or a class outside which there are too few captions.
    """
    codes, captions = _unit(image_codes, "image_codes"), _unit(caption_codes, "caption_codes")
    true, of_image, of_caption = np.asarray(true_caption), np.asarray(image_class), np.asarray(caption_class)
    n, m = len(codes), len(captions)
    if codes.shape[1] != captions.shape[1]:
        raise ValueError(f"image_codes have D = {codes.shape[1]}, caption_codes {captions.shape[1]}; it must be one")
    for name, found, count in (
        ("true_caption", true, n),
        ("image_class", of_image, n),
        ("caption_class", of_caption, m),
    ):
        if found.shape != (count,):
            raise ValueError(f"{name} has shape {found.shape}; legal is ({count},), one a row of the codes")
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
        # einsum adds up every row in one order: equal captions get equal bits, and a tie is seen as a tie.
        cosines = np.einsum("nd,nkd->nk", codes[rows], captions[compared[rows]])
        return cosines[:, 0] > cosines[:, 1:].max(axis=1)

    step = max(1, _CHUNK // (candidates * codes.shape[1]))
    with ThreadPoolExecutor() as pool:  # numpy computes in one thread, but lets others go on meanwhile
        hits = np.concatenate(list(pool.map(hit, (slice(start, start + step) for start in range(0, n, step)))))
    shares = [float(part.mean()) for part in np.array_split(rng.permutation(hits), folds)]
    return RPrecision(mean=float(np.mean(shares)), std=float(np.std(shares)), folds=tuple(shares))


def _other_captions(
    image_class: NDArray[np.integer], caption_class: NDArray[np.integer], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Distinct random captions of other classes, every set of them equally likely.

    Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", 1987), all images at once: the j-th draw is one of
    the first `others - count + j + 1` captions, or, where that is taken, the last of these. No draw is ever rejected,
    so a pool that just suffices costs no more than a large one.

    Shape: [N], [M] -> [N, count] row numbers of captions.
    """
    by_class = np.argsort(caption_class, kind="stable")
    in_order = caption_class[by_class]
    start = np.searchsorted(in_order, image_class, side="left")
    own = np.searchsorted(in_order, image_class, side="right") - start
    others = len(caption_class) - own
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
    return by_class[np.where(drawn >= start, drawn + own, drawn).T]  # numbers past the own class skip it


def _unit(codes: ArrayLike, name: str) -> NDArray[np.float32]:
    """Rows of length 1 (or 0, where they were 0)."""
    rows = np.asarray(codes, dtype=np.float32)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise ValueError(f"{name} has shape {rows.shape} or values that are not finite; legal are finite codes [N, D]")
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(min=np.finfo(np.float32).tiny)
    return unit
