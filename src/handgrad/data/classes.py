"""Classes: the labels of a file, numbers or text, as class numbers 0..k-1.

Whole numbers 0..k-1 stay as they are.  Other whole numbers are numbered by size, text by alphabet (text that is
all whole numbers counts as numbers), and a note says which number each whole number became.

Refused are labels that are no classes: a missing label, a number with decimals, and as many different labels as a
quantity or a name has.  Predicting a quantity is another task (`target_values`).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.contents import Contents
from handgrad.errors import DataError
from handgrad.names import listed, shown

ClassNumbers = NDArray[np.int64]

# What pandas takes for missing (read_csv, na_values), and the signs of UCI's tables.
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "NAN", "NaT", "?", "-"),
)
MANY = 20  # classes; with more, each needs several examples
LARGEST = 2**62  # of a label


def first_missing(
    labels: Sequence[str], missing: tuple[str, ...] | None, classes: Sequence[str] | None = None
) -> int | None:
    """The position of the first text that means "no label", or None.

    missing: such texts, instead of MISSING.  The name of a class is none of them, nor is "-" beside "+".

    >>> first_missing(["yes", "?", ""], None), first_missing(["yes", "?", ""], ()), first_missing(["+", "-"], None)
    (1, 2, None)
    """
    absent = {"", *(MISSING if missing is None else missing)} - set(classes or ())
    if missing is None and "-" in absent and "+" in labels:
        absent.remove("-")
    return next((k for k, label in enumerate(labels) if label in absent), None)


def number_labels(
    contents: Contents, sizes: Mapping[str, int], where: str
) -> tuple[dict[str, ClassNumbers], tuple[str, ...], tuple[str, ...]]:
    """Class numbers of every part, the names of the classes, and notes.

    sizes: the number of examples of every part there is, by the name of its labels: y_train, y_test, y_val.
    """
    parts = {name: _labels(getattr(contents, name), n, f"{where}: {name}", contents) for name, n in sizes.items()}
    if len({y.dtype.kind == "U" for y in parts.values()}) > 1:
        raise DataError(f"{where}: the labels of one part are numbers and of the other text; they must be alike")
    both = _whole_numbers(np.concatenate(list(parts.values())), where, contents)
    ends = np.cumsum([len(y) for y in parts.values()])[:-1]
    if contents.classes is not None:
        numbered = _by_name(both, contents.classes, where)
        return dict(zip(parts, np.split(numbered, ends), strict=True)), contents.classes, ()
    values, numbered = np.unique(both, return_inverse=True)
    if len(values) < 2:
        raise DataError(
            f"{where}: all labels{_in(contents)} are {shown(str(values[0]))}; at least two classes are needed"
            + ("" if contents.label is None else "; is it another column that holds them? data.label says which")
        )
    classes = tuple(str(value) for value in values)
    numbered = numbered.astype(np.int64).reshape(-1)
    if values.dtype.kind == "U":
        _refuse_twins(values, f"{where}: the labels{_in(contents)}")
    _check_classes(values, numbered, f"{where}: the labels{_in(contents)}")
    notes: tuple[str, ...] = ()
    if both.dtype.kind in "iu" and not np.array_equal(values, np.arange(len(values))):
        notes = (f"labels {_some(classes)} became classes 0 to {len(classes) - 1}",)
    return dict(zip(parts, np.split(numbered, ends), strict=True)), classes, notes


def _labels(values: Any, n: int, what: str, contents: Contents) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray) and values.mask.any():
        raise _without(what, int(np.flatnonzero(np.ma.getmaskarray(values))[0]), "it is masked")
    y = np.asarray(values)
    if y.dtype.kind == "f":
        with np.errstate(all="ignore"):  # what float64 cannot hold becomes infinite and is refused
            y = y.astype(np.float64)
    if y.dtype.kind == "S":
        y = _decoded(y, what)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # a column, as Keras has labels
    if y.ndim != 1:
        raise DataError(f"{what} must be one label an example, (n,); got the shape {y.shape}{_several(y)}")
    if len(y) != n:
        raise DataError(f"{what} has {len(y)} labels for {n} examples; there must be as many")
    if y.dtype.kind in "Of":
        absent = [k for k, value in enumerate(y.tolist()) if _is_nothing(value)]
        if absent:
            raise _without(what, absent[0], f"it holds {y[absent[0]]}")
    if y.dtype == object and all(isinstance(value, str) for value in y):
        y = y.astype(np.str_)
    if y.dtype == object and all(isinstance(value, int | np.integer) for value in y):
        y = np.array([int(value) if abs(int(value)) < LARGEST else LARGEST for value in y], np.int64)
    if y.dtype.kind == "U":
        texts = y.tolist()
        k = first_missing(texts, contents.missing, contents.classes)
        if k is not None:
            raise DataError(missing_label(f"{what}: example {k}", texts[k]))
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise DataError(f"{what} holds {y[~np.isfinite(y)][0]}; labels must be whole numbers or text")
        _refuse_decimals(y, what)
    if y.dtype.kind in "iufb":
        if y.dtype.kind in "iuf" and (np.abs(y.astype(np.float64)) >= LARGEST).any():
            raise DataError(f"{what} holds numbers beyond 2^62; labels must be small whole numbers or text")
        return y.astype(np.int64)
    if y.dtype.kind != "U":
        kinds = ", ".join(sorted({type(value).__name__ for value in y.tolist()}))
        raise DataError(f"{what} must hold whole numbers or text, all of one kind; got {kinds}")
    return y


def _decoded(y: NDArray[Any], what: str) -> NDArray[Any]:
    try:
        return np.asarray(np.char.decode(y, "utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{what} holds {shown(bytes(error.object))}, which is no UTF-8; give text: np.char.decode(y, 'latin-1')"
        ) from None


def _several(y: NDArray[Any]) -> str:
    """What to do with labels of several columns of 0 and 1."""
    if y.ndim != 2 or y.dtype.kind not in "biuf" or not np.isin(y, (0, 1)).all():
        return ""
    if (y.sum(axis=1) == 1).all():
        return ", a 1 in each row: give the class numbers, y.argmax(axis=1)"
    return ', rows of 0 and 1: several labels an example are those of data.task = "multi-label" (in Python task=…)'


def _is_nothing(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _without(what: str, k: int, why: str) -> DataError:
    return DataError(f"{what}: example {k} has no label ({why}); fill it in or take the example out")


def missing_label(where: str, text: str) -> str:
    """The words for a label that means "no label"."""
    if not text:
        return f"{where} has no label; fill it in or take it out"
    return (
        f"{where} has no label ({shown(text)} means a missing one); fill it in or take it out. If it is a class, say "
        "data.missing = [] (or which texts mean a missing label); in Python, missing=()"
    )


def _whole_numbers(y: NDArray[Any], where: str, contents: Contents) -> NDArray[Any]:
    """Text such as "7" as numbers, if all of it is such."""
    if y.dtype.kind != "U":
        return y
    try:
        numbers = np.array([plain_number(str(text)) for text in y], np.float64)
    except ValueError:
        return y
    if np.isnan(numbers).any():
        return y  # the text "NaN", which `data.missing` lets pass: a class
    if contents.classes is None and not np.isfinite(numbers).all():
        odd = shown(str(y[~np.isfinite(numbers)][0]))
        raise DataError(f"{where}: the labels{_in(contents)} hold {odd}; labels must be whole numbers or text")
    if contents.classes is None:
        _refuse_decimals(numbers, f"{where}: the labels{_in(contents)}")
    if contents.classes is None:
        _refuse_spellings(y, numbers, f"{where}: the labels{_in(contents)}")
    whole = np.isfinite(numbers).all() and (numbers == np.round(numbers)).all() and (np.abs(numbers) < LARGEST).all()
    return numbers.astype(np.int64) if whole else y


def _refuse_spellings(y: NDArray[Any], numbers: NDArray[np.float64], what: str) -> None:
    """Refuse labels such as 01 and 1, which are two codes as texts and one class as numbers."""
    texts, first = np.unique(y, return_index=True)
    plain: dict[float, str] = {}
    odd = [re.fullmatch(r"-?(0|[1-9]\d*)(\.0*)?", str(text)) is None for text in texts]
    for k in sorted(range(len(texts)), key=odd.__getitem__):
        other = plain.setdefault(float(numbers[first[k]]), str(texts[k]))
        if odd[k] and other != texts[k]:
            raise DataError(
                f"{what} hold {shown(other)} and {shown(str(texts[k]))}, which are one number; write one class in one "
                'way, or codes as text ("c01")'
            )


def _refuse_twins(values: NDArray[Any], what: str) -> None:
    """Refuse texts that look alike, as an accent that is a letter's own or a sign of its own."""
    found: dict[str, str] = {}
    for text in map(str, values):
        other = found.setdefault(unicodedata.normalize("NFC", text), text)
        if other != text:
            raise DataError(
                f"{what} hold {other!a} and {text!a}, which look alike (one letter, written in two ways in Unicode); "
                "write them in one way"
            )


