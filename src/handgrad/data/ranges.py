"""Ranges: which values x can take, which type keeps them, and whether the parts of a data set have one scale.

    bytes, whole numbers 0..255 as images   uint8
    all else                                float32 where it holds every value exactly, or else float64

The range that `unit` and `symmetric` divide by is stated (`data.value_range`), or 0..255 of bytes that go beyond
BRIGHT.  Other whole numbers are never divided by 255 in silence: images of 0..1 stay, those of 0..16 are divided by 16,
and a note says so.  Parts that differ so much that one must have been scaled and the other not are refused.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import DataError
from handgrad.names import listed

Range = tuple[float, float]

BRIGHT = 127  # bytes with values beyond it have the range 0..255, others 0 to their largest value
EXACT = 2**53  # beyond, float64 does not hold every whole number
ROUNDED = "whole numbers beyond 2^53 are rounded, as float64 does; subtract a constant before you save them"
UNLIKE, STRANGE = 50, 4  # times the largest value of another part: refused; a note


def in_one_type(parts: Mapping[str, NDArray[Any]], where: str) -> dict[str, NDArray[Any]]:
    """The examples of every part in one common type.  Raises DataError where one has bytes and another fractions."""
    first = next(iter(parts))
    bytes_in = {name: _are_bytes(x) for name, x in parts.items()}
    for name, x in parts.items():
        if bytes_in[name] == bytes_in[first]:
            continue
        real = x if bytes_in[first] else parts[first]
        if real.dtype.kind == "f" and not (real == np.round(real)).all():
            raise DataError(
                f"{where}: {first} holds {parts[first].dtype} and {name} {x.dtype}; they must be of one kind and scale"
            )
    if all(bytes_in.values()):
        return {name: np.ascontiguousarray(x, np.uint8) for name, x in parts.items()}
    with np.errstate(all="ignore"):
        narrow = {name: np.ascontiguousarray(x, np.float32) for name, x in parts.items()}
        if all(np.array_equal(narrow[name], x, equal_nan=x.dtype.kind == "f") for name, x in parts.items()):
            return narrow
        return {name: np.ascontiguousarray(x, np.float64) for name, x in parts.items()}


def _are_bytes(x: NDArray[Any]) -> bool:
    if x.dtype == np.bool_ or x.dtype == np.uint8:
        return True
    return bool(x.dtype.kind in "iu" and x.ndim == 4 and x.min() >= 0 and x.max() <= 255)


def natural_range(parts: Mapping[str, NDArray[Any]]) -> tuple[Range | None, tuple[str, ...]]:
    """(range, notes) of x where `value_range` is not given, from arrays in the type of their file.

    range: None where the extremes of the training part are to be used.
    """
    arrays = list(parts.values())
    if any(x.dtype.kind == "f" for x in arrays):
        return None, ()
    low, high = min(int(x.min()) for x in arrays), max(int(x.max()) for x in arrays)
    table = arrays[0].ndim == 2
    if not all(_are_bytes(x) for x in arrays):
        words = f"images of whole numbers from {low} to {high}: divided by the range of the training part"
        return None, () if table else (_note(words, low, high),)
    if all(x.dtype == np.bool_ for x in arrays):
        return (0, 1), ()
    if high in (0, 255):
        return (0, 255), ()
    if high > BRIGHT:
        return (0, 255), (_note(f"bytes from {low} to {high}: their range is taken for 0 to 255", 0, high),)
    if high == 1:
        return (0, 1), (_note("bytes that are only 0 and 1: left as they are, not divided by 255", 0, 255),)
    if table:
        return None, (_note(f"a table of bytes from {low} to {high}: each column has a range of its own", 0, high),)
    words = f"images of whole numbers from {low} to {high}: their range is taken for 0 to {high}, not 255"
    return (0, high), (_note(words, 0, 255),)


def _note(words: str, low: int, high: int) -> str:
    return f"x holds {words}; data.value_range = [{low}, {high}] would say otherwise"


def check_inside(parts: Mapping[str, NDArray[Any]], value_range: Range, where: str) -> None:
    """Raise DataError where values lie outside the range that was stated."""
    low, high = value_range
    if not low < high:
        raise DataError(f"{where}: value_range must be (smallest, largest); got {value_range}")
    for name, x in parts.items():
        if x.min() < low or x.max() > high:
            raise DataError(
                f"{where}: {name} holds {x.min():g} to {x.max():g}, but value_range says {low:g} to {high:g}; "
                "widen it, or mend the values"
            )


def compare_parts(parts: Mapping[str, NDArray[Any]], names: tuple[str, ...] | None, where: str) -> tuple[str, ...]:
    """Notes on parts whose values differ.  Raises DataError where one part was scaled and another was not."""
    train_name, train = next(iter(parts.items()))
    notes: list[str] = []
    for name, other in list(parts.items())[1:]:
        if train.ndim == 2:
            notes += _compare_columns(train_name, train, name, other, names, where)
        else:
            notes += _compare_images(train_name, train, name, other, where)
    return tuple(notes)


def _compare_images(train_name: str, train: NDArray[Any], name: str, other: NDArray[Any], where: str) -> list[str]:
    spans = f"{train_name} holds {_span(train)} and {name} {_span(other)}"
    a, b = (max(abs(float(x.min())), abs(float(x.max()))) for x in (train, other))
    times = max(a, b) / min(a, b) if min(a, b) > 0 else 1.0
    if times >= UNLIKE:
        raise DataError(
            f"{where}: {spans}: one of them is scaled and the other is not; bring both to one range, or state the "
            "range if they are right, as in data.value_range = [0, 255]"
        )
    if times >= STRANGE or (train.min() < 0) != (other.min() < 0):
        return [f"{spans}; are both scaled alike?"]
    return []


def _compare_columns(
    train_name: str, train: NDArray[Any], name: str, other: NDArray[Any], names: tuple[str, ...] | None, where: str
) -> list[str]:
    if min(len(train), len(other)) < 5:
        return []  # too few to tell
    a, b = (np.abs(x).max(axis=0).astype(np.float64) for x in (train, other))
    some = (a > 0) & (b > 0)
    times = np.maximum(a[some], b[some]) / np.minimum(a[some], b[some])
    if some.sum() >= 4 and (times >= UNLIKE).mean() > 0.75:
        raise DataError(
            f"{where}: {train_name} holds {_span(train)} and {name} {_span(other)}, and so in nearly every column: one "
            "of them is scaled and the other is not; bring both to one range, or state the range if they are right, as "
            "in data.value_range = [0, 255]"
        )
    means = [x.mean(axis=0, dtype=np.float64) for x in (train, other)]
    spreads = [x.std(axis=0, dtype=np.float64) for x in (train, other)]
    far = np.abs(means[0] - means[1]) > 2 * (spreads[0] + spreads[1])
    changes = train.min(axis=0) < train.max(axis=0)
    elsewhere = np.flatnonzero(far & changes)
    if not len(elsewhere) or 4 * len(elsewhere) < changes.sum():
        return []
    k = int(elsewhere[0])
    return [
        f"{len(elsewhere)} of {train.shape[1]} columns of {name} lie far from those of {train_name} "
        f"({column(k, names)}: mean {means[1][k]:.4g} against {means[0][k]:.4g}); are both scaled alike?"
    ]


def rounded_columns(x: NDArray[Any], given: NDArray[Any], names: tuple[str, ...] | None) -> tuple[str, ...]:
    """A note on columns that the type of `given` holds too coarsely: its steps are no finer than their spread."""
    if x.ndim != 2 or x.dtype == np.uint8:
        return ()
    if given.dtype.kind in "iu":
        return _rounded_whole_numbers(given, names)
    kind, exact = (np.float32, 2.0**24) if given.dtype in (np.float16, np.float32) else (np.float64, float(EXACT))
    largest = np.abs(x).max(axis=0).astype(np.float64)
    steps = np.spacing(largest.astype(kind)).astype(np.float64)
    spreads = x.std(axis=0, dtype=np.float64)
    whole = (largest < exact) & (x == np.round(x)).all(axis=0)
    coarse = np.flatnonzero((16 * steps > spreads) & ((spreads > 0) | (largest >= exact)) & ~whole)
    if not len(coarse):
        return ()
    k = int(coarse[0])
    more = f" (and {len(coarse) - 1} more)" if len(coarse) > 1 else ""
    return (
        f"{column(k, names)}{more}: {np.dtype(kind).name} holds its values up to {largest[k]:.3g} in steps of "
        f"{steps[k]:.3g} only; their standard deviation is {spreads[k]:.3g}: subtract a constant before you save them",
    )


def _rounded_whole_numbers(given: NDArray[Any], names: tuple[str, ...] | None) -> tuple[str, ...]:
    with np.errstate(all="ignore"):
        rounded = np.flatnonzero((given.astype(np.float64).astype(given.dtype) != given).any(axis=0))
    if not len(rounded):
        return ()
    called = listed((column(int(k), names) for k in rounded), 4)
    return (f"{called}: {ROUNDED}",)


def lost_columns(raw: NDArray[Any], scaled: NDArray[Any], scale: str, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """A note on columns whose different values became equal when they were scaled to float32."""
    if raw.ndim != 2 or raw.dtype == np.uint8:
        return ()
    before, after = _distinct(raw[:1000]), _distinct(scaled[:1000])
    lost = np.flatnonzero((2 * after <= before) & (before > 1))
    if not len(lost):
        return ()
    k = int(lost[0])
    remedy = 'data.scale = "standard" keeps more' if scale == "none" else "look for outliers, or take its logarithm"
    return (
        f"{listed((column(int(one), names) for one in lost), 4)}: scaled to float32, {before[k]} different values "
        f"become {after[k]}; {remedy}",
    )


def _distinct(x: NDArray[Any]) -> NDArray[np.int64]:
    """How many different values every column has."""
    ordered = np.sort(x, axis=0)
    return np.asarray(1 + (ordered[1:] != ordered[:-1]).sum(axis=0))


def column(k: int, names: tuple[str, ...] | None) -> str:
    """A column as messages call it."""
    return f"column {names[k]!r}" if names else f"column {k}"


def _span(x: NDArray[Any]) -> str:
    return f"{float(x.min()):.4g} to {float(x.max()):.4g}"
