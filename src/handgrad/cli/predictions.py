"""What `handgrad predict` reads and says: pictures, folders of pictures and tables, and the class of each example."""

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
from handgrad.names import listed
from handgrad.training.model import Model

MOST_NOTES = 6  # of single pictures
MOST_ROWS, MOST_COLUMNS = 40, 4  # of a table that are printed: rows, and columns that the network does not take


@dataclass(frozen=True)
class PredictedClasses:
    """examples: (what it is called, its number in a table or None);  shown: outputs or probabilities (n, k), as
    `measure` says;  others: columns of a table that the network does not take.
    """

    examples: list[tuple[str, int | None]]
    classes: list[str]
    names: tuple[str, ...]
    measure: str
    shown: np.ndarray
    notes: list[str]
    others: dict[str, list[str]]

    @property
    def headings(self) -> list[str]:
        """Of the printed table and of the CSV.  A column of the table that is called like one of ours is named so."""
        rows = ["row"] if any(row is not None for _, row in self.examples) else []
        own = ["table" if rows else "image", *rows, "class", self.measure]
        others = [f"{name} (of the table)" if name in own else name for name in self.others]
        return [*own[:-2], *others, *own[-2:]]

    @property
    def hidden(self) -> int:
        """How many are not printed."""
        return max(0, len(self.classes) - MOST_ROWS)

    def rows(self) -> list[list[Any]]:
        """One of each example, in the order of `headings`."""
        best = self.shown.max(axis=1)
        return [
            [name, *([] if row is None else [row]), *(cells[k] for cells in self.others.values()), found, best[k]]
            for k, ((name, row), found) in enumerate(zip(self.examples, self.classes, strict=True))
        ]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and cells as they are printed: the first of them."""
        gone = len(self.others) if len(self.others) > MOST_COLUMNS else 0
        kept = [k for k in range(len(self.headings)) if not 2 <= k < 2 + gone]
        rows = [[*map(str, row[:-1]), f"{row[-1]:.4f}"] for row in self.rows()[:MOST_ROWS]]
        return [self.headings[k] for k in kept], [[row[k] for k in kept] for row in rows]

    def objects(self) -> list[dict[str, Any]]:
        """For JSON: of each example the output or probability of every class."""
        first = self.headings[0]
        return [
            {
                first: name,
                **({} if row is None else {"row": row}),
                **dict(zip(self.headings[2:-2], (cells[k] for cells in self.others.values()), strict=False)),
                "class": self.classes[k],
                self.measure: dict(zip(self.names, map(float, self.shown[k]), strict=True)),
            }
            for k, (name, row) in enumerate(self.examples)
        ]


def predictions_of(model: Model, paths: Sequence[Path], *, invert: bool) -> PredictedClasses:
    """PredictedClasses for pictures, folders of pictures, or tables.  Raises DataError."""
    tables = [path for path in paths if is_table(path.name) and not path.is_dir()]
    if tables and len(tables) < len(paths):
        raise DataError(f"{listed(map(str, tables), 3)}: tables and pictures are predicted by commands of their own")
    if len(tables) > 1:
        raise DataError(
            f"{listed(map(str, tables), 3)}: one table is predicted at a time, as each has columns of its own"
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
    outputs, probabilities = model.outputs(x), model.probabilities(x)
    shown = outputs if probabilities is None else probabilities
    classes = [model.classes[k] for k in outputs.argmax(axis=1)]
    measure = "output" if probabilities is None else "probability"
    return PredictedClasses(examples, classes, tuple(model.classes), measure, shown, notes, others)


def save_predictions(found: PredictedClasses, path: Path) -> None:
    """All predictions as CSV, written whole.  Raises DataError where the file cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(found.headings)
    writer.writerows([[*row[:-1], f"{row[-1]:.6g}"] for row in found.rows()])
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
