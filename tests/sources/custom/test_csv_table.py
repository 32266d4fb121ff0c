"""Tables of comma-separated values: read as they were meant, or refused by row."""

import csv
import io
import logging
import re
from pathlib import Path

import pytest

from t2i.errors import InputError
from tests.sources.custom.own_data import captions, classes, pictures

HEADER = "image,caption\n"
ROW = "row 1 (line 2) of captions.csv"
QUOTING = "text with a separator or a quote in it stands in double quotes, and quotes in it are doubled"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path, "a.png", "b.png", "img/0.png")


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "captions.csv").write_bytes(text.encode(encoding))
    return folder


def refused(folder: Path, text: str, encoding: str = "utf-8") -> str:
    with pytest.raises(InputError) as caught:
        captions(table(folder, text, encoding))
    message = str(caught.value)
    assert message.isprintable() and len(message) < 400
    return message.replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "a.png,a blue bird, with black wings\n", ROW + f" has 3 fields, and the header 2: {QUOTING}"),
        (HEADER + "b.png,x\n\na.png,x,y\n", "row 2 (line 4) of captions.csv has 3 fields, and the header 2"),
        (HEADER + "b.png,x\na.png\n", "row 2 (line 3) of captions.csv has 1 field, and the header 2"),
        (HEADER + "a.png,a bird,\n", ROW + " has 3 fields, and the header 2"),
        ("image,caption,\na.png,a bird, with wings\n", ROW + " has 3 fields, and the header 3"),
        ("image,caption,class,split\na.png,a red bird\n", ROW + " has 2 fields, and the header 4"),
        ("image;caption\na.png,a bird\n", ROW + " has 1 field, and the header 2"),
        ("image\tcaption\na.png\ta bird\twith wings\n", ROW + " has 3 fields, and the header 2"),
        (HEADER + "a.png,a blue\nbird with wings\n", "row 2 (line 3) of captions.csv has 1 field, and the header 2"),
    ],
)  # fmt: skip
def test_rows_that_have_not_the_fields_of_the_header_are_refused(folder: Path, text: str, message: str) -> None:
    assert message in refused(folder, text)