def plain_number(cell: str) -> float:
    """float(cell) of digits as everyone writes them: no 1_000 and no other alphabet's.  Raises ValueError."""
    if "_" in cell or not cell.isascii():
        raise ValueError(cell)
    return float(cell)


def _refuse_decimals(y: NDArray[np.float64], what: str) -> None:
    odd = y[y != np.round(y)]
    if len(odd):
        different = list(dict.fromkeys(f"{value:g}" for value in odd.tolist()))
        raise DataError(
            f"{what} must be classes: whole numbers or text; got numbers with decimals ({listed(different[:3])}; "
            f'{len(np.unique(y))} different ones). To predict them as numbers, say data.task = "regression" (in Python '
            'task="regression"); to tell classes, say which column holds them, or make some, such as low and high'
        )


def _check_classes(values: NDArray[Any], numbered: ClassNumbers, what: str) -> None:
    """Refuse as many different labels as a quantity, a row number or a name has."""
    k, n = len(values), len(numbered)
    counts = np.bincount(numbered, minlength=k)
    single = int((counts == 1).sum())
    if values.dtype.kind == "U" or values[-1] - values[0] == k - 1:  # without a gap, as 0..k-1
        strange = k > MANY and 2 * k > n
    else:
        strange = (k >= 10 and 2 * k > n) or (k > MANY and (5 * k > n or 4 * single > k))
    if not strange:
        return
    kind = "names or texts of their own" if values.dtype.kind == "U" else "a quantity or a number of the row"
    remedy = (
        "give the names of the classes (`classes` of arrays), if they are classes"
        if values.dtype.kind == "U"
        else 'write them as text ("c17"), if they are classes'
    )
    raise DataError(
        f"{what} are {k} different ones in {n} examples ({listed([str(value) for value in values], 4)}), {single} of "
        f"them with a single example: rather {kind} than classes. "
        + ('data.task = "regression" predicts quantities; else ' if values.dtype.kind != "U" else "")
        + f"say which column holds the classes, make fewer of them, or {remedy}"
    )


def _by_name(y: NDArray[Any], classes: tuple[str, ...], where: str) -> ClassNumbers:
    if y.dtype.kind == "U":
        number = {name: k for k, name in enumerate(classes)}
        strange = sorted({str(label) for label in y} - number.keys())
        if strange:
            raise DataError(f"{where}: the label {shown(strange[0])} is none of the classes {_some(classes)}")
        return np.array([number[str(label)] for label in y], np.int64)
    if y.min() < 0 or y.max() >= len(classes):
        raise DataError(
            f"{where}: with {len(classes)} classes labels must be 0 to {len(classes) - 1}; got {y.min()} to {y.max()}"
        )
    return y.astype(np.int64)


def _in(contents: Contents) -> str:
    return f" ({contents.label})" if contents.label else ""


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])}, …, {names[-1]}"
