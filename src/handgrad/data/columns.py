"""Columns: whether a table has a header, which column holds the labels, and which ones are left out.

The first line is a header where none of its features is a number, where `data.label` names a column, where a cell is
`label`, `class`, ... and no later label is, where only its own label is no number, or where it counts 0, 1, 2, ... as
pandas names columns.  The labels stand in the column that `data.label` names, or in one called `label`, `class`, ...,
or in the last one.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.classes import MISSING, plain_number
from handgrad.errors import DataError
from handgrad.names import listed, nearest, shown

LABELS = ("label", "labels", "class", "classes", "target", "targets", "y", "species", "variety", "category")
NUMBERS = ("index", "idx", "id", "row", "no", "nr", "rownames", "row_id", "sample_id", "passengerid")
SHOWN = 6  # names of columns that a message lists


def is_number(cell: str) -> bool:
    """Whether a cell is a number, written in digits as everyone writes them."""
    try:
        plain_number(cell)
    except ValueError:
        return False
    return True


def is_like_a_number(cell: str) -> bool:
    """Whether a cell is a number, or one in another spelling: 1,5 and 1_000 and 12'000."""
    return is_number(cell) or re.fullmatch(r"[-+]?\d[\d.,'_ ]*", cell.strip()) is not None


def counts(cells: Sequence[str]) -> bool:
    """Whether a first line names columns as pandas does: 0, 1, 2, ..., perhaps after the empty name of an index.

    >>> counts(["0", "1", "2"]), counts(["", "0", "1"]), counts(["0", "1"]), counts(["5", "6", "7"])
    (True, True, False, False)
    """
    if len(cells) < 3:
        return False
    names = list(cells[1:] if not cells[0] else cells)
    from_zero, from_one = ([str(k + first) for k in range(len(names))] for first in (0, 1))
    return names == from_zero or (len(names) > 4 and names == from_one)


def is_header(first: Sequence[str], second: Sequence[str], label: str | int | None) -> bool:
    """Whether the first line holds names, as far as it and the second one tell."""
    if isinstance(label, str) or counts(first):
        return True
    column = (len(first) - 1 if label is None else label) % len(first)
    features = [cell for k, cell in enumerate(first) if k != column]
    named = label is None and any(cell.lower() in LABELS for cell in features)
    if named and not any(cell.lower() in LABELS for cell in second):
        return True
    return not any(is_like_a_number(cell) or cell in MISSING[1:] for cell in features) and any(features)


def find_label(names: Sequence[str], label: str | int | None, where: str, last: int) -> tuple[int, str | None]:
    """(column of the labels, reason) of a table with a header; reason: "name", "last", or None where the user named it.

    last: the last column that may hold them.  Raises DataError where the names leave a choice.
    """
    if label is not None:
        return find_column(names, label, "data.label", where), None
    called = [k for k, name in enumerate(names) if name.lower() in LABELS]
    if any(name.lower() == "x" for name in names):
        called = [k for k in called if names[k].lower() != "y"]  # a coordinate
    if len(called) > 1:
        choice = [names[k] for k in called]
        raise DataError(
            f"{where}: {listed(map(shown, choice), SHOWN)} may hold the labels; say which, as in "
            f'data.label = "{choice[0]}", and leave out what is none: data.drop = ["{choice[1]}"]'
        )
    return (called[0], "name") if called else (last, "last")


def find_column(names: Sequence[str], wanted: str | int, key: str, where: str) -> int:
    """The number of the column that a setting names, by its name or by its number.  Raises DataError."""
    if isinstance(wanted, str):
        found = [k for k, name in enumerate(names) if name == wanted]
        if not found:
            guess = nearest(wanted, names)
            hint = f"; did you mean {shown(guess)}?" if guess else "."
            known = listed((name or repr(name) for name in names), SHOWN)
            raise DataError(f"{where}: {key} is an unknown column {shown(wanted)}{hint} Known: {known}")
        if len(found) > 1:
            raise DataError(
                f"{where}: {key} = {shown(wanted)} is the name of {len(found)} columns ({listed(found, SHOWN)}); give "
                "one of these numbers"
            )
        return found[0]
    if not -len(names) <= wanted < len(names):
        raise DataError(
            f"{where}: {key} must be the number of a column, 0 to {len(names) - 1}, or its name; got {shown(wanted)}"
        )
    return wanted % len(names)


