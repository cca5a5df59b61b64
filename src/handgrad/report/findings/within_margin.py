"""How forgiving a space is: the part of it that is within a margin of the best, and the range of values that work.

    setting i works   where its mean over seeds is no further than `margin` from the best mean (in the measure's units)
    part              k of r settings that work;  of random draws the exact binomial interval (Clopper and Pearson 1934)
    range of an axis  from the smallest to the largest value around the best that works;  factor = largest / smallest

Of a grid the part is that of its cells, each alike: a count without an interval.  Of random draws k / r is, leaving
one draw out at a time, without bias the chance that one more draw comes within the margin of the best of the others.
Two things make the part too small: the best mean is flattered by its noise, and a finer search finds a better best.

A value of an axis works in a grid where it does with the other axes at their best for it (`profile`), or with the
others as in the best setting (`slice`).  The true ends lie between the last value that works and the next one that was
tried.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handgrad.decimals import significant
from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import VALUE, is_number, mean_by_setting, ordered_levels
from handgrad.report.findings.intervals import Interval, exact_binomial_interval
from handgrad.report.findings.wording import plural
from handgrad.study.changes import shown

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class WorkingRange:
    """The values of an axis around the best that work.

    low, high: the smallest and the largest;  below, above: the next values that were tried and do not work, None where
    the axis ends;  values, tried: how many work, of how many;  how: profile, slice or draws.
    """

    axis: str
    how: str
    low: Any
    high: Any
    below: Any
    above: Any
    values: int
    tried: int

    @property
    def factor(self) -> float | None:
        """high / low, that which works at least; None where a value is not above 0."""
        return self.high / self.low if self.low > 0 else None

    @property
    def most(self) -> float | None:
        """above / below, that which works at most; None where the axis ends before it fails."""
        return self.above / self.below if self.above is not None and self.below else None


@dataclass(frozen=True)
class Forgiveness:
    """k of `settings` settings come within `margin` of the best; `without` of them have no result and do not work."""

    margin: float
    best: float
    works: int
    settings: int
    without: int
    interval: Interval | None
    ranges: tuple[WorkingRange, ...]

    @property
    def part(self) -> float:
        """The part of the space that works."""
        return self.works / self.settings


def within_margin(
    frame: "DataFrame",
    axes: Sequence[str],
    margin: float,
    *,
    lower_is_better: bool = False,
    random: bool = False,
    without: int = 0,
) -> Forgiveness:
    """The part of the space within the margin of the best, and for each axis of numbers the range that works.

    frame: a row a run, columns `axes`, "seed", "value";  margin: in the measure's units, such as 0.01 for a point;
    random: settings were drawn, not listed;  without: settings of the study that have no value, as all runs diverged.

    >>> import pandas
    >>> rows = [{"lr": lr, "seed": 0, "value": v} for lr, v in [(0.001, 0.2), (0.01, 0.9), (0.1, 0.905), (1.0, 0.1)]]
    >>> found = within_margin(pandas.DataFrame(rows), ["lr"], 0.01)
    >>> found.works, found.settings, round(found.ranges[0].factor), round(found.ranges[0].most)
    (2, 4, 10, 1000)

    Raises InputError where no setting has a value, or the margin is below 0.
    """
    if not margin >= 0:
        raise InputError(f"the margin must be 0 or more, in the measure's units; got {margin}")
    table = mean_by_setting(frame, axes)
    if not len(table):
        raise InputError("no setting has a result: there is no best to be within a margin of")
    y = [(-1 if lower_is_better else 1) * value for value in table[VALUE].tolist()]
    best = max(range(len(y)), key=lambda i: y[i])
    rounding = 1e-12 * max(abs(value) for value in y)
    good = [y[best] - value <= margin + rounding for value in y]
    keys = list(zip(*(table[axis].tolist() for axis in axes), strict=True))
    works, settings = sum(good), len(y) + without
    interval = exact_binomial_interval(works / settings, settings) if random else None
    ranges = []
    for j, axis in enumerate(axes):
        column = [key[j] for key in keys]
        if len(set(column)) < 2 or not all(map(is_number, column)):
            continue
        if random:
            ranges.append(_range(axis, "draws", column, good, column[best]))
            continue
        ranges.append(_range(axis, "profile", column, good, column[best]))
        same = [all(a == b for k, (a, b) in enumerate(zip(key, keys[best], strict=True)) if k != j) for key in keys]
        own = [(value, ok) for value, ok, there in zip(column, good, same, strict=True) if there]
        if len(own) > 1:
            ranges.append(_range(axis, "slice", [value for value, _ in own], [ok for _, ok in own], column[best]))
    return Forgiveness(
        margin,
        float(table[VALUE].tolist()[best]),
        works,
        settings,
        without,
        interval,
        tuple(ranges),
    )


def _range(axis: str, how: str, values: Sequence[Any], good: Sequence[bool], best: Any) -> WorkingRange:
    """The values that work: of a grid those around the best without a gap, of draws from the first to the last."""
    levels = ordered_levels(values)
    works = dict.fromkeys(levels, False)
    for value, ok in zip(values, good, strict=True):
        works[value] |= ok
    at = levels.index(best)
    first = last = at
    if how == "draws":
        first = min(i for i, value in enumerate(levels) if works[value])
        last = max(i for i, value in enumerate(levels) if works[value])
    else:
        while first > 0 and works[levels[first - 1]]:
            first -= 1
        while last + 1 < len(levels) and works[levels[last + 1]]:
            last += 1
    return WorkingRange(
        axis,
        how,
        levels[first],
        levels[last],
        levels[first - 1] if first else None,
        levels[last + 1] if last + 1 < len(levels) else None,
        last - first + 1 if how != "draws" else sum(works.values()),
        len(levels),
    )


def forgiveness_sentence(
    found: Forgiveness, margin: str, names: Mapping[str, str] | None = None, best: str = "the best"
) -> str:
    """The part and the ranges in words; margin: how the measure writes it, such as "1 point"."""
    text = f"{found.works} of {plural(found.settings, 'setting')}"
    if found.interval is not None:
        low, high = 100 * found.interval.low, 100 * found.interval.high
        text += f" ({100 * found.part:.0f} % of the space, 95 % interval {low:.0f} to {high:.0f} %, exact binomial)"
    elif found.settings > 1:
        text += f" ({100 * found.part:.0f} %)"
    text += f" {'comes' if found.works == 1 else 'come'} within {margin} of {best}"
    parts = [_range_text(one, (names or {}).get(one.axis, one.axis)) for one in found.ranges if one.how != "slice"]
    return f"{text}." + "".join(f" {part}" for part in parts)


def _range_text(one: WorkingRange, name: str) -> str:
    low, high = map(_drawn if one.how == "draws" else shown, (one.low, one.high))
    if one.low == one.high:
        text = f"Of {name} only {low} works"
    else:
        factor = f", a factor of {_rounded(one.factor)}" if one.factor else ""
        text = f"{name} works from {low} to {high}{factor}"
    if one.how == "draws":
        return f"{text} (the ends of the draws that work)."
    ends = [shown(value) for value in (one.below, one.above) if value is not None]
    if not ends:
        return f"{text}: every value that was tried."
    edge = "" if len(ends) == 2 else "; the other end was not reached"
    return f"{text}; {' and '.join(ends)} {'does' if len(ends) == 1 else 'do'} not{edge}."


def _drawn(value: float) -> str:
    """A drawn value with three digits."""
    return significant(value, 3)


def _rounded(factor: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(factor)))
    return significant(round(factor, digits), 6)
