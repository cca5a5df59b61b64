"""CSV files."""

import pytest

from handgrad.data.tables import read_table
from handgrad.errors import DataError


def csv(tmp_path, text, name="my.csv"):
    (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return tmp_path / name


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
            "line 3, column 'b' holds 'two', not a finite number; every cell but the label must be a number: "
            'data.drop = ["b"] leaves the column out, and data.label = "b" says that it holds the labels',
        ),
        (
            "1,2,0\n1,nan,1\n",
            None,
            "line 2, column 1 holds 'nan', not a finite number; every cell but the label must be a number",
        ),
        ("1,2,0\n,5,1\n", None, "line 2, column 0 is empty; every cell but the label must be a number"),
        (
            "1,x,0\n3,4,1\n",
            None,
            "line 1, column 1 holds 'x', not a finite number; every cell but the label must be a number: "
            "data.drop = [1] leaves the column out, and data.label = 1 says that it holds the labels",
        ),
        (
            "1,2,0\n3,1e39,1\n",
            None,
            "line 2, column 1 holds 1e39, beyond the largest of float32 (3.4e38); scale the column",
        ),
        ("a,y\n1,0\n2,\n", None, "line 3, column 'y' has no label; fill it in or take it out"),
        ("a,y\n", None, "has a header and no rows; expected one example a row"),
        ("", None, "is empty; expected one example a row"),
        ("1\n2\n", None, "has one column; expected numbers and a column of labels, divided by commas"),
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
