"""The effect of one hyperparameter over all others: what a change of it does on average, and where it does otherwise.

    frame_of(settings, axes, …)    one row a run: its axes, seed and value
    effect_of(frame, axis, …)      Effect: the mean of every value of the axis over the others, and paired differences

Letters: v a value of the axis; c a combination of the values of all other axes; s a seed; y(v, c, s) the metric.  Only
combinations that have a run with every v enter, and only seeds that all of these have, so that the means of two values
differ by the axis alone:

    y(v, s) = mean over c of y(v, c, s)      mean and spread of v: of y(v, s) over s
    d(s)    = y(v, s) − y(u, s)              the effect of going from u to v, a paired t over s

A run that diverged has no value: its seed is left out, and its combination where all seeds diverged.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from handgrad.measures import lower_is_better
from handgrad.report.findings.axis_scales import LOST, RUN, SEED, VALUE, WHOLE
from handgrad.report.findings.conclusions import lost_runs
from handgrad.report.findings.resampled import ROUNDING
from handgrad.report.findings.run_facts import examples_of
from handgrad.report.findings.statistics import LEVEL, Comparison, Sample, compare, sample
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.study.changes import is_path, shown
from handgrad.study.rules.multiple_tests import holm
from handgrad.training.run_keys import RunKey, in_order

if TYPE_CHECKING:
    from pandas import DataFrame

_Cells = dict[tuple[Hashable, ...], dict[Hashable, dict[RunKey, float]]]  # combination -> value of the axis -> run -> y


@dataclass(frozen=True)
class Direction:
    """What going from the first to the last value of the axis does with one value of another axis.

    rises, falls: in how many combinations with it, by the mean over seeds;  difference: of their means, paired by seed.
    """

    value: Hashable
    rises: int
    falls: int
    difference: Comparison


@dataclass(frozen=True)
class Step:
    """Going from one value of the axis to another: the paired difference, and in how many combinations it rises.

    p: of the difference after Holm's correction for so many tests of the phase; None where it has none.
    """

    start: Hashable
    end: Hashable
    difference: Comparison
    rises: int
    falls: int
    p: float | None = None
    tests: int = 1

    @property
    def decided(self) -> bool:
        """Whether the difference is told from 0 (`Comparison.decided`), and still is after the correction."""
        return self.difference.decided and (self.p is None or self.p < LEVEL)


@dataclass(frozen=True)
class Effect:
    """The effect of an axis on a metric.

    levels: value of the axis -> Sample over seeds of the means over combinations, in order;  steps: between neighbours;
    whole: from the first to the last;  combinations: of the others, that were averaged;  left_out: those that lack a
    value;  by: other axis -> the direction with each of its values.
    """

    axis: str
    metric: str
    levels: Mapping[Hashable, Sample]
    steps: tuple[Step, ...]
    whole: Step
    combinations: int
    left_out: int
    by: Mapping[str, tuple[Direction, ...]]

    @property
    def best(self) -> Hashable:
        """The value of the axis with the best mean."""
        means = {value: one.mean for value, one in self.levels.items() if one.mean is not None}
        return (min if lower_is_better(self.metric) else max)(means, key=lambda value: means[value])

    @property
    def mixed(self) -> bool:
        """Whether the difference has another sign with some combinations of the others."""
        return self.whole.rises > 0 and self.whole.falls > 0

    @property
    def split_by(self) -> str | None:
        """The other axis by whose values the sign is settled: of each, all combinations go one way; or None."""
        for axis, directions in self.by.items():
            clean = all(not (one.rises and one.falls) for one in directions)
            if clean and any(one.rises for one in directions) and any(one.falls for one in directions):
                return axis
        return None


def frame_of(settings: Sequence[SettingSummary], axes: Sequence[str], metric: str) -> "DataFrame":
    """One row for every run that has the metric: a column for each axis, seed, value, lost, whole and run (its id).

    lost: whether the run was lost (`lost_runs`);  whole: whether none of its setting was, one that diverged neither.

    Values of axes are as text shows them where they are lists or tables.  A setting that does not say an axis (one
    factor at a time, variants) has the value that was in force, or None.  Settings that a search stopped short of the
    others' epochs have no row.
    """
    import pandas

    scored = next((n for one in settings if (n := examples_of(one.runs, metric)) is not None), None)
    lost = lost_runs({setting.label: setting.ended(metric) for setting in settings}, metric, scored)
    rows = []
    for setting in settings:
        if setting.stopped:
            continue
        values = {path: axis_value(setting, path) for path in axes}
        fell, whole = lost[setting.label], not lost[setting.label]
        runs = {run.key: run.id for run in setting.runs}
        rows += [
            {**values, SEED: seed, VALUE: y, LOST: seed in fell, WHOLE: whole, RUN: runs[seed]}
            for seed, y in setting.samples[metric].values.items()
        ]
    frame = pandas.DataFrame(rows, columns=[*axes, SEED, VALUE, LOST, WHOLE, RUN])
    return frame.astype(dict.fromkeys(axes, object))  # True stays True beside None, 16 stays 16


def axis_value(setting: SettingSummary, path: str) -> Hashable:
    """The value of an axis as a key: a list of one width is that width; "baseline" beside named variants."""
    from handgrad.report.findings.wording import setting_value

    value = setting_value(setting, path)
    if value is None and not is_path(path):
        return "as it was" if setting.earlier else "baseline"
    return plain_value(value)


def plain_value(value: Any) -> Hashable:
    """A value as a key: a list of one width is that width, other lists and tables are the text that shows them."""
    if isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return value if isinstance(value, int | float | str | type(None)) else shown(value)


def effects(frame: "DataFrame", axes: Sequence[str], metric: str, ddof: int = 1, overlap: float = 0.0) -> list[Effect]:
    """The effect of each axis that can be told from the others.

    Each is tested, and in a phase without any effect one would soon have p < 0.05: p of the changes from the first to
    the last value are corrected for their number, and those of the steps between neighbours for theirs.  Of two values
    both are one change, with the p of the first.
    """
    each = [effect_of(frame, axis, [other for other in axes if other != axis], metric, ddof, overlap) for axis in axes]
    found = [one for one in each if one is not None]
    wholes = _corrected([one.whole for one in found])
    steps = iter(_corrected([step for one in found for step in one.steps]))
    made = []
    for one, whole in zip(found, wholes, strict=True):
        own = tuple(next(steps) for _ in one.steps)
        made.append(replace(one, whole=whole, steps=(whole,) if len(own) == 1 else own))
    return made


def _corrected(steps: Sequence[Step]) -> list[Step]:
    """Steps with p after Holm's correction over those that have one."""
    tested = [i for i, step in enumerate(steps) if step.difference.p is not None]
    found = list(steps)
    for i, p in zip(tested, holm([steps[i].difference.p or 0.0 for i in tested]), strict=True):
        found[i] = replace(steps[i], p=p, tests=len(tested))
    return found