@pytest.mark.parametrize(
    "text",
    [
        "image,caption,class\nb.png,a red bird,finch\na.png,a blue bird, with black wings\n",
        "image,caption,split\nb.png,a red bird,train\na.png,a blue bird, with black wings\n",
        "image,caption,caption\nb.png,a red bird,small\na.png,a blue bird, with black wings\n",
        "caption,class,image\na red bird,x,b.png\na blue bird, with black wings,a.png\n",
    ],
)
def test_the_end_of_an_unquoted_caption_is_not_taken_for_the_next_column(folder: Path, text: str) -> None:
    message = refused(folder, text)
    assert re.match(
        r"row 2 \(line 3\) of captions.csv has a space before its (class|split|caption) 'with black", message
    )
    assert message.endswith(f"which may be the end of an unquoted caption: {QUOTING}; else take the space out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a.png,"a bird\nb.png,a red bird\n', ROW + f" opens a quote that is never closed: {QUOTING}"),
        ('b.png,x\na.png,"a bird\n', "row 2 (line 3) of captions.csv opens a quote that is never closed"),
        ('"a.png,a bird\nb.png,a red bird\n', ROW + " opens a quote that is never closed"),
        ('b.png,x\n"a.png,a bird\n"b.png",y\n', "row 2 (line 3) of captions.csv cannot be read (',' expected"),
        ('a.png,"a bird\nb.png,"quoted"\n', ROW + " cannot be read"),
        ('a.png,"a" bird\n', ROW + " cannot be read (',' expected after '\"')"),
        ('a.png,"a bird\nb.png,big"\n', ROW + ": its caption has several lines with commas"),
        ('a.png,"a bird\nb.png,one\nb.png,"\n', "has several lines with commas in them"),
        ('a.png,"a bird,\nred, with wings"\n', "close the quote, or write the caption in one line"),
        ('"a.png\nb.png",x\n', ROW + ": its image has a line end in it"),
        ("a.png,'it''s red'\n", ROW + ": its caption stands in single quotes"),
        ('a.png,a "big\\" bird\n', ROW + ": its caption has a backslash before a separator"),
        ("a.png,a red\\\nb.png,x\n", ROW + ": its caption has a backslash"),
        ("a.png,a\0b\n", "captions.csv holds NUL characters (line 2), as pictures do and UTF-16 without"),
        (f"a.png,{'x' * 2_000_000}\n", ROW + " has a caption of 2,000,000 characters; legal are 10,000"),
        ('a.png,"x\n' + "a.png,a bird\n" * 100_000, ROW + " opens a quote that is never closed"),
        ("b.png,x\na.png,NA\n", "row 2 (line 3) of captions.csv has 'NA' as caption, which programs write where"),
        (f"a.png,{'x' * 10_001}\n", ROW + " has a caption of 10,001 characters; legal are 10,000"),
    ],
)  # fmt: skip
def test_quotes_that_may_swallow_rows_are_refused(folder: Path, text: str, message: str) -> None:
    assert message in refused(folder, HEADER + text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "captions.csv lacks image, caption (it has nothing); legal are image, caption and optionally"),
        ("\n\n", "captions.csv lacks image, caption (it has nothing)"),
        ("picture,caption\na,b\n", "captions.csv lacks image (it has picture, caption); legal are"),
        ("image/caption\na/b\n", "captions.csv lacks image, caption (it has image/caption)"),
        ("a.png,a bird\n", "captions.csv lacks image, caption (it has a.png, a bird)"),
        ("image,caption,colour\na,b,c\n", "captions.csv has colour; legal are image, caption and optionally class"),
        ("image,caption,clas\na,b,c\n", "captions.csv has clas; legal are"),
        ("image,image,caption\na,b,c\n", "captions.csv has the columns image and image, of which one is legal"),
        ("image,caption,class,class\na,b,c,c\n", "captions.csv has the columns class and class, of which one is legal"),
        ("image,caption,class,label\na,b,c,c\n", "captions.csv has the columns class and label, of which one is legal"),
        ("image,caption,split,Split\na,b,c,c\n", "captions.csv has the columns split and split, of which one is legal"),
        ("image,,caption\na.png,0,b\n", "captions.csv has a column without a name, number 2; legal are"),
        ('image,"caption\na.png,x\n', "the header (line 1) of captions.csv opens a quote that is never closed"),
        (HEADER, "captions.csv lists no images: give it some"),
        (HEADER + ",a bird\n", ROW + " has nothing as image: it must be the path of an image"),
        ("PK\3\4 ...", "captions.csv is an Excel workbook or another zip archive, no text: save it as CSV UTF-8"),
    ],
)  # fmt: skip
def test_headers_are_checked(folder: Path, text: str, message: str) -> None:
    assert message in refused(folder, text)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le", "utf-16-be", "cp1252", "shift-jis"])
def test_other_encodings_are_refused_by_line(folder: Path, encoding: str) -> None:
    text = HEADER + ("a.png,ein blauer Vogel\nb.png,größer\n" if encoding != "shift-jis" else "b.png,x\na.png,青い鳥\n")
    message = refused(folder, text, encoding)
    assert re.match(r"captions.csv is not text in UTF-8 \(byte 0x.. in line [23]\): save it as UTF-8$", message)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_line_ends_and_encodings_are_recognised(
    folder: Path, separator: str, end: str, encoding: str
) -> None:
    rows = [["image", "caption"], ["a.png", "größer, ja; oder |"], ["b.png", 'ein "Vogel" (14")']]
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end).writerows(rows)
    assert captions(table(folder, out.getvalue(), encoding)) == {name: [text] for name, text in rows[1:]}


def test_the_mark_of_another_byte_order_is_read(folder: Path) -> None:
    assert captions(table(folder, "\ufeffimage\tcaption\r\na.png\tgrün\r\n", "utf-16-be")) == {"a.png": ["grün"]}


