"""Data sets: examples with their labels, and their split into training, validation and test parts.

Letters: x (n, *shape) examples, y (n,) class numbers 0..k-1.  Images are (channels, rows, cols).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.spec import DataSection

Array = NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """All examples of a data set, as they are in its files.

    x_train, x_test: (n, *shape) uint8 or float32; y_train, y_test: (n,) int64 in 0..k-1; the test part is
    None where the data has none of its own.  value_range: the smallest and the largest value that x can
    take, None where only the data could tell (tables).  checksum: SHA-256 over the contents, in hex.
    official: whether these are the published bytes of the data set that `name` says.
    """

    name: str
    x_train: Array
    y_train: NDArray[np.int64]
    x_test: Array | None
    y_test: NDArray[np.int64] | None
    classes: tuple[str, ...]
    value_range: tuple[float, float] | None
    checksum: str
    official: bool
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (channels, rows, cols) of an image, (columns,) of a table's row."""
        return self.x_train.shape[1:]

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)


@dataclass(frozen=True)
class Part:
    """The examples of one part.  x: (n, *shape) float32, scaled; y: (n,) int64.

    index: (n,) int64, where each example stands in the data set's `source` arrays ("train" or "test").
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    index: NDArray[np.int64]
    source: str

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Split:
    """The parts of a data set that one setting works with.

    checksum: of the data set; scaling: the formula in force with its numbers; label_table: for every part
    the number of examples of each class, and under "total" their sums.
    """

    name: str
    train: Part
    validation: Part | None
    test: Part | None
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    checksum: str
    scaling: str
    official: bool
    notes: tuple[str, ...]
    label_table: dict[str, list[int]] = field(repr=False)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)


def load(section: DataSection | str, *, folder: Path | None = None, fetch: bool = True) -> Dataset:
    """The data set that `section.name` says: digits, mnist, fashion-mnist, cifar-10 or a path."""
    raise NotImplementedError


def from_arrays(
    x_train: Any,
    y_train: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    name: str = "arrays",
    classes: tuple[str, ...] | None = None,
    value_range: tuple[float, float] | None = None,
) -> Dataset:
    """A data set from arrays of your own."""
    raise NotImplementedError


def split(dataset: Dataset, section: DataSection) -> Split:
    """The training, validation and test parts of a data set, scaled; the section's own seeds decide."""
    raise NotImplementedError


def save_split(split: Split, folder: Path) -> None:
    """Write a split as .npy files and one .json, for `open_split` in any process."""
    raise NotImplementedError


def open_split(folder: Path) -> Split:
    """The split that `save_split` wrote, its arrays mapped into memory and read-only."""
    raise NotImplementedError


def data_key(section: DataSection, checksum: str) -> str:
    """10 hex characters that are equal for sections which give the same Split of the same data."""
    raise NotImplementedError
