"""Columns of a table: what the first line is, where the labels stand, and which columns are left out."""

import numpy as np
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load
from handgrad.data.tables import read_table
from handgrad.errors import DataError

RNG = np.random.default_rng(0)
N = 40
NOISE = [f"{value:.3f}" for value in RNG.normal(size=N)]
CLASS = [k % 2 for k in range(N)]
DIGIT = [k % 10 for k in range(N)]
GRAY = RNG.integers(2, 250, N).tolist()


def table(tmp_path, columns, header=None, name="my.csv"):
    lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("\n".join([header] * (header is not None) + lines) + "\n")
    return tmp_path / name


@pytest.mark.parametrize("name", ["label", "Class", " TARGET ", "species", "y"])
def test_a_column_that_is_called_so_holds_the_labels(tmp_path, name):
    contents = read_table(table(tmp_path, [DIGIT, GRAY, NOISE], f"{name},a,b"))
    assert contents.y_train == [str(k) for k in DIGIT]
    assert contents.feature_names == ("a", "b")
    assert contents.notes == (f"my.csv: column {name.strip()!r} holds the labels, as its name says",)


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ("a,b,label", "label"),
        ("x,y,kind", "kind"),
        ("x,y,z", "z"),
        ("a,b,c", "c"),
        ("y,b,target", None),
        ("Class,label,a", None),
    ],
)
def test_which_column_that_is(tmp_path, header, label):
    path = table(tmp_path, [CLASS, NOISE, CLASS], header)
    if label is None:
        with pytest.raises(DataError, match=r"may hold the labels; say which, as in data\.label = "):
            read_table(path)
    else:
        assert read_table(path).label == f"column {label!r}"


def test_two_columns_that_may_hold_the_labels_are_a_question(tmp_path):
    path = table(tmp_path, [CLASS, NOISE, CLASS], "Class,a,target")
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == (
        f"{path}: 'Class', 'target' may hold the labels; say which, as in data.label = \"Class\", and leave out what "
        'is none: data.drop = ["target"]'
    )
    contents = read_table(path, "target", drop=["Class"])
    assert (contents.feature_names, contents.notes) == (("a",), ())


@pytest.mark.parametrize(
    ("columns", "header", "text"),
    [
        ([DIGIT, NOISE, GRAY], None, "Column 0 holds 0 to 9, as classes do; column 2, the last, would give"),
        (
            [DIGIT, NOISE, GRAY],
            "digit,a,b",
            "Column 'digit' holds 0 to 9, as classes do; column 'b', the last, would give",
        ),
        ([DIGIT, GRAY, [0] * N], None, "column 2, the last, would give 1 class. Say data.label = 0 or data.label = 2"),
        ([DIGIT, CLASS, CLASS, CLASS[::-1]], None, "column 3, the last, would give 2 classes. Say data.label = 0 or"),
    ],
    ids=["no header", "header", "the last pixel is always 0", "pixels of 0 and 1"],
)
def test_labels_that_seem_to_stand_in_front_are_a_question(tmp_path, columns, header, text):
    path = table(tmp_path, columns, header)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: which column holds the labels? ")
    assert text in str(caught.value)
    assert read_table(path, 0).y_train == [str(k) for k in DIGIT]
    assert len(read_table(path, -1).y_train) == N


@pytest.mark.parametrize("last", [CLASS, DIGIT, ["cat", "dog"] * 20], ids=["two", "ten", "text"])
def test_where_the_last_column_is_one_of_classes_it_is_a_note(tmp_path, last):
    contents = read_table(table(tmp_path, [DIGIT, NOISE, last]))
    assert contents.notes == ("my.csv: has no header: column 2, the last, holds the labels; data.label names another",)


