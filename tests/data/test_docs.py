"""What docs/data.md shows works as shown."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from handgrad.data.catalog import DATASETS
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.data.scaling import SCALES

from .conftest import picture, put

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
TABLES = [tomllib.loads(text)["data"] for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table["name"])
def test_tables_of_the_page_are_sections(table):
    section, problems = DataSection.read(table)
    assert problems == []
    assert section.name == table["name"]


def test_the_forms_of_the_page_load(tmp_path):
    np.savez(tmp_path / "shapes.npz", x=np.eye(10), y=np.arange(10) % 2)
    rows = "".join(f'{k},"Mr, {k}",A{k},{20 + k},{k % 2}\n' for k in range(10))
    leaves = {f"leaves/{part}/{kind}/1.png": picture() for part in ("train", "test") for kind in ("oak", "elm")}
    put(tmp_path, {"titanic.csv": f"PassengerId,Name,Ticket,Age,Survived\n{rows}".encode(), **leaves})
    shapes = {}
    for table in TABLES[:3]:
        data = load(DataSection(**table), folder=tmp_path)
        split(data, DataSection(**{**table, "validation": {"size": 1}}))
        shapes[table["name"]] = data.shape
    assert shapes == {"shapes.npz": (10,), "titanic.csv": (1,), "leaves": (1, 32, 32)}


def test_the_python_of_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    shape, total = re.fullmatch(r"(\(.*?\)) (\[.*\])\n", capsys.readouterr().out).groups()
    assert shape == "(38, 4)"  # 60 − 12 of test − 10 of validation
    assert sum(map(int, re.findall(r"\d+", total))) == 60


def test_every_scale_is_on_the_page():
    assert all(f"| `{name}`" in PAGE for name in SCALES)


def test_every_named_data_set_is_on_the_page():
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.split("## Your own data")[0], re.MULTILINE) == list(DATASETS)
