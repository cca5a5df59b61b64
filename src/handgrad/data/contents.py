"""Contents, data sets and splits: the three forms of examples on their way from files to training.

    Contents  what the files of a data set hold, labels as they were written
    Dataset   examples with class numbers 0..k-1, or with targets, checked, with a checksum
    Split     its training, validation and test parts, scaled

Letters: x (n, *shape) examples, y (n,) class numbers, or (n, k) targets: numbers (regression), or 0 and 1 for each of k
labels (multi-label).  `classes` then names the targets or labels.  Images are (channels, rows, cols), rows of a table
(columns,).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.batches import lie_by_class, train_sample
from handgrad.data.brightness import Brightness, brightness_of
from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.displays import Display, Displayed
from handgrad.files import checksum
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, PARTS, REGRESSION
from handgrad.names import listed

PART_WORDS = {  # in the names of arrays, files and folders -> as in x_train, x_val, x_test
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}

NAMED = {CLASSIFICATION: "classes", REGRESSION: "targets", MULTI_LABEL: "labels"}  # what `classes` names, by task


@dataclass(frozen=True)
class Contents:
    """What the files of a data set hold: examples and labels (whole numbers or text) as they are written there.

    classes: the names of classes 0..k-1 where the files give them.  value_range: the smallest and the largest value
    that x can take, where the files or the user state it.  label: where the labels stand ("column 'kind'"),
    for messages.  missing: texts that mean "no label"; None: those of `classes.MISSING`.  cells: what becomes of
    missing cells of x, which are NaN: "mean" (that of the training part) or "drop" (the row); None: they are refused.
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
    cells: str | None = None
    task: str = CLASSIFICATION


@dataclass(frozen=True, repr=False)
class Dataset(Displayed):
    """All examples of a data set, with the values of its files.

    x_train, x_test, x_val: (n, *shape) uint8, or float32 where that holds every value exactly, or else float64;
    y_train, y_test, y_val: (n,) int64 in 0..k-1, or (n, k) float64; the test and the validation part are None where the
    data has none of its own.  value_range: the smallest and the largest value that x can take, None where it is not
    given and not that of bytes.  checksum: SHA-256 over the contents, in hex; where the files lie does not enter.
    Missing cells of a table are NaN.  official: False where a named data set was read from other bytes than the
    published ones (a note says so).
    """

    name: str
    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any] | None
    y_test: NDArray[Any] | None
    classes: tuple[str, ...]
    value_range: tuple[float, float] | None
    checksum: str
    official: bool
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] | None = None
    x_val: NDArray[Any] | None = None
    y_val: NDArray[Any] | None = None
    task: str = CLASSIFICATION

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (channels, rows, cols) of an image, (columns,) of a table's row."""
        return self.x_train.shape[1:]

    @property
    def n_classes(self) -> int:
        """How many classes there are, or by the task targets or labels."""
        return len(self.classes)

    def _display(self) -> Display:
        counts = (("train", self.y_train), ("validation", self.y_val), ("test", self.y_test))
        examples = ", ".join(f"{len(y):,} {name}" for name, y in counts if y is not None)
        values = "" if self.value_range is None else f", {self.value_range[0]:g} to {self.value_range[1]:g}"
        rows = [("examples", examples), ("each", f"{self.shape} of {self.x_train.dtype}{values}")]
        rows += [
            ("columns", listed(self.feature_names or ())),
            (NAMED[self.task], f"{self.n_classes}: {listed(self.classes)}"),
        ]
        return Display(
            f"Dataset {self.name}", (*rows, ("checksum", self.checksum[:16]), ("notes", "; ".join(self.notes)))
        )

    def part(self, source: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """The examples and labels that a `Part.source` names: "train", "test" or "validation"."""
        x, y = {
            "train": (self.x_train, self.y_train),
            "test": (self.x_test, self.y_test),
            "validation": (self.x_val, self.y_val),
        }[source]
        assert x is not None
        assert y is not None
        return x, y


@dataclass(frozen=True, repr=False)
class Part(Displayed):
    """The examples of one part.  x: (n, *shape) float32, scaled; y: (n,) int64, or targets (n, k) float64 as they are.

    index: (n,) int64, where each example stands in the data set's `source` arrays ("train", "test" or "validation").
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    index: NDArray[np.int64]
    source: str

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def examples(self) -> str:
        """A checksum of which examples of the data set these are: equal for equal ones in equal order."""
        return checksum(f"{self.source} {np.asarray(self.index, np.int64).tolist()}".encode())

    def _display(self) -> Display:
        rows = (("x", f"{self.x.shape} of {self.x.dtype}"), ("y", f"{self.y.shape} of {self.y.dtype}"))
        return Display(f"Part: {len(self):,} examples of {self.source}", rows)


@dataclass(frozen=True, repr=False)
class Split(Displayed):
    """The parts of a data set that one setting works with.

    checksum: of the data set; scaling: the formula in force with its numbers; scaler: the same, to apply to
    further examples; target_scaler: how targets that are numbers are scaled; label_table: for every part the number of
    examples of each class, or with each label, and under "total" their sums; empty where targets are numbers.
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
    label_table: dict[str, list[int]]
    scaler: Scaling = AS_IT_IS
    value_range: tuple[float, float] | None = None
    feature_names: tuple[str, ...] | None = None
    task: str = CLASSIFICATION
    target_scaler: Scaling = AS_IT_IS

    @property
    def n_classes(self) -> int:
        """How many classes there are, or by the task targets or labels."""
        return len(self.classes)

    @cached_property
    def train_sample(self) -> NDArray[np.int64]:
        """The training examples that are scored after an epoch (`batches.train_sample`)."""
        n = len(self.train.y)
        return train_sample(n, next((len(part.y) for part in (self.validation, self.test) if part is not None), n))

    @cached_property
    def sampled_x(self) -> NDArray[Any]:
        """These examples, which all runs that train with this split share: nobody can write to them."""
        x = self.train.x[self.train_sample]
        x.flags.writeable = False
        return x

    @cached_property
    def by_class(self) -> bool:
        """Whether the training examples of each class lie together (`batches.lie_by_class`)."""
        return lie_by_class(self.train.y)

    @cached_property
    def brightness(self) -> Brightness | None:
        """How bright the training pictures are (`brightness.brightness_of`)."""
        return brightness_of(self.train.x, self.scaler, self.value_range)

    def learnt(self, y: NDArray[Any]) -> NDArray[Any]:
        """What a network learns of the y of a part: classes as they are, targets (n, k) scaled."""
        return y if self.task == CLASSIFICATION else self.target_scaler.apply(y)

    @property
    def parts(self) -> dict[str, Part]:
        """The parts that this split has, by name, in the order of `PARTS`."""
        return {name: part for name in PARTS if (part := getattr(self, name)) is not None}

    def _display(self) -> Display:
        rows = [("examples", ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items()))]
        rows += [
            ("each", f"{self.shape}"),
            ("scaling", self.scaling),
            (NAMED[self.task], f"{self.n_classes}: {listed(self.classes)}"),
        ]
        rows += [("of targets", self.target_scaler.formula)] if self.target_scaler != AS_IT_IS else []
        return Display(f"Split of {self.name}", (*rows, ("notes", "; ".join(self.notes))))
