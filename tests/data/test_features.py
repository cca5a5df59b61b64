"""The columns of a table beside its labels: numbers in other spellings, texts, comments and separators."""

import numpy as np
import pytest

from handgrad.data.tables import read_table
from handgrad.errors import DataError


@pytest.fixture
def table(tmp_path):
    def write(text, name="my.csv", **form):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_table(tmp_path / name, **form)

    return write


@pytest.fixture
def words(tmp_path, table):
    def refuse(text, **form):
        with pytest.raises(DataError) as caught:
            table(text, **form)
        return str(caught.value).removeprefix(f"{tmp_path / 'my.csv'}: ")

    return refuse


# -- what divides the cells


@pytest.mark.parametrize("text", ["a|b|kind\n1|2|x\n", "a b  kind\n1   2 x\n  1.0 2 x  \n", "a\tb\tkind\n1\t2\tx\n"])
def test_bars_blanks_and_tabs(table, text):
    contents = table(text)
    assert (contents.x_train[0].tolist(), contents.y_train[0], contents.feature_names) == ([1, 2], "x", ("a", "b"))


def test_quotes_where_blanks_divide(table):
    assert table('1 2 "red wine"\n3 4 white\n').y_train == ["red wine", "white"]


def test_comments_are_left_out_with_a_note(table):
    contents = table("# made by me\n# in May\na,b,kind\n1,2,x\n# a break\n\n3,4,y\n")
    assert (contents.x_train.tolist(), contents.feature_names) == ([[1, 2], [3, 4]], ("a", "b"))
    assert contents.notes[0] == "my.csv: lines 1, 2, 5 begin with # and are left out, as comments"


def test_the_last_comment_is_the_header_where_it_has_as_many_cells(table):
    contents = table("# NumPy wrote this\n# a b label\n1 2 0\n3 4 1\n")
    assert contents.feature_names == ("a", "b")
    assert contents.notes == ("my.csv: line 1 begins with # and is left out, as a comment",)


@pytest.mark.parametrize(
    ("text", "names"),
    [("#9.5,3,u\n1.5,1,v\n2,2,u\n", None), ("# a, b, class\n#9.5,3,u\n1.5,1,v\n2,2,u\n", ("a", "b"))],
)
def test_a_row_that_is_commented_out_is_no_header_and_no_example(table, text, names):
    contents = table(text)
    assert (contents.x_train.tolist(), contents.feature_names) == ([[1.5, 1], [2, 2]], names)
    assert "begins with # and is left out, as a comment" in contents.notes[0]


def test_a_row_below_that_begins_like_a_comment_is_asked_about(words):
    assert words("town,n,kind\nUlm,1,x\n#Ulm,3,u\nKiel,2,y\n") == (
        "line 3 begins with # and has as many cells as a row: is it a comment? Take the line out if it is, or the # if "
        "it is an example"
    )


def test_points_where_decimals_have_a_comma(words):
    assert words("a;kind\n1.864;x\n1,5;y\n", decimal=",") == (
        "line 2, column 'a' holds '1.864' with a point, and data.decimal = \",\" says that decimals have a comma; take "
        "points between thousands out"
    )


def test_a_cell_may_begin_like_a_comment(table):
    contents = table("no,kind\n1,a\n2,#b\n")
    assert contents.y_train == ["a", "#b"]
    assert table("tag,n,kind\n#1,1,a\n#2,2,b\n#1,3,a\n").x_train.tolist() == [[1, 0, 1], [0, 1, 2], [1, 0, 3]]


def test_lines_of_messages_are_those_of_the_file(words):
    assert words("sep=;\n# note\na;b;kind\n1;2;x\n1;;x\n").startswith("line 5, column 'b' is empty: data.missing")


# -- decimal commas


@pytest.mark.parametrize("text", ["a;b;kind\n1,5;2;x\n-0,25;3;y\n", '"1,5",2,x\n"-,25",3,y\n', "1,5 2 x\n-0,25 3 y\n"])
def test_decimal_commas_are_read_and_said(table, text):
    contents = table(text)
    assert contents.x_train.tolist() == [[1.5, 2], [-0.25, 3]]
    assert "my.csv: its numbers have a decimal comma: 1,5 is read as 1.5" in contents.notes


