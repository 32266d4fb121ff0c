"""Tables of captions: CSV, JSON lines and Parquet."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from t2i.errors import InputError
from t2i.sources.custom.columns import Cells, Columns, clean
from t2i.sources.custom.csv_table import read_csv
from t2i.sources.custom.rows import Captions, Row, Source
from t2i.sources.custom.text_files import read_text
from t2i.terminal import one_line

PLAIN = Columns(image="image", caption="caption", others=False)
"""Columns of the table captions.*"""
_SUFFIXES = {".csv", ".tsv", ".jsonl", ".parquet"}


def find(folder: Path) -> list[Source]:
    """``captions.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` in a folder.

    One row, or one JSON object a line, is one image with one caption, or several: in columns or keys ``caption``,
    ``caption1``, ``caption2``, ..., or in a list.
    """
    return [Source(path.name, partial(read_table, path, PLAIN)) for path in tables_named("captions", folder)]


def tables_named(name: str, folder: Path) -> list[Path]:
    """The tables of a name in a folder, in any of the kinds, in upper or lower case."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p for p in paths if p.stem.lower() == name and p.suffix.lower() in _SUFFIXES and p.is_file()]


def read_table(path: Path, columns: Columns) -> Captions:
    """Read a table of a kind that its suffix says.

    Raises:
        InputError: the table, or a row of it, cannot be read; names the row.
    """
    kind = path.suffix.lower()
    description = path.name
    if kind == ".jsonl":
        cells = _json_lines(path)
    elif kind == ".parquet":
        cells = _parquet(path, columns)
    else:
        separator, cells = read_csv(path, columns)
        description += f", separated by {separator}"
    rows, seen = _rows(cells, columns, check=kind == ".jsonl")
    read = [name + f" ({count} times)" * (count > 1) for name, count in seen.items() if columns.role(name)]
    ignored = one_line(", ".join(name for name in seen if not columns.role(name)))[:200]
    description += f"; columns {', '.join(read)}" + (f" (not read: {ignored})" if ignored else "")
    return Captions(rows, description)


def _rows(cells: Iterable[tuple[str, Cells]], columns: Columns, *, check: bool) -> tuple[list[Row], dict[str, int]]:
    """Rows; name of each column -> how often a row has it. ``check``: each row has columns of its own."""
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for where, row in cells:
        names = [name for name, _ in row]
        if check:
            columns.check(where, names)
        seen |= {name: max(names.count(name), seen.get(name, 0)) for name in names}
        rows.append(columns.row(where, row))
    return rows, seen


class _Object:
    """Keys and values of a JSON object, in order, none lost."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs

    def __repr__(self) -> str:
        return "{...}"


def _json_lines(path: Path) -> Iterator[tuple[str, Cells]]:
    for number, line in enumerate(re.split("\r\n|\n|\r", read_text(path)), 1):
        if line.strip():
            where = f"line {number} of {path}"
            try:
                content = json.loads(line, object_pairs_hook=_Object, parse_constant=_refuse_constant)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{where} is no JSON ({str(error)[:100]}): correct it") from error
            if not isinstance(content, _Object):
                raise InputError(f"{where} is no JSON object, such as {{...}}: each line must be one")
            yield where, [(clean(key), value) for key, value in content.pairs]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _parquet(path: Path, columns: Columns) -> Iterator[tuple[str, Cells]]:
    try:
        from pyarrow import ArrowException  # type: ignore[import-untyped]
        from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(f'{path} needs pyarrow: pip install -e ".[parquet]"') from error
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            columns.check(path, [clean(name) for name in names])
            table = file.read([name for name in names if columns.role(clean(name))])
        found = iter(table.columns)  # those that are read, in their order: two of them may have one name
        values = [next(found).to_pylist() if columns.role(clean(name)) else [None] * table.num_rows for name in names]
    except (OSError, ValueError, NotImplementedError, ArrowException) as error:
        raise InputError(f"{path} cannot be read ({one_line(str(error))[:100]}): it must be Parquet") from error
    for i in range(table.num_rows):
        cells = [(clean(name), column[i]) for name, column in zip(names, values, strict=True)]
        yield f"row {i + 1} of {path}", cells
