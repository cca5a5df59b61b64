"""The [data] table of a study: which examples, how their numbers are scaled, which part is for what.

    name -> x_train, y_train, x_test, y_test          `datasets.load`
    test        taken away first, where the data has no test part of its own
    validation  taken from the training or the test examples, or each part of the training examples in turn (folds)
    train       which of the training examples that remain are used
    scale       with the numbers of the training part that remains   `scaling`

A size is a whole number of examples or a fraction in (0, 1]: 1 is one example, 1.0 is all of them.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from handgrad.accepts import POSITIVE, TEXT, accepts, either, list_of, number
from handgrad.data.scaling import SCALES
from handgrad.errors import DataError, InputError
from handgrad.foreign import as_path
from handgrad.measures import TASKS
from handgrad.names import shown
from handgrad.sections import LARGEST, Section, flag, is_real, is_whole, one_of, optional, whole

# Closed tables: a trained network takes pictures as gray or rgb only.
COLORS = MappingProxyType({"keep": None, "gray": "L", "rgb": "RGB"})  # -> mode of Pillow; None: that of the file
PICKS = ("first", "random")
LARGEST_FLOAT32 = 3.4e38
TARGET_SCALES = ("none", "standard")
CELLS = ("mean", "drop")  # what becomes of missing cells
DECIMALS = (".", ",")
OPTIONAL = (
    "task",
    "scale_targets",
    "drop",
    "missing",
    "decimal",
    "value_range",
    "division",
)  # written out only where they are given: older settings have none


@accepts(either(POSITIVE, number("(0, 1]")))
def _size(value: Any) -> int | float:
    message = "must be a whole number of examples >= 1 or a fraction in (0, 1]"
    if not is_real(value) or (isinstance(value, int) and value > LARGEST):
        raise ValueError(message)
    if value < 1 if isinstance(value, int) else not 0 < value <= 1:
        raise ValueError(message)
    return value


@accepts(number("[2, inf)", "integer"))
def _folds(value: Any) -> int:
    if not is_whole(value, 2):
        raise ValueError("must be a whole number >= 2, as every fold learns from the others")
    return value


@accepts(either(TEXT, {"type": "integer"}))
def _column(value: Any) -> str | int:
    if isinstance(value, str) or is_whole(value, -LARGEST):
        return value
    raise ValueError("must be the name of a column, or its number counted from 0 (-1 is the last)")


@accepts(either(TEXT, {"type": "integer"}, list_of(either(TEXT, {"type": "integer"}), 2)))
def _label(value: Any) -> str | int | tuple[str | int, ...]:
    if isinstance(value, str) or is_whole(value, -LARGEST):
        return value
    columns = list(value) if isinstance(value, list | tuple) else []
    if len(columns) > 1 and all(isinstance(one, str) or is_whole(one, -LARGEST) for one in columns):
        return tuple(columns)
    raise ValueError(
        "must be the name of a column, or its number counted from 0 (-1 is the last), or for several targets a list"
    )


@accepts(TEXT)
def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a data set or a path")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be UTF-8, as study files are: rename the file or folder") from None
    return value


@accepts(list_of(POSITIVE, 2, 2))
def _image_size(value: Any) -> tuple[int, int]:
    numbers = list(value) if isinstance(value, list | tuple) else []
    if len(numbers) != 2 or not all(is_whole(n, 1) for n in numbers):
        raise ValueError("must be two whole numbers >= 1: [rows, cols]")
    return numbers[0], numbers[1]


@accepts(list_of({"type": "number"}, 2, 2))
def _value_range(value: Any) -> tuple[float, float]:
    numbers = list(value) if isinstance(value, list | tuple) else []
    good = len(numbers) == 2 and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if not good or not -LARGEST_FLOAT32 <= numbers[0] < numbers[1] <= LARGEST_FLOAT32:
        raise ValueError("must be two numbers, the smallest and the largest value that x can take, such as [0, 255]")
    return numbers[0], numbers[1]


@accepts(list_of(either(TEXT, {"type": "integer"})))
def _drop(value: Any) -> tuple[str | int, ...] | None:
    if not isinstance(value, list | tuple) or any(
        isinstance(one, bool) or not isinstance(one, str | int) for one in value
    ):
        raise ValueError('must be a list of columns, by name or by number from 0, such as ["Id", 3]')
    return tuple(value) or None  # nothing to leave out is the default


@accepts(list_of(TEXT))
def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list of texts that mean "nothing here", such as ["?"], or [] if none does')
    return tuple(value)


Size = Annotated[int | float, PlainValidator(_size)]
Seed = Annotated[int, PlainValidator(whole("[0, inf)"))]
Flag = Annotated[bool, PlainValidator(flag)]
AsItIs = PlainSerializer(lambda value: value)  # pydantic's own warns that JSON has a list where there is a tuple


class MissingCells(Section):
    """Which texts mean a missing cell or label, and what becomes of rows with a missing cell.

    `missing = ["?"]` is short for `{ texts = ["?"] }`, `missing = "mean"` for `{ cells = "mean" }`.
    """

    texts: Annotated[tuple[str, ...] | None, PlainValidator(optional(_texts)), AsItIs] = None
    cells: Annotated[str | None, PlainValidator(optional(one_of(CELLS, "way with missing cells")))] = None

    def short(self) -> Any:
        """As short as it can be written: older settings have a list of texts."""
        if self.cells is None:
            return self.texts
        return self.cells if self.texts is None else {"texts": self.texts, "cells": self.cells}


class ValidationPart(Section):
    """Which examples validate; a fraction counts the examples of the part they are taken from.

    `source` is written `from` in a study file (a word that Python keeps for itself):
    `validation = { size = 5000, from = "test" }`.

    With `folds` the training examples are divided into so many parts, and each of them validates in one run while the
    others train.  `repeats`: how often they are divided anew; the folds of the second division count on from the first.
    `fold`: that of one run, from 1; a study writes it for each of its runs.  `seed` is that of the divisions.
    """

    model_config = ConfigDict(populate_by_name=True)

    size: Size = 0.1
    source: Annotated[str, PlainValidator(one_of(("train", "test"), "part"))] = Field("train", alias="from")
    stratify: Flag = True
    seed: Seed = 0
    folds: Annotated[int | None, PlainValidator(optional(_folds))] = None
    repeats: Annotated[int, PlainValidator(whole("[1, inf)"))] = 1
    fold: Annotated[int | None, PlainValidator(optional(whole("[1, inf)")))] = None

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        given = self.model_fields_set
        if self.folds is None:
            if self.fold is not None or self.repeats != 1:
                odd = "repeats" if self.fold is None else "fold"
                raise ValueError(f"has {odd} without folds; give folds too, as in {{ folds = 5 }}")
            return self
        if "size" in given:
            raise ValueError("has both size and folds, and folds decide how many examples validate; keep one of them")
        if self.source != "train":
            raise ValueError('has folds from = "test", but folds divide the training examples; take from or folds out')
        if self.fold is not None and self.repeats != 1:
            raise ValueError("has both fold, which is one run, and repeats, which makes runs; keep one of them")
        return self

    def changed(self, **values: Any) -> Self:
        """A checked copy with some fields replaced; what was not given is still at its default."""
        return type(self)(**{name: getattr(self, name) for name in self.model_fields_set} | values)

    @property
    def splits(self) -> int:
        """How many splits it makes: 1, or folds · repeats where no fold is named."""
        return 1 if self.folds is None or self.fold is not None else self.folds * self.repeats

    @model_serializer(mode="wrap")
    def _write_from(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`source` as `from`; keys of folds only where there are such: older settings have none."""
        left_out = {"size"} if self.folds is not None else {"folds", "repeats"}
        left_out |= {"repeats" if self.fold is not None else "fold"}
        return {
            "from" if name == "source" else name: value for name, value in write(self).items() if name not in left_out
        }