@pytest.mark.parametrize(
    "text",
    [
        "image, caption\na.png, a bird\n", "image ,caption \na.png ,a bird \n", 'image, caption\na.png, "a bird"\n',
        '"image","caption"\n"a.png","a bird"\n', 'image,caption\n"a.png",a bird',
        "'image','caption'\n'a.png','a bird'\n",
        "image,caption,\na.png,a bird,\n", "image,caption,,\na.png,a bird,,\n", "image,caption,\na.png,a bird\n",
        "image,caption\n\n\na.png,a bird\n,\n\n", "caption,image\na bird,a.png\n", "Image,Caption\na.png,a bird\n",
        "sep=;\nimage;caption\na.png;a bird\n", '"sep=;"\nimage;caption\na.png;a bird\n', "image,text\na.png,a bird\n",
        "image,caption\na.png,a\rbird\n", "image,caption\r\na.png,a\rbird\r\n", 'image,caption\na.png,"a\r\nbird"\n',
        'image,caption\na.png,"a\nbird"\n', "image,caption\ra.png,a bird\r", 'image,caption\ra.png,"a\nbird"\r',
        ",image,caption\n0,a.png,a bird\n", '"","image","caption"\n"1","a.png","a bird"\n',
        "Unnamed: 0;image;caption\n0;a.png;a bird\n", '"",image,caption\n1,a.png,"a bird"\n',
        "image,caption\n./a.png,a bird\n", "image,caption\na.png,\ta  bird\x0b\n", "image,Sentences\na.png,a bird\n",
    ],
)  # fmt: skip
def test_what_is_meant_is_read(folder: Path, text: str) -> None:
    assert captions(table(folder, text)) == {"a.png": ["a bird"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image,caption,caption,caption\na.png,x,y,z\n", ["x", "y", "z"]),
        ("image,caption,caption.1\na.png,x,y\n", ["x", "y"]), ("image,caption1,caption2\na.png,x,y\n", ["x", "y"]),
        ("image,caption 1,Caption_2\na.png,x,\n", ["x"]),
        ("caption,image,caption\nx,a.png,y\n", ["x", "y"]), ('image,captions\na.png,"[""x"", ""y""]"\n', ["x", "y"]),
        ("image,captions\na.png,\"['x', \"\"it's\"\"]\"\n", ["x", "it's"]),
        ('image,captions\na.png,"[""x"", ""a \\""big\\"" y""]"\n', ["x", 'a "big" y']),
        ("image,captions\na.png,\"['x', 'y']\"\n", ["x", "y"]), ("image,captions\na.png,x\n", ["x"]),
        ("image,captions\na.png,\"['x' 'y']\"\n", None), ("image,captions\na.png,\"['x'\n 'y']\"\n", None),
        ("image,caption\na.png,\"['x', 'y']\"\n", None), ("image,captions\na.png,\"['x', 'y'\"\n", ["['x', 'y'"]),
        ("image,caption\na.png,[red] bird [1]\n", ["[red] bird [1]"]),
        ("image,captions\na.png,\"['x', 1, 'y']\"\n", None),
    ],
)  # fmt: skip
def test_several_captions_of_an_image(folder: Path, text: str, expected: list[str] | None) -> None:
    if expected:
        assert captions(table(folder, text)) == {"a.png": expected}
    else:
        assert refused(folder, text).startswith(ROW)


def test_a_list_says_how_it_can_be_read(folder: Path) -> None:
    message = refused(folder, "image,caption\na.png,\"['x', 'y']\"\n")
    assert message.endswith(
        "has a list as caption, which cannot be read: name the column captions if it holds JSON lists of captions, or "
        "give each caption a row of its own"
    )


def test_text_that_looks_odd_and_is_meant_is_read(folder: Path) -> None:
    odd = [
        "'tis a bird", "the birds'", "'red'", 'a 12" bird', "''quoted''", "C:\\birds", "a/b | c", "'tis Bob's birds'"
    ]  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["image", "caption"], *(["a.png", text] for text in odd)])
    assert captions(table(folder, out.getvalue())) == {"a.png": odd}


def test_classes_are_text(folder: Path) -> None:
    assert classes(table(folder, "image,caption,class\na.png,x,0\nb.png,x,\nimg/0.png,x,a  b \n")) == {
        "a.png": "0", "b.png": "b.png", "img/0.png": "a b",
    }  # fmt: skip


def test_normal_forms_of_a_class_are_one(folder: Path) -> None:
    found = classes(table(folder, "image,caption,class\na.png,x,Mo\u0308we\nb.png,x,M\u00f6we\n"))
    assert found == {"a.png": "M\u00f6we", "b.png": "M\u00f6we"}


def test_spellings_of_a_name_are_one_image(folder: Path) -> None:
    names = ["img/0.png", "./img/0.png", "img//0.png", "img\\0.png", " img/0.png", "img/0.png ", "img/./0.png"]
    rows = "".join(f'"{name}",{i}\n' for i, name in enumerate(names))
    assert captions(table(folder, HEADER + rows)) == {"img/0.png": [str(i) for i in range(len(names))]}


def test_what_was_read_is_printed(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "t2i")
    text = "image;caption;caption;class\na.png;x;y;finch\nb.png;x;;crow\nb.png;y;;\n./b.png;z;;\n"
    assert len(captions(table(folder, text))) == 2
    assert caplog.messages == [
        f"{folder}: captions.csv, separated by semicolons; columns image, caption (2 times), class; 4 rows, 2 images, "
        "captions an image: 2 to 3, 2.5 on average; 2 classes"
    ]
