"""A table that names picture files and their classes."""

import numpy as np
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load
from handgrad.errors import DataError

from .conftest import picture, put

FILES = {f"images/{name}{k}.png": picture(value=40 * k + 15) for k in range(3) for name in "ab"}
LISTED = "".join(f"{name},{name[7]}\n" for name in FILES)


def loaded(tmp_path, text, files=FILES, **settings):
    put(tmp_path, {**files, "labels.csv": text.encode()})
    return load(DataSection(name=str(tmp_path / "labels.csv"), **settings))


@pytest.mark.parametrize("text", ["file,label\n" + LISTED, LISTED, "file;label\n" + LISTED.replace(",", ";")])
def test_pictures_come_in_the_order_of_the_table(tmp_path, text):
    data = loaded(tmp_path, text)
    assert (data.classes, data.y_train.tolist(), data.value_range) == (("a", "b"), [0, 1] * 3, (0, 255))
    assert data.x_train[:, 0, 0, 0].tolist() == [15, 15, 55, 55, 95, 95]


def test_names_below_the_folder_other_columns_and_a_division(tmp_path):
    parts = ["train"] * 3 + ["val", "test", "train"]
    rows = [f"{name[7:]},me,{name[7]},{part}\n" for name, part in zip(FILES, parts, strict=True)]
    extra = {**FILES, "images/more/c.png": picture()}
    data = loaded(tmp_path, "name,who,class,split\n" + "".join(rows), extra)
    assert (data.y_train.tolist(), data.y_val.tolist(), data.y_test.tolist()) == ([0, 1, 0, 1], [1], [0])
    assert "labels.csv: not read: 'who'" in data.notes
    assert "labels.csv: does not name 1 picture of its folder: images/more/c.png" in data.notes
    undivided = "name,who,class\n" + "".join(row.rsplit(",", 1)[0] + "\n" for row in rows)
    assert len(loaded(tmp_path, undivided, label=2).y_train) == 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "f,l\nimages/a0.png,a\nimages/a9.png,b\n",
            "line 3 names the picture 'images/a9.png', and no such file lies",
        ),
        ("f,l\na0.png,a\nimages/b0.png,b\na0.png,a\n", "line 4 names 'a0.png' a second time; take one of them out"),
        (
            "f,k,l\na0.png,a,1\nb0.png,b,2\n",
            "which column holds the labels of its pictures? Say data.label; it has",
        ),
        ("f,l\na0.png,a\nb0.png,\n", "line 3 has no label; fill it in or take it out"),
        ("f,l\na0.png,a\nb0.png\n", "line 3 has 1 cells; the first row has 2; mend the line"),
    ],
)
def test_the_words_for_what_is_wrong(tmp_path, text, message):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'labels.csv'}: {message}")


def test_a_folder_of_one_class_beside_a_table_says_how_to_name_it(tmp_path):
    put(tmp_path / "set", {**FILES, "labels.csv": LISTED.encode()})
    with pytest.raises(DataError, match=r'or name a table of files and labels: data\.name = "…/labels\.csv"$'):
        load(str(tmp_path / "set"))
    with pytest.raises(DataError, match=r"data\.decimal is for tables \(CSV\), but .*labels\.csv names pictures"):
        load(DataSection(name=str(tmp_path / "set" / "labels.csv"), decimal=","))


def test_pictures_of_another_scale_in_one_part_are_refused(tmp_path):
    values = (("train", 255), ("test", 1))
    files = {f"{part}/{name}/1.png": picture(value=value) for part, value in values for name in "ab"}
    put(tmp_path, files)
    with pytest.raises(DataError, match="x_train holds 0 to 255 and x_test 0 to 1: one of them is scaled"):
        load(str(tmp_path))
    assert np.array_equal(load(DataSection(name=str(tmp_path), value_range=(0, 255))).y_test, [0, 1])