@pytest.mark.parametrize(
    ("header", "n", "names"),
    [
        ("0,1,2", N, ("0", "1")),
        ("label,0,1", N, ("0", "1")),
        ("5,7,label", N, ("5", "7")),
        ("# a,b,label", N, ("a", "b")),  # np.savetxt
    ],
)
def test_a_first_line_of_numbers(tmp_path, header, n, names):
    contents = read_table(table(tmp_path, [CLASS, NOISE, CLASS], header))
    assert (len(contents.y_train), contents.feature_names) == (n, names)
    if header == "0,1,2":
        assert contents.notes[0] == "my.csv: its first line ('0', '1', '2') is taken for the names of the columns"


@pytest.mark.parametrize("header", ["1,2,3", "5,7,9", "2019,2020,kind"])
@pytest.mark.parametrize("labels", [CLASS, ["cat", "dog"] * 20], ids=["numbers", "text"])
def test_a_first_line_whose_label_is_alone_is_a_question(tmp_path, header, labels):
    last = header.rpartition(",")[2]
    if last == "kind" and labels is CLASS:
        return  # the header is told by its label
    path = table(tmp_path, [CLASS, NOISE, labels], header)
    with pytest.raises(DataError, match="is its first line a header"):
        read_table(path)
    assert len(read_table(path, last).y_train) == N
    as_example = read_table(path, 2)
    assert len(as_example.y_train) == N + 1
    assert f'data.label = "{last}" if it is a header' in as_example.notes[0]


def test_the_first_of_a_small_table_may_be_the_only_one_of_its_class(tmp_path):
    assert len(read_table(table(tmp_path, [[1, 2, 3], [4, 5, 6], ["a", "b", "c"]])).y_train) == 3


def test_the_question_of_the_label_is_asked_also_where_another_column_is_left_out(tmp_path):
    path = table(tmp_path, [DIGIT, NOISE, NOISE, np.arange(N) // 2 * 3])
    with pytest.raises(DataError, match="which column holds the labels"):
        read_table(path, drop=[1])
    assert read_table(path, drop=[0]).x_train.shape == (N, 2)


def test_a_nameless_column_of_whole_numbers_that_repeat_is_said(tmp_path):
    contents = read_table(table(tmp_path, [[*range(20), *range(20)], NOISE, CLASS], ",a,label"))
    assert contents.feature_names == ("", "a")
    assert contents.notes == (
        "my.csv: column 0 has no name and is read; if it numbers the rows, data.drop = [0] leaves it out",
    )


def test_a_label_in_text_is_no_header(tmp_path):
    assert len(read_table(table(tmp_path, [NOISE, NOISE, ["y", "n"] * 20])).y_train) == N
    named = read_table(table(tmp_path, [NOISE, NOISE, ["cat", "dog"] * 20], "0,1,label"))
    assert (len(named.y_train), set(named.y_train)) == (N, {"cat", "dog"})


@pytest.mark.parametrize("numbers", [range(N), range(1, N + 1), RNG.permutation(N), RNG.permutation(900)[:N]])
@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_an_index_of_pandas_is_left_out(tmp_path, numbers, name):
    contents = read_table(table(tmp_path, [numbers, NOISE, CLASS], f"{name},a,label"))
    assert (contents.x_train.shape, contents.feature_names) == ((N, 1), ("a",))
    assert contents.notes == (
        "my.csv: column 0 has no name and numbers the rows: it is left out, as pandas' index (index=False writes "
        "none); give it a name to keep it",
    )


def test_two_indices_of_a_table_that_was_written_twice(tmp_path):
    path = table(tmp_path, [range(N), range(N), NOISE, CLASS], "Unnamed: 0.1,Unnamed: 0,a,label")
    contents = read_table(path)
    assert contents.feature_names == ("a",)
    assert contents.notes[0].startswith("my.csv: column 0, 1 has no name and numbers the rows: it is left out")


def test_a_nameless_column_that_is_no_index_stays(tmp_path):
    contents = read_table(table(tmp_path, [NOISE, NOISE, CLASS], ",a,label"))
    assert (contents.x_train.shape, contents.notes) == ((N, 2), ())


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("Id", range(N)), ("PassengerId", RNG.permutation(900)[:N]), ("t", range(1, N + 1)), (None, range(N))],
)
def test_what_looks_like_a_number_of_the_row_is_said(tmp_path, name, numbers):
    path = table(tmp_path, [numbers, NOISE, CLASS], None if name is None else f"{name},a,label")
    called, answer = (0, "0") if name is None else (name, f'"{name}"')
    contents = read_table(path)
    assert contents.x_train.shape == (N, 2)
    assert contents.notes[-1] == (
        f"my.csv: column {called!r} differs in every row, as a number of the row does; data.drop = [{answer}] would "
        "leave it out"
    )
    assert read_table(path, drop=[called]).x_train.shape == (N, 1)
    assert "differs" not in "".join(read_table(path, drop=[called]).notes)


