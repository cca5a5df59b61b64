"""The [data] table of a study: which examples, how their numbers are scaled, which part is for what.

    name -> x_train, y_train, x_test, y_test          `datasets.load`
    test        taken away first, where the data has no test part of its own
    validation  taken from the training or the test examples
    train       which of the training examples that remain are used
    scale       from the numbers of the training part that came out of this   `scaling`

A size is a whole number of examples or a fraction in (0, 1]: 1 is one example, 1.0 is all of them.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
)

from handgrad.validation import Section, flag, one_of, whole

SCALES = {
    "unit": "(x − lo) / (hi − lo), in [0, 1]",
    "symmetric": "2 (x − lo) / (hi − lo) − 1, in [−1, 1]",
    "standard": "(x − mean) / std, statistics of the training part only",
    "none": "x as it is",
}
COLORS = ("keep", "gray", "rgb")


def _size(value: Any) -> int | float:
    message = "must be a whole number of examples >= 1 or a fraction in (0, 1]"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(message)
    if value < 1 if isinstance(value, int) else not 0 < value <= 1:
        raise ValueError(message)
    return value


def _label(value: Any) -> str | int | None:
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise ValueError("must be the name of a column, or its number counted from 0 (-1 is the last)")


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a data set or a path")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be UTF-8, as study files are: rename the file or folder") from None
    return value


def _image_size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    numbers = list(value) if isinstance(value, list | tuple) else []
    if len(numbers) != 2 or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in numbers):
        raise ValueError("must be two whole numbers >= 1: [rows, cols]")
    return numbers[0], numbers[1]


Size = Annotated[int | float, PlainValidator(_size)]
Seed = Annotated[int, PlainValidator(whole("[0, inf)"))]
Flag = Annotated[bool, PlainValidator(flag)]


class ValidationPart(Section):
    """Which examples validate; a fraction counts the examples of the part they are taken from.

    `source` is written `from` in a study file (a word that Python keeps for itself):
    `validation = { size = 5000, from = "test" }`.
    """

    model_config = ConfigDict(populate_by_name=True)

    size: Size = 0.1
    source: Annotated[str, PlainValidator(one_of(("train", "test"), "part"))] = Field("train", alias="from")
    stratify: Flag = True
    seed: Seed = 0

    @model_serializer(mode="wrap")
    def _write_from(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"from" if name == "source" else name: value for name, value in write(self).items()}


class TrainPart(Section):
    """Which of the training examples are used, after the test and validation parts were taken away."""

    size: Size
    pick: Annotated[str, PlainValidator(one_of(("first", "random"), "pick"))] = "first"
    seed: Seed = 0


class TestPart(Section):
    """The test part of data that has none of its own; a fraction counts all of its examples."""

    __test__ = False  # no test of pytest's

    size: Size = 0.2
    stratify: Flag = True
    seed: Seed = 0


def _validation(value: Any, info: ValidationInfo) -> ValidationPart | Literal[False]:
    if value is False or isinstance(value, ValidationPart):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("must be a table such as { size = 0.1 }, or false")
    return ValidationPart.model_validate(value, context=info.context)


class DataSection(Section):
    """The data of a study: `name` is digits, mnist, fashion-mnist, cifar-10 or a path of your own.

    `label` names the column of a CSV file that holds the labels (the last by default); `image_size`
    (rows, cols) and `color` say what becomes of the pictures in a folder of images.
    """

    name: Annotated[str, PlainValidator(_name)] = "digits"
    scale: Annotated[str, PlainValidator(one_of(SCALES, "scale"))] = "unit"
    validation: Annotated[
        ValidationPart | Literal[False],
        PlainValidator(_validation),
        PlainSerializer(lambda part: part and part.model_dump()),
    ] = ValidationPart()
    train: TrainPart | None = None
    test: TestPart | None = None
    label: Annotated[str | int | None, PlainValidator(_label)] = None
    image_size: Annotated[
        tuple[int, int] | None,
        PlainValidator(_image_size),
        PlainSerializer(lambda size: size),  # pydantic's own warns that JSON has a list
    ] = None
    color: Annotated[str, PlainValidator(one_of(COLORS, "color"))] = "keep"
