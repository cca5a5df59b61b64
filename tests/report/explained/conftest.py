"""An explanation of which nothing has run: published accuracies, and what two readings came to."""

import pytest

from handgrad.study.explain.rows import PublishedRow
from handgrad.study.explain.rung_results import Explained, RungResult, cell_key
from handgrad.study.explain.space import Alternative, Reading
from handgrad.study.published.numbers import published
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell
from handgrad.study.rules.ranked_readings import rank

READINGS = (Reading(0), Reading(1, (Alternative("loss", "half", {"training.loss": "half-squared-error"}),)))
ACCURACY = "test_accuracy"


@pytest.fixture
def explained():
    def explained(rows, *results):
        """rows: published accuracies of 1000 examples;  results: of each reading, row by row, of three seeds."""
        table = tuple(
            PublishedRow("Table 1", str(n), {ACCURACY: published(p)}, 3, {}) for n, p in enumerate(rows, start=1)
        )
        cells = {cell_key(i, ACCURACY): PublishedCell(p, scored=1000, row=table[i].key) for i, p in enumerate(rows)}
        found = {
            str(n): {cell_key(i, ACCURACY): ReadingCell((p, p + 0.001, p - 0.001), 1000) for i, p in enumerate(own)}
            for n, own in enumerate(results)
        }
        ranking = rank(cells, found, {"0": 0, "1": 1, "2": 2})
        rung = RungResult("rung 1, in full", 1.0, True, tuple(range(len(rows))), (0, 1), {}, ranking, 6)
        return Explained(READINGS, table, (rung,), finished=True)

    return explained
