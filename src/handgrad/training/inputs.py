"""Examples as people give them to a trained network, as one array (n, *shape); never taken for something else.

shape (columns,)          (n, columns); (columns,) is one example; a pandas frame, whose columns are found by name
shape (1, rows, cols)     (n, 1, rows, cols), (n, rows, cols), (n, rows·cols), or one: (1, rows, cols), (rows, cols)
shape (3, rows, cols)     (n, 3, rows, cols), (n, rows, cols, 3), or one of either; rows of numbers are refused, as they
                          do not say whether channels are first or last
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.errors import DataError
from handgrad.names import listed, shown
from handgrad.network.layer import Shape


def as_examples(
    x: Any, shape: Shape, feature_names: tuple[str, ...] | None = None, *, missing: bool = False
) -> np.ndarray:
    """Examples (n, *shape), all numbers finite in float32.  Raises DataError where x cannot be that.

    missing: whether a cell may be missing (NaN).
    """
    if hasattr(x, "columns") or (hasattr(x, "index") and hasattr(x, "to_numpy")):  # a frame of pandas, or its row
        x = _by_name(x, feature_names)
    if isinstance(x, np.ma.MaskedArray) and x.mask.any():
        row = int(np.argwhere(np.ma.getmaskarray(x))[0][0])
        raise DataError(f"examples hold a masked value in row {row} (counted from 0); fill it in or leave the row out")
    try:
        array = np.asarray(x)
        if array.dtype == object:
            array = array.astype(np.float64)
    except Exception:  # whatever it is: a tensor that requires grad raises RuntimeError
        raise DataError(f"examples must be one array of numbers {_taken(shape)}; got {shown(x)}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"examples must hold numbers; got {array.dtype}")
    examples = _shaped(array, shape)
    if examples is None:
        got = f"{array.shape}{_hint(array.shape, shape)}" if array.ndim else shown(x)
        raise DataError(f"examples must be {_taken(shape)}; got {got}")
    if not len(examples):
        raise DataError(f"examples hold none: the array has the shape {array.shape}")
    _check_finite(examples, feature_names, missing)
    return examples


def check_scale(pictures: np.ndarray, value_range: tuple[float, float]) -> None:
    """Raise DataError where pictures cannot be on the scale of the network's data.

    That is where a value is further outside the range than the range is wide (noise is not), or where pictures of
    0 to 15 and more come as fractions of 1.
    """
    (low, high), least, largest = value_range, float(pictures.min()), float(pictures.max())
    width = high - low
    fractions = width >= 15 and least >= 0 and 0.2 < largest <= 1 and bool((pictures % 1 != 0).any())
    if fractions or least < low - width or largest > high + width:
        hint = f"; give them unscaled, as x * {high:g}" if fractions else ""
        raise DataError(
            f"examples hold {least:g} to {largest:g}, but the pictures that the network learnt can hold {low:g} to "
            f"{high:g}{hint}"
        )


def _by_name(frame: Any, names: tuple[str, ...] | None) -> np.ndarray:
    """The columns of a frame in the order in which the network learnt them."""
    row = not hasattr(frame, "columns")
    columns = [str(name) for name in (frame.index if row else frame.columns)]
    texts = {} if names is None else _columns_of_texts(columns, names)
    if texts and row:
        return _by_name(frame.to_frame().T, names)
    if texts:
        return _with_texts(frame, columns, names or (), texts)
    if names is None:
        raise DataError(
            "examples are a pandas frame, but the network does not know the names of its columns, so their order "
            "cannot be checked; give frame.to_numpy(), with the columns in the order of the training data"
        )
    missing, strange = [n for n in names if n not in columns], [n for n in columns if n not in names]
    if missing or strange or len(set(columns)) < len(columns):
        wrong = [f"lacks {listed(missing, 10)}"] if missing else []
        wrong += [f"has also {listed(strange, 10)}"] if strange else []
        wrong = wrong or ["has a column twice"]
        raise DataError(f"examples: the frame {' and '.join(wrong)}; give frame[[…]] with {listed(names, 10)}")
    order = [columns.index(name) for name in names]
    return np.asarray(frame.to_numpy())[..., order]


def _columns_of_texts(columns: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """name such as "town=Ulm" -> the column "town" of the frame whose texts became it in training (data.features)."""
    found = {name: name.partition("=")[0] for name in names if name not in columns and "=" in name}
    return {name: column for name, column in found.items() if column in columns}


def _with_texts(frame: Any, columns: list[str], names: Sequence[str], texts: Mapping[str, str]) -> np.ndarray:
    """The columns of a frame that has texts where the network learnt columns of 0 and 1."""
    made: dict[str, np.ndarray] = {}
    for column in dict.fromkeys(texts.values()):
        values = frame.iloc[:, columns.index(column)]
        known = {name.partition("=")[2]: name for name, one in texts.items() if one == column}
        cells = [None if absent else str(value) for value, absent in zip(values, values.isna(), strict=True)]
        for row, cell in enumerate(cells):
            if cell is not None and cell not in known:
                raise DataError(
                    f"examples: column {column!r} holds {shown(cell)} in row {row} (counted from 0); the network "
                    f"learnt {listed(map(shown, known), 10)}"
                )
        for text, name in known.items():
            made[name] = np.array([np.nan if cell is None else float(cell == text) for cell in cells])
    others = [name for name in columns if name not in texts.values()]
    plain = frame.iloc[:, [columns.index(name) for name in others]].set_axis(others, axis=1)
    return _by_name(plain.assign(**made), tuple(names))


def _shaped(x: np.ndarray, shape: Shape) -> np.ndarray | None:
    """x as (n, *shape), or None where it cannot be."""
    if x.ndim == len(shape) + 1 and x.shape[1:] == shape:
        return x
    if x.shape == shape:
        return x[None]
    if len(shape) == 1:
        return x[:, None] if x.ndim == 1 and shape == (1,) else None
    channels, rows, cols = shape
    pictures = x.ndim in (2, 3) and x.shape[-2:] == (rows, cols)
    if channels == 1 and (pictures or (x.ndim in (1, 2) and x.shape[-1] == rows * cols)):
        return x.reshape(-1, *shape)
    if x.shape[-3:] == (rows, cols, channels) and x.ndim in (3, 4):  # channels last, as Keras has them
        return np.moveaxis(x.reshape(-1, rows, cols, channels), 3, 1)
    return None


def _taken(shape: Shape) -> str:
    if len(shape) == 1:
        return f"(n, {shape[0]}), or ({shape[0]},) for one example"
    _, rows, cols = shape
    also = f", (n, {rows}, {cols}) or (n, {rows * cols})" if shape[0] == 1 else f" or (n, {rows}, {cols}, {shape[0]})"
    return f"(n, {', '.join(map(str, shape))}){also}; one example is x[0:1]"


def _hint(got: Shape, shape: Shape) -> str:
    if len(shape) == 3 and shape[0] > 1 and got[-1:] == (math.prod(shape),):
        whole = ", ".join(map(str, shape))
        return f": rows do not say whether channels are first or last; write x.reshape(-1, {whole}) if they are first"
    return ""


def _check_finite(x: np.ndarray, names: tuple[str, ...] | None, missing: bool) -> None:
    """Raise DataError at the first number that float32 cannot hold, with its place."""
    if x.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        finite = np.isfinite(x.astype(np.float32)) | (missing & np.isnan(x))
    if finite.all():
        return
    row, *place = (int(i) for i in np.argwhere(~finite)[0])
    value = x[row, *place]
    what = "NaN" if np.isnan(value) else "infinity" if np.isinf(value) else f"{value:g}, too large for float32,"
    if len(place) == 1:
        where = f"column {names[place[0]]!r}" if names else f"column {place[0]}"
    else:
        where = f"channel {place[0]}, pixel ({place[1]}, {place[2]})"
    raise DataError(f"examples hold {what} in row {row} (counted from 0), {where}; mend it or leave the row out")
