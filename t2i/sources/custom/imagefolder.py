"""The layout of Hugging Face's imagefolder: pictures with a table ``metadata`` beside them."""

from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from t2i.errors import InputError
from t2i.sources.custom.columns import Columns
from t2i.sources.custom.rows import Captions, Row, Source
from t2i.sources.custom.tables import read_table, tables_named

COLUMNS = Columns(image="file_name", caption="text", others=True)


def find(folder: Path) -> list[Source]:
    """``metadata.csv``, ``.jsonl`` or ``.parquet`` in a folder, or in folders of it such as ``train/``, ``data/test/``.

    ``file_name`` is a path below the folder of its table. Columns other than file_name, captions, class or label, and
    split are not read.
    """
    below = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    data = folder / "data"
    below += sorted(path for path in data.iterdir() if path.is_dir()) if data.is_dir() else []
    tables = {where: tables_named("metadata", where) for where in (folder, *below)}
    sources = [Source(path.name, partial(_read, folder, [path])) for path in tables[folder]]
    for where in below:
        if len(tables[where]) > 1:
            raise InputError(f"{where} holds {' and '.join(path.name for path in tables[where])}: keep one of them")
    nested = [path for where in below for path in tables[where]]
    if nested:
        name = ", ".join(str(path.relative_to(folder)) for path in nested[:3])
        sources.append(Source(name, partial(_read, folder, nested)))
    return sources


def _read(folder: Path, paths: list[Path]) -> Captions:
    rows: list[Row] = []
    descriptions: list[str] = []
    for path in paths:
        captions = read_table(path, COLUMNS)
        prefix = path.parent.relative_to(folder).as_posix()
        rows += [replace(row, image=str(PurePosixPath(prefix, row.image))) for row in captions.rows]
        descriptions.append(captions.description.replace(path.name, str(path.relative_to(folder)), 1))
    return Captions(rows, "; ".join(descriptions))
