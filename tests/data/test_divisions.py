"""A column of a table that says which part a row is in."""

import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.errors import DataError

from .conftest import put

HEADER = "a,b,kind,split\n"
ROWS = "1,2,x,train\n2,3,y,Training\n2,2,x,train\n3,3,y,train\n1,3,x,val\n3,1,y,dev\n2,2,x,test\n"
SAYS = "my.csv: column 'split' says which part a row is in: 4 train, 2 val, 1 test"


def loaded(tmp_path, text, **settings):
    put(tmp_path, {"my.csv": text.encode()})
    return load(DataSection(name=str(tmp_path / "my.csv"), **settings))


def sizes(made):
    return {name: len(part) for name, part in made.parts.items()}


def test_a_column_called_split_divides_the_table(tmp_path):
    data = loaded(tmp_path, HEADER + ROWS)
    assert (data.feature_names, data.classes) == (("a", "b"), ("x", "y"))
    assert (data.x_val.tolist(), data.y_val.tolist(), data.x_test.tolist()) == ([[1, 3], [3, 1]], [0, 1], [[2, 2]])
    assert data.notes[:2] == (
        "my.csv: 'kind', the last remaining column, holds the labels; data.label names another",
        SAYS,
    )
    assert sizes(split(data, DataSection())) == {"train": 4, "validation": 2, "test": 1}


def test_a_column_that_data_division_names(tmp_path):
    data = loaded(tmp_path, (HEADER + ROWS).replace("split", "who"), division="who")
    assert (len(data.x_train), data.notes[1]) == (4, SAYS.replace("split", "who"))


def test_a_table_without_a_header_and_rows_that_are_left_out(tmp_path):
    data = loaded(tmp_path, ROWS.replace("1,2,x", ",2,x").replace("3,3,y", "3,3,"), division=-1, missing="drop")
    assert (data.x_train.tolist(), data.x_val.tolist()) == ([[2, 3], [2, 2]], [[1, 3], [3, 1]])


def test_without_a_validation_row_one_part_is_drawn(tmp_path):
    text = HEADER + ROWS.replace("val", "train").replace("dev", "train") * 4
    assert sizes(split(loaded(tmp_path, text), DataSection())) == {"train": 22, "validation": 2, "test": 4}


def test_other_columns_called_split_are_features(tmp_path):
    data = loaded(tmp_path, HEADER + ROWS.replace("rain", "op").replace("Top", "top").replace("ing", ""), label="kind")
    assert data.feature_names[2:] == ("split=dev", "split=test", "split=top", "split=val")
    assert loaded(tmp_path, HEADER + ROWS, drop=["split"]).feature_names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (
            ROWS.replace("dev", "later"),
            {},
            "line 7, column 'split', which divides the table, holds 'later'; expected train, val or test (training, "
            'valid, validation, dev and testing mean the same); data.drop = ["split"] leaves the column out',
        ),
        (
            ROWS.replace("dev", ""),
            {"division": "split"},
            "line 7, column 'split', which divides the table, is empty; expected train, val or test (training, valid, "
            "validation, dev and testing mean the same)",
        ),
        (
            ROWS,
            {"division": "spilt"},
            "data.division is an unknown column 'spilt'; did you mean 'split'? Known: a, b, kind, split",
        ),
        (
            ROWS,
            {"division": 3, "label": -1},
            "data.division and data.label both name the column 3; one says which part a row is in, the other its class",
        ),
        (
            "1,2,x,test\n2,2,y,test\n",
            {"division": 3},
            "column 'split' puts no row into the part 'train'; at least one must",
        ),
    ],
)
def test_the_words_for_what_is_wrong(tmp_path, text, settings, message):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, HEADER + text, **settings)
    assert str(caught.value) == f"{tmp_path / 'my.csv'}: {message}"


def test_settings_that_contradict_the_division(tmp_path):
    data = loaded(tmp_path, HEADER + ROWS)
    with pytest.raises(DataError, match=r"and my\.csv has its own validation part of 2 examples: take"):
        split(data, DataSection(validation={"size": 1}))
    with pytest.raises(DataError, match=r"data\.test is for data without a test part; my\.csv has one of 1 examples"):
        split(data, DataSection(test={"size": 1}))
    with pytest.raises(DataError, match=r"^data\.division is for tables \(CSV\), but digits is a named data set"):
        load(DataSection(name="digits", division="split"))


def test_a_column_beside_files_that_divide(tmp_path):
    train, rest = ROWS[: ROWS.index("1,3,x")], ROWS[ROWS.index("2,2,x,test") :]
    put(tmp_path / "set", {"train.csv": (HEADER + train).encode(), "test.csv": (HEADER + rest).encode()})
    data = load(str(tmp_path / "set"))
    assert (data.feature_names, len(data.x_train), len(data.x_test)) == (("a", "b"), 4, 1)
    assert "test.csv: column 'split' says 'test' in every row and is left out" in data.notes
    put(tmp_path / "set", {"test.csv": (HEADER + ROWS).encode()})
    with pytest.raises(DataError) as caught:
        load(str(tmp_path / "set"))
    assert str(caught.value).endswith(
        "test.csv: line 2 is of the part 'train' by its column 'split', and train.csv beside this file divides the "
        'data as well; keep one division: name this file alone, data.name = "…/test.csv", or take the column out of it'
    )