class TrainPart(Section):
    """Which of the training examples are used, after the test and validation parts were taken away."""

    example: ClassVar = "{ size = 5000 }"

    size: Size
    pick: Annotated[str, PlainValidator(one_of(PICKS, "pick"))] = "first"
    seed: Seed = 0


class TestPart(Section):
    """The test part of data that has none of its own; a fraction counts all of its examples."""

    __test__ = False  # no test of pytest's
    example: ClassVar = "{ size = 0.2 }"

    size: Size = 0.2
    stratify: Flag = True
    seed: Seed = 0


def _validation(value: Any, info: ValidationInfo) -> ValidationPart | Literal[False]:
    if value is False or isinstance(value, ValidationPart):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("must be a table such as { size = 0.1 }, or false")
    return ValidationPart.model_validate(value, context=info.context)


def _test(value: Any, info: ValidationInfo) -> TestPart | Literal[False] | None:
    if value is None or value is False or isinstance(value, TestPart):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("must be a table such as { size = 0.2 }, or false")
    return TestPart.model_validate(value, context=info.context)


@accepts(lambda: either({"enum": list(CELLS)}, list_of(TEXT), MissingCells))
def _missing(value: Any, info: ValidationInfo) -> MissingCells | None:
    if value is None or isinstance(value, MissingCells):
        return value
    if isinstance(value, Mapping):
        return MissingCells.model_validate(value, context=info.context)
    if isinstance(value, str):
        if value not in CELLS:
            raise ValueError(
                'must be "mean" (of the training part), "drop" (such rows are left out) or a list of texts that mean '
                f'"nothing here", such as ["?"]; got {shown(value)}'
            )
        return MissingCells(cells=value)
    return MissingCells(texts=_texts(value))


