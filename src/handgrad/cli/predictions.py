"""What `handgrad predict` reads and says: pictures, folders of pictures and tables, and what is predicted of each."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.image_files import ENDINGS
from handgrad.data.table_files import is_table
from handgrad.errors import DataError
from handgrad.files import write_whole
from handgrad.measures import MULTI_LABEL, REGRESSION
from handgrad.names import listed
from handgrad.training.model import Model

MOST_NOTES = 6  # of single pictures
MOST_ROWS, MOST_COLUMNS = 40, 4  # of a table that are printed: rows, and columns that the network does not take


@dataclass(frozen=True)
class PredictedExamples:
    """examples: (what it is called, its number in a table or None);  said: what is predicted, columns by heading, texts
    and numbers;  outputs: what `objects` says of each example beside that, by name;  others: columns of a table that
    the network does not take.
    """

    examples: list[tuple[str, int | None]]
    said: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    notes: list[str]
    others: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def headings(self) -> list[str]:
        """Of the printed table and of the CSV.  A column of the table that is called like one of ours is named so."""
        first = self._first
        own = [*first, *self.said]
        others = [f"{name} (of the table)" if name in own else name for name in self.others]
        return [*first, *others, *self.said]

    @property
    def _first(self) -> list[str]:
        rows = any(row is not None for _, row in self.examples)
        return ["table", "row"] if rows else ["image"]

    @property
    def numeric(self) -> list[int]:
        """Which columns of the printed table hold numbers."""
        headings, _ = self.table()
        first = len(headings) - len(self.said)
        columns = enumerate(self.said.values(), start=first)
        return [k for k, column in columns if not any(isinstance(value, str) for value in column)]

    @property
    def hidden(self) -> int:
        """How many are not printed."""
        return max(0, len(self) - MOST_ROWS)

    def rows(self) -> list[list[Any]]:
        """One of each example, in the order of `headings`."""
        columns = [*self.others.values(), *self.said.values()]
        return [
            [name, *([] if row is None else [row]), *(cells[k] for cells in columns)]
            for k, (name, row) in enumerate(self.examples)
        ]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and cells as they are printed: the first of them."""
        gone = len(self.others) if len(self.others) > MOST_COLUMNS else 0
        kept = [k for k in range(len(self.headings)) if not 2 <= k < 2 + gone]
        rows = [[_printed(value) for value in row] for row in self.rows()[:MOST_ROWS]]
        return [self.headings[k] for k in kept], [[row[k] for k in kept] for row in rows]

    def objects(self) -> list[dict[str, Any]]:
        """For JSON: of each example what is predicted, and the output or probability of every class or label."""
        others = self.headings[len(self._first) : len(self.headings) - len(self.said)]
        said = {name: column for name, column in self.said.items() if not self.outputs or isinstance(column[0], str)}
        return [
            {
                self._first[0]: name,
                **({} if row is None else {"row": row}),
                **dict(zip(others, (cells[k] for cells in self.others.values()), strict=True)),
                **{heading: column[k] for heading, column in {**said, **self.outputs}.items()},
            }
            for k, (name, row) in enumerate(self.examples)
        ]


def _printed(value: Any) -> str:
    return (
        f"{value:.4f}" if isinstance(value, Probability) else f"{value:.6g}" if isinstance(value, float) else str(value)
    )


class Probability(float):
    """A number that is printed with four decimals."""


def predictions_of(model: Model, paths: Sequence[Path], *, invert: bool) -> PredictedExamples:
    """What a network says of pictures, folders of pictures, or tables.  Raises DataError."""
    tables = [path for path in paths if is_table(path.name) and not path.is_dir()]
    if tables and len(tables) < len(paths):
        raise DataError(f"{listed(map(str, tables), 3)}: tables and pictures are predicted by commands of their own")
    if len(tables) > 1:
        raise DataError(
            f"{listed(map(str, tables), 3)}: one table is predicted at a time, as each has columns of its own"
        )
    arrays = [path for path in paths if path.suffix.lower() in (".npz", ".npy", ".mat")]
    if arrays:
        raise DataError(
            f"{listed(map(str, arrays), 3)}: pictures and tables are predicted here; give arrays in Python, as in "
            "hg.Model.load(run).predict(x)"
        )
    notes: list[str] = []
    others: dict[str, list[str]] = {}
    if tables:
        if invert:
            raise DataError(f"--invert is for pictures, but {tables[0]} is a table; leave it out")
        x, others = model.read_table(tables[0], notes=notes)
        examples: list[tuple[str, int | None]] = [(str(tables[0]), row) for row in range(1, len(x) + 1)]
    else:
        files = [file for path in paths for file in _pictures(path, notes)]
        x = np.stack([model.read_image(file, invert=invert, notes=notes) for file in files])
        if len(notes) > MOST_NOTES:
            notes = [*notes[:MOST_NOTES], f"… and {len(notes) - MOST_NOTES} more such notes"]
        notes += model.notes_on(x, inverted=invert)
        examples = [(str(file), None) for file in files]
    said, outputs = _said(model, x)
    return PredictedExamples(examples, said, outputs, notes, others)


def _said(model: Model, x: np.ndarray) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """(columns of what is predicted, of JSON the outputs or probabilities of every class or label)."""
    outputs, probabilities = model.outputs(x), model.probabilities(x)
    decided = model.decide(outputs)
    if model.task == REGRESSION:
        columns = decided.reshape(len(outputs), -1).T.tolist()
        return dict(zip((f"predicted {name}" for name in model.classes), columns, strict=True)), {}
    shown = model.per_class(outputs) if probabilities is None else probabilities
    measure = "output" if probabilities is None else "probability"
    of_each = {measure: [dict(zip(model.classes, map(float, row), strict=True)) for row in shown]}
    if model.task == MULTI_LABEL:
        told = [[name for name, one in zip(model.classes, row, strict=True) if one] for row in decided]
        of_labels = {
            name: [Probability(value) for value in column] for name, column in zip(model.classes, shown.T, strict=True)
        }
        return {"labels": [", ".join(names) or "none" for names in told], **of_labels}, of_each
    told_class = [model.classes[k] for k in decided]
    return {"class": told_class, measure: [Probability(row[k]) for row, k in zip(shown, decided, strict=True)]}, of_each


def save_predictions(found: PredictedExamples, path: Path) -> None:
    """All predictions as CSV, written whole.  Raises DataError where the file cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.headings)
    writer.writerows([[f"{one:.6g}" if isinstance(one, Probability) else one for one in row] for row in found.rows()])
    try:
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


def _pictures(path: Path, notes: list[str]) -> list[Path]:
    """A picture, or those of a folder in the order of their names, numbers as numbers."""
    if not path.is_dir():
        return [path]
    inside = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in inside if entry.is_file() and entry.suffix.lower() in ENDINGS]
    if not files:
        raise DataError(f"{path}: holds no pictures ({', '.join(sorted(ENDINGS))}); folders in it are not read")
    other = [entry.name for entry in inside if entry not in files]
    if other:
        notes.append(f"{path}: not read: {listed(other, 4)}")
    return sorted(
        files, key=lambda file: (not file.stem.isdigit(), int(file.stem) if file.stem.isdigit() else 0, file.name)
    )