def test_a_comma_that_may_divide_thousands_is_asked_about(table, words):
    text = "a;kind\n1,500;x\n12,000;y\n"
    assert words(text) == (
        "line 2, column 'a' holds '1,500': is its comma that of decimals? Say data.decimal = \",\" if it is; if it "
        "divides thousands, write the numbers without it"
    )
    assert table(text, decimal=",").x_train[:, 0].tolist() == [1.5, 12]
    assert table(text + "0,125;x\n").x_train[:, 0].tolist() == [1.5, 12, 0.125]  # nothing begins with 0 thousands
    assert "with a point for decimals and nothing between thousands" in words(text, decimal=".")


def test_points_and_commas_in_one_table_are_refused(words):
    assert words("a;b;kind\n1,5;0.5;x\n") == (
        "line 2, column 'a' holds '1,5' with a comma, and other cells have a point (0.5); write all numbers in one "
        "way, with nothing between thousands"
    )


# -- texts


def test_a_column_of_texts_becomes_one_column_for_each(table):
    contents = table("age,town,kind\n30,Ulm,x\n40,Kiel,y\n50,Ulm,x\n")
    assert contents.feature_names == ("age", "town=Kiel", "town=Ulm")
    assert contents.x_train.tolist() == [[30, 0, 1], [40, 1, 0], [50, 0, 1]]
    assert contents.notes[-1] == (
        "my.csv: column 'town' holds texts ('Kiel', 'Ulm') and became 2 columns of 0 and 1, one for each; data.drop = "
        '["town"] would leave it out'
    )


def test_all_parts_have_the_columns_of_all_texts(tmp_path, table):
    test = tmp_path / "test.csv"
    test.write_text("town,kind\nBonn,x\nKiel,y\n")
    contents = table("town,kind\nUlm,x\nKiel,y\nUlm,y\n", test=test)
    assert contents.feature_names == ("town=Bonn", "town=Kiel", "town=Ulm")
    assert contents.x_test.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert "my.csv: has no 'Bonn', which the other parts hold" in contents.notes
    test.write_text("town,kind\n7,x\nKiel,y\nUlm,x\n")  # a text there as well
    assert table("town,kind\nUlm,x\nKiel,y\nUlm,y\n", test=test).feature_names[0] == "town=7"


def test_texts_in_one_part_and_numbers_in_the_other(tmp_path, table):
    test = tmp_path / "test.csv"
    test.write_text("size,kind\nbig,x\nsmall,y\nbig,y\n")
    with pytest.raises(DataError, match=r"test.csv: column 'size' holds texts \('big'\) and in my.csv numbers"):
        table("size,kind\n1,x\n2,y\n", test=test)


def test_a_table_of_texts_alone_has_a_header_only_if_its_words_stand_nowhere_else(table):
    mushrooms = "x,s,n,p\nx,y,n,e\nb,s,w,e\nx,s,n,p\nb,y,w,e\n"
    contents = table(mushrooms)
    assert (len(contents.y_train), contents.feature_names) == (5, ("0=b", "0=x", "1=s", "1=y", "2=n", "2=w"))
    assert contents.x_train[0].tolist() == [0, 1, 1, 0, 1, 0]
    assert table("cap,gill,hue,kind\n" + mushrooms).feature_names[:2] == ("cap=b", "cap=x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,kind\n" + "".join(f"Ann {k},{k % 2}\n" for k in range(30)),
            "column 'name' holds 30 different texts in 30 rows, rather names than kinds: data.drop = [\"name\"] leaves "
            'the column out, and data.label = "name" says that it holds the labels',
        ),
        (
            "a,kind\nunknown,x\n5,y\n6,x\n7,y\n",
            "line 2, column 'a' holds 'unknown', not a finite number; every cell of its column must be a number. If it "
            'means a missing one: data.missing = { texts = ["unknown"], cells = "mean" } (or "drop"); data.drop = '
            '["a"] leaves the column out, and data.label = "a" says that it holds the labels',
        ),
    ],
)
def test_columns_that_are_neither(words, text, message):
    assert words(text) == message