def phase_effects(phase: PhaseSummary, ddof: int = 1) -> list[Effect]:
    """The effects of a phase's axes on the metric that chose its winner.

    Where nothing but the names of bundles varies there is nothing to average over, and no effect; nor is there one of
    settings that were drawn, of which at most some happen to differ in one axis alone.
    """
    if phase.sampling is not None:
        return []
    numeric = all(isinstance(setting.axes.get(path), int | float) for setting in phase.settings for path in phase.axes)
    if not phase.axes or (len(phase.axes) == 1 and not numeric):
        return []
    frame = frame_of(phase.settings, phase.axes, phase.metric)
    return effects(frame, phase.axes, phase.metric, ddof, phase.overlap)


def effect_of(
    frame: "DataFrame", axis: str, others: Sequence[str], metric: str, ddof: int = 1, overlap: float = 0.0
) -> Effect | None:
    """The effect of an axis; None where no combination of the others has two of its values.

    frame: columns `axis`, those of `others`, seed (of folds a pair of fold and seed) and value, one row a run.  Where
    no combination has all values of the axis, they are those of the first combination that has the most.  overlap: of
    folds (`resampled`).
    """
    table: _Cells = {}
    columns = [frame[name].tolist() for name in (axis, SEED, VALUE)]
    combined = list(zip(*(frame[name].tolist() for name in others), strict=True)) or [()] * len(frame)
    for value, seed, y, combination in zip(*columns, combined, strict=True):
        if not _nothing(value):
            key = tuple(None if _nothing(part) else part for part in combination)
            table.setdefault(key, {}).setdefault(value, {})[seed if isinstance(seed, tuple) else int(seed)] = float(y)
    widest = max(table.values(), key=len, default={})
    values = _ordered(widest)
    if len(values) < 2:
        return None
    whole = {c: cells for c, cells in table.items() if all(value in cells for value in values)}
    seeds = set.union(*(set(cell) for cells in whole.values() for cell in cells.values()))
    seeds = {s for s in seeds if all(s in cells[v] for cells in whole.values() for v in values)}
    if not seeds:
        return None
    means = {v: {s: _mean([cells[v][s] for cells in whole.values()]) for s in in_order(seeds)} for v in values}
    gone = [{v: _mean([cells[v][s] for s in seeds]) for v in values} for cells in whole.values()]
    pairs = [*pairwise(values)]
    return Effect(
        axis,
        metric,
        {v: sample(means[v], ddof, overlap=overlap) for v in values},
        tuple(_step(u, v, means, gone, overlap) for u, v in pairs),
        _step(values[0], values[-1], means, gone, overlap),
        len(whole),
        sum(len(cells) > 1 for cells in table.values()) - len(whole),
        {
            other: _directions(position, values[0], values[-1], whole, in_order(seeds), overlap)
            for position, other in enumerate(others)
        },
    )


def _step(
    u: Hashable,
    v: Hashable,
    means: Mapping[Hashable, Mapping[RunKey, float]],
    gone: Sequence[Mapping[Hashable, float]],
    overlap: float,
) -> Step:
    """From u to v; gone: of every combination, the mean over seeds of each value."""
    signs = [cells[v] - cells[u] for cells in gone]
    least = ROUNDING * max((abs(cells[x]) for cells in gone for x in (u, v)), default=0.0)
    rises, falls = sum(d > least for d in signs), sum(d < -least for d in signs)
    return Step(u, v, compare(means[v], means[u], overlap), rises, falls)


def _directions(
    position: int, u: Hashable, v: Hashable, whole: _Cells, seeds: Sequence[RunKey], overlap: float
) -> tuple[Direction, ...]:
    """The direction from u to v with each value of the other axis at a position."""
    by: dict[Hashable, list[Mapping[Hashable, Mapping[RunKey, float]]]] = {}
    for combination, cells in whole.items():
        by.setdefault(combination[position], []).append(cells)
    found = []
    for value, each in by.items():
        means = {x: {s: _mean([cells[x][s] for cells in each]) for s in seeds} for x in (u, v)}
        gone = [{x: _mean([cells[x][s] for s in seeds]) for x in (u, v)} for cells in each]
        step = _step(u, v, means, gone, overlap)
        found.append(Direction(value, step.rises, step.falls, step.difference))
    return tuple(found)


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _ordered(values: Mapping[Hashable, Any]) -> list[Hashable]:
    """Numbers by size, others as they come."""
    listed = list(values)
    if all(isinstance(value, int | float) for value in listed):
        return sorted(listed)  # type: ignore[type-var]
    return listed


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
