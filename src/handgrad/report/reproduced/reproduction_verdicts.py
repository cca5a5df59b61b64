"""Verdicts on a reproduction: how many numbers lie inside, and what a mean over seeds hides."""

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from handgrad.decimals import decimals
from handgrad.measures import TEST, is_fraction
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import enumerated, plural, troubles
from handgrad.report.reproduced.judge import ONE_RUN, Compared, shown_published, shown_values, word
from handgrad.report.reproduced.judged_statements import statement_verdicts

if TYPE_CHECKING:
    from handgrad.report.reproduced.reproduction import Reproduction

BY_ROUNDING = "outside it, by less than half a unit in the last digit"
NAMED = 3  # numbers outside that a verdict names
GAP = 0.1  # of accuracy, between two groups of seeds


# -- inside and outside


def counted(numbers: Sequence[Compared]) -> list[Verdict]:
    """How many of an item's numbers lie inside, how many of its statements agree, and which do not."""
    judged = [number for number in numbers if number.inside is not None]
    outside = [number for number in judged if not number.inside]
    if not judged:
        single = sum(number.why == ONE_RUN for number in numbers)
        which = f"None of the {single} published numbers" if single > 1 else "The published number"
        return [Verdict("note", f"{which} can be judged: one run here shows no spread.")] if single else []
    what, agree = agreement(judged)
    wrong = outside_of(judged)
    if not outside:
        which = f"The published {what[:-1]}" if len(judged) == 1 else f"All {len(judged)} published {what}"
        return [Verdict("good", f"{which} {agree}.")]
    if len(judged) == 1:
        against = "" if judged[0].published.said else f" {spread_of(judged)}"
        return [Verdict("warning", f"{wrong}{against}: {described(outside[0])}.")]
    named = furthest(outside)[:NAMED]
    rest = f"; and {len(outside) - len(named)} more" if len(outside) > len(named) else ""
    text = f"{len(judged) - len(outside)} of {len(judged)} published {what} {agree}"
    return [Verdict("warning", f"{text}. {wrong}: {'; '.join(map(described, named))}{rest}.")]


def agreement(judged: Sequence[Compared]) -> tuple[str, str]:
    """("numbers", "lie inside …") or, where the original has words as well, ("numbers and statements", "agree …")."""
    numbers = [number for number in judged if not number.published.said]
    verb = "s" if len(judged) == 1 else ""
    if not numbers:
        return "statements", f"agree{verb} with the runs here"
    if all(number.as_printed or not number.inside for number in judged) and any(number.inside for number in judged):
        read = all(number.published.about for number in judged if number.inside)
        return "numbers", f"agree{verb} only as {'read off' if read else 'printed'}: {BY_ROUNDING}"
    inside = f"inside {spread_of(numbers)}"
    if len(numbers) == len(judged):
        return "numbers", f"lie{verb} {inside}"
    return "numbers and statements", f"agree with the runs here, numbers where they lie {inside}"


def outside_of(judged: Sequence[Compared]) -> str:
    """The word before numbers that do not agree."""
    return "Not in agreement" if any(number.published.said for number in judged) else "Outside"


def spread_of(judged: Sequence[Compared]) -> str:
    """The interval that numbers lie inside, in words; and how many agree only as they were printed or read off."""
    printed = sum(number.as_printed for number in judged)
    only = f", {printed} of them only as printed or read off, {BY_ROUNDING}" if printed else ""
    return f"what more runs like those here would give{only}"


def half_width(judged: Sequence[Compared]) -> float | None:
    """The median of half the intervals of accuracies, in points: how fine the comparison is."""
    ends = [(one.low, one.high) for one in judged if is_fraction(one.measure)]
    widths = [(high - low) / 2 for low, high in ends if low is not None and high is not None]
    return 100 * median(widths) if widths else None


def furthest(numbers: Sequence[Compared]) -> list[Compared]:
    """Of every row the number that is furthest outside, furthest first."""
    outside = [number for number in numbers if number.inside is False]
    found: dict[tuple[str, str], Compared] = {}
    for number in sorted(outside, key=_distance, reverse=True):
        found.setdefault((number.item, number.row), number)
    return list(found.values())


def _distance(number: Compared) -> float:
    """Accuracies by their difference, other numbers by their share of the larger; without a number: furthest."""
    if number.difference is None:
        return math.inf
    if is_fraction(number.measure) or number.published.scale == 0.01:
        return abs(number.difference)
    larger = max(abs(number.published.value or 0.0), abs(number.values.mean or 0.0))
    return abs(number.difference) / larger if larger else 0.0


def described(number: Compared, *, item: bool = False) -> str:
    """One comparison in words, such as "row 9: test accuracy 62.70, here 87.50 ± 0.10 %"."""
    given, values = number.published, number.values
    where = f"{number.item}, {row_name(number.row)}" if item else row_name(number.row)
    if given.word:
        return f"{where}: {given.word}, here {number.outcome}"
    ours = shown_values(values, number.measure, given.scale, given.digits) if values.n else "diverged"
    unit = " %" if given.scale == 0.01 and values.n else ""
    return f"{where}: {word(number.measure)} {shown_published(given, given.digits)}, here {ours}{unit}"


