"""Rows and whole tables tested: whether a reading explains a row of an original, and all of them together.

    p of a row      that of its worst cell times the number of its cells (Bonferroni)
    explained       p ≥ LEVEL after Holm 1979 over the rows of the reading
    p of the table  Q = Σ (z_i − √ρ_i·c)²/(1 − ρ_i) + c² of k rows, at the c that makes it least, against χ²(k)

z is the normal deviate of a row's p, with the sign of its residual; ρ the share of its variance that all rows have in
common.  Q is the squared Mahalanobis distance of z under one common factor c and errors of each row's own: rows that
are all off in the same direction are less of a surprise than rows that are off to both sides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handgrad.study.rules.likelihood import CellFit
from handgrad.study.rules.multiple_tests import holm

LEVEL = 0.01  # of the p of a row, and of a table
SMALLEST_P = 1e-12  # that a row counts as


@dataclass(frozen=True)
class RowFit:
    """A row of the original.

    p            of the first reading, of the row's worst cell times their number (Bonferroni); None: not run there
    adjusted     p after Holm over the rows of the first reading
    explained_by readings for which the adjusted p is at least LEVEL, best first
    run_by       readings that have a result for the row, best first
    """

    p: float | None
    adjusted: float | None
    explained_by: tuple[str, ...]
    run_by: tuple[str, ...]


def row_fits(readings: Mapping[str, Mapping[str, CellFit]], rows: Mapping[str, Sequence[str]]) -> dict[str, RowFit]:
    """The rows of an original, by the cells of all readings, the best first."""
    found = {name: row_p(cells, rows) for name, cells in readings.items()}
    adjusted = {name: dict(zip(of_rows, holm(list(of_rows.values())), strict=True)) for name, of_rows in found.items()}
    first = next(iter(readings), None)
    return {
        row: RowFit(
            p=found[first].get(row) if first is not None else None,
            adjusted=adjusted[first].get(row) if first is not None else None,
            explained_by=tuple(name for name, of_rows in adjusted.items() if of_rows.get(row, 0.0) >= LEVEL),
            run_by=tuple(name for name, of_rows in adjusted.items() if row in of_rows),
        )
        for row in rows
    }


def row_p(cells: Mapping[str, CellFit], rows: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """row -> the p of its worst cell, times the number of its cells; rows that were not run are left out."""
    return {row: _adjusted(of_row) for row, of_row in _by_row(cells, rows).items()}


def table_p(cells: Mapping[str, CellFit], rows: Mapping[str, Sequence[str]], common: Mapping[str, float]) -> float:
    """The p of all rows together; 1 without any.  common: the ρ of every cell, below 1.

    Rows that are each somewhat off are off together:

    >>> def fits(*residuals):
    ...     return {str(i): CellFit(-1.0, math.erfc(abs(r) / math.sqrt(2)), r, 0, 0.0) for i, r in enumerate(residuals)}
    >>> rows, half = {str(i): [str(i)] for i in range(6)}, {str(i): 0.5 for i in range(6)}
    >>> one_side, both_sides = fits(2, 2, 2, 2, 2, 2), fits(2, -2, 2, -2, 2, -2)
    >>> table_p(both_sides, rows, half) < 1e-6 < 0.05 < table_p(one_side, rows, half)
    True
    """
    from scipy.special import chdtrc, ndtri

    found = _by_row(cells, rows)
    if not found:
        return 1.0
    distance, along, weight = 0.0, 0.0, 1.0
    for of_row in found.values():
        worst = min(of_row, key=lambda key: of_row[key].p)
        rho = common.get(worst, 0.0)
        z = math.copysign(float(ndtri(1 - max(_adjusted(of_row), SMALLEST_P) / 2)), of_row[worst].residual or 0.0)
        distance += z**2 / (1 - rho)
        along += math.sqrt(rho) * z / (1 - rho)
        weight += rho / (1 - rho)
    return float(chdtrc(len(found), distance - along**2 / weight))


def _by_row(cells: Mapping[str, CellFit], rows: Mapping[str, Sequence[str]]) -> dict[str, dict[str, CellFit]]:
    found = {row: {key: cells[key] for key in keys if key in cells} for row, keys in rows.items()}
    return {row: of_row for row, of_row in found.items() if of_row}


def _adjusted(of_row: Mapping[str, CellFit]) -> float:
    return min(1.0, len(of_row) * min(fit.p for fit in of_row.values()))
