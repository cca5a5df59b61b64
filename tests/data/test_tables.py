"""CSV files."""

import bz2
import gzip
import lzma

import numpy as np
import pytest

from handgrad.data import bounds
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load
from handgrad.data.tables import read_table
from handgrad.errors import DataError

from .conftest import zipped


def csv(tmp_path, text, name="my.csv"):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / name


MISSING = 'data.missing = "mean" puts the mean of the training part there, data.missing = "drop" leaves out such rows'


@pytest.mark.parametrize(
    "text", ["1,2,a\n3,4,b\n", "1;2;a\n3;4;b", "1\t2\ta\r\n3\t4\tb\r\n", "\ufeff 1 ,2, a \n\n3,4,b\n"]
)
def test_without_a_header(tmp_path, text):
    contents = read_table(csv(tmp_path, text))
    assert contents.x_train.tolist() == [[1, 2], [3, 4]]
    assert contents.y_train == ["a", "b"]
    assert contents.feature_names is None


@pytest.mark.parametrize(
    ("label", "x", "names"), [(None, 1, ("w", "h")), (0, 2, ("h", "kind")), ("w", 2, ("h", "kind"))]
)
def test_with_a_header(tmp_path, label, x, names):
    contents = read_table(csv(tmp_path, "w,h,kind\n1,2,3\n"), label)
    assert contents.feature_names == names
    assert contents.x_train[0, 0] == x


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("0,1,label\n5,6,0\n7,8,1\n", 2),  # names that are numbers, and one that is none
        ("5,6,cat\n7,8,dog\n", 2),  # a row whose label is text
        ("5,6,cat\n7,8,0\n", 1),
        ("a,b,0\n5,6,0\n", 1),
    ],
)
def test_what_counts_as_a_header(tmp_path, text, n):
    assert len(read_table(csv(tmp_path, text)).y_train) == n


def test_quoted_cells(tmp_path):
    contents = read_table(csv(tmp_path, '"a, b",kind\n"1","cat, dog"\n'))
    assert (contents.x_train.tolist(), contents.y_train, contents.feature_names) == ([[1]], ["cat, dog"], ("a, b",))


