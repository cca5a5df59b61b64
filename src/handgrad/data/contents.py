"""Contents, data sets and splits: the three forms of examples on their way from files to training.

    Contents  what the files of a data set hold, labels as they were written
    Dataset   examples with class numbers 0..k-1, checked, with a checksum
    Split     its training, validation and test parts, scaled

Letters: x (n, *shape) examples, y (n,) class numbers.  Images are (channels, rows, cols), rows of a table (columns,).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.measures import PARTS

PART_WORDS = {  # in the names of arrays, files and folders -> as in x_train, x_val, x_test
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}


@dataclass(frozen=True)
class Contents:
    """What the files of a data set hold: examples and labels (whole numbers or text) as they are written there.

    classes: the names of classes 0..k-1 where the files give them.  value_range: the smallest and the largest value
    that x can take, where the files or the user state it.  label: where the labels stand ("column 'kind'"),
    for messages.  missing: texts that mean "no label"; None: those of `classes.MISSING`.
    """

    x_train: Any
    y_train: Any
    x_test: Any = None
    y_test: Any = None
    classes: tuple[str, ...] | None = None
    value_range: tuple[float, float] | None = None
    feature_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    x_val: Any = None
    y_val: Any = None
    label: str | None = None
    missing: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Dataset:
    """All examples of a data set, with the values of its files.

    x_train, x_test, x_val: (n, *shape) uint8, or float32 where that holds every value exactly, or else float64;
    y_train, y_test, y_val: (n,) int64 in 0..k-1; the test and the validation part are None where the data has none
    of its own.  value_range: the smallest and the largest value that x can take, None where it is not given and not
    that of bytes.  checksum: SHA-256 over the contents, in hex; where the files lie does not enter.
    official: False where a named data set was read from other bytes than the published ones (a note says so).
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any] | None
    y_test: NDArray[np.int64] | None
    classes: tuple[str, ...]
    value_range: tuple[float, float] | None
    checksum: str
    official: bool
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] | None = None
    x_val: NDArray[Any] | None = None
    y_val: NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (channels, rows, cols) of an image, (columns,) of a table's row."""
        return self.x_train.shape[1:]

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    def part(self, source: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The examples and labels that a `Part.source` names: "train", "test" or "validation"."""
        x, y = {
            "train": (self.x_train, self.y_train),
            "test": (self.x_test, self.y_test),
            "validation": (self.x_val, self.y_val),
        }[source]
        assert x is not None
        assert y is not None
        return x, y


@dataclass(frozen=True)
class Part:
    """The examples of one part.  x: (n, *shape) float32, scaled; y: (n,) int64.

    index: (n,) int64, where each example stands in the data set's `source` arrays ("train", "test" or "validation").
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

    checksum: of the data set; scaling: the formula in force with its numbers; scaler: the same, to apply to
    further examples; label_table: for every part the number of examples of each class, and under "total"
    their sums.
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
    scaler: Scaling = AS_IT_IS
    value_range: tuple[float, float] | None = None
    feature_names: tuple[str, ...] | None = None

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that this split has, by name, in the order of `PARTS`."""
        return {name: part for name in PARTS if (part := getattr(self, name)) is not None}
