"""What only runs can show: which measure a published column fits, and whether the published best is best here."""

import math
from collections.abc import Iterator
from statistics import median

from handgrad.measures import METRICS, lower_is_better
from handgrad.report.findings.wording import enumerated
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, RowEvidence, TableEvidence
from handgrad.report.reproduced.judge import interval, shown_values, word
from handgrad.report.reproduced.reproduction_verdicts import row_name
from handgrad.study.published.original_text import SaidMeasure

LEAST = 6  # rows on which measures are compared
LEVEL = 0.01


def other_measures(evidence: Evidence) -> Iterator[Finding]:
    """Published columns that another recorded measure of the same kind fits better than the one they are said to be.

    Fit is the median of |log(ours/published)| over the rows that trained as many epochs as published.  Another measure
    fits better where its median is smaller and it is nearer in more rows than chance would have it: the sign test at
    1 %, two-sided, times the number of other measures.
    """
    for table in evidence.tables if evidence.judged else ():
        for measure in table.measures:
            said = next((one.says for one in evidence.text.measured if _is_of(one, table, measure)), measure)
            rows = [row for row in table.rows if row.value(measure) and _same_epochs(row)]
            others = [other for other in METRICS if METRICS[other].measure == METRICS[said].measure and other != said]
            fits = {other: _distances(rows, measure, other) for other in (said, *others)}
            found = [_better(fits[said], fits[other], other, len(others)) for other in others]
            better = min((one for one in found if one is not None), default=None)
            if better is not None:
                theirs, p, other, nearer, n, ours = better
                yield Finding(
                    table.number,
                    f"{table.number}: what is published as {word(said)} fits {word(other)} of the runs here better: "
                    f"median |log ratio| {theirs:.3f} against {ours:.3f} over {n} rows, nearer in {nearer} (sign test, "
                    f"p = {p:.1g}).",
                    {"said": said, "fits": other, "rows": n, "nearer": nearer, "p": p, "medians": [ours, theirs]},
                )


def _is_of(one: SaidMeasure, table: TableEvidence, measure: str) -> bool:
    return one.item == table.number and table.heads.get(one.column) == measure


def _same_epochs(row: RowEvidence) -> bool:
    epochs = row.value("epochs")
    return epochs is None or epochs == row.epochs


def _distances(rows: list[RowEvidence], measure: str, other: str) -> dict[str, float]:
    """row -> |log(ours/published)| of a measure of ours beside what was published."""
    found = {}
    for row in rows:
        ours = row.samples[other].mean if other in row.samples else None
        if ours is not None and ours > 0:
            found[row.label] = abs(math.log(ours / (row.value(measure) or 1.0)))
    return found


def _better(
    said: dict[str, float], other: dict[str, float], name: str, tried: int
) -> tuple[float, float, str, int, int, float] | None:
    """(median, p, name, rows that are nearer, rows, median of what is said); None where it does not fit better."""
    rows = [row for row in said if row in other and said[row] != other[row]]
    if len(rows) < LEAST:
        return None
    nearer = sum(other[row] < said[row] for row in rows)
    p = min(1.0, tried * sign_test(nearer, len(rows)))
    ours, theirs = median(said[row] for row in rows), median(other[row] for row in rows)
    return (theirs, p, name, nearer, len(rows), ours) if theirs < ours and p < LEVEL else None


def sign_test(successes: int, n: int) -> float:
    """Two-sided p of so many successes in n at a probability of ½: 2·Σ_{i ≥ max(s, n − s)} C(n, i)/2ⁿ.

    >>> round(sign_test(17, 19), 5)
    0.00073
    """
    extreme = max(successes, n - successes)
    ways: int = sum(math.comb(n, i) for i in range(extreme, n + 1))
    return float(min(1.0, 2 * ways / 2**n))


def best_is_not_best_here(evidence: Evidence) -> Iterator[Finding]:
    """The published best of a table, where another row is better here by more than further runs would differ."""
    for table in evidence.tables if evidence.judged else ():
        measure = evidence.ranked_by(table)
        if measure is not None and table.settings:
            yield from _overtaken(table, measure)


def _overtaken(table: TableEvidence, measure: str) -> Iterator[Finding]:
    rows = [row for row in table.ranked(measure) if measure in row.samples and row.samples[measure].mean is not None]
    best = [row for row in table.best(measure) if row in rows]
    if len(rows) < 2 or not best:
        return
    sign = -1.0 if lower_is_better(measure) else 1.0
    here = sorted(rows, key=lambda row: sign * (row.samples[measure].mean or 0.0), reverse=True)
    leader, theirs = here[0], max(best, key=lambda row: sign * (row.samples[measure].mean or 0.0))
    ends = interval(theirs.samples[measure], measure, leader.samples[measure].n)
    if leader in best or ends is None or ends[0] <= (leader.samples[measure].mean or 0.0) <= ends[1]:
        return
    ours, other = (
        shown_values(row.samples[measure], measure, theirs.values[measure].scale, theirs.values[measure].digits)
        for row in (theirs, leader)
    )
    names = enumerated([row_name(row.label) for row in best])
    yield Finding(
        table.number,
        f"{table.number}: the published best by {word(measure)}, {names}, is number "
        f"{1 + here.index(theirs)} of {len(rows)} here ({ours}); {row_name(leader.label)} is better ({other}, n = "
        f"{leader.samples[measure].n}).",
        {"measure": measure, "published_best": [row.label for row in best], "best_here": leader.label},
    )
