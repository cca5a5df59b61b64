"""Unlabelled: the rows of a table for a network that has learnt from one, with or without their labels.

Columns are found by their names, in any order; those of a table without a header by their places.  Texts become the
columns of 0 and 1 that they became in training, and the same texts mean a missing cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.cells import Row
from handgrad.data.columns import counts, is_number
from handgrad.data.features import FeatureReader
from handgrad.data.packed import TEXT_ENDINGS
from handgrad.data.table_files import SPARSE_ENDINGS, ending_of, rows_of
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown


@dataclass(frozen=True)
class Unlabelled:
    """x: (n, columns) in the table's own units;  others: the columns that were not needed, such as an id, by name;
    notes: what the user should know.
    """

    x: NDArray[Any]
    others: dict[str, list[str]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LearntColumns:
    """What a network learnt from a table: how many columns, their names (None: it knows none), whether cells may be
    missing, which texts mean it (None: those of pandas), and the sign before decimals (None: the cells tell).
    """

    columns: int
    names: Sequence[str] | None
    filled: bool
    missing: tuple[str, ...] | None = None
    decimal: str | None = None

    def reader(self, path: Path, width: int, places: Sequence[int], header: Sequence[str] | None) -> FeatureReader:
        """That of a table whose `places` hold what the network takes."""
        return FeatureReader(path, width, None, places, header, "", self.missing, self.filled, self.decimal)


def read_unlabelled(path: Path, learnt: LearntColumns) -> Unlabelled:
    """The rows of a table.  Raises DataError with line and column."""
    notes: list[str] = []
    names = learnt.names
    sparse = names is not None and ending_of(path.name) in SPARSE_ENDINGS and all(name.isdecimal() for name in names)
    span = (int(names[0]), int(names[-1])) if sparse and names else None
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        rows = [(line, [cell.strip() for cell in cells]) for line, cells in rows_of(path, notes, span, labelled=False)]
        if not rows:
            raise DataError(f"{path}: is empty; expected one example a row")
        if names is None or not (sparse or _are_names(names, rows[0][1])):
            found = _by_place(path, rows, learnt)
        else:
            found = _by_name(path, rows[0][1], rows[1:], learnt)
    absent = np.isnan(found.x).any(axis=1)
    if absent.any():
        rows_of_all = f"{path.name}: {int(absent.sum())} of {len(absent)} rows"
        notes.append(f"{rows_of_all} have a missing cell: the mean of the training part stands there")
    return Unlabelled(found.x, found.others, (*notes, *found.notes))


def _are_names(names: Sequence[str], first: list[str]) -> bool:
    """Whether a network's names are those of a header, and not numbers of columns (1, 2=Ulm)."""
    columns = [name.partition("=")[0] for name in names]
    return not all(map(str.isdecimal, columns)) or set(columns) <= set(first)


def _by_name(path: Path, header: list[str], rows: list[Row], learnt: LearntColumns) -> Unlabelled:
    names = learnt.names or ()
    kinds = {name: name.partition("=")[0] for name in names if name not in header and "=" in name}  # town=Ulm -> town
    needed = [kinds.get(name, name) for name in names]
    lacking = [name for name in dict.fromkeys(needed) if name not in header]
    if lacking:
        raise DataError(
            f"{path}: has no column {listed(map(shown, lacking), 6)}, which the network takes; it has "
            f"{listed(map(shown, header), 6)}"
        )
    places = []  # of the column of each name; of names that stand twice in their order
    for k, name in enumerate(names):
        same = [place for place, head in enumerate(header) if head == needed[k]]
        takes = 1 if name in kinds else names.count(name)
        if len(same) != takes:
            raise DataError(f"{path}: {shown(needed[k])} is the name of {len(same)} columns; the network takes {takes}")
        places.append(same[0 if name in kinds else list(names[:k]).count(name)])
    texts = {header.index(column) for column in kinds.values()}
    x, reader = _read(
        path, rows, len(header), places, [name.partition("=")[2] for name in names], texts, header, learnt
    )
    notes = reader.notes()
    others = [(name, k) for k, name in enumerate(header) if k not in places]
    if others:
        notes.append(f"{path.name}: not needed: {listed((shown(name) for name, _ in others), 6)}")
    cells: dict[str, list[str]] = {}
    for name, k in others:
        cells[_free(name, cells)] = [row[k] for _, row in rows]
    return Unlabelled(x, cells, tuple(notes))


def _free(name: str, taken: dict[str, list[str]]) -> str:
    """A name that is not taken: of two columns z the second is z.1, as pandas calls it."""
    return next(one for one in chain([name], (f"{name}.{k}" for k in range(1, len(taken) + 2))) if one not in taken)


def _by_place(path: Path, rows: list[Row], learnt: LearntColumns) -> Unlabelled:
    """A table like one without a header; names are then numbers of columns (1, 2=Ulm), or there are none."""
    first = rows[0][1]
    names = learnt.names or [str(k) for k in range(learnt.columns)]
    places = [int(name.partition("=")[0]) for name in names]
    wide = learnt.columns if learnt.names is None else max(places) + 1
    if len(first) < wide or (learnt.names is None and len(first) > wide):
        beside = "; leave out the column of labels" if len(first) == wide + 1 else ""
        what = (
            f"the network takes {wide}" if learnt.names is None else f"the network takes those up to number {wide - 1}"
        )
        raise DataError(f"{path}: has {len(first)} columns; {what}{beside}")
    texts = {place for place, name in zip(places, names, strict=True) if "=" in name}
    named = ending_of(path.name) not in TEXT_ENDINGS or counts(first) or not (texts or any(map(is_number, first)))
    x, reader = _read(
        path,
        rows[1:] if named else rows,
        len(first),
        places,
        [name.partition("=")[2] for name in names],
        texts,
        first if named else None,
        learnt,
    )
    return Unlabelled(x, {}, tuple(reader.notes()))


def _read(
    path: Path,
    rows: list[Row],
    width: int,
    places: Sequence[int],
    kinds: Sequence[str],
    texts: set[int],
    header: list[str] | None,
    learnt: LearntColumns,
) -> tuple[NDArray[np.float64], FeatureReader]:
    """(x, the reader).  places: the column of each feature;  kinds: its text, where its column is one of `texts`."""
    columns = list(dict.fromkeys(places))
    reader = learnt.reader(path, width, columns, header)
    reader.known = texts
    codes = reader.read(iter(rows))
    for place, found in reader.texts.items():
        known = [kind for one, kind in zip(places, kinds, strict=True) if one == place and place in texts]
        strange = [text for text in found.codes if text not in known]
        if strange:
            called = shown(header[place]) if header else place
            said = listed(map(shown, known), 6) if known else "numbers"
            raise DataError(f"{path}: column {called} holds {shown(strange[0])}; the network learnt {said}")
    x = np.empty((len(codes), len(places)), np.float64)
    for k, (place, kind) in enumerate(zip(places, kinds, strict=True)):
        values = codes[:, columns.index(place)]
        if place in texts:
            values = np.where(np.isnan(values), np.nan, values == reader.texts[place].codes.get(kind, -1))
        x[:, k] = values
    return x, reader