def test_a_second_file_is_the_test_part(tmp_path):
    train, test = csv(tmp_path, "a,b\n1,0\n2,1\n"), csv(tmp_path, "a,b\n3,1\n", "test.csv")
    contents = read_table(train, test=test)
    assert (contents.x_test.tolist(), contents.y_test) == ([[3]], ["1"])
    with pytest.raises(DataError, match=r"test\.csv: has other columns than my\.csv; both need the same ones"):
        read_table(train, test=csv(tmp_path, "c,b\n3,1\n", "test.csv"))


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("a,b,y\n1,2,0\n1,0\n", None, "line 3 has 2 cells; the first row has 3; mend the line"),
        ("1,2,0\n1,2,3,0\n", None, "line 2 has 4 cells; the first row has 3; mend the line"),
        (
            "a,b,y\n1,2,0\n1,two,1\n",
            None,
            "line 3, column 'b' holds 'two', not a finite number; every cell of its column must be a number. If it "
            'means a missing one: data.missing = { texts = ["two"], cells = "mean" } (or "drop"); data.drop = ["b"] '
            'leaves the column out, and data.label = "b" says that it holds the labels',
        ),
        (
            "1,2,0\n1,nan,1\n",
            None,
            "line 2, column 1 holds 'nan', which means a missing cell: " + MISSING + "; data.missing = [] says that it "
            "is a value",
        ),
        (
            "1,2,0\n1,inf,1\n",
            None,
            "line 2, column 1 holds 'inf', not a finite number; every cell of its column must be a number",
        ),
        ("1,2,0\n,5,1\n", None, "line 2, column 0 is empty: " + MISSING),
        (
            "1,x,0\n3,4,1\n",
            None,
            "line 1, column 1 holds 'x', not a finite number; every cell of its column must be a number. If it "
            'means a missing one: data.missing = { texts = ["x"], cells = "mean" } (or "drop"); data.drop = [1] leaves '
            "the column out, and data.label = 1 says that it holds the labels",
        ),
        (
            "1,2,0\n3,1e39,1\n",
            None,
            "line 2, column 1 holds 1e39, beyond the largest of float32 (3.4e38); scale the column",
        ),
        ("a,y\n1,0\n2,\n", None, "line 3, column 'y' has no label; fill it in or take it out"),
        ("a,y\n", None, "has a header and no rows; expected one example a row"),
        ("", None, "is empty; expected one example a row"),
        (
            "1\n2\n",
            None,
            "has one column; expected features and a column of labels, divided by commas, semicolons, tabs, bars (|) "
            "or blanks",
        ),
        ("1 1:0.5 3:2\n0 2:1\n", None, "is of the form of libsvm (label 1:0.5 4:2); call it my.libsvm"),
        (
            "width,height\n1,2\n",
            "widht",
            "data.label is an unknown column 'widht'; did you mean 'width'? Known: width, height",
        ),
        ("1,2\n3,4\n", 2, "data.label must be the number of a column, 0 to 1, or its name; got 2"),
        (b"1,2\n\xff,4\n", None, "is not UTF-8 text (byte 4); save the table as CSV in UTF-8"),
        ('a,b\n1,"2\n', None, "is not a CSV file (unexpected end of data); mend the quotes"),
    ],
)
def test_the_words_for_what_is_wrong(tmp_path, text, label, message):
    path = csv(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_table(path, label)
    assert str(caught.value) == f"{path}: {message}"


def test_lines_are_those_of_the_file(tmp_path):
    path = csv(tmp_path, '"a\nb",y\n\n1,0\nx,1\n')  # a name of two lines, an empty line
    with pytest.raises(DataError, match=r"line 5, column 'a\\nb' holds 'x'"):
        read_table(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"my\.csv: no such file"):
        read_table(tmp_path / "my.csv")


# -- numbers


def test_numbers_are_kept_as_they_are_written(tmp_path):
    seconds = [1_700_000_000 + k for k in range(60)]
    contents = read_table(csv(tmp_path, "time,label\n" + "".join(f"{t},{t % 2}\n" for t in seconds)))
    assert contents.x_train[:, 0].tolist() == seconds
    assert contents.x_train.dtype == np.float64
    assert read_table(csv(tmp_path, "a,label\n0.5,0\n255,1\n")).x_train.dtype == np.float32  # which holds them exactly


def test_whole_numbers_that_float64_rounds_are_said(tmp_path):
    text = "a,b,label\n" + "".join(f"{2**53 + k},{k},{k % 2}\n" for k in range(4))
    assert read_table(csv(tmp_path, text)).notes == (
        "my.csv: column 'a': whole numbers beyond 2^53 are rounded, as float64 does; subtract a constant before you "
        "save them",
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,label\n1_000,0\n", "line 2, column 'a' holds '1_000'"),
        ("a,label\n\u0661\u0662,0\n", "line 2, column 'a' holds '\u0661\u0662'"),
        ('a,label\n"1,000,000",0\n', "line 2, column 'a' holds '1,000,000'"),
        ("a;label\n1'000;0\n", "line 2, column 'a' holds \"1'000\""),
    ],
)
def test_numbers_that_are_written_otherwise(tmp_path, text, where):
    path = csv(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == (
        f"{path}: {where}, not a finite number; every cell of its column must be a number, with a point for decimals "
        "and nothing between thousands"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b,y\n1,000,2,0\n",
            "line 2 has 4 cells; the first row has 3; mend the line (a comma within a number divides ",
        ),
        ("a,b,y\n1,2,0\na,b,y\n1,2,1\n", "line 3 repeats the header; take the line out"),
    ],
)
def test_other_tables(tmp_path, text, message):
    with pytest.raises(DataError) as caught:
        read_table(csv(tmp_path, text))
    assert message in str(caught.value)


def test_a_comma_at_the_end_of_every_line(tmp_path):
    contents = read_table(csv(tmp_path, "a,b,label,\n1,2,0,\n3,4,1,\n"))
    assert (contents.feature_names, contents.y_train) == (("a", "b"), ["0", "1"])


# -- missing labels


@pytest.mark.parametrize("text", ["NaN", "nan", "NA", "N/A", "null", "NULL", "None", "?", "-", "#N/A", "<NA>"])
def test_a_label_that_means_none(tmp_path, text):
    path = csv(tmp_path, f"a,kind\n1,x\n2,z\n3, {text} \n4,x\n")
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == (
        f"{path}: line 4, column 'kind' has no label ({text!r} means a missing one); fill it in or take it out. If it "
        "is a class, say data.missing = [] (or which texts mean a missing label); in Python, missing=()"
    )
    assert read_table(path, missing=()).y_train == ["x", "z", text, "x"]
    with pytest.raises(DataError, match="line 3"):
        read_table(path, missing=("z",))


def test_namibia_is_a_class_where_it_is_said_to_be_one(tmp_path):
    path = csv(tmp_path, "a,country\n1,NA\n2,DE\n3,NA\n4,DE\n")
    assert load(DataSection(name=str(path), missing=[])).classes == ("DE", "NA")
    with pytest.raises(DataError, match="'NA' means a missing one"):
        load(str(path))


