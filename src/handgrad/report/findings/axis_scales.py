"""How the values of an axis are ordered and measured: in log, as they are, one by one, or as kinds.

    log, linear   a range from low to high: every value between was possible, equally likely in ln v or in v
    values        a few numbers, in order, each equally likely: the values of a grid, or of a choice among numbers
    categories    values without an order (activations, optimizers), each equally likely

A scale has coordinates: ln v, v, or the position among the levels.  Shares of variance are integrals over them.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.names import unknown

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = ("log", "linear", "values", "categories")
LOG_RATIO = 20.0  # positive values that span more are read in log
FEW_VALUES = 24  # numbers are taken one by one up to so many, where settings share them
SEED, VALUE = "seed", "value"  # columns beside those of the axes
LOST, WHOLE, RUN = "lost", "whole", "run"  # and those that are optional


@dataclass(frozen=True)
class AxisScale:
    """The scale of an axis.  low, high: the ends of a range, as values;  levels: of values and categories, in order."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 1.0
    levels: tuple[Hashable, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(unknown(self.kind, KINDS, "kind of scale"))
        if self.is_range and not (self.low < self.high and (self.kind == "linear" or self.low > 0)):
            raise ValueError(f"{self.name}: a {self.kind} range from {self.low} to {self.high} is none")

    @property
    def is_range(self) -> bool:
        """Whether every value between the ends is possible."""
        return self.kind in ("log", "linear")

    @property
    def ends(self) -> tuple[float, float]:
        """The coordinates of both ends of a range."""
        return (math.log(self.low), math.log(self.high)) if self.kind == "log" else (self.low, self.high)

    def coordinates(self, values: Iterable[Any]) -> NDArray[np.float64]:
        """ln v, v, or the position among the levels.

        >>> AxisScale("lr", "log", 0.01, 1.0).coordinates([1.0]).tolist()
        [0.0]
        >>> AxisScale("act", "categories", levels=("relu", "tanh")).coordinates(["tanh"]).tolist()
        [1.0]
        """
        if self.is_range:
            found = np.asarray([float(value) for value in values], dtype=np.float64)
            return np.log(found) if self.kind == "log" else found
        places = {level: float(i) for i, level in enumerate(self.levels)}
        return np.asarray([places[value] for value in values], dtype=np.float64)

    def shares(self, values: Iterable[Any]) -> NDArray[np.float64]:
        """Where values lie between the ends of the axis, in [0, 1]; levels lie at equal distances."""
        low, high = self.ends if self.is_range else (0.0, max(len(self.levels) - 1.0, 1.0))
        return (self.coordinates(values) - low) / (high - low)


def is_missing(value: Any) -> bool:
    """Whether a setting says nothing of an axis."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_number(value: Any) -> bool:
    """Whether a value has an order: True and False are kinds, not numbers."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool | np.bool_)


def ordered_levels(values: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """The distinct values: numbers by size, others as they come.

    >>> ordered_levels([10, 2, 10]), ordered_levels(["tanh", "relu"])
    ((2, 10), ('tanh', 'relu'))
    """
    listed = list(dict.fromkeys(value for value in values if not is_missing(value)))
    return tuple(sorted(listed, key=float) if all(map(is_number, listed)) else listed)  # type: ignore[arg-type]


def is_log(levels: Sequence[Any]) -> bool:
    """Whether numbers are read in log: positive, and over a factor of 20 or in equal ratios.

    >>> is_log([0.001, 0.1]), is_log([16, 32, 64]), is_log([0.0, 0.5, 0.9])
    (True, True, False)
    """
    if len(levels) < 2 or not all(is_number(v) and v > 0 for v in levels):
        return False
    x = np.sort(np.asarray(levels, dtype=np.float64))
    ratios = x[1:] / x[:-1]
    return bool(x[-1] / x[0] > LOG_RATIO or (len(x) > 2 and ratios.max() / ratios.min() < 1.05))


def scale_of(name: str, values: Iterable[Hashable], *, log: bool | None = None) -> AxisScale:
    """The scale that an axis has by the values that its settings show, one for each setting.

    Numbers that settings share (at most 24 of them, each by two settings in the mean) are taken one by one; others are
    a range from the smallest to the largest, in log where that spans more than a factor of 20 and makes them lie more
    evenly.  A study that declares its ranges knows better: make an `AxisScale` of them.  Raises InputError where there
    are not two values.
    """
    listed = [value for value in values if not is_missing(value)]
    levels = ordered_levels(listed)
    if len(levels) < 2:
        raise InputError(f"{name}: every setting has the same value; two or more are needed")
    if not all(map(is_number, levels)):
        return AxisScale(name, "categories", levels=levels)
    if len(levels) <= min(FEW_VALUES, len(listed) // 2):
        return AxisScale(name, "values", levels=levels)
    numbers = np.array([float(value) for value in listed])  # type: ignore[arg-type]
    kind = "log" if (_lies_in_log(numbers) if log is None else log) else "linear"
    return AxisScale(name, kind, float(numbers.min()), float(numbers.max()))


def _lies_in_log(x: NDArray[np.float64]) -> bool:
    """Whether values over a factor of 20 lie more evenly in log than as they are, by Kolmogorov's distance."""
    if x.min() <= 0 or x.max() / x.min() <= LOG_RATIO:
        return False

    def distance(z: NDArray[np.float64]) -> float:
        place = (np.sort(z) - z.min()) / (z.max() - z.min())
        return float(np.abs(place - (np.arange(len(z)) + 0.5) / len(z)).max())

    return distance(np.log(x)) <= distance(x)


def mean_by_setting(frame: "DataFrame", axes: Sequence[str]) -> "DataFrame":
    """A row a setting: its axes, "value" (the mean over its seeds), "n" (how many), "lost" (how many of them) and "run"
    (their ids, where they are known).

    Settings that do not say an axis are left out.
    """
    import pandas

    rows: dict[tuple[Hashable, ...], list[tuple[float, bool, str]]] = {}
    fallen = frame[LOST].tolist() if LOST in frame else [False] * len(frame)
    keys = zip(*(frame[axis].tolist() for axis in axes), strict=True)
    for key, value, lost, run in zip(keys, frame[VALUE].tolist(), fallen, run_ids(frame), strict=True):
        if not any(map(is_missing, key)) and not is_missing(value):
            rows.setdefault(key, []).append((float(value), bool(lost), run))
    made = [
        (
            *key,
            math.fsum(v for v, *_ in each) / len(each),
            len(each),
            sum(c for _, c, _ in each),
            tuple(run for *_, run in each if run),
        )
        for key, each in rows.items()
    ]
    return pandas.DataFrame(made, columns=[*axes, VALUE, "n", LOST, RUN])


def run_ids(frame: "DataFrame") -> list[str]:
    """The id of the run of each row; empty where the frame has none."""
    return [str(run) for run in frame[RUN].tolist()] if RUN in frame else [""] * len(frame)
