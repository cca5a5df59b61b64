"""One file of a table, and what a study says of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.columns import find_column
from handgrad.data.divisions import Division
from handgrad.data.features import Texts
from handgrad.data.target_values import numbers_of_texts
from handgrad.errors import DataError
from handgrad.measures import CLASSIFICATION, REGRESSION
from handgrad.names import shown


@dataclass(frozen=True)
class TableForm:
    """What a study says of a table: `data.label`, `drop`, `missing` (texts; what becomes of cells), `decimal` and
    `division`."""

    label: str | int | None = None
    drop: Sequence[str | int] | None = None
    missing: tuple[str, ...] | None = None
    cells: str | None = None
    decimal: str | None = None
    span: tuple[int, int] | None = None  # the first and the last feature of sparse files
    division: str | int | None = None
    divides: int | None = None  # the number of the column that says which part a row is in
    task: str = CLASSIFICATION

    @property
    def word(self) -> str:
        """What an example has, in messages."""
        return "target" if self.task == REGRESSION else "label"

    @property
    def words(self) -> str:
        """What a column holds, in messages."""
        return "target" if self.task == REGRESSION else "labels"


@dataclass
class OneTable:
    """One file.  x: (n, columns), without the labels and what `data.drop` leaves out; columns: their places there.

    texts: the columns that hold texts; in x stand their codes.
    """

    path: Path
    names: list[str] | None  # of all columns; None: there is no header
    label: int
    columns: list[int]
    x: NDArray[Any]
    y: list[str]
    lines: list[int]
    texts: dict[int, Texts]
    notes: list[str]
    on_label: list[str] = field(default_factory=list)
    division: Division | None = None
    width: int = 0  # how many columns the file has
    targets: NDArray[np.float64] | None = None  # (n, k), of tasks other than classification
    target_columns: list[int] = field(default_factory=list)

    @property
    def labels(self) -> list[str] | NDArray[np.float64]:
        """What is to be predicted of each example: its class, as a text, or its targets (n, k) where they are taken."""
        return self.y if self.targets is None else self.targets

    def called(self, column: int) -> str | int:
        """A column's name, or its number where it has none."""
        return self.names[column] if self.names and self.names[column] else column

    def without(self, columns: Sequence[int]) -> None:
        """Leave columns out, by their number in the file.  Raises DataError where none would stay."""
        stay = [k for k, column in enumerate(self.columns) if column not in columns]
        if len(stay) < len(self.columns):
            self.columns, self.x = [self.columns[k] for k in stay], np.ascontiguousarray(self.x[:, stay])
        if not self.columns:
            raise DataError(f"{self.path}: has no column left beside the labels; at least one is needed")

    def take_targets(self, more: Sequence[str | int], decimal: str | None) -> None:
        """Take the targets (n, k) from the column of labels and from `more`, which are features no longer."""
        names = [str(column) for column in range(self.width)] if self.names is None else self.names
        found = [find_column(names, one, "data.label", str(self.path)) for one in more]
        self.target_columns = [self.label, *found]
        if len(set(self.target_columns)) < len(self.target_columns):
            raise DataError(f"{self.path}: data.label names a column twice; name each once")
        columns = [numbers_of_texts(self.y, self.lines, str(self.path), shown(self.called(self.label)), decimal)]
        for column in found:
            if column in self.texts or column not in self.columns:
                raise DataError(
                    f"{self.path}: column {shown(self.called(column))} holds texts or is left out, and data.label says "
                    "that it holds targets; take it out of one"
                )
            columns.append(self.x[:, self.columns.index(column)])
        self.targets = np.column_stack(columns).astype(np.float64)
        empty = np.isnan(self.targets).any(axis=1)
        if empty.any():
            raise DataError(
                f"{self.path}: line {self.lines[int(np.argmax(empty))]} lacks a target; fill it in or take the row out"
            )
        self.without(found)

    @property
    def numbers(self) -> list[int]:
        """The columns of numbers, by their place in x."""
        return [k for k, column in enumerate(self.columns) if column not in self.texts]
