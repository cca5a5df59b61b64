"""Frames: pandas frames, lists and tensors as arrays of NumPy.

A frame's columns are found by name, and labels whose index is that of the frame in another order are refused.  Columns
of several kinds (numbers, truth values, Int64) become one array, if all of them are numbers.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.ranges import EXACT, ROUNDED
from handgrad.errors import DataError
from handgrad.names import listed, shown


def as_array(values: Any, what: str, *, missing: bool = False) -> NDArray[Any]:
    """Values as one array of numbers.  Raises DataError where they cannot be that.

    missing: None and pandas' NA become NaN; otherwise they are refused.

    >>> as_array([[1.5, True]], "x").tolist()
    [[1.5, 1.0]]
    """
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise DataError(f"{what} is a sparse matrix; give all of it: {what.rpartition(' ')[2]}.toarray()")
    try:
        x = np.asarray(values)
    except ValueError:
        raise DataError(f"{what} must be one array of numbers; its rows have several lengths") from None
    except Exception as error:  # a tensor that requires grad, or lies on a GPU
        reason = shown((str(error).splitlines() or [type(error).__name__])[0], 160)[1:-1]
        raise DataError(f"{what} must be one array of numbers; {shown(type(values).__name__)}: {reason}") from None
    if x.dtype == object and x.ndim:
        x = _numbers(x, what, names_of(values), missing)
    if x.dtype.kind not in "biuf":
        got = f"{type(values).__name__}" if x.dtype == object else x.dtype
        raise DataError(f"{what} must hold numbers; got {got}")
    return x


def names_of(x: Any) -> tuple[str, ...] | None:
    """The names of a frame's columns; None where x is no frame."""
    columns = getattr(x, "columns", None)
    return None if columns is None else tuple(str(column) for column in columns)


def columns_like(x: Any, names: tuple[str, ...] | None, what: str) -> Any:
    """x with its columns in the order of `names`, where it is a frame and the training part was one.

    Raises DataError where its columns have other names.
    """
    own = names_of(x)
    if own is None or names is None or own == names:
        return x
    return x.to_numpy()[:, order_of(own, names, what)]


def order_of(own: tuple[str, ...], names: tuple[str, ...], what: str) -> list[int]:
    """Where the columns `names` stand among a part's own.  Raises DataError where they are not the same ones."""
    missing, strange = [n for n in names if n not in own], [n for n in own if n not in names]
    if missing or strange or len(set(own)) < len(own) or len(own) != len(names):
        wrong = [f"lacks {listed(missing, 6)}"] if missing else []
        wrong += [f"has also {listed(strange, 6)}"] if strange else []
        raise DataError(
            f"{what} {' and '.join(wrong or ['has a column twice'])}; its columns must be those of the training part: "
            f"{listed(names, 6)}"
        )
    return [own.index(name) for name in names]


def check_rows(x: Any, y: Any, what: str) -> None:
    """Raise DataError where a frame and its labels have the same index in another order."""
    if not all(hasattr(one, "to_numpy") and hasattr(one, "index") for one in (x, y)):
        return
    if len(x) == len(y) and not x.index.equals(y.index) and Counter(x.index) == Counter(y.index):
        k = next(k for k, (a, b) in enumerate(zip(x.index, y.index, strict=True)) if a != b)
        raise DataError(
            f"{what}: the labels are in another order than the examples (row {k} is {shown(str(x.index[k]))} of the "
            f"examples and {shown(str(y.index[k]))} of the labels); bring them together: y.loc[x.index], or give "
            "y.to_numpy() if only the index is wrong"
        )


def _numbers(x: NDArray[Any], what: str, names: tuple[str, ...] | None, missing: bool) -> NDArray[Any]:
    """An array of objects as numbers; left as it is where it holds no single values."""
    absent = []
    for place, value in np.ndenumerate(x):
        if isinstance(value, bool | int | float | np.number | np.bool_):
            if isinstance(value, int) and abs(value) > EXACT and float(value if value < 2**1000 else 0) != value:
                raise DataError(f"{what}: example {place[0]}: {ROUNDED}")
            continue
        if isinstance(value, list | tuple | np.ndarray | dict):
            raise DataError(f"{what} must be one array of numbers; an example holds {shown(value)}")
        where = f"{what}: example {place[0]}"
        if len(place) > 1:
            where += f", column {shown(names[place[1]])}" if names else f", column {place[1]}"
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            if missing:
                absent.append(place)
                continue
            raise DataError(f"{where} has no value ({value}); fill it in or take the example out")
        raise DataError(f"{where} holds {shown(value)}, no number; give it as numbers or leave it out")
    if absent:
        x = x.copy()
        x[tuple(np.transpose(absent))] = np.nan
    return x.astype(np.float64)
