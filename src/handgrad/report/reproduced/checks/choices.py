"""Rows that an original calls best or goes on with, against the numbers that it publishes itself."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from handgrad.measures import TEST, VALIDATION, is_proportion, part_of
from handgrad.report.findings.wording import enumerated
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, RowEvidence, TableEvidence
from handgrad.report.reproduced.judge import word
from handgrad.report.reproduced.reproduction_verdicts import row_name
from handgrad.study.published.original_text import SCORES

NAMED = 12  # rows that a sentence lists


def not_the_best(evidence: Evidence) -> Iterator[Finding]:
    """A row that is chosen or called best by a measure by which another row is better in print."""
    for table in evidence.tables:
        chosen = [(one.row, measure, one.where) for other, one, measure in evidence.choices() if other is table]
        first = next((show for show in table.heads.values() if show in SCORES), None)
        called = [(row.label, first, None) for row in table.rows if row.rank == "best" and first is not None]
        for label, by, where in dict.fromkeys([*chosen, *called]):
            row = table.row(label)
            if row is None or row.value(by) is None or row in table.best(by):
                continue
            best = table.best(by)
            by_others = [f"{word(m)} ({row.text(m)})" for m in table.measures if table.best(m) == [row]]
            rest = f" It is best by {enumerated(by_others)}." if by_others else ""
            names = enumerated([f"{row_name(other.label)} ({other.text(by)})" for other in best])
            yield Finding(
                table.number,
                f"{table.number}: {row_name(label)} is said to be best by {word(by)}{_at(where)} and has "
                f"{row.text(by)}; best is {names}.{rest}",
                {"row": label, "measure": by, "value": row.value(by), "best": [other.label for other in best]},
            )


def chosen_on_test(evidence: Evidence) -> Iterator[Finding]:
    """Winners that were chosen by the test set, and what validation would have chosen where it is published."""
    found = [(table, one) for table, one, measure in evidence.choices() if part_of(measure) is TEST]
    if not found:
        return
    listed = enumerated([f"{one.item} ({row_name(one.row)}{_comma(one.where)})" for _, one in found])
    others = [text for table, _ in found if (text := _by_validation(table))]
    last = " ".join(others) if others else "No validation accuracy is published."
    yield Finding(
        enumerated([table.number for table, _ in found]),
        f"Chosen on the test set: {listed}. The test numbers of what was chosen are too good for new data. {last}",
        {one.item: one.row for _, one in found},
    )


def _by_validation(table: TableEvidence) -> str:
    measure = VALIDATION.metric("accuracy")
    best = table.best(measure)
    if not best:
        return ""
    names = enumerated([f"{row_name(row.label)} ({row.text(measure)})" for row in best])
    return f"By {word(measure)} {table.number} would have given {names}."


# -- what differences mean


def within_noise(evidence: Evidence) -> Iterator[Finding]:
    """Differences between published rows that the noise of the examples, or of the seeds, makes by itself."""
    for table in evidence.tables:
        measure = evidence.ranked_by(table)
        if not (measure and is_proportion(measure)):
            measure = next((one for one in reversed(table.measures) if is_proportion(one)), None)
        if measure is not None and table.settings and len(table.rows) > 1:
            yield from _one_run(table, measure) if table.k == 1 else _several_runs(table, measure)


def _one_run(table: TableEvidence, measure: str) -> Iterator[Finding]:
    """k = 1: |a − b| ≤ 2·√(a(1 − a)/N + b(1 − b)/N), two standard errors of two binomial fractions of N examples."""
    rows = [row for row in table.ranked(measure) if row.examples(measure)]
    if not rows:
        return
    n = rows[0].examples(measure) or 0
    begin = f"{table.number}: one run of each of {len(table.rows)} rows, scored on {n:,} examples"
    a = rows[0].value(measure) or 0.0
    if len(rows) == 1:
        width = 2 * math.sqrt(2 * a * (1 - a) / n)
        text = (
            f"{begin}: at {word(measure)} {rows[0].text(measure)} differences below {100 * width:.1f} points are within"
        )
        yield Finding(table.number, f"{text} two standard errors.", {"measure": measure, "examples": n, "width": width})
        return
    near = [row for row in rows[1:] if _is_near(rows[0], row, measure, n)]
    steps = sum(_is_near(one, other, measure, n) for one, other in pairwise(rows))
    if steps:
        text = (
            f"{begin}: of the {len(rows) - 1} steps from one row to the next by {word(measure)}, {steps} "
            f"{'is' if steps == 1 else 'are'} within two"
        )
        best = f" The best, {_named(rows[0], measure)}, is not separated from {_rows(near)}." if near else ""
        yield Finding(
            table.number,
            f"{text} standard errors of a difference.{best}",
            {
                "measure": measure,
                "examples": n,
                "steps": steps,
                "of": len(rows) - 1,
                "near_best": [r.label for r in near],
            },
        )


def _is_near(one: RowEvidence, other: RowEvidence, measure: str, n: int) -> bool:
    a, b = one.value(measure) or 0.0, other.value(measure) or 0.0
    return abs(a - b) <= 2 * math.sqrt((a * (1 - a) + b * (1 - b)) / n)


def _several_runs(table: TableEvidence, measure: str) -> Iterator[Finding]:
    """k ≥ 2: Welch's t test at 5 % of the best against every other row, from the printed means and deviations."""
    rows = [row for row in table.ranked(measure) if row.values[measure].spread is not None]
    near = [row for row in rows[1:] if not differs(rows[0], row, measure, table.k, table.ddof)]
    if near:
        yield Finding(
            table.number,
            f"{table.number}: over {table.k} runs the best by {word(measure)}, {_named(rows[0], measure)}, is not "
            f"shown to differ from {_rows(near)} (Welch's t test of the printed numbers, 5 %).",
            {"measure": measure, "runs": table.k, "best": rows[0].label, "near_best": [row.label for row in near]},
        )


def differs(one: RowEvidence, other: RowEvidence, measure: str, k: int, ddof: int) -> bool:
    """Welch's t test at 5 %, of two means of k runs with the deviations that are printed.

    t = (a − b)/√(s²/k + r²/k) with s, r of ddof 1, on (s² + r²)²·(k − 1)/(s⁴ + r⁴) degrees of freedom.
    """
    from scipy.special import stdtr

    d = (one.value(measure) or 0.0) - (other.value(measure) or 0.0)
    s2, r2 = (
        ((row.values[measure].spread or 0.0) + row.values[measure].slack) ** 2 * (k - ddof) / (k - 1)
        for row in (one, other)
    )  # what is printed as 0.000 is half a unit at most
    if not s2 + r2:
        return d != 0
    freedom = (s2 + r2) ** 2 * (k - 1) / (s2 * s2 + r2 * r2)
    return bool(2 * stdtr(freedom, -abs(d) / math.sqrt((s2 + r2) / k)) < 0.05)


def _named(row: RowEvidence, measure: str) -> str:
    return f"{row_name(row.label)} ({row.text(measure)})"


def _rows(rows: Sequence[RowEvidence]) -> str:
    return enumerated([row.label for row in rows], NAMED)


def _at(where: str | None) -> str:
    return f" ({where})" if where else ""


def _comma(where: str | None) -> str:
    return f", {where}" if where else ""
