"""Fonts of figures: DejaVu Sans, which matplotlib brings along, or an installed one that has letters it lacks."""

import logging
from contextlib import suppress
from functools import cache
from pathlib import Path

import matplotlib
from PIL import ImageFont

logger = logging.getLogger(__name__)

_DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"

_NAMED: set[str] = set()
"""Letters of no font that were warned of."""


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The font that a text is drawn with, of ``size`` pixels: the one that lacks the fewest of its letters.

    Letters of Latin, Cyrillic, Greek and Arabic script are in DejaVu Sans, so that such texts give the same bytes
    everywhere. Others depend on what is installed; letters that no font has are drawn as boxes, with a warning.
    """
    letters = frozenset(text) - frozenset(" \t\n\r")
    return _load(_best(letters), size)


@cache
def _best(letters: frozenset[str]) -> Path:
    if letters <= _letters_of(_DEJAVU):
        return _DEJAVU
    best = min((_DEJAVU, *_installed()), key=lambda path: len(letters - _letters_of(path)))
    if lacking := letters - _letters_of(best) - _NAMED:
        _NAMED.update(lacking)
        some = "".join(sorted(lacking)[:10])
        logger.warning("no installed font has %s: drawn as boxes in figures; images do not change", some)
    return best


@cache
def _installed() -> tuple[Path, ...]:
    """Scalable fonts that matplotlib finds on this machine, upright ones of normal weight first."""
    from matplotlib.font_manager import FontEntry, fontManager  # looks for them when it is imported
    from matplotlib.ft2font import FT2Font

    def unlike_text(font: FontEntry) -> tuple[bool, bool, str]:
        return font.style != "normal", font.weight not in (400, "normal"), font.fname

    fonts = []
    for entry in sorted(fontManager.ttflist, key=unlike_text):
        with suppress(OSError, RuntimeError):  # matplotlib remembers fonts that have gone since
            # LastResort has a box for every letter
            if "LastResort" not in entry.fname and FT2Font(entry.fname).scalable:
                fonts.append(Path(entry.fname))
    return tuple(dict.fromkeys(fonts))


@cache
def _letters_of(path: Path) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(str(path)).get_charmap()))


@cache
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    # the other layout engine is used where a library happens to be installed, and places letters differently
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