def test_a_first_column_of_texts_is_no_question_about_labels(table):
    rows = "".join(f"{'abc'[k % 3]},{k},{k * 10 % 70}\n" for k in range(70))
    assert table("town,n,rent\n" + rows).x_train.shape == (70, 4)


# -- missing cells


def test_missing_cells_are_nan_where_the_study_says_what_becomes_of_them(table, words):
    text = "age,town,kind\n30,Ulm,x\n,NA,y\n50,Kiel,x\n"
    assert words(text).startswith("line 3, column 'age' is empty: data.missing = \"mean\" puts")
    contents = table(text, cells="mean")
    assert contents.feature_names == ("age", "town=Kiel", "town=Ulm")
    np.testing.assert_array_equal(contents.x_train[1], [np.nan] * 3)
    assert table(text, cells="mean", missing=()).feature_names == ("age", "town=Kiel", "town=NA", "town=Ulm")
    assert "line 2, column 'age' is empty" in words("age,kind\n,x\n5,y\n", missing=("?",))


def test_rows_without_a_label_are_left_out_with_the_others(table, words):
    text = "age,kind\n30,x\n40,\n50,NA\n60,y\n"
    contents = table(text, cells="drop")
    assert (contents.x_train[:, 0].tolist(), contents.y_train) == ([30, 60], ["x", "y"])
    assert "my.csv: 2 rows have no label and are left out" in contents.notes
    assert "line 3, column 'kind' has no label" in words(text, cells="mean")


def test_a_number_may_mean_a_missing_cell(table):
    contents = table("a,b,kind\n1,2,x\n-9,3,y\n4,-9,x\n", cells="mean", missing=("-9",))
    np.testing.assert_array_equal(contents.x_train, [[1, 2], [np.nan, 3], [4, np.nan]])


def test_another_part_may_have_few_texts_many_of_them_or_none(tmp_path, table):
    train = "town,kind\n" + "".join(f"T{k % 20},{'xy'[k % 2]}\n" for k in range(80))
    (tmp_path / "test.csv").write_text("town,kind\n" + "".join(f"T{k},x\n" for k in range(15)))
    assert table(train, test=tmp_path / "test.csv").x_test.shape == (15, 20)
    (tmp_path / "test.csv").write_text("town,kind\n,x\n,y\n")
    assert np.isnan(table(train, test=tmp_path / "test.csv", cells="mean").x_test).all()


def test_one_text_in_two_spellings_of_unicode_is_one_column(table):
    contents = table("town,kind\nZ\u00fcrich,x\nZu\u0308rich,y\n Ulm,x\nUlm ,y\n")
    assert contents.feature_names == ("town=Ulm", "town=Z\u00fcrich")
    assert contents.x_train.tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]
    what = "my.csv: column 'town' holds 'Z\u00fcrich' in two spellings of Unicode, which look alike"
    assert f"{what}: they are taken for one text" in contents.notes


@pytest.mark.parametrize("day", ["01.02.2024", "1/2/24", "2024-02-01", "2024-02-01 12:30:00"])
def test_dates_are_called_dates(words, day):
    message = words("a,day,kind\n" + "".join(f"{k},{day.replace('24', str(24 + k))},{k % 2}\n" for k in range(20)))
    assert message == (
        f"line 2, column 'day' holds '{day}', which looks like a date; write dates as numbers, such as days since the "
        'first one, or leave the column out: data.drop = ["day"]'
    )


def test_a_last_column_of_nothing_is_left_out_with_a_note(table):
    contents = table("a,kind,\n1,x,\n2,y,\n")
    assert (contents.feature_names, contents.y_train) == (("a",), ["x", "y"])
    assert "my.csv: its last column has no name and no cells: it is left out" in contents.notes


def test_a_label_that_is_counted_from_the_end_is_named_in_a_note(table):
    assert "my.csv: column 'b' holds the labels: data.label = -2" in table("a,b,c\n1,x,3\n2,y,4\n", label=-2).notes
