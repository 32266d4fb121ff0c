"""Generated images as files: one image, single files in a folder, or a grid, and attention maps.

Imports are made where they are needed, so that the command can check a path before it imports PyTorch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from t2i.errors import InputError

if TYPE_CHECKING:
    from t2i.generation.text_to_image import GenerationResult


def write_images(results: Sequence["GenerationResult"], out: Path) -> list[Path]:
    """Write the images of some captions.

    Args:
        results: at least one, all with the same number of images.
        out: a .png for one image or a grid of all, or a folder for single files.

    Returns:
        Paths of the files.
    """
    if not is_png(out):
        files = {
            out / f"{caption:03d}-{number:03d}.png": image
            for caption, result in enumerate(results, 1)
            for number, image in enumerate(result.images, 1)
        }
    elif len(results) == 1 and len(results[0].images) == 1:
        files = {out: results[0].images[0]}
    else:
        from t2i.figures.grid import GridRow, caption_grid  # imports matplotlib, which a single image does not need

        rows = [GridRow(result.prompt.text, result.images) for result in results]
        caption_grid(out, rows, [""] * len(results[0].images))
        return [out]
    from PIL import Image

    from t2i.files import replacing

    for path, image in files.items():
        with replacing(path) as part:
            Image.fromarray(image).save(part, format="png")
    return list(files)


def write_attention(results: Sequence["GenerationResult"], out: Path) -> Path:
    """Write attention maps of the first image of each caption, beside or in ``out`` of :func:`write_images`.

    Raises:
        InputError: the model has no attention.
    """
    from t2i.figures.attention import AttentionRow, attention_maps

    rows = [
        AttentionRow(
            f"{result.prompt.text} - {weights.shape[-1]} x {weights.shape[-1]}",
            result.images[0],
            result.prompt.words,
            weights,
        )
        for result in results
        for weights in result.attention
    ]
    if not rows:
        raise InputError("the model has a single scale and so no attention to show (--attention)")
    path = out.with_name(f"{out.stem}-attention.png") if is_png(out) else out / "attention.png"
    attention_maps(path, rows)
    return path


def is_png(out: Path) -> bool:
    """Whether ``out`` is one file; a path without an extension is a folder.

    Raises:
        InputError: it has another extension.
    """
    if out.suffix.lower() not in ("", ".png"):
        raise InputError(f"{out} is neither a .png nor a folder (-o)")
    return out.suffix != ""