def row_name(label: str) -> str:
    """A row in a sentence: "row 9_1", but what has a name goes by it."""
    return label if " " in label else f"row {label}"


def rows_named(labels: Sequence[str]) -> str:
    """Rows at the beginning of a sentence.

    >>> rows_named(["9"]), rows_named(["6", "18", "19"]), rows_named(["batch 10"])
    ('Row 9', 'Rows 6, 18 and 19', 'Batch 10')
    """
    text = row_name(labels[0]) if len(labels) == 1 else f"rows {enumerated(labels)}"
    return text[:1].upper() + text[1:]


def reproduction_verdicts(found: "Reproduction") -> list[Verdict]:
    """For the top of the page and the end of a run: numbers and statements that agree, and which do not."""
    return [*_number_verdicts(found), *([] if found.made_with else statement_verdicts(found.statements))]


def _number_verdicts(found: "Reproduction") -> list[Verdict]:
    """How many numbers lie inside, and which are furthest; nothing where the original has no numbers."""
    what = f"Reproduction of {found.original.title}: "
    if found.made_with:
        text = f"made with {found.made_with}; published numbers are shown, none is judged."
        return [Verdict("note", what + text)]
    if not found.numbers and found.statements:
        return []
    inside, outside, unjudged = found.count(True), found.count(False), found.count(None)
    if not inside + outside:
        alone = any(number.why == ONE_RUN for number in found.numbers)
        why = ": there is one run of each setting here, which shows no spread; two seeds can judge" if alone else ""
        return [Verdict("note", f"{what}no published number could be judged{why}.")]
    judged = [number for number in found.numbers if number.inside is not None]
    things, agree = agreement(judged)
    text = f"{inside} of {inside + outside} published {things} {agree}"
    width = half_width(judged)
    if width is not None and not text.endswith(")"):
        text += f" (median interval of the accuracies: ± {width:.2g} points)"
    single = sum(number.why == ONE_RUN for number in found.numbers)
    text += f"; {unjudged} more cannot be judged" if unjudged else ""
    some = f"{single} of them " if single < unjudged else ""
    text += f", {some}because there is one run of each here." if single else "."
    verdicts = [Verdict("note" if outside else "good", what + text)]
    if outside:
        named = "; ".join(described(number, item=True) for number in furthest(found.numbers)[:NAMED])
        wrong = outside_of(judged)
        wrong = "Furthest outside" if outside > 1 and wrong == "Outside" else wrong
        verdicts.append(Verdict("warning", f"{wrong}: {named}."))
    return verdicts


# -- what a mean over seeds hides


def unstable(setting: SettingSummary, numbers: Sequence[Compared]) -> str | None:
    """Runs that collapsed or diverged, beside the seeds that did not, or seeds that fall into two groups; or None."""
    phrases = troubles(setting)
    accuracies = [number.measure for number in numbers if number.measure in setting.samples]
    measure = next((name for name in accuracies if is_fraction(name)), TEST.metric("accuracy"))
    values = setting.samples[measure].values
    fallen = {run.seed for run in setting.runs if run.collapsed is not None}
    good = {seed: value for seed, value in values.items() if seed not in fallen}
    if phrases and good:
        ends = "ends" if len(good) == 1 else "end"
        return f"{plural(len(good), 'seed')} {ends} at {_span(list(good.values()))}, but {'; '.join(phrases)}."
    if phrases and len(fallen) == len(setting.runs) > 1:
        classes = ", ".join(dict.fromkeys(run.collapsed[0] for run in setting.runs if run.collapsed is not None))
        return f"all {len(fallen)} seeds collapsed, each to one class ({classes})."
    if phrases:
        return f"{'; '.join(phrases)}."
    groups = two_groups(list(values.values()))
    if groups is None:
        return None
    low, high = groups
    return f"the seeds fall into two groups, {len(high)} at {_span(high)} and {len(low)} at {_span(low)}."


def _span(values: Sequence[float]) -> str:
    low, high = (decimals(end, 1, shift=2) for end in (min(values), max(values)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def two_groups(values: Sequence[float]) -> tuple[list[float], list[float]] | None:
    """(lower, upper) where accuracies fall apart: by ten points, and by five times the width of either group.

    >>> two_groups([0.10, 0.88, 0.89]), two_groups([0.5, 0.6, 0.7])
    (([0.1], [0.88, 0.89]), None)
    """
    x = sorted(values)
    if len(x) < 3:
        return None
    cut = max(range(1, len(x)), key=lambda i: x[i] - x[i - 1])
    low, high = x[:cut], x[cut:]
    apart, widest = high[0] - low[-1], max(low[-1] - low[0], high[-1] - high[0])
    return (low, high) if apart >= GAP and apart >= 5 * widest else None
