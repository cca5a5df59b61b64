"""A record that someone adds to a table of this room works everywhere by its name, without another change."""

import hashlib
import json
import shlex
import sys

import numpy as np
import pytest

import handgrad as hg
from handgrad import cli
from handgrad.data import catalog
from handgrad.data.catalog import File, NamedDataset
from handgrad.data.contents import Contents
from handgrad.data.data_section import DataSection, TrainPart
from handgrad.data.image_files import decode
from handgrad.data.scaling import SCALES, Scale, Scaling, fit
from handgrad.errors import DataError, InputError, UnknownName

from .conftest import picture

STUDY = """
seeds = 1
[data]
name = "rings"
scale = "robust"
[network]
hidden = 4
[training]
epochs = 2
engine = "array"
"""


def rings(_):
    """Two rings of points, one around the other."""
    turn = np.linspace(0, 20, 60)
    radius = np.where(np.arange(60) % 2, 1.0, 3.0)
    x = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    return Contents(x, np.where(radius > 2, "outer", "inner"), feature_names=("across", "up"))


def robust(x, _):
    """(x − median) / IQR of every column."""
    low, median, high = np.percentile(x, [25, 50, 75], axis=0)
    return Scaling(tuple(median.tolist()), tuple((high - low).tolist()), False, "(x − median) / IQR of each column")


@pytest.fixture
def added(monkeypatch):
    monkeypatch.setitem(catalog.DATASETS, "rings", NamedDataset("rings", "two rings of points, 60", rings))
    monkeypatch.setitem(SCALES, "robust", Scale("robust", "(x − median) / IQR", robust))


@pytest.fixture
def handgrad(capsys, monkeypatch):
    """Call the command line in this process -> (exit code, standard output, standard error)."""

    def call(line):
        monkeypatch.setattr(sys, "argv", ["handgrad", *shlex.split(line)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return call


def test_an_added_data_set_is_loaded_by_its_name(added):
    data = hg.load_data("rings")
    assert (data.name, data.shape, data.classes, len(data.y_train)) == ("rings", (2,), ("inner", "outer"), 60)
    assert (data.official, data.feature_names) == (True, ("across", "up"))
    with pytest.raises(
        DataError, match=r"^data\.label is for tables \(CSV\), but rings is a named data set; take it out$"
    ):
        hg.load_data({"name": "rings", "label": "kind"})
    with pytest.raises(
        DataError, match=r"no data set is called 'ring'.*did you mean 'rings'\? Known: .*cifar-10, rings, or"
    ):
        hg.load_data("ring")


def test_an_added_data_set_and_scale_work_in_a_study_file_and_its_report(added, handgrad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rings.toml").write_text(STUDY)
    code, _, err = handgrad("run rings.toml --jobs 1 --out results")
    assert code == 0, err
    (record,) = (json.loads(path.read_text("utf-8")) for path in tmp_path.glob("results/runs/*/record.json"))
    data = record["data"]
    assert (record["status"], data["name"], data["official"]) == ("done", "rings", True)
    assert data["scaling"] == "(x − median) / IQR of each column"
    assert data["feature_names"] == ["across", "up"]
    assert list(record["engine"]["additions"]) == ["scale 'robust'"]  # part of the run's id
    assert (tmp_path / "results" / "report" / "index.html").is_file()


def test_an_added_scale_scales_by_the_training_part(added):
    parts = hg.split(hg.load_data("rings"), {"scale": "robust"})
    low, median, high = np.percentile(parts.train.x, [25, 50, 75], axis=0)
    assert median == pytest.approx([0, 0], abs=1e-6)
    assert high - low == pytest.approx([1, 1], abs=1e-6)


def test_the_scale_of_another_table_is_unknown():
    with pytest.raises(
        InputError, match=r"data\.scale is an unknown scale 'robust': it is not there yet\. Known: unit, sym"
    ):
        hg.split(hg.load_data("digits"), {"scale": "robust"})


def test_the_command_lists_an_added_data_set(added, handgrad):
    code, out, _ = handgrad("data rings --json")
    assert (code, json.loads(out)) == (
        0,
        [
            {
                "name": "rings",
                "about": "two rings of points, 60",
                "present": True,
                "verified": True,
                "size": 0,
                "path": "",
            }
        ],
    )
    code, out, _ = handgrad("data")
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines() if "rings" in line] == [
        ["rings", "verified", "with", "Python"]
    ]


def test_the_files_of_an_added_data_set_are_fetched_verified_and_read(mirror, cache, handgrad, monkeypatch):
    content = b"0.5 0\n0.7 1\n0.1 0\n0.9 1\n"
    file = File("halves.txt", hashlib.md5(content).hexdigest(), len(content))
    mirror.files = {"halves.txt": content}

    def read(files):
        rows = np.loadtxt(files["halves.txt"])
        return Contents(rows[:, :1], rows[:, 1])

    halves = NamedDataset("halves", "4 numbers", read, ("low", "high"), (file,), (mirror.address,))
    monkeypatch.setitem(catalog.DATASETS, "halves", halves)
    with pytest.raises(DataError, match=r"^halves is not on this machine; put these files into "):
        hg.load_data("halves", fetch=False)
    code, out, err = handgrad("data halves")
    assert (code, err) == (0, f"fetching halves: halves.txt, 0.0 MB, from {mirror.address}\n")
    assert str(cache / "halves") in out.replace("\n", "")
    data = hg.load_data("halves", fetch=False)
    assert (data.classes, data.y_train.tolist(), data.official) == (("low", "high"), [0, 1, 0, 1], True)


def test_names_that_no_table_holds_are_refused_and_never_read_as_others():
    with pytest.raises(UnknownName, match=r"^unknown scale 'robust': it is not there yet\. Known: unit, symmetric"):
        fit("robust", np.eye(3), None)
    with pytest.raises(UnknownName, match=r"^unknown color 'sepia'\. Known: keep, gray, rgb$"):
        decode(picture(), "a.png", color="sepia")
    with pytest.raises(UnknownName, match=r"^unknown pick 'last'\. Known: first, random$"):
        hg.split(
            hg.load_data("digits"),
            DataSection().model_copy(update={"train": TrainPart.model_construct(size=9, pick="last")}),
        )
