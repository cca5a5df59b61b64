"""docs/how-to: a page for each kind of thing that can be added, whose example runs and prints what the page says."""

from pathlib import Path

import pytest

from handgrad.data.catalog import DATASETS
from handgrad.study.original.figure_options import FIGURES
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.schedules import SCHEDULES
from tests.network.test_derivations import disagreements, run

FOLDER = Path(__file__).parents[1] / "docs" / "how-to"
TABLES = {
    "data-set": DATASETS,
    "figure": FIGURES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
}  # by the page about it


@pytest.fixture
def _tables_as_before():
    before = {page: dict(table) for page, table in TABLES.items()}
    yield
    for page, table in TABLES.items():
        table.clear()
        table.update(before[page])


def test_there_is_a_page_for_every_table():
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} >= set(TABLES)


@pytest.mark.parametrize("page", TABLES)
@pytest.mark.usefixtures("_tables_as_before")
def test_the_example_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(TABLES[page])
    blocks = run((FOLDER / f"{page}.md").read_text("utf-8"))
    assert [line for said, printed in blocks for line in disagreements(said, printed)] == []
    assert len(set(TABLES[page]) - before) == 1
