"""Splits: which examples train, validate and test.

    1. data without a test part of its own gives one up from its training examples,  data.test
       unless none is wanted
    2. validation examples are taken from the training or the test part, unless      data.validation
       the data has a validation part of its own and nothing else is asked for;
       or they are one of k folds of the training part   `fold_of`
    3. of the training examples that remain, the first n or a random n are used      data.train
    4. everything is scaled with the numbers of the training part of step 3          data.scale

A stratified choice of m from n examples takes m·n_c/n of every class c, rounded by the largest remainder (ties to
the lower class), so that counts are exact and add up; of targets that are no classes a choice is not stratified.
Every choice has a stream of its own, keyed by the seed of its table in the study file: all runs of a study see the
same parts, unless its seeds vary the split (`drawn_by`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handgrad.data import scaling
from handgrad.data.catalog import task_of
from handgrad.data.contents import Dataset, Part, Split
from handgrad.data.data_section import PICKS, DataSection, TestPart, TrainPart, ValidationPart
from handgrad.data.missing import check_means, has_missing
from handgrad.data.ranges import lost_columns
from handgrad.errors import DataError, InputError, UnknownName
from handgrad.measures import CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.names import shown, unknown
from handgrad.sections import given
from handgrad.streams import stream

Positions = NDArray[np.int64]  # of examples in the arrays of a data set
VALIDATION, TEST, FOLDS = 0, 1, 2  # the streams of the choices


def split(dataset: Dataset, section: DataSection | Mapping[str, Any]) -> Split:
    """The training, validation and test parts of a data set, scaled.

    Raises DataError where more examples are asked for than there are, or none remains to train on.
    """
    given(dataset, Dataset, "dataset", "Make one with hg.load_data(name) or hg.from_arrays(x, y)")
    if isinstance(section, str):
        raise InputError(f"section must be a table such as {{'validation': {{'size': 0.1}}}}; got {shown(section)}")
    section = DataSection.given(section)
    _check_given(dataset, section)
    if task_of(section) != dataset.task:
        raise DataError(
            f"{dataset.name} is for {dataset.task}, and data.task is {shown(section.task or CLASSIFICATION)}; say "
            f'data.task = "{dataset.task}"'
        )
    notes = list(dataset.notes)
    if dataset.task != CLASSIFICATION:
        parts = {"data.validation": section.validation, "data.test": section.test}
        asked = [key for key, part in parts.items() if part and part.stratify and "stratify" in part.model_fields_set]
        notes += [f"{key}.stratify = true changes nothing: parts of {dataset.task} have no classes" for key in asked]
    train, test = _test_part(dataset, section.test, notes)
    train, test, validation, source = _validation_part(dataset, section.validation, train, test, notes)
    if not len(train):
        raise DataError(
            f"data.validation.size and data.test.size leave no training examples of {dataset.name}; make them smaller"
        )
    if section.train is not None:
        m = _count(section.train.size, len(train), "data.train.size", f"examples of {dataset.name} left to train")
        train = _picked(train, m, section.train)
    places = {
        "train": ("train", train),
        "validation": (source, validation),
        "test": ("train" if dataset.y_test is None else "test", test),
    }
    fills = section.missing is not None and section.missing.cells == "mean"
    if section.scale_targets is not None and dataset.task != REGRESSION:
        raise DataError(
            f"data.scale_targets is for targets that are numbers, and {dataset.name} is for {dataset.task}; take it out"
        )
    made = _scaled(dataset, section.scale, places, notes, fills=fills)
    if section.scale_targets in (None, "none"):
        return _with_advice(made) if dataset.task == REGRESSION and section.scale_targets is None else made
    of_targets = scaling.fit(section.scale_targets, made.train.y, None)
    return replace(made, target_scaler=replace(of_targets, formula="(y − mean) / std of each target"))


FAR_FROM_1 = 30.0  # of the deviation of targets, from which unscaled ones are noted


def _with_advice(made: Split) -> Split:
    """With a note where targets are so large that squared errors take steps which no usual learning rate bears."""
    spread = float(np.sqrt((made.train.y**2).mean(axis=0)).max())
    if spread < FAR_FROM_1:
        return made
    note = (
        f"the targets are up to {spread:.3g} (root mean square) and not scaled: gradients grow with them; "
        'data.scale_targets = "standard" scales them, and results stay in their units ("none" keeps them without this '
        "note)"
    )
    return replace(made, notes=(*made.notes, note))


def _test_part(
    dataset: Dataset, wish: TestPart | Literal[False] | None, notes: list[str]
) -> tuple[Positions, Positions]:
    """(train, test): the test part of the data set, else one of its training examples, or none."""
    train: Positions = np.arange(len(dataset.y_train))
    if wish is False:
        if dataset.y_test is not None:
            notes.append(
                f"{dataset.name}: its test part of {len(dataset.y_test)} examples is not used: data.test = false"
            )
        return train, train[:0]
    if dataset.y_test is None:
        wish = wish or TestPart()
        m = _count(wish.size, len(train), "data.test.size", f"examples of {dataset.name}")
        test, rest = choose(dataset.y_train, train, m, wish.stratify, stream(wish.seed, "split", TEST))
        notes.append(f"{dataset.name} has no test part of its own: {m} of its {len(train)} examples became one")
        return rest, test
    if wish is not None:
        raise DataError(
            f"data.test is for data without a test part; {dataset.name} has one of "
            f"{len(dataset.y_test)} examples: take data.test out"
        )
    return train, np.arange(len(dataset.y_test))


def _validation_part(
    dataset: Dataset, wish: ValidationPart | Literal[False], train: Positions, test: Positions, notes: list[str]
) -> tuple[Positions, Positions, Positions, str]:
    """(train, test, validation, the part of the data set that validation is taken from)."""
    if dataset.y_val is not None and wish == ValidationPart():
        return train, test, np.arange(len(dataset.y_val)), "validation"
    if dataset.y_val is not None:
        own = f"its own validation part of {len(dataset.y_val)} examples"
        if wish and wish.folds is None:
            raise DataError(
                f"data.validation draws a validation part, and {dataset.name} has {own}: take data.validation out to "
                "use that one, or take that one out of the data"
            )
        why = "data.validation = false" if not wish else f"data.validation.folds = {wish.folds}"
        notes.append(f"{dataset.name}: {own} is not used: {why}")
    if not isinstance(wish, ValidationPart):
        return train, test, train[:0], "train"
    if wish.folds is not None:
        validation = _fold(dataset, wish, train, notes)
        return np.setdiff1d(train, validation), test, validation, "train"
    from_test = wish.source == "test"
    if from_test and not len(test):
        raise DataError(
            f'data.validation takes its examples from = "test", but data.test = false leaves {dataset.name} no test '
            "part; take one of them out"
        )
    source = "test" if from_test and dataset.y_test is not None else "train"
    pool = test if from_test else train
    m = _count(wish.size, len(pool), "data.validation.size", f"{wish.source} examples of {dataset.name}")
    _, y = dataset.part(source)
    validation, rest = choose(y, pool, m, wish.stratify, stream(wish.seed, "split", VALIDATION))
    return (train, rest, validation, source) if from_test else (rest, test, validation, source)


def _fold(dataset: Dataset, wish: ValidationPart, train: Positions, notes: list[str]) -> Positions:
    """The examples of the fold that `wish` names, with a note on classes that cannot be in every fold."""
    folds = wish.folds or 1
    if wish.fold is None:
        raise DataError(
            f"data.validation.folds = {folds} makes {wish.splits} splits, one for each run of a study (hg.run_study); "
            f"for one of them name its fold, as in {{ folds = {folds}, fold = 1 }}"
        )
    if folds > len(train):
        raise DataError(
            f"data.validation.folds must be at most {len(train)}, the number of train examples of {dataset.name}; "
            f"got {folds}"
        )
    by_class = dataset.task == CLASSIFICATION
    counts = np.bincount(dataset.y_train[train] if by_class else np.empty(0, np.int64), minlength=dataset.n_classes)
    if wish.stratify and (rare := [c for c in range(dataset.n_classes) if 0 < counts[c] < folds]):
        least = min(rare, key=lambda c: counts[c])
        which = f"{dataset.classes[least]} has {counts[least]}"
        more = f", and {len(rare) - 1} more classes have fewer than {folds}" if len(rare) > 1 else ""
        notes.append(
            f"data.validation.folds = {folds}: class {which} of the examples{more}, so that not every fold validates "
            "with all classes"
        )
    return fold_of(dataset.y_train, train, folds, wish.fold, wish.stratify, wish.seed)


def fold_of(y: Positions, pool: Positions, folds: int, fold: int, stratify: bool, seed: int) -> Positions:
    """The examples in `pool` (positions in y) of one fold, in the order of their positions; fold counts from 1.

    The pool is shuffled, if stratified sorted by class, and dealt out one by one: folds differ by one example at most,
    and so does every class in them.  Fold k + 1 is the first fold of a second division by another stream, and so on.

    >>> y = np.array([0, 0, 0, 0, 1, 1])
    >>> [y[fold_of(y, np.arange(6), 2, fold, True, 0)].tolist() for fold in (1, 2)]
    [[0, 0, 1], [0, 0, 1]]
    """
    division, place = divmod(fold - 1, folds)
    order = stream(seed, "split", FOLDS, division).permutation(pool)
    if stratify and y.ndim == 1:
        order = order[np.argsort(y[order], kind="stable")]
    return np.sort(order[place::folds])


def choose(
    y: Positions, pool: Positions, m: int, stratify: bool, rng: np.random.Generator
) -> tuple[Positions, Positions]:
    """m of the examples in `pool` (positions in y) and the others, both in the order of their positions.

    >>> y = np.array([0, 0, 0, 0, 1, 1])
    >>> taken, rest = choose(y, np.arange(6), 3, True, stream(0, "split"))
    >>> y[taken].tolist(), y[rest].tolist()
    ([0, 0, 1], [0, 0, 1])
    """
    order = rng.permutation(pool)
    if stratify and y.ndim == 1:
        labels = y[order]
        counts = np.bincount(labels)
        quotas = largest_remainder(counts.tolist(), m)
        taken = np.concatenate([order[labels == c][:quota] for c, quota in enumerate(quotas)])
    else:
        taken = order[:m]
    return np.sort(taken), np.setdiff1d(pool, taken)


def _picked(train: Positions, m: int, wish: TrainPart) -> Positions:
    if wish.pick == "first":
        return train[:m]
    if wish.pick == "random":
        return np.sort(stream(wish.seed, "subset").permutation(train)[:m])
    raise UnknownName(unknown(wish.pick, PICKS, "pick"))


def largest_remainder(counts: list[int], m: int) -> list[int]:
    """Whole numbers that sum to m, in proportion to `counts`; what rounding leaves goes to the largest remainders.

    >>> largest_remainder([5, 3, 2], 5)  # shares 2.5, 1.5, 1
    [3, 1, 1]
    """
    n = sum(counts)
    shares = [m * count // n for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda c: (-(m * counts[c] % n), c))
    for c in by_remainder[: m - sum(shares)]:
        shares[c] += 1
    return shares


def label_table(parts: dict[str, Part], n_classes: int, task: str = CLASSIFICATION) -> dict[str, list[int]]:
    """For every part the number of examples of each class, or with each label, and under "total" their sums."""
    if task == REGRESSION:
        return {}
    if task == MULTI_LABEL:
        table = {name: part.y.sum(axis=0).astype(np.int64).tolist() for name, part in parts.items()}
    else:
        table = {name: np.bincount(part.y, minlength=n_classes).tolist() for name, part in parts.items()}
    table["total"] = [sum(column) for column in zip(*table.values(), strict=True)]
    return table


def data_key(section: DataSection, checksum: str) -> str:
    """10 hex characters that are equal for sections which give the same Split of the data with this checksum.

    The name or path does not enter (the checksum stands for the contents), nor does what has no effect:
    the seed of a choice that takes everything or the first ones.
    """
    content: dict[str, Any] = {"format": 1, "checksum": checksum, "scale": section.scale}
    if section.scale_targets is not None:
        content["scale_targets"] = section.scale_targets
    test = TestPart() if section.test is None else section.test
    parts = {"validation": section.validation, "test": test, "train": section.train}
    for name, part in parts.items():
        values = part.model_dump() if part else {}
        if values.get("size") == 1 and isinstance(values["size"], float):  # all of them
            values = {key: value for key, value in values.items() if key in ("size", "from")} if name != "train" else {}
        if values.get("pick") == "first":
            del values["seed"]
        content[name] = values
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def drawn_by(dataset: Dataset, section: DataSection, seed: int) -> DataSection:
    """The section with `seed` as that of every choice of examples that is drawn by chance.

    Raises DataError where none is: the parts are then the same by every seed.
    """
    parts: dict[str, Any] = {"train": section.train, "validation": section.validation or None, "test": None}
    if dataset.y_test is None and section.test is not False:
        parts["test"] = section.test or TestPart()
    if dataset.y_val is not None and section.validation == ValidationPart():
        parts["validation"] = None  # the data set's own

    def by(number: int) -> DataSection:
        return section.changed(**{name: part.changed(seed=number) for name, part in parts.items() if part is not None})

    drawn, key = by(seed), data_key(by(seed), dataset.checksum)
    if key == data_key(by(seed ^ 1), dataset.checksum):
        raise DataError(
            f"the split of {dataset.name} is fixed: no part of it is drawn by chance, so seeds cannot vary it; give "
            'data.validation a size, or data.train a size and pick = "random", or take "split" out of vary'
        )
    return section if key == data_key(section, dataset.checksum) else drawn


def _count(size: int | float, n: int, key: str, what: str) -> int:
    m = size if isinstance(size, int) else max(1, int(size * n + 0.5))
    if m > n:
        raise DataError(f"{key} must be at most {n}, the number of {what}; got {size}")
    return m


def _check_given(dataset: Dataset, section: DataSection) -> None:
    """Raise DataError for settings that apply to files where the data was given as arrays."""
    if section.value_range is not None and section.value_range != dataset.value_range:
        raise DataError(
            f"data.value_range is read with a file; {dataset.name} is in memory: give value_range to from_arrays"
        )
    left = [name for name in section.drop or () if name in (dataset.feature_names or ())]
    if left:
        raise DataError(f"data.drop is read with a file; {dataset.name} is in memory: leave the columns out of x")


def _scaled(
    dataset: Dataset, scale: str, places: dict[str, tuple[str, Positions]], notes: list[str], *, fills: bool
) -> Split:
    """places: part -> (the data set's arrays that it is taken from, the positions of its examples there);  fills:
    whether missing cells are filled even where this data has none.
    """
    raw = _pick(dataset.x_train, places["train"][1])
    missing = fills or any(has_missing(x) for x in (dataset.x_train, dataset.x_test, dataset.x_val))
    if missing:
        check_means(scaling.means_of(raw), dataset.feature_names, dataset.name)
    scaler = scaling.fit(scale, raw, dataset.value_range, missing=missing)

    def part(source: str, index: Positions) -> Part | None:
        if not len(index):
            return None
        x, y = dataset.part(source)
        scaled = scaler.apply(_pick(x, index))
        if x.dtype != np.uint8 and not np.isfinite(scaled).all():
            raise DataError(f"{dataset.name}: scaled ({scaler.formula}) some values are beyond float32; mend them")
        return Part(scaled, _pick(y, index), index, source)

    training = part(*places["train"])
    assert training is not None
    notes.extend(lost_columns(scaling.filled(raw, scaler.fill), training.x, scale, dataset.feature_names))
    chosen = {"train": training, "validation": part(*places["validation"]), "test": part(*places["test"])}
    table = label_table({name: one for name, one in chosen.items() if one is not None}, dataset.n_classes, dataset.task)
    absent = [name for name, count in zip(dataset.classes, table.get("train", ()), strict=False) if count == 0]
    if absent:
        notes.append(f"the training part has no example of {', '.join(absent)}")
    return Split(
        name=dataset.name,
        train=training,
        validation=chosen["validation"],
        test=chosen["test"],
        classes=dataset.classes,
        shape=dataset.shape,
        checksum=dataset.checksum,
        scaling=scaler.formula,
        official=dataset.official,
        notes=tuple(notes),
        label_table=table,
        scaler=scaler,
        value_range=dataset.value_range,
        feature_names=dataset.feature_names,
        task=dataset.task,
    )


def _pick(values: NDArray[Any], index: Positions) -> NDArray[Any]:
    """values[index], without a copy where that is all of them in their order."""
    whole = len(index) == len(values)  # an index is sorted and has no repetition
    return values if whole else values[index]
