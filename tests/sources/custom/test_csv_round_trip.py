"""Made-up tables of comma-separated values, as programs write them: what is read is what was written."""

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from t2i.errors import InputError
from t2i.sources.custom.columns import NOTHING
from t2i.sources.custom.tables import PLAIN, read_table


def normalised(text: str) -> str:
    return " ".join(text.split())


def path(text: str) -> str:
    return re.sub(r"[\\/]+", "/", text.strip())


DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"), "quotechar": st.sampled_from("\"'"),
        "escapechar": st.sampled_from([None, "\\"]), "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE]),
        "doublequote": st.booleans(), "skipinitialspace": st.booleans(),
    }
)  # fmt: skip
TEXTS = st.text(st.sampled_from(list("ab \"',;|\t\n\r\\é")), max_size=8)
NAMES = st.text(st.sampled_from(list("ab \"',;|\\é")), max_size=5).map("x{}.png".format)


@settings(max_examples=500, deadline=None)
@given(DIALECTS, st.permutations(["image", "caption", "class"]), st.lists(st.tuples(NAMES, TEXTS, TEXTS), min_size=1))
def test_any_table_that_python_writes_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    dialect: dict[str, Any],
    order: list[str],
    rows: list[tuple[str, str, str]],
) -> None:
    if dialect["quotechar"] == "'":  # a line end in single quotes is not told from the end of a row
        rows = [(name, normalised(caption), normalised(of_class)) for name, caption, of_class in rows]
    if (
        dialect["quotechar"] == "'" or dialect["quoting"] == csv.QUOTE_NONE
    ):  # nobody can tell such text from quoted text
        assume(not any(text.lstrip().startswith('"') for row in rows for text in row))
    out = io.StringIO()
    try:
        writer = csv.DictWriter(out, order, **dialect)
        writer.writeheader()
        writer.writerows({"image": name, "caption": text, "class": of_class} for name, text, of_class in rows)
    except csv.Error:
        assume(False)  # needs an escapechar
    file = tmp_path_factory.getbasetemp() / "captions.csv"
    file.write_bytes(out.getvalue().encode())
    try:
        read = read_table(file, PLAIN).rows
    except InputError as error:
        assert re.match(r"(row \d+|the header) \(line \d+\) of ", str(error)) or "lacks" in str(error)
        return
    assert [(path(row.image), normalised(row.captions[0]), row.class_name) for row in read] == [
        (path(name), normalised(caption), normalised(of_class)) for name, caption, of_class in rows
    ]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(",;\t|"), st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs", "Cc"])))))
def test_tables_of_one_line_captions_come_back(
    tmp_path_factory: pytest.TempPathFactory, separator: str, rows: list[tuple[str, str]]
) -> None:
    rows = [(name.replace("\\", ""), text.replace("\\", "")) for name, text in rows if text[:1] not in " '["]
    rows = [row for row in rows if row[1].strip() not in NOTHING]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([("image", "caption"), *rows])
    file = tmp_path_factory.getbasetemp() / "captions.csv"
    file.write_bytes(out.getvalue().encode())
    read = [(row.image, *row.captions) for row in read_table(file, PLAIN).rows]
    assert read == rows
