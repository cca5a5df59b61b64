"""Labels: whatever names the classes in a file, as class numbers 0..k-1.

Whole numbers 0..k-1 stay as they are.  Other whole numbers are numbered by size, text by alphabet (text that is
all whole numbers counts as numbers), and a note says what became of whole numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.examples import Contents
from handgrad.errors import DataError

Numbers = NDArray[np.int64]


def number_labels(
    contents: Contents, n: int, n_test: int, where: str
) -> tuple[Numbers, Numbers | None, tuple[str, ...], tuple[str, ...]]:
    """Class numbers of the n training and n_test test examples, the names of the classes, and notes."""
    train = _labels(contents.y_train, n, f"{where}: y_train")
    test = None if contents.y_test is None else _labels(contents.y_test, n_test, f"{where}: y_test")
    if test is not None and (train.dtype.kind == "U") != (test.dtype.kind == "U"):
        raise DataError(f"{where}: the labels of one part are numbers and of the other text; they must be alike")
    both = _whole_numbers(train if test is None else np.concatenate([train, test]))
    if contents.classes is not None:
        numbered = _by_name(both, contents.classes, where)
        return numbered[:n], None if test is None else numbered[n:], contents.classes, ()
    values, numbered = np.unique(both, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{where}: all labels are {str(values[0])!r}; at least two classes are needed")
    classes = tuple(str(value) for value in values)
    numbered = numbered.astype(np.int64).reshape(-1)
    notes: tuple[str, ...] = ()
    if both.dtype.kind in "iu" and not np.array_equal(values, np.arange(len(values))):
        notes = (f"labels {_some(classes)} became classes 0 to {len(classes) - 1}",)
    return numbered[:n], None if test is None else numbered[n:], classes, notes


def _labels(values: Any, n: int, what: str) -> NDArray[Any]:
    y = np.asarray(values)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # a column, as Keras has labels
    if y.ndim != 1:
        raise DataError(f"{what} must be one label an example, (n,); got the shape {y.shape}{_several(y)}")
    if len(y) != n:
        raise DataError(f"{what} has {len(y)} labels for {n} examples; there must be as many")
    if y.dtype == object and all(isinstance(value, str) for value in y):
        y = y.astype(np.str_)
    if y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.round(y)).all():
        y = y.astype(np.int64)
    if y.dtype.kind == "b":
        y = y.astype(np.int64)
    if y.dtype.kind not in "iuU":
        odd = [repr(value) for value in y.tolist() if isinstance(value, float) and not value.is_integer()]
        kinds = ", ".join(sorted({type(value).__name__ for value in y.tolist()}))
        raise DataError(f"{what} must hold whole numbers or text, all of one kind; got {odd[0] if odd else kinds}")
    return y


def _several(y: NDArray[Any]) -> str:
    """What to do with labels of several columns of 0 and 1."""
    if y.ndim != 2 or y.dtype.kind not in "biuf" or not np.isin(y, (0, 1)).all():
        return ""
    if (y.sum(axis=1) == 1).all():
        return ", a 1 in each row: give the class numbers, y.argmax(axis=1)"
    return (
        ", rows of 0 and 1: several labels an example are not supported, only one is; train one network for each "
        "column, as in y[:, 0]"
    )


def _whole_numbers(y: NDArray[Any]) -> NDArray[Any]:
    """Text such as "7" as numbers, if all of it is such."""
    if y.dtype.kind != "U":
        return y
    try:
        numbers = y.astype(np.float64)
    except ValueError:
        return y
    whole = np.isfinite(numbers).all() and (numbers == np.round(numbers)).all()
    return numbers.astype(np.int64) if whole else y


def _by_name(y: NDArray[Any], classes: tuple[str, ...], where: str) -> Numbers:
    if y.dtype.kind == "U":
        number = {name: k for k, name in enumerate(classes)}
        strange = sorted({str(label) for label in y} - number.keys())
        if strange:
            raise DataError(f"{where}: the label {strange[0]!r} is none of the classes {_some(classes)}")
        return np.array([number[str(label)] for label in y], np.int64)
    if y.min() < 0 or y.max() >= len(classes):
        raise DataError(
            f"{where}: with {len(classes)} classes labels must be 0 to {len(classes) - 1}; got {y.min()} to {y.max()}"
        )
    return y.astype(np.int64)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, …, {names[-1]}"
