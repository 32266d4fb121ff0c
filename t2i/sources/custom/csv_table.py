"""Tables of comma-separated values, whatever separates them; what may have been meant otherwise is refused."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from t2i.errors import InputError
from t2i.sources.custom.columns import ROW_NUMBER, Cells, Columns, clean, is_caption, is_list
from t2i.sources.custom.text_files import read_text

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_QUOTES = ('"', "'")
_QUOTING = "text with a separator or a quote in it stands in double quotes, and quotes in it are doubled"


@dataclass(frozen=True)
class Dialect:
    """How the fields of a table are written.

    Attributes:
        separator: one of `SEPARATORS`.
        quote: around fields that hold separators.
        skip_spaces: whether quotes come after a space.
    """

    separator: str
    quote: str
    skip_spaces: bool


def read_csv(path: Path, columns: Columns) -> tuple[str, Iterator[tuple[str, Cells]]]:
    """Read a table whose first row names its columns.

    Separator and quote are those that give the first row known columns. White space after separators, columns and
    fields at the end that are empty, and empty rows do not count.

    Args:
        path: the file.
        columns: known ones.

    Returns:
        Name of the separator; place and cells of each row.

    Raises:
        InputError: a row has not the fields of the first one, or may not say what it is read as; also while iterating.
    """
    text = _with_one_line_end(read_text(path))
    csv.field_size_limit(len(text) + 1)  # else a quote that is never closed is called a large field
    text = re.sub(r'^"?sep=."?(?=\n)', "", text)  # how Excel notes the separator
    readings = {dialect: _header(path, text, dialect) for dialect in _dialects(text)}
    dialect = max(readings, key=lambda d: (columns.suit(readings[d]), len(readings[d])))
    names = readings[dialect]
    if not columns.suit(names):
        next(_fields(path, text, next(_dialects(text))), None)  # a header that cannot be read says so
    columns.check(path, names)
    return SEPARATORS[dialect.separator], _rows(path, text, dialect, names, columns)


def _with_one_line_end(text: str) -> str:
    r"""Text with ``\n`` at the ends of lines, and ``\v`` for each CR or LF that ends none: its first line decides."""
    text = re.sub("\r+\n", "\n", text)
    first = re.search("[\r\n]", text)
    if first and first[0] == "\r":  # of old Macs
        return text.replace("\n", "\v").replace("\r", "\n")
    return text.replace("\r", "\v")


def _dialects(text: str) -> Iterator[Dialect]:
    for quote in _QUOTES:
        for separator in SEPARATORS:
            # A quote within quotes is doubled or the last one, so that this pattern only matches before a field.
            opening = rf"{re.escape(separator)} +{quote}(?![{quote}\n{re.escape(separator)}]|\Z)"
            yield Dialect(separator, quote, bool(re.search(opening, text)))


def _header(path: Path, text: str, dialect: Dialect) -> list[str]:
    """Names of the columns without empty ones at the end; none if they cannot be read."""
    try:
        _, fields = next(_fields(path, text, dialect), ("", []))
    except InputError:
        return []
    names = [clean(field) for field in fields]
    while names and not names[-1]:
        names.pop()
    if names and not names[0]:
        names[0] = ROW_NUMBER
    return names


def _fields(path: Path, text: str, dialect: Dialect) -> Iterator[tuple[str, list[str]]]:
    """Place and fields of each row that is not empty."""
    reader = csv.reader(
        StringIO(text, newline=""), delimiter=dialect.separator, quotechar=dialect.quote,
        skipinitialspace=dialect.skip_spaces, strict=True,
    )  # fmt: skip
    number = 0
    while True:
        line = reader.line_num + 1
        where = f"row {number} (line {line}) of {path}" if number else f"the header (line {line}) of {path}"
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            reason = "opens a quote that is never closed" if unclosed else f"cannot be read ({error})"
            raise InputError(f"{where} {reason}: {_QUOTING}") from error
        if any(field.strip() for field in fields):
            yield where, fields
            number += 1


def _rows(path: Path, text: str, dialect: Dialect, names: list[str], columns: Columns) -> Iterator[tuple[str, Cells]]:
    rows = _fields(path, text, dialect)
    _, header = next(rows)
    for where, fields in rows:
        if not len(names) <= len(fields) <= len(header) or any(field.strip() for field in fields[len(names) :]):
            number = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
            raise InputError(f"{where} has {number}, and the header {len(header)}: {_QUOTING}")
        for name, field in zip(names, fields, strict=False):
            if problem := _field_problem(name, field, dialect, is_path=columns.role(name) == "image"):
                raise InputError(f"{where}: its {name} {problem}")
        odd = [field.strip() for field in fields if field.count("'") % 2]
        if any(field.startswith("'") for field in odd[:-1]):
            raise InputError(
                f"{where} has text in single quotes with {SEPARATORS[dialect.separator]} in it: {_QUOTING}"
            )
        spaced = [field.startswith(" ") for field in fields]
        for i in range(1, len(names)):
            if is_caption(names[i - 1]) and spaced[i] and not (spaced[i - 1] or header[i].startswith(" ")):
                raise InputError(
                    f"{where} has a space before its {names[i]} {fields[i].strip()[:40]!r}, which may be the end of "
                    f"an unquoted {names[i - 1]}: {_QUOTING}; else take the space out"
                )
        yield where, list(zip(names, fields, strict=False))


def _field_problem(name: str, field: str, dialect: Dialect, *, is_path: bool) -> str | None:
    """Why a field may have been meant otherwise than it was read; continues "its <name>"."""
    if not re.search(r"[\\\n\v']", field):
        return None
    _, _, further_lines = field.strip().partition("\n")
    if dialect.separator in further_lines:
        return (
            f"has several lines with {SEPARATORS[dialect.separator]} in them, which may be rows after a quote that is "
            f"not closed ({field.strip()[:40]!r}, ...): close the quote, or write the {name} in one line"
        )
    if is_path and re.search(r"[\n\v]", field.strip()):
        return f"has a line end in it ({field.strip()[:40]!r}): write it in one line"
    escaped = rf"\\(?:[{re.escape(dialect.separator + ''.join(_QUOTES))}\s\\]|\Z)"
    if re.search(escaped, field.replace("\\\\", "/") if is_path else field) and not is_list(field):
        return (
            f"has a backslash before a separator, a quote, a space, a backslash or its end ({field[:40]!r}): double "
            "quotes instead, and take backslashes out"
        )
    if dialect.quote == '"' and re.fullmatch(r"'(?:[^']|'')*(?:''|\v)(?:[^']|'')*'", field.strip()):
        return f"stands in single quotes ({field.strip()[:40]!r}): {_QUOTING}"
    return None
