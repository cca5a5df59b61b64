"""A small table by columns, for the runs or settings of a phase: what findings ask of a pandas frame, and no more.

To import pandas takes a tenth of a second, in every report.  What takes a table here takes a frame of pandas as well.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray


class Frame(Protocol):
    """Columns by name, rows by a mask: `RunColumns`, or pandas' DataFrame."""

    def __getitem__(self, what: Any, /) -> Any: ...
    def __contains__(self, name: Any, /) -> bool: ...
    def __len__(self) -> int: ...


class RunColumn(list[Any]):
    """The values of a column."""

    def tolist(self) -> list[Any]:
        return list(self)

    def to_numpy(self, dtype: Any = None) -> NDArray[Any]:
        return np.asarray(self, dtype)

    def nunique(self) -> int:
        """How many values there are that say something."""
        return len({value for value in self if value is not None and value == value})


class RunColumns:
    """Columns of equal length.

    Numbers of one column are of one type, and one that is missing beside numbers or texts is NaN, as pandas has it.

    >>> table = RunColumns.of_rows([(0.5, "a"), (1, None)], ["lr", "name"])
    >>> table["lr"], table[[True, False]]["name"], "seed" in table, len(table)
    ([0.5, 1.0], ['a'], False, 2)
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], rows: int) -> None:
        self._columns, self._rows = {name: RunColumn(values) for name, values in columns.items()}, rows

    @classmethod
    def of_rows(cls, rows: Sequence[Sequence[Any]], names: Sequence[str]) -> Self:
        columns = zip(*rows, strict=True) if rows else ((),) * len(names)
        return cls({name: _alike(values) for name, values in zip(names, columns, strict=True)}, len(rows))

    def __getitem__(self, what: str | Iterable[bool]) -> Any:
        """A column, or the rows that a mask keeps."""
        if isinstance(what, str):
            return self._columns[what]
        kept = np.flatnonzero(np.asarray(what, bool)).tolist()
        return self._with_rows(kept)

    def __contains__(self, name: Hashable) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return self._rows

    def sorted_by(self, name: str, *, ascending: bool) -> Self:
        """The rows in the order of a column; equal ones stay in theirs."""
        values = self._columns[name]
        return self._with_rows(sorted(range(self._rows), key=lambda row: values[row], reverse=not ascending))

    def _with_rows(self, rows: Sequence[int]) -> Self:
        return type(self)({name: [own[row] for row in rows] for name, own in self._columns.items()}, len(rows))


def _alike(values: Sequence[Any]) -> Sequence[Any]:
    kinds = {type(value) for value in values}
    if kinds <= {int, float, type(None)} and (float in kinds or (type(None) in kinds and int in kinds)):
        return [float("nan") if value is None else float(value) for value in values]
    if kinds == {str, type(None)}:
        return [float("nan") if value is None else value for value in values]
    return values
