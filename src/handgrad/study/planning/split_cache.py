"""Every split that a study needs, made once, and kept as files that all workers map into their memory.

A data set is read once for all settings that use it; of the splits only their facts stay in memory.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import Dataset, Split, data_key, drawn_by, load, save_split, split
from handgrad.errors import DataError

LOOKED_AT = 1000  # training examples that tell whether most numbers are 0


@dataclass(frozen=True)
class DataFacts:
    """What planning needs to know of a split."""

    key: str
    checksum: str
    shape: tuple[int, ...]
    n_classes: int
    counts: dict[str, int]
    notes: tuple[str, ...]
    by_class: bool  # whether the training examples lie sorted by class
    nonzero: float  # how many of the numbers of the first training examples are not 0, of 1


@dataclass(frozen=True)
class SplitCheck:
    """A data set and one split of it, or what is wrong with the split."""

    name: str
    shape: tuple[int, ...]
    n_classes: int
    facts: DataFacts | None
    problems: tuple[str, ...]


class SplitCache:
    """`source`: where relative paths of data start; `given`: a data set in memory, taken for settings that name it.

    `folder`: where splits are kept for the workers; it can be set after the looking, when it is clear that the study
    can run, and is written to only for splits that are needed.
    """

    def __init__(self, source: Path, given: Dataset | None = None) -> None:
        self.source, self.given = source, given
        self.folder: Path | None = None
        self._dataset: tuple[str, Dataset] | None = None
        self._made: tuple[str, Split] | None = None  # the last one: most studies have one only
        self._checks: dict[str, SplitCheck] = {}
        self._last: tuple[DataSection, SplitCheck] | None = None  # as the runs of a setting follow each other
        self._sections: dict[str, DataSection] = {}
        self._kept: dict[str, Path] = {}

    def check(self, section: DataSection) -> SplitCheck:
        """The split that `section` describes, of folds the first; made if it was not yet.

        Raises DataError where there is no data.
        """
        if self._last is None or self._last[0] is not section:
            self._last = section, self._checked(section.of_fold(1))
        return self._last[1]

    def _checked(self, section: DataSection) -> SplitCheck:
        written = section.model_dump_json()
        if written not in self._checks:
            dataset = self.dataset(section)
            key = data_key(section, dataset.checksum)
            facts = next(
                (check.facts for check in self._checks.values() if check.facts and check.facts.key == key), None
            )
            problems: tuple[str, ...] = ()
            if facts is None:
                try:
                    made = split(dataset, section)
                except DataError as error:
                    problems = tuple(str(error).splitlines())
                else:
                    facts = _facts(made, key)
                    self._made = key, made
                    self._sections[key] = section
            self._checks[written] = SplitCheck(dataset.name, dataset.shape, dataset.n_classes, facts, problems)
        return self._checks[written]

    def facts(self, section: DataSection) -> DataFacts:
        """The facts of a split.  Raises DataError where the data cannot be split like that."""
        check = self.check(section)
        if check.facts is None:
            raise DataError("\n".join(check.problems))
        return check.facts

    def key(self, section: DataSection) -> str:
        """The key of a split that is one that was looked at, drawn anew: it is made when it is needed."""
        key = data_key(section, self.dataset(section).checksum)
        self._sections.setdefault(key, section)
        return key

    def drawn_by(self, section: DataSection, seed: int) -> DataSection:
        """The section whose parts are drawn by this seed.  Raises DataError where none is drawn."""
        return drawn_by(self.dataset(section), section, seed)

    def dataset(self, section: DataSection) -> Dataset:
        """The data set of a section; the last one stays in memory."""
        if self.given is not None and section.name == self.given.name:
            return self.given
        which = json.dumps(
            section.model_dump(mode="json", exclude={"scale", "scale_targets", "validation", "train", "test"})
        )
        if self._dataset is None or self._dataset[0] != which:
            self._dataset = None
            self._dataset = which, load(section, folder=self.source)
        return self._dataset[1]

    def split(self, key: str) -> Split:
        """A split that was looked at."""
        if self._made is None or self._made[0] != key:
            section = self._sections[key]
            self._made = key, split(self.dataset(section), section)
        return self._made[1]

    def path(self, key: str) -> Path:
        """The folder of a split for the workers, written when it is first asked for."""
        assert self.folder is not None
        if key not in self._kept:
            self._kept[key] = self.folder / key
            save_split(self.split(key), self._kept[key])
        return self._kept[key]

    def clear(self) -> None:
        """Free the memory: the files stay."""
        self._dataset = self._made = None


def _facts(made: Split, key: str) -> DataFacts:
    counts = {name: len(part) for name, part in made.parts.items()}
    first = made.train.x[:LOOKED_AT]
    nonzero = np.count_nonzero(first) / first.size
    return DataFacts(key, made.checksum, made.shape, made.n_classes, counts, made.notes, made.by_class, nonzero)
