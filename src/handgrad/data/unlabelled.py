"""Unlabelled: the rows of a table for a network that has learnt from one, with or without their labels.

Columns are found by their names, in any order; texts become the columns of 0 and 1 that they became in training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.cells import Row
from handgrad.data.columns import is_number
from handgrad.data.features import FeatureReader
from handgrad.data.packed import TEXT_ENDINGS
from handgrad.data.table_files import ending_of, rows_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown


@dataclass(frozen=True)
class Unlabelled:
    """x: (n, columns) in the table's own units;  lines: where each row stands;  others: the columns that were not
    needed, such as an id, by name;  notes: what the user should know.
    """

    x: NDArray[Any]
    lines: list[int]
    others: dict[str, list[str]]
    notes: tuple[str, ...]


def read_unlabelled(path: Path, columns: int, names: Sequence[str] | None, *, missing: bool) -> Unlabelled:
    """The rows of a table.  names: of the `columns` that the network takes, None where it knows none.

    missing: whether cells may be missing.  Raises DataError with line and column.
    """
    notes: list[str] = []
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        rows = [(line, [cell.strip() for cell in cells]) for line, cells in rows_of(path, notes)]
        if not rows:
            raise DataError(f"{path}: is empty; expected one example a row")
        if names is None:
            return _by_place(path, rows, columns, notes, missing)
        return _by_name(path, rows, names, notes, missing)


def _by_name(path: Path, rows: list[Row], names: Sequence[str], notes: list[str], missing: bool) -> Unlabelled:
    (_, header), *rest = rows
    kinds = {name: name.partition("=")[0] for name in names if name not in header and "=" in name}  # town=Ulm -> town
    needed = list(dict.fromkeys(kinds.get(name, name) for name in names))
    lacking = [name for name in needed if name not in header]
    if lacking:
        raise DataError(
            f"{path}: has no column {listed(map(shown, lacking), 6)}, which the network takes; it has "
            f"{listed(map(shown, header), 6)}"
        )
    twice = [name for name in needed if header.count(name) > 1]
    if twice:
        raise DataError(
            f"{path}: {shown(twice[0])} is the name of {header.count(twice[0])} columns; the network takes one"
        )
    places = [header.index(name) for name in needed]
    reader = FeatureReader(
        path, len(header), None, places, header, "", filled=missing, known=[header.index(c) for c in kinds.values()]
    )
    codes = reader.read(iter(rest))
    x = np.empty((len(codes), len(names)), np.float64)
    for k, name in enumerate(names):
        values = codes[:, needed.index(kinds.get(name, name))]
        if name in kinds:
            found = reader.texts[header.index(kinds[name])].codes
            values = np.where(np.isnan(values), np.nan, values == found.get(name.partition("=")[2], -1))
        x[:, k] = values
    _refuse_unknown(path, reader, header, kinds, names)
    notes += reader.notes()
    others = {name: k for k, name in enumerate(header) if k not in places}
    if others:
        notes.append(f"{path.name}: not needed: {listed(map(shown, others), 6)}")
    cells = {name: [row[k] for _, row in rest] for name, k in others.items()}
    return Unlabelled(x, reader.lines, cells, tuple(notes))


def _refuse_unknown(
    path: Path, reader: FeatureReader, header: list[str], kinds: dict[str, str], names: Sequence[str]
) -> None:
    """Raise DataError for texts that the network did not learn, and for texts where it learnt numbers."""
    for place, found in reader.texts.items():
        learnt = [name.partition("=")[2] for name, column in kinds.items() if column == header[place]]
        strange = [text for text in found.codes if text not in learnt]
        if strange:
            known = listed(map(shown, learnt), 6) if learnt else "numbers"
            raise DataError(
                f"{path}: column {shown(header[place])} holds {shown(strange[0])}; the network learnt {known}"
            )


def _by_place(path: Path, rows: list[Row], columns: int, notes: list[str], missing: bool) -> Unlabelled:
    first = rows[0][1]
    header = ending_of(path.name) not in TEXT_ENDINGS or not any(map(is_number, first))
    if len(first) != columns:
        beside = "; leave out the column of labels" if len(first) == columns + 1 else ""
        raise DataError(f"{path}: has {len(first)} columns; the network takes {columns}{beside}")
    reader = FeatureReader(path, columns, None, range(columns), first if header else None, "", filled=missing)
    x = reader.read(iter(rows[1:] if header else chain(rows)))
    if reader.texts:
        place, found = next(iter(reader.texts.items()))
        raise DataError(f"{path}: column {place} holds {shown(next(iter(found.codes)))}; the network learnt numbers")
    return Unlabelled(x, reader.lines, {}, (*notes, *reader.notes()))