def test_an_ordinary_column_is_not_said(tmp_path):
    assert read_table(table(tmp_path, [RNG.permutation(900)[:N], CLASS], "pressure,label")).notes == ()


def test_columns_of_text_can_be_left_out_of_both_parts(tmp_path):
    columns, header = [["x y"] * N, NOISE, CLASS, NOISE], "Name,a,label,b"
    table(tmp_path, columns, header, "set/train.csv")
    table(tmp_path, columns, header, "set/test.csv")
    data = load(DataSection(name=str(tmp_path / "set"), drop=["Name", 3]))
    assert (data.feature_names, data.x_train.shape, data.x_test.shape) == (("a",), (N, 1), (N, 1))


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (["id"], "data.drop is an unknown column 'id'; did you mean 'Id'? Known: Id, a, b, c, d, e … (2 more)"),
        ([8], "data.drop must be the number of a column, 0 to 7, or its name; got 8"),
        (["label"], "data.drop leaves out 'label', which holds the labels; take it out of one"),
        ([0, 1, 2, 3, 4, 5, 6], "has no column left beside the labels; at least one is needed"),
    ],
)
def test_columns_that_cannot_be_left_out(tmp_path, drop, text):
    path = table(tmp_path, [*[NOISE] * 7, CLASS], "Id,a,b,c,d,e,f,label")
    with pytest.raises(DataError) as caught:
        read_table(path, drop=drop)
    assert str(caught.value) == f"{path}: {text}"


def test_a_table_without_a_header_has_numbers_only(tmp_path):
    path = table(tmp_path, [NOISE, NOISE, CLASS])
    with pytest.raises(DataError, match=r"data\.drop names 'a', but the table has no header; give its number"):
        read_table(path, drop=["a"])


def test_names_that_are_there_twice(tmp_path):
    path = table(tmp_path, [NOISE, NOISE, CLASS], "a,a,label")
    assert read_table(path).notes == ("my.csv: 'a': more than one column is called so; all are read",)
    with pytest.raises(
        DataError, match=r"data.label = 'a' is the name of 2 columns \(0, 1\); give one of these numbers"
    ):
        read_table(path, "a")


def test_of_many_unknown_columns_a_handful_is_named(tmp_path):
    path = table(tmp_path, [*[NOISE] * 30, CLASS], ",".join(f"pixel{k}" for k in range(31)))
    with pytest.raises(DataError) as caught:
        read_table(path, "label")
    assert str(caught.value).endswith("Known: pixel0, pixel1, pixel2, pixel3, pixel4, pixel5 … (25 more)")


def test_a_name_that_says_label_is_no_question_whatever_the_first_column_holds(tmp_path):
    unlikely = [(1, 5, 9)[i % 3] for i in range(N)]
    assert read_table(table(tmp_path, [DIGIT, NOISE, unlikely], "a,b,label")).y_train == [str(y) for y in unlikely]


def test_the_text_nan_is_a_class_where_the_user_says_so(tmp_path):
    kinds = [("0", "1", "NaN")[i % 3] for i in range(N)]
    path = table(tmp_path, [DIGIT, NOISE, kinds], "a,b,label")
    with pytest.raises(DataError, match=r"say data\.missing = \[\]"):
        read_table(path)
    assert load(DataSection(name=str(path), missing=[])).classes == ("0", "1", "NaN")
