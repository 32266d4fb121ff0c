"""Columns of tables of captions, and keys of JSON objects: what they mean, and what may be in them."""

import ast
import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from t2i.errors import InputError
from t2i.sources.custom.rows import Row, split_named
from t2i.terminal import one_line

Cells = Sequence[tuple[str, object]]
"""Column and value of each cell of a row, in order."""

_CAPTION = re.compile(r"(caption|text|sentence)s?[ ._-]?\d*")
_LIST = re.compile(r"""\[\s*["'].*["']\s*,?\s*\]""", re.DOTALL)  # what looks like a list of texts
_MAX = 100  # characters of a table in a message

ROW_NUMBER = "unnamed: 0"
"""Name that pandas gives a first column without one, in which pandas and R write the numbers of rows."""
_ROW_NUMBERS = {ROW_NUMBER, "__index_level_0__"}
NOTHING = {"NA", "<NA>", "#N/A", "nan", "NaN", "NULL"}
"""What R, pandas and Excel write for an empty cell."""


def clean(column: str) -> str:
    """The name of a column, without case and white space around it."""
    return column.strip().lower()


def is_caption(column: str) -> bool:
    """Whether a column holds captions: caption, text or sentence, also in the plural, also numbered."""
    return bool(_CAPTION.fullmatch(column))


def is_list(text: str) -> bool:
    """Whether a text looks like a list of texts."""
    return bool(_LIST.fullmatch(text.strip()))


@dataclass(frozen=True)
class Columns:
    """The columns of one kind of tables.

    Attributes:
        image: name of the column of paths.
        caption: name of the column of captions, for messages.
        others: whether there may be columns that are not read, beside numbers of rows.
    """

    image: str
    caption: str
    others: bool

    def role(self, column: str) -> str | None:
        """What a column holds: "image", "caption", "class" or "split"; None if it is not read."""
        if is_caption(column):
            return "caption"
        return {self.image: "image", "class": "class", "label": "class", "split": "split"}.get(column)

    def suit(self, names: Sequence[str]) -> bool:
        """Whether these columns name images and captions."""
        return {"image", "caption"} <= {self.role(name) for name in names}

    def check(self, where: object, names: Sequence[str]) -> None:
        """Refuse columns that lack something, are not known, or say one thing twice.

        Raises:
            InputError: begins with `where`; says what is legal.
        """
        roles = [self.role(name) for name in names]
        shown = one_line(", ".join(names))[:_MAX]
        lacking = [name for role, name in (("image", self.image), ("caption", self.caption)) if role not in roles]
        problem = f"lacks {', '.join(lacking)} (it has {shown or 'nothing'})" if lacking else ""
        for role in ("image", "class", "split"):
            if roles.count(role) > 1:
                twice = [name for name in names if self.role(name) == role]
                problem = problem or f"has the columns {' and '.join(twice)}, of which one is legal"
        if "" in names:
            problem = problem or f"has a column without a name, number {names.index('') + 1}"
        unknown = [name for name, role in zip(names, roles, strict=True) if role is None and name not in _ROW_NUMBERS]
        if unknown and not self.others:
            problem = problem or f"has {one_line(', '.join(unknown))[:_MAX]}"
        if problem:
            raise InputError(f"{where} {problem}; legal are {self.image}, {self.caption} and optionally class, split")

    def row(self, where: str, cells: Cells) -> Row:
        """The content of the columns that are read.

        Raises:
            InputError: a value is of the wrong kind; names the column.
        """
        image = class_name = split = ""
        captions: list[str] = []
        # nothing in one of several captions is what programs write where an image has fewer
        some = any(value is not None and self.role(column) == "caption" for column, value in cells)
        for column, value in cells:
            match self.role(column):
                case "image":
                    if not isinstance(value, str) or not value.strip():
                        raise _refusal(where, column, value, "the path of an image, which is text")
                    image = value
                case "caption" if value is not None or not some:
                    captions += _texts(where, column, value)
                case "class":
                    class_name = _class_name(where, column, value)
                case "split":
                    split = _split(where, column, value)
        return Row(where, image, tuple(captions), class_name, split)


def _texts(where: str, column: str, value: object) -> list[str]:
    if isinstance(value, str) and is_list(value):  # CSV has no lists
        value = _parsed_list(value.strip()) if column.endswith("s") else None
        if value is None:
            raise InputError(
                f"{where} has a list as {column}, which cannot be read: name the column {column.rstrip('s')}s if it "
                "holds JSON lists of captions, or give each caption a row of its own"
            )
    texts: list[object] = value if isinstance(value, list) else [value]
    wrong = [text for text in texts if not isinstance(text, str)]
    if wrong:
        raise _refusal(where, column, wrong[0], "text, or a list of texts")
    return [_meant(where, column, str(text)) for text in texts]


def _meant(where: str, column: str, text: str) -> str:
    """Text that is not what programs write for nothing."""
    if text.strip() in NOTHING:
        raise InputError(
            f"{where} has {text!r} as {column}, which programs write where nothing is: leave it empty, or write it "
            "otherwise if it is meant"
        )
    return text


def _parsed_list(text: str) -> object:
    """A list in JSON or, as pandas writes them, in Python's notation; None if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if re.search(r"""["']\s+["']""", text):  # numpy's notation, whose texts Python would join
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _class_name(where: str, column: str, value: object) -> str:
    if value is None or isinstance(value, str):
        return unicodedata.normalize("NFC", " ".join(_meant(where, column, value or "").split()))
    if isinstance(value, int | float) and math.isfinite(value):  # numbers are names: 0 is a class
        return json.dumps(value)
    raise _refusal(where, column, value, "text, a number, or nothing")


def _split(where: str, column: str, value: object) -> str:
    if value is None or value == "":
        return ""
    split = split_named(value) if isinstance(value, str) else None
    if split is None and not (isinstance(value, str) and not value.strip()):
        raise _refusal(where, column, value, "train, test, val, or nothing")
    return split or ""


def _refusal(where: str, column: str, value: object, legal: str) -> InputError:
    shown = "nothing" if value is None or value == "" else repr(value)[:_MAX]
    return InputError(f"{where} has {shown} as {one_line(column)}: it must be {legal}")
