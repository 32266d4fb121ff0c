"""The user's own data set: a folder of images, and their captions in one of the formats that people have."""

import logging
from pathlib import Path

from t2i.data.text.tokenizer import Tokens
from t2i.errors import InputError
from t2i.sources.custom import imagefolder, karpathy, pairs, tables
from t2i.sources.custom.pairs import Listing
from t2i.sources.custom.rows import Source
from t2i.sources.custom.splits import ListedImage, listed_images, to_splits
from t2i.sources.missing import MissingItems
from t2i.sources.records import Splits, spread
from t2i.terminal import one_line

LEGAL = (
    "captions.csv, .tsv, .jsonl or .parquet (image, caption), metadata.csv, .jsonl or .parquet (file_name, text), "
    "Karpathy's dataset_*.json, or a text file beside each picture (see docs/data.md)"
)

log = logging.getLogger(__name__)


def read(
    folder: Path,
    *,
    captions_per_image: int,
    test_share: float,
    tokens: Tokens = "unicode",
    missing_items: MissingItems | None = None,
) -> Splits:
    """Read the images of a folder with their captions, in the one format that the folder holds them in:

    - a table of captions, see :mod:`t2i.sources.custom.tables`
    - Hugging Face's imagefolder, see :mod:`t2i.sources.custom.imagefolder`
    - a file of Karpathy's, see :mod:`t2i.sources.custom.karpathy`
    - a text file beside each picture, see :mod:`t2i.sources.custom.pairs`

    An image with several captions may be named several times. An image without a class is a class of its own; captions
    of one class do not count as mismatched for each other's images. An image without a split gets that of its folder
    (train, test, val), if not all lie in one such, and else one from a hash of its name, so that adding images moves no
    other.
    Images of a split val are test images where there are no others, and else left out. Images are rotated as their
    EXIF orientation says.

    Args:
        folder: holds captions and images.
        captions_per_image: read at most this many captions of each image, in their order; at least 1. An image may have
            fewer.
        test_share: share of the images without a split that become test images, above 0 and below 1.
        tokens: rule of words; captions without a word do not count.
        missing_items: what to do with images that are listed but missing; default: refuse the data set.

    Returns:
        "train" and "test", in the order of the captions.

    Raises:
        InputError: a file is missing or damaged. An unreadable image only fails in its `load`.
    """
    if captions_per_image < 1 or not 0 < test_share < 1:
        raise ValueError(
            "captions_per_image must be at least 1 and test_share between 0 and 1, "
            f"got {captions_per_image} and {test_share}"
        )
    if not folder.is_dir():
        raise InputError(f"folder {folder} is missing: put images and captions there, {LEGAL}")
    try:
        listing = Listing(folder)
        source = _source(folder, listing)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}): correct its rights") from error
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
        captions = source.read()
        if not captions.rows:
            raise InputError(f"{folder / source.name} lists no images: give it some")
        images = listed_images(captions.rows, folder, tokens, missing)
        log.info("%s", _summary(folder, captions.description, len(captions.rows), images))
        listed = {image.file or image.name for image in images}
        unlisted = [(f"pictures in {folder} that {source.name} does not list", p) for p in listing.pictures]
        for reason, name in [*captions.left_out, *(note for note in unlisted if note[1] not in listed)]:
            missing.note(reason, name)
        return to_splits(
            images,
            folder,
            captions_per_image=captions_per_image,
            test_share=test_share,
            tokens=tokens,
            missing=missing,
        )


def _source(folder: Path, listing: Listing) -> Source:
    """The captions of a folder.

    Raises:
        InputError: there are none, or several; says which.
    """
    sources = [*tables.find(folder), *imagefolder.find(folder), *karpathy.find(folder), *pairs.find(folder, listing)]
    if not sources:
        names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
        holds = one_line(", ".join(names[:5]) + ", ..." * (len(names) > 5)) or "nothing"
        raise InputError(f"{folder} holds no captions (it holds {holds}): legal are {LEGAL}")
    if len(sources) > 1:
        found = one_line("; ".join(source.name for source in sources))
        raise InputError(f"{folder} holds captions in {len(sources)} places ({found}): keep one of them")
    return sources[0]


def _summary(folder: Path, description: str, rows: int, images: list[ListedImage]) -> str:
    """What was read, in one line."""
    captions = spread([len(image.captions) for image in images])
    classes = len({image.class_name for image in images if image.class_name})
    shown = f"{classes:,} class{'es' * (classes > 1)}" if classes else "each image is a class of its own"
    return f"{folder}: {description}; {rows:,} rows, {len(images):,} images, captions an image: {captions}; {shown}"
