"""Means and deviations over seeds that hide collapsed ones: solved for what the seeds were.

Of k seeds j score c, about what predicting one class scores, and the others g: the mean is m = ((k − j)g + jc)/k and
the deviation (ddof 0) s = √(j(k − j))/k · (g − c), so that g = m + jD/k and c = m − (k − j)D/k with D = sk/√(j(k − j)).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.measures import is_proportion, part_of
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, RowEvidence, TableEvidence
from handgrad.report.reproduced.judge import word
from handgrad.report.reproduced.reproduction_verdicts import GAP, row_name

NEAR = 0.01  # how far the seeds that are lost may be from predicting one class, as they need not be equal


@dataclass(frozen=True)
class Hidden:
    """j of k seeds at c, the others at g."""

    j: int
    c: float
    g: float


def solve(mean: float, std: float, k: int, ddof: int, shares: tuple[float, float], slack: float = 0.0) -> list[Hidden]:
    """Every j whose c is about what predicting one class scores, and whose g is ten points above it and possible.

    >>> [(one.j, round(one.c, 3), round(one.g, 3)) for one in solve(0.627, 0.371, 3, 0, (0.089, 0.114))]
    [(1, 0.102, 0.889)]
    """
    s = std * math.sqrt((k - ddof) / k)
    found = []
    for j in range(1, k):
        D = s * k / math.sqrt(j * (k - j))
        c, g = mean - (k - j) * D / k, mean + j * D / k
        near = shares[0] - NEAR - slack <= c <= shares[1] + NEAR + slack
        if near and D >= GAP and g <= 1 + slack:
            found.append(Hidden(j, c, g))
    return found


def hidden_collapses(evidence: Evidence) -> Iterator[Finding]:
    """Rows in which every accuracy is that of some good and some lost seeds, or of lost seeds alone."""
    for table in evidence.tables:
        for row in table.rows:
            measures = [
                m for m in table.measures if is_proportion(m) and m in row.values and row.values[m].spread is not None
            ]
            if table.k < 2 or not measures:
                continue
            if all(_all_lost(evidence, table, row, measure) for measure in measures):
                yield _lost(evidence, table, row, measures[-1])
                continue
            solved = [_solved(evidence, table, row, measure) for measure in measures]
            js = set.intersection(*({one.j for one in found} for found in solved))
            if js:
                yield _mixed(table, row, measures[-1], next(one for one in solved[-1] if one.j == min(js)))


def _solved(evidence: Evidence, table: TableEvidence, row: RowEvidence, measure: str) -> list[Hidden]:
    one, shares = row.values[measure], _shares(evidence, measure)
    if one.value is None or one.spread is None or shares is None:
        return []
    return solve(one.value, one.spread, table.k, table.ddof, shares, one.slack)


def _shares(evidence: Evidence, measure: str) -> tuple[float, float] | None:
    part = part_of(measure)
    return evidence.shares(part.name) if part is not None else None


def _all_lost(evidence: Evidence, table: TableEvidence, row: RowEvidence, measure: str) -> bool:
    """Whether numbers between the smallest and the largest share of a class can have this mean and deviation.

    Numbers in [p, q] with mean m deviate by √((m − p)(q − m)) at most (Bhatia & Davis 2000).
    """
    one, shares = row.values[measure], _shares(evidence, measure)
    if one.value is None or one.spread is None or shares is None:
        return False
    low, high = shares
    means = [min(max(one.value + step * one.slack, low), high) for step in (-1, 0, 1)]
    largest = max(math.sqrt((m - low) * (high - m)) for m in means)
    spread = (one.spread - one.slack) * math.sqrt((table.k - table.ddof) / table.k)
    return low - one.slack <= one.value <= high + one.slack and spread <= largest


def _begin(table: TableEvidence, row: RowEvidence, measure: str) -> str:
    return f"{table.number}, {row_name(row.label)}: {word(measure)} {row.text(measure)} over {table.k} seeds"


def _mixed(table: TableEvidence, row: RowEvidence, measure: str, one: Hidden) -> Finding:
    rest = table.k - one.j
    digits = row.values[measure].digits
    scale = row.values[measure].scale
    g, c = f"{one.g / scale:.{digits}f}", f"{one.c / scale:.{digits}f}"
    return Finding(
        table.number,
        f"{_begin(table, row, measure)} fits {rest} at {g} and {one.j} at {c}, which is about what predicting a single "
        f"class scores; the mean and the deviation hide {'a collapsed seed' if one.j == 1 else 'collapsed seeds'}.",
        {"row": row.label, "measure": measure, "collapsed": one.j, "seeds": table.k, "at": one.c, "others": one.g},
    )


def _lost(evidence: Evidence, table: TableEvidence, row: RowEvidence, measure: str) -> Finding:
    low, high = _shares(evidence, measure) or (0.0, 0.0)
    return Finding(
        table.number,
        f"{_begin(table, row, measure)} fits {table.k} networks that predict a single class each ({low:.3f} to "
        f"{high:.3f}); the mean and the deviation hide collapsed seeds.",
        {"row": row.label, "measure": measure, "collapsed": table.k, "seeds": table.k},
    )