class DataSection(Section):
    """The data of a study: `name` is a named data set (`catalog`) or a path of your own.

    `task` is what is learnt: classification (as where nothing is said), regression or multi-label; `scale_targets`
    says how numbers are scaled that a network learns to predict, with the numbers of the training part.
    `label` names the column of a CSV file that holds the labels (by default the one called `label`, or the last), or
    the columns of several targets,
    `drop` the columns that are left out, `missing` the texts that mean a missing cell or label (default: those of
    pandas) and what becomes of rows with such cells, `decimal` the sign before decimals, `division` the column that
    says which part a row is in.
    `value_range` is the smallest and the largest value that x can take, for the scales unit and symmetric.
    `image_size` (rows, cols) and `color` are those to which the pictures in a folder of images are converted.
    """

    name: Annotated[str, PlainValidator(_name)] = "digits"
    task: Annotated[str | None, PlainValidator(optional(one_of(TASKS, "task")))] = None
    scale_targets: Annotated[str | None, PlainValidator(optional(one_of(TARGET_SCALES, "scale of targets")))] = None
    scale: Annotated[str, PlainValidator(one_of(SCALES, "scale"))] = "unit"
    validation: Annotated[
        ValidationPart | Literal[False],
        PlainValidator(_validation),
        PlainSerializer(lambda part: part and part.model_dump()),
    ] = ValidationPart()
    train: TrainPart | None = None
    test: Annotated[
        TestPart | Literal[False] | None,
        PlainValidator(_test),
        PlainSerializer(lambda part: part and part.model_dump()),
    ] = None
    label: Annotated[str | int | tuple[str | int, ...] | None, PlainValidator(optional(_label)), AsItIs] = None
    image_size: Annotated[tuple[int, int] | None, PlainValidator(optional(_image_size)), AsItIs] = None
    color: Annotated[str, PlainValidator(one_of(COLORS, "color"))] = "keep"
    drop: Annotated[tuple[str | int, ...] | None, PlainValidator(optional(_drop)), AsItIs] = None
    missing: Annotated[
        MissingCells | None, PlainValidator(_missing), PlainSerializer(lambda missing: missing and missing.short())
    ] = None
    decimal: Annotated[str | None, PlainValidator(optional(one_of(DECIMALS, "sign before decimals")))] = None
    value_range: Annotated[tuple[float, float] | None, PlainValidator(optional(_value_range)), AsItIs] = None
    division: Annotated[str | int | None, PlainValidator(optional(_column))] = None

    @model_serializer(mode="wrap")
    def _write_what_was_given(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None or name not in OPTIONAL}

    @property
    def splits(self) -> int:
        """How many splits it makes: more than 1 where it says folds and none of them."""
        return self.validation.splits if isinstance(self.validation, ValidationPart) else 1

    def of_fold(self, fold: int) -> Self:
        """The section of one of its splits, from 1; itself where it makes a single one."""
        if self.splits == 1 or not isinstance(self.validation, ValidationPart):
            return self
        return self.changed(validation=self.validation.changed(repeats=1, fold=fold))

    @classmethod
    def given(cls, value: Any) -> Self:
        """A section, its table as a dict, or the name or path of a data set.  Raises InputError for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str | os.PathLike):
            return cls(name=str(as_path(value, "data", DataError)))
        if not isinstance(value, Mapping):
            raise InputError(
                "data must be the name of a data set, a path, or a table such as {'name': 'digits'}; got "
                + shown(value)
            )
        section, problems = cls.read(value, prefix="data")
        if section is None:
            raise InputError("\n".join(problems))
        return section