def dropped(
    names: Sequence[str], header: bool, drop: Sequence[str | int] | None, label: int | None, where: str
) -> tuple[int, ...]:
    """The columns that `data.drop` leaves out; label: the column of the labels, if it is known.  Raises DataError."""
    found = set()
    for one in drop or ():
        if isinstance(one, str) and not header:
            raise DataError(f"{where}: data.drop names {shown(one)}, but the table has no header; give its number")
        column = find_column(names, one, "data.drop", where)
        if column == label:
            raise DataError(f"{where}: data.drop leaves out {shown(one)}, which holds the labels; take it out of one")
        found.add(column)
    return tuple(sorted(found))


def is_nameless(name: str) -> bool:
    """Whether a column has no name of its own: none, or the one that pandas gives such a column."""
    return not name or re.fullmatch(r"unnamed: \d+(\.\d+)?", name.lower()) is not None


def is_index(name: str, x: NDArray[Any]) -> bool:
    """Whether a column without a name of its own holds the numbers of the rows, in any order: an index of pandas."""
    return is_nameless(name) and _is_unique(x)


def looks_like_an_index(name: str, x: NDArray[Any]) -> bool:
    """Whether a named column may number the rows: it counts up, or has such a name and differs in every row."""
    if len(x) < 10 or not _is_unique(x):
        return False
    counting = bool((np.diff(x) == 1).all()) and x[0] in (0, 1)
    return counting or re.sub(r"[ _-]", "", name.lower()) in {re.sub("_", "", one) for one in NUMBERS}


def _is_unique(x: NDArray[Any]) -> bool:
    whole = bool((x == np.round(x)).all()) and bool((x >= 0).all())
    return whole and len(np.unique(x)) == len(x)


def question_of_header(first: Sequence[str], y: Sequence[str], column: int) -> str | None:
    """A question where a first line that was read as an example may be a header of numbers, such as years; else None.

    Its label stands in no other line, while every other label does.

    >>> question_of_header(["2019", "2020", "kind"], ["kind", *"abababab"], 2) is None
    False
    """
    others = set(y[1:])
    if y[0] in others or len(others) < 2 or len(y) < 4 * len(others):
        return None
    known = listed(map(shown, sorted(others)), 4)
    return (
        f"is its first line a header? As an example it is the only one of the class {shown(y[0])} beside {known}. "
        f'Say data.label = "{first[column]}" if it is a header, data.label = {column} if it is an example'
    )


def question_of_label(x: NDArray[Any], y: Sequence[str], first: str | int, last: str | int) -> str | None:
    """A question where the first column looks more like labels than the last one; else None.

    x: (n, columns) features in the order of the file, `first` in front; y: the labels, of the column `last`.
    """
    kinds = np.unique(x[:, 0])
    if not 3 <= len(kinds) <= len(x) // 2 or not np.array_equal(kinds, np.arange(len(kinds))):
        return None
    try:
        values = np.unique([plain_number(cell) for cell in y])
    except ValueError:
        return None  # text is a label
    gapless = values[0] in (0, 1) and np.array_equal(values, np.arange(len(values)) + values[0])
    pixels = len(values) == 2 and x.shape[1] > 2 and np.isin(x[:, 1:], values).all()
    if len(values) > 1 and gapless and not pixels:
        return None
    answers = [f'"{one}"' if isinstance(one, str) else str(one) for one in (first, last)]
    return (
        f"which column holds the labels? Column {shown(first)} holds 0 to {len(kinds) - 1}, as classes do; column "
        f"{shown(last)}, the last, would give {len(values)} class{'es' * (len(values) > 1)}. Say "
        f"data.label = {answers[0]} or data.label = {answers[1]}"
    )
