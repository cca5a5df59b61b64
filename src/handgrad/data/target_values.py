"""Target values: the numbers that a network learns to predict, or the labels of which an example can have several.

    regression    y (n, k) float64: k numbers for each example, in the units of the data
    multi-label   y (n, k) float64 of 0 and 1: whether an example has each of k labels

What is missing, is no number or is infinite is refused with the place where it stands.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.columns import is_number
from handgrad.data.contents import Contents
from handgrad.data.features import COMMA
from handgrad.errors import DataError
from handgrad.measures import MULTI_LABEL
from handgrad.names import listed, shown

Values = NDArray[np.float64]


def target_values(
    contents: Contents, sizes: Mapping[str, int], where: str
) -> tuple[dict[str, Values], tuple[str, ...], tuple[str, ...]]:
    """The targets (n, k) of every part, their names, and notes.

    sizes: the number of examples of every part there is, by the name of its targets: y_train, y_test, y_val.
    Raises DataError where they are no targets of the task.
    """
    parts = {name: _values(getattr(contents, name), n, f"{where}: {name}") for name, n in sizes.items()}
    k = parts["y_train"].shape[1]
    for name, y in parts.items():
        if y.shape[1] != k:
            raise DataError(f"{where}: {name} has {y.shape[1]} targets an example, y_train {k}; they must be as many")
        if contents.task == MULTI_LABEL and not np.isin(y, (0, 1)).all():
            odd = y[~np.isin(y, (0, 1))][0]
            raise DataError(
                f"{where}: {name} holds {odd:g}, but labels are 0 or 1, a column for each label; "
                'if it holds quantities, say data.task = "regression"'
            )
    if contents.task == MULTI_LABEL and k == 1:
        raise DataError(
            f"{where}: multi-label needs two columns of labels or more; got one. Of two classes without data.task one "
            "is told: network.units = 1 does it with a single unit"
        )
    word = "label" if contents.task == MULTI_LABEL else "target"
    names = contents.classes or tuple(f"{word} {j + 1}" if k > 1 else word for j in range(k))
    if len(names) != k:
        raise DataError(f"{where}: classes names {len(names)} targets, and an example has {k}; name each of them")
    return parts, names, _notes(parts["y_train"], names, contents.task)


def _notes(y: Values, names: Sequence[str], task: str) -> tuple[str, ...]:
    same = [name for name, column in zip(names, y.T, strict=True) if (column == column[0]).all()]
    if not same:
        return ()
    what = "label" if task == MULTI_LABEL else "target"
    return (f"the {what} {listed(same)} is the same in all training examples: there is nothing to learn",)


def _values(given: Any, n: int, what: str) -> Values:
    if isinstance(given, np.ma.MaskedArray) and given.mask.any():
        k = int(np.flatnonzero(np.ma.getmaskarray(given).reshape(len(given), -1).any(axis=1))[0])
        raise DataError(f"{what}: example {k} has no target (it is masked); fill it in or take the example out")
    if hasattr(given, "to_numpy"):
        given = given.to_numpy()
    y = np.asarray(given)
    if y.ndim == 1:
        y = y[:, None]
    if y.ndim != 2 or not y.shape[1]:
        raise DataError(f"{what} must be one target an example, (n,), or several, (n, k); got the shape {y.shape}")
    if len(y) != n:
        raise DataError(f"{what} has {len(y)} targets for {n} examples; there must be as many")
    if y.dtype.kind == "c":
        raise DataError(f"{what} holds complex numbers; targets must be real: give the real and imaginary part as two")
    if y.dtype.kind not in "biuf":
        y = _from_objects(y, what)
    y = y.astype(np.float64)
    wrong = ~(np.abs(y) <= float(np.finfo(np.float32).max)).all(axis=1)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise DataError(
            f"{what}: example {k} has the target {listed(f'{value:g}' for value in y[k])}; targets must be finite "
            "numbers of float32: fill it in or take the example out"
        )
    return y


def _from_objects(y: NDArray[Any], what: str) -> Values:
    numbers = np.empty(y.shape, np.float64)
    for place, value in np.ndenumerate(y):
        try:
            numbers[place] = float(value)
        except (TypeError, ValueError):
            held = value.item() if isinstance(value, np.generic) else value
            raise DataError(
                f"{what}: example {place[0]} has the target {shown(held)}, which is no number; with classes leave "
                "data.task out"
            ) from None
    return numbers


def numbers_of_texts(
    texts: Sequence[str], lines: Sequence[int], where: str, column: str, decimal: str | None
) -> Values:
    """The cells of a table's column of targets as numbers (n,).  Raises DataError with the line.

    >>> numbers_of_texts(["1.5", "2"], [2, 3], "a.csv", "'y'", None).tolist()
    [1.5, 2.0]
    """
    commas = decimal == "," or (decimal is None and any(COMMA.fullmatch(text) for text in texts))
    found = np.empty(len(texts), np.float64)
    for k, text in enumerate(texts):
        plain = text.replace(",", ".") if commas and COMMA.fullmatch(text) else text
        if not is_number(plain) or not np.isfinite(float(plain)):
            what = f"holds {shown(text)}, no finite number" if text else "is empty"
            raise DataError(
                f"{where}: line {lines[k]}, column {column} {what}, and data.task says that it holds targets that are "
                "numbers; mend the cell or take the row out"
            )
        found[k] = float(plain)
    return found
