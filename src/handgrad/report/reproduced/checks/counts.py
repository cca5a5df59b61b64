"""Counts that do not add up: examples of classes against their sums and the data set, rows of a confusion matrix."""

from collections.abc import Iterator, Mapping, Sequence

from handgrad.measures import PARTS, TEST, VALIDATION
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, part_names
from handgrad.study.published.numbers import decimals
from handgrad.study.published.published_tables import CountRow, LabelsTable


def sum_problems(item: LabelsTable, n_classes: int) -> list[str]:
    """Where published counts contradict their own sums; a column is added up where every class has a number."""
    found = []
    classes = [row for row in item.rows if row.label != "sum"]
    total = next((row for row in item.rows if row.label == "sum"), None)
    for part in (*PARTS, "held_out", "total"):
        given = [count for row in classes if (count := getattr(row, part)) is not None]
        printed = getattr(total, part) if total else None
        if printed is not None and len(given) == n_classes and sum(given) != printed:
            found.append(f"the column {part} adds up to {sum(given):,}, not to {printed:,}")
    for row in item.rows:
        parts = [count for part in PARTS if (count := getattr(row, part)) is not None]
        if row.total is not None and len(parts) == len(PARTS) and sum(parts) != row.total:
            what = "the row of sums adds" if row.label == "sum" else f"class {row.label} adds"
            found.append(f"{what} up to {sum(parts):,}, not to {row.total:,}")
    return found


def sums_of_labels(evidence: Evidence) -> Iterator[Finding]:
    """Published counts of examples against their own sums."""
    for item in evidence.labels:
        n = evidence.classes or sum(row.label != "sum" for row in item.rows)
        for problem in sum_problems(item, n):
            yield Finding(item.number, f"{item.number}: {problem}.")


def labels_of_the_data(evidence: Evidence) -> Iterator[Finding]:
    """Published counts of a class against those of the data set, over parts that were cut from the same examples.

    Not where the parts have more or fewer examples in print than here: they are other ones then.
    """
    of_test = evidence.held_out_of == TEST.name
    groups = (("train",), ("validation", "test")) if of_test else (("train", "validation"), ("test",))
    for item in evidence.labels:
        for parts in groups:
            printed = {row.label: count for row in item.rows if (count := _printed(row, parts, of_test)) is not None}
            total = printed.pop("sum", None)
            ours = _together(evidence, parts)
            size = sum(printed.values()) if total is None and len(printed) == len(ours) else total
            wrong = {name: (n, ours[name]) for name, n in printed.items() if name in ours and n != ours[name]}
            if wrong and size in (None, sum(ours.values())):
                listed = (f"class {name} has {n:,}, the data set {right:,}" for name, (n, right) in wrong.items())
                yield Finding(
                    item.number,
                    f"{item.number}: the published counts of {part_names(parts)} examples are not those of the data "
                    f"set: {'; '.join(listed)}.",
                    {name: {"published": n, "data": right} for name, (n, right) in wrong.items()},
                )


def _printed(row: CountRow, parts: Sequence[str], of_test: bool) -> int | None:
    """The examples of a row in some parts together; None where they are not published."""
    counts: list[int | None] = [getattr(row, part) for part in parts]
    known = [count for count in counts if count is not None]
    if len(known) == len(counts):
        return sum(known)
    return row.held_out if of_test and TEST.name in parts else None


def rows_of_matrices(evidence: Evidence) -> Iterator[Finding]:
    """Rows of a confusion matrix in percent that do not add up to 100, or that no whole counts give (GRIM, by row).

    c_j of n examples of a class are 100·c_j/n percent: n is not known, but one n up to twice an equal share of the part
    must fit every cell of the row.
    """
    for item in evidence.matrices:
        cells: dict[str, dict[str, float]] = {}
        for cell in item.rows:
            cells.setdefault(cell.actual, {})[cell.predicted] = cell.percent
        half = 0.5 * 10.0 ** -max((decimals(cell.percent) for cell in item.rows), default=0)
        examples = sum(evidence.counts.get(item.part, {}).values())
        for actual, row in cells.items():
            total = sum(row.values())
            if len(row) == evidence.classes and abs(total - 100) > len(row) * half + 1e-9:
                text = f"{item.number}: row {actual} adds up to {total:.2f} %, not to 100."
                yield Finding(item.number, text, {"row": actual, "sum": total})
            elif examples and evidence.classes:
                most = 2 * examples // evidence.classes
                if not any(all(_is_share(p, n, half) for p in row.values()) for n in range(1, most + 1)):
                    text = f"{item.number}: no whole counts of up to {most:,} examples give the cells of row {actual}."
                    yield Finding(item.number, text, {"row": actual, "cells": row})


def _is_share(percent: float, n: int, half: float) -> bool:
    """Whether a whole count of n examples is printed as this percentage."""
    return abs(round(percent * n / 100) * 100 / n - percent) <= half + 1e-9


def _together(evidence: Evidence, parts: Sequence[str]) -> Mapping[str, int]:
    """class -> examples in all of some parts; empty where one of them is not known."""
    counts = evidence.counts
    if evidence.test_set and set(parts) == _of_the_test_set(evidence):
        return evidence.test_set
    if not all(part in counts for part in parts):
        return {}
    return {name: sum(counts[part].get(name, 0) for part in parts) for name in counts[parts[0]]}


def _of_the_test_set(evidence: Evidence) -> set[str]:
    return {TEST.name, VALIDATION.name} if evidence.held_out_of == TEST.name else {TEST.name}
