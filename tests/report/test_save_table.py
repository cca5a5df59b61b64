"""One table of a results folder in a file, with chosen columns and rows."""

import csv
from dataclasses import replace

import pytest

from handgrad import save_table
from handgrad.errors import InputError
from handgrad.report.tables.chosen_columns import with_columns, with_rows
from handgrad.report.tables.table import Cell, Column, Row, Table
from tests.report.conftest import Invented, Outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results that tables are read from; none is written there."""
    found = tmp_path_factory.mktemp("tables") / "results"
    grid = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}}
    Invented(found, grid, lambda setting, seed: Outcome(0.8 + 0.02 * int(setting.label)), (8, 8), list("abcde"), {})
    return found


def test_columns_and_rows_come_in_the_order_asked_for(folder, tmp_path):
    path = save_table(folder, "summary", tmp_path / "new" / "a.md", columns=["test_accuracy", "setting"], rows=[4, "1"])
    lines = path.read_text().splitlines()
    assert lines[2:6] == ["| test % | setting |", "|--:|---|", lines[4], lines[5]]
    assert [line.split("|")[2].strip(" *") for line in lines[4:6]] == ["4", "1"]
    path = save_table(folder, "summary", tmp_path / "a.csv", columns=["lr", "val_accuracy"])
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["training.optimizer.lr", "val_accuracy_mean", "val_accuracy_std", "val_accuracy_n"]
    assert [row[0] for row in rows[1:]] == ["0.01", "0.01", "0.1", "0.1"]


def test_the_caption_speaks_of_the_columns_that_are_there(folder, tmp_path):
    def caption(*columns):
        return save_table(folder, "summary", tmp_path / "a.md", columns=columns).read_text().splitlines()[-1]

    whole = save_table(folder, "summary", tmp_path / "a.md").read_text()
    assert "†" in whole
    assert "Chance:" in whole
    few = caption("setting", "validation %")
    assert few.startswith("n: 3. Scored on")
    for word in ("Chance", "Difference", "Behind", "Equivalent", "†", "Intervals"):
        assert word not in few
    assert "Intervals are for the mean" in caption("setting", "n", "95 % interval")
    assert "Behind" not in caption("setting", "difference")
    assert "Chance" not in (words := caption("setting", "verdict"))
    assert "Behind: that interval" in words
    assert "Shaded (†)" in words


def test_headings_of_ones_own(folder, tmp_path):
    columns = {"setting": "Model", "hidden": "Units_h", "test %": None}
    text = save_table(folder, "summary", tmp_path / "own.tex", columns=columns, column="double").read_text()
    assert r"Model & {Units\_h} & \multicolumn{2}{c}{test \%}" in text
    assert text.count(r"\begin{table*}") == 1
    assert r"\label{tab:own}" in text
    head = save_table(folder, "summary", tmp_path / "own.csv", columns=columns).read_text().splitlines()[0]
    assert head.startswith("setting,network.hidden,test_accuracy_mean,")


def test_every_table_of_the_report_can_be_had(folder, tmp_path):
    with pytest.raises(InputError) as error:
        save_table(folder, "all", tmp_path / "a.md")
    names = str(error.value).partition("Known: ")[2].split(", ")
    assert {"summary", "runs", "times", "classes-test", "importance", "labels"} <= set(names)
    for name in names:
        assert save_table(folder, name, tmp_path / f"{name}.csv", rows=1).read_text().count("\n") == 2
    assert save_table(folder, "runs", tmp_path / "runs.csv", rows="2").read_text().count("\n") == 4  # three seeds


COLUMNS = 'columns must be a list of names such as ["setting", "n"], or a dict of names and headings'
ROWS = 'rows must be names such as ["1", "3"], or how many of the first'


@pytest.mark.parametrize(
    ("name", "file", "more", "said"),
    [
        ("summery", "a.md", {}, "unknown table 'summery'; did you mean 'summary'? Known: summary, "),
        ("summary", "a.txt", {}, "path must end in .csv, .md or .tex, which says what is written; got 'a.txt'"),
        ("summary", "a.md", {"columns": ["tset %"]}, "table summary has no column 'tset %'; did you mean 'test"),
        ("summary", "a.md", {"columns": ["x"]}, "has no column 'x'. It has: setting, lr (training.optimizer.lr), "),
        ("summary", "a.md", {"columns": "setting"}, f"{COLUMNS}; got 'setting'"),
        ("summary", "a.md", {"columns": ["lr", "training.optimizer.lr"]}, f"{COLUMNS}, each once; got lr, training"),
        ("summary", "a.md", {"columns": {"setting": 3}}, f"{COLUMNS}; got 3"),
        ("summary", "a.md", {"rows": ["9"]}, "table summary has no row '9'. It has: 1, 2, 3, 4"),
        ("summary", "a.md", {"rows": 0}, f"{ROWS}, 1 or more; got 0"),
        ("summary", "a.md", {"rows": {"1", "2"}}, f"{ROWS}; got {{"),
        ("summary", "a.md", {"rows": ["2", "3", 2]}, f"{ROWS}, each once; got 2, 3, 2"),
        ("summary", "a.tex", {"column": "both"}, "column must be single or double; got 'both'"),
        ("summary", "a.md", {"column": "single"}, "of an article, so of a table in .tex; got 'single' with .md"),
    ],
)
def test_what_cannot_be_had_is_said(name, file, more, said, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        save_table(folder, name, file, **more)
    assert said in str(error.value)
    assert not (tmp_path / file).exists()


def test_a_table_is_written_over_an_earlier_one_and_over_nothing_else(folder, tmp_path):
    for form, own in (("tex", r"\begin{table}"), ("md", "# Mine\n\n| a |"), ("csv", "setting,mine\n")):
        path = tmp_path / f"a.{form}"
        save_table(folder, "summary", path)
        save_table(folder, "summary", path, columns=["lr"])
        assert save_table(folder, "summary", path, columns=["setting"]) == path
        path.write_text(own)
        with pytest.raises(InputError, match=f"a.{form}: is there already and was not written as table summary; give"):
            save_table(folder, "summary", path)
        assert path.read_text() == own
    with pytest.raises(InputError, match="cannot be written: File exists; choose another path"):
        save_table(folder, "summary", path / "b.csv")


def test_a_name_of_several_columns_is_asked_back():
    one = Table("t", "T", "", (Column("a", ("x.lr",)), Column("b", ("y.lr",))), (Row((Cell("1"), Cell("2"))),))
    with pytest.raises(InputError, match=r"several columns 'lr': a \(x.lr\), b \(y.lr\); say which"):
        with_columns(one, ["lr"])
    assert with_columns(one, ["y.lr"]).rows[0].cells == (Cell("2"),)
    assert with_columns(one, iter("ba")).rows[0].cells == (Cell("2"), Cell("1"))
    twice = replace(one, rows=one.rows * 2)
    assert with_rows(twice, 1) == one
    assert with_rows(twice, "1") == twice
