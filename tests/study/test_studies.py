"""The ready-made studies, tiny and on stand-ins for their data: every table and figure comes out with numbers."""

import csv
import itertools
import math
import struct

import numpy as np
import pytest
from sklearn.datasets import load_digits

from handgrad.report import build
from handgrad.report.chapters.chapters import chapters
from handgrad.study import Plan, load_study, ready_made, run_study
from handgrad.study.published.items import Figure

# What makes each of them tiny: laid over its own [quick] table.
FEW = ["data.train.size=200", "training.epochs=1"]
TINY = {
    "eee443": [*FEW, 'phase."validation".set.data.validation.size=60'],
    "eee543": [*FEW, "data.validation.size=60"],
    "earin": [*FEW[:1], "data.validation.size=60", 'phase."search".random.runs=4'],
    "project3": [
        "data.validation.size=60",
        *(
            f'bundle.network."{network}, {which}".{change}'
            for network in ("MLP", "CNN")
            for which, size in (("batch 256", 120), ("2,000 images", 100), ("50,000 images", 120))
            for change in (f"data.train.size={size}", "training.epochs=1")
        ),
    ],
    "fashion": [
        *FEW,
        'phase."validation".set.data.validation.size=60',
        'phase."cross-entropy".set.data.validation.size=60',
        'phase."wished for".variant."CNN".training.epochs=1',
    ],
    "cifar": [*FEW, "data.validation.size=60", 'phase."one factor".one_factor.training.epochs=[2, 3]'],
}


def idx(values):
    """The bytes of an IDX file."""
    values = np.asarray(values, np.uint8)
    return struct.pack(f">{1 + values.ndim}I", 0x00000800 + values.ndim, *values.shape) + values.tobytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder for HANDGRAD_DATA: 8 x 8 digits made larger, in the layouts of MNIST, Fashion-MNIST and CIFAR-10."""
    folder = tmp_path_factory.mktemp("data")
    digits = load_digits()
    x, y = (digits.images * 15.9).astype(np.uint8), digits.target.astype(np.uint8)
    large = np.pad(np.kron(x, np.ones((1, 3, 3), np.uint8)), ((0, 0), (2, 2), (2, 2)))  # (n, 28, 28)
    for name in ("mnist", "fashion-mnist"):
        (folder / name).mkdir()
        for part, rows in (("train", slice(0, 600)), ("t10k", slice(600, 760))):
            (folder / name / f"{part}-images-idx3-ubyte").write_bytes(idx(large[rows]))
            (folder / name / f"{part}-labels-idx1-ubyte").write_bytes(idx(y[rows]))
    colour = np.repeat(np.kron(x, np.ones((1, 4, 4), np.uint8)).reshape(len(x), -1), 3, axis=0).reshape(len(x), -1)
    records = np.concatenate([y[:, None], colour], axis=1)  # a label, then the planes of red, green and blue
    batches = folder / "cifar-10" / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    (batches / "data_batch_1.bin").write_bytes(records[:600].tobytes())
    (batches / "test_batch.bin").write_bytes(records[600:760].tobytes())
    return folder


def reproductions():
    return [name for name in ready_made() if load_study(name).spec.original is not None]


def test_every_ready_made_study_that_reproduces_something_is_tried_here():
    assert reproductions() == sorted(TINY)


def numbers(path):
    """How many finite numbers a CSV file holds below its head."""
    with path.open(encoding="utf-8", newline="") as file:
        cells = [cell for row in list(csv.reader(file))[1:] for cell in row]
    return sum(_finite(cell) for cell in cells)


def _finite(cell):
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


@pytest.mark.parametrize("name", sorted(TINY))
def test_every_table_and_figure_of_the_original_holds_numbers(name, data, tmp_path, monkeypatch):
    monkeypatch.setenv("HANDGRAD_DATA", str(data))
    # What was studied, and the original; the other chapters are tested in tests/report.
    monkeypatch.setattr(build, "chapters", lambda *sources: itertools.islice(chapters(*sources), 2))
    study = load_study(name, TINY[name], quick=True)
    results = run_study(study, tmp_path / "results", jobs=1)
    assert results.state == "done"
    report = build.build_report(results.folder, formats=["svg"]).parent
    empty = []
    for item in study.spec.original.items:
        made = [report / "tables" / f"{item.file}.csv"]
        if isinstance(item, Figure):
            made = [report / "figures" / f"{item.file}.{ending}" for ending in ("csv", "svg")]
            made += [report / "tables" / f"{item.file}-numbers.csv"] if item.published else []
        empty += [str(path) for path in made if not path.exists()]
        empty += [str(path) for path in made if path.suffix == ".csv" and path.exists() and not numbers(path)]
    assert empty == []
    assert "No figure:" not in (report / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(TINY))
def test_the_full_study_can_be_planned(name, data, monkeypatch):
    """Every setting, row and reference fits, at the size of the original but for the parts of the data."""
    monkeypatch.setenv("HANDGRAD_DATA", str(data))
    plan = Plan(load_study(name, TINY[name]))
    assert plan.run_count >= len(plan.study.spec.seeds)
