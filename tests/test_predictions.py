"""predict for tables and folders: the columns of the network in any order, all predictions as CSV, one message."""

import csv
import json
import shlex
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import handgrad as hg
from handgrad import cli
from handgrad.training import record as records

PEOPLE = "id,age,town,kind\n" + "".join(
    f"{k},{20 + k if k % 5 else ''},{('Ulm', 'Kiel')[k % 2]},{'xy'[k % 2]}\n" for k in range(60)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Networks of a table with texts and missing cells, of one without a header, and of pictures."""
    folder = tmp_path_factory.mktemp("predict")
    (folder / "people.csv").write_text(PEOPLE)
    (folder / "plain.csv").write_text("".join(f"{k},{-k},{k % 2}\n" for k in range(40)))
    rows = "".join(f"{'pq'[k % 2]},{k % 5},{'xy'[k % 2]}\n" for k in range(40))
    (folder / "kinds.csv").write_text(rows)
    (folder / "coded.csv").write_text("a,b,kind\n" + "".join(f"{-9 if k % 4 else k},{k},{k % 2}\n" for k in range(40)))
    settings = {
        "kinds": {"name": str(folder / "kinds.csv")},
        "coded": {"name": str(folder / "coded.csv"), "missing": {"texts": ["-9"], "cells": "mean"}},
        "people": {"name": str(folder / "people.csv"), "missing": "mean", "drop": ["id"], "scale": "standard"},
        "plain": {"name": str(folder / "plain.csv")},
        "digits": {"name": "digits"},
    }
    training = {"epochs": 20, "optimizer": {"name": "adam", "lr": 0.05}, "engine": "array"}
    for name, data in settings.items():
        record = hg.train({"data": data, "network": {"hidden": 4}, "training": training}, seed=0)
        records.save(record, folder / name)
    return folder


@pytest.fixture
def predict(capsys, monkeypatch, folder):
    """predict … in that folder -> (exit code, standard output, standard error)."""
    monkeypatch.chdir(folder)

    def call(line):
        monkeypatch.setattr(sys, "argv", ["handgrad", "predict", *shlex.split(line)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_a_table_in_another_order_and_without_labels(predict, folder, tmp_path):
    (folder / "new.csv").write_text("town,id,age\nKiel,7,\nUlm,8,33\nNA,9,40\n")
    code, out, err = predict(f"people new.csv --to {tmp_path / 'p.csv'}")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "note: new.csv: 2 of 3 rows have a missing cell: the mean of the training part stands there",
        "note: new.csv: not needed: 'id'",
        f"{tmp_path / 'p.csv'}: 3 predictions",
    ]
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == ["7", "8", "9"]
    model = hg.Model.load(folder / "people")
    nan = np.nan
    x = np.array([[nan, 1, 0], [33, 0, 1], [40, nan, nan]])
    assert [row["class"] for row in rows] == [model.classes[k] for k in model.predict(x)]
    best = model.probabilities(x).max(axis=1)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], best, rtol=1e-5)
    frame = pd.DataFrame({"town": ["Kiel", "Ulm", None], "age": [nan, 33, 40]})
    np.testing.assert_array_equal(model.outputs(frame), model.outputs(x))


def test_the_training_table_itself(predict, folder):
    code, out, _ = predict("people people.csv --json")
    found = json.loads(out)
    assert (code, len(found), found[3]["id"], found[3]["row"]) == (0, 60, "3", 4)
    assert np.mean([one["class"] == one["kind"] for one in found]) == 1
    printed = predict("people people.csv")[1]
    assert "… and 20 more; --to predictions.csv writes all of them" in printed


def test_a_table_without_a_header(predict, folder):
    (folder / "two.csv").write_text("3,-3\n4,-4\n")
    assert predict("plain two.csv")[0] == 0
    assert [one["row"] for one in json.loads(predict("plain two.csv --json")[1])] == [1, 2]


def test_a_folder_of_pictures_in_the_order_of_their_numbers(predict, folder):
    (folder / "shots").mkdir()
    for k in (10, 9, 1):
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / f"shots/{k}.png")
    (folder / "shots/readme.txt").write_text("")
    code, out, err = predict("digits shots --json")
    assert [one["image"] for one in json.loads(out)] == ["shots/1.png", "shots/9.png", "shots/10.png"]
    assert (code, "note: shots: not read: readme.txt" in err) == (0, True)


@pytest.mark.parametrize(
    ("files", "line", "message"),
    [
        (
            {"a.csv": "age,size\n1,2\n"},
            "people a.csv",
            "has no column 'town', which the network takes; it has 'age', 'size'",
        ),
        (
            {"a.csv": "age,town\n1,Bonn\n"},
            "people a.csv",
            "column 'town' holds 'Bonn'; the network learnt 'Kiel', 'Ulm'",
        ),
        ({"a.csv": "age,town\nold,Ulm\n"}, "people a.csv", "column 'age' holds 'old'"),
        ({"a.csv": "age,age,town\n1,1,Ulm\n"}, "people a.csv", "'age' is the name of 2 columns; the network takes 1"),
        ({"a.csv": "1,2,0\n"}, "plain a.csv", "has 3 columns; the network takes 2; leave out the column of labels"),
        ({"a.csv": "1,\n"}, "plain a.csv", "line 1, column 1 is empty"),
        (
            {"a.csv": "1,2\n"},
            "digits a.csv",
            "is a table, but the network takes pictures (1, 8, 8); give picture files",
        ),
        ({"a.csv": "1,2\n"}, "plain a.csv --invert", "--invert is for pictures, but a.csv is a table; leave it out"),
        ({"a.csv": "", "b.csv": ""}, "plain a.csv b.csv", "a.csv, b.csv: one table is predicted at a time"),
        (
            {"a.csv": "", "b.png": ""},
            "plain a.csv b.png",
            "a.csv: tables and pictures are predicted by commands of their",
        ),
        ({"a.csv": "1,2\n"}, "plain a.csv --to people.csv", "people.csv: is there already and is not written over"),
        ({"a.csv": "1,2\n"}, "plain a.csv --to p.txt", "--to p.txt: predictions are written as CSV"),
        ({"empty/a.txt": ""}, "digits empty", "empty: holds no pictures ("),
    ],
)
def test_what_cannot_be(predict, folder, files, line, message):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    code, out, err = predict(line)
    assert (code, out) == (2, "")
    assert message in err.replace("\n", " ")
    assert (folder / "people.csv").read_text() == PEOPLE


def test_the_same_texts_mean_a_missing_cell_as_in_training(predict, folder):
    (folder / "new.csv").write_text("a,b\n-9,3\n,3\n")
    code, out, err = predict("coded new.csv --json")
    first, second = json.loads(out)
    assert (code, first["probability"]) == (0, second["probability"])
    assert "note: new.csv: 2 of 2 rows have a missing cell: the mean of the training part stands there" in err


def test_a_table_of_texts_without_a_header(predict, folder):
    (folder / "new.csv").write_text("q,2\np,1\n")
    found = json.loads(predict("kinds new.csv --json")[1])
    model = hg.Model.load(folder / "kinds")
    np.testing.assert_array_equal(
        [list(one["probability"].values()) for one in found],
        model.probabilities(np.array([[0, 1, 2], [1, 0, 1]])).astype(float),
    )
    (folder / "new.csv").write_text("z,2\n")
    assert "column 0 holds 'z'; the network learnt 'p', 'q'" in predict("kinds new.csv")[2]


def test_columns_that_are_called_like_ours_are_told_apart(predict, folder, tmp_path):
    (folder / "new.csv").write_text("town,age,class,z,z\nUlm,3,a,b,c\n")
    assert predict(f"people new.csv --to {tmp_path / 'p.csv'}")[0] == 0
    (row,) = csv.DictReader((tmp_path / "p.csv").read_text().splitlines())
    assert (row["class (of the table)"], row["z"], row["z.1"]) == ("a", "b", "c")
    (found,) = json.loads(predict("people new.csv --json")[1])
    assert (found["class (of the table)"], found["z.1"], found["class"]) == ("a", "c", row["class"])
