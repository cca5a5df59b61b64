"""Originals that are made up for the checks."""

from handgrad.report.findings.statistics import sample
from handgrad.report.reproduced.checks.evidence import Evidence, RowEvidence, TableEvidence
from handgrad.study.published.numbers import published
from handgrad.study.published.original_text import OriginalText


def row(label, keys=None, scored=10_000, rank=None, unit=None, digits=3, ours=None, epochs=None, **values):
    """A row; values: measure = published value, ours: measure -> a value a seed."""
    return RowEvidence(
        label,
        keys or {},
        {measure: published(value, unit).printed(digits) for measure, value in values.items()},
        rank,
        {"validation": scored, "test": scored} if scored else {},
        {measure: sample(dict(enumerate(seeds))) for measure, seeds in (ours or {}).items()},
        epochs,
    )


def table(*rows, k=1, ddof=0, heads=None):
    return TableEvidence("Table 1", rows, k, ddof, heads=heads or {"Accuracy": "test_accuracy"})


def evidence(*tables, classes=10, counts=None, judged=False, held_out_of="train", labels=(), matrices=(), **text):
    known = {"labels": labels, "matrices": matrices, "counts": counts or {}, "classes": classes}
    return Evidence(OriginalText(**text), tables, **known, held_out_of=held_out_of, judged=judged)


def texts(found):
    return [one.text for one in found]