def test_minus_beside_plus_is_a_class(tmp_path):
    assert read_table(csv(tmp_path, "a,kind\n1,+\n2,-\n")).y_train == ["+", "-"]


# -- packed


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("my.csv.gz", gzip.compress),
        ("my.csv.bz2", bz2.compress),
        ("my.csv.xz", lzma.compress),
        ("my.csv.zip", lambda content: zipped({"train.csv": content, "__MACOSX/._train.csv": b"x"})),
    ],
)
def test_a_packed_table(tmp_path, name, pack):
    path = csv(tmp_path, pack(b"a,b,label\n1,2,0\n3,4,1\n"), name)
    assert load(str(path)).x_train.tolist() == [[1, 2], [3, 4]]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError):
        load(str(path))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"0" * (1 << 25), "holds a line of 16 million signs; it is no table, or damaged"),
        (b"\n" * (1 << 21), "holds a million empty lines; it is no table, or damaged"),
    ],
)
def test_a_table_that_would_fill_the_memory(tmp_path, content, text):
    path = csv(tmp_path, gzip.compress(content, 1), "my.csv.gz")
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == f"{path}: {text}"


def test_more_than_fits_is_refused_as_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "room_in_memory", lambda: 100_000)
    with pytest.raises(DataError, match=r"my\.csv\.gz: holds .* unpacked; at most 50000 bytes are read"):
        read_table(csv(tmp_path, gzip.compress(b"1,0\n2,1\n" * 20_000), "my.csv.gz"))


@pytest.mark.parametrize("text", ["a,b,kind,\n1,2,x\n3,4,y\n", "a,b,kind\n1,2,x\n   \n3,4,y\n\t\n"])
def test_a_comma_after_the_header_and_blank_lines_are_nothing(tmp_path, text):
    contents = read_table(csv(tmp_path, text))
    assert (contents.feature_names, contents.y_train) == (("a", "b"), ["x", "y"])


def test_a_header_that_names_one_column_less_is_told_of(tmp_path):
    with pytest.raises(DataError, match=r"line 2 has 4 cells; .* which lacks the name of a column \(R's write\.table"):
        read_table(csv(tmp_path, "a,b,kind\n1,5,6,x\n2,7,8,y\n"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04" + bytes(90), "a ZIP archive or an Excel workbook"),
        (gzip.compress(b"a,b\n1,2\n"), "packed by gzip"),
        (b"SQLite format 3\0" + bytes(90), "an SQLite database"),
        (b"PAR1" + bytes(90), "a Parquet file"),
    ],
)
def test_another_file_under_the_name_of_a_table_is_called_what_it_is(tmp_path, content, what):
    with pytest.raises(DataError, match=f"my.csv: is {what}, no text; save the table as CSV"):
        read_table(csv(tmp_path, content))


def test_what_excel_says_of_the_separator_is_obeyed(tmp_path):
    contents = read_table(csv(tmp_path, "sep=;\na;b;kind\n1;2;x\n"))
    assert (contents.x_train.tolist(), contents.y_train, contents.feature_names) == ([[1, 2]], ["x"], ("a", "b"))
    with pytest.raises(DataError, match=r"line 3 has 2 cells"):
        read_table(csv(tmp_path, "sep=:\na:b:kind\n1:2\n"))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, lambda text: zipped({"a.csv": text})])
def test_a_packed_table_is_not_unpacked_without_end(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(bounds, "ALWAYS", 1000)
    text = b"1,2,a\n3,4,b\n" * 100_000
    ending = {gzip.compress: "gz", lzma.compress: "xz"}.get(pack, "zip")
    with pytest.raises(DataError, match=r"unpack to more than .*, as those of a bomb"):
        read_table(csv(tmp_path, pack(text), f"my.csv.{ending}"))


def test_control_signs_in_names_are_refused_before_a_terminal_obeys_them(tmp_path):
    with pytest.raises(DataError, match=r"the class 'a.*31mred' holds control signs; rename it"):
        load(str(csv(tmp_path, "a,b,kind\n1,2,a\x1b[31mred\n3,4,b\n")))
    with pytest.raises(DataError, match=r"the column 'a.*31m' holds control signs; rename it"):
        load(str(csv(tmp_path, "a\x1b[31m,b,kind\n1,2,x\n3,4,y\n")))
    assert load(str(csv(tmp_path, '"height\n(cm)",b,kind\n1,2,x\n3,4,y\n'))).feature_names == ("height\n(cm)", "b")
