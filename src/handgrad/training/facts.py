"""The shape of record.json: what every reader may rely on, checked once, when the file is read.

A file that carries its checksum and is unaltered has this shape, as handgrad wrote it; one of an earlier version has no
checksum, and whatever damage did to it is found here and not in the middle of a report.
"""

import functools
from typing import Any, NotRequired

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from handgrad.names import shown


class _Shape(TypedDict):
    """Types as they stand in the JSON; other keys may be there as well."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]


class _Optimizer(_Shape):
    name: str


class _Training(_Shape):
    optimizer: _Optimizer


class _Setting(_Shape):
    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    data: dict[str, Any]
    network: dict[str, Any]
    training: _Training


class _Network(_Shape):
    layers: list[str]
    output: str
    parameters: int
    loss_formula: str
    l2_formula: str


class _Data(_Shape):
    name: str
    checksum: str
    counts: dict[str, int]
    scaling: str
    scaler: NotRequired[dict[str, Any]]
    value_range: NotRequired[list[float] | None]
    classes: NotRequired[list[str]]
    shape: NotRequired[list[int]]
    label_table: NotRequired[dict[str, list[int]]]
    notes: NotRequired[list[str]]


class _Diverged(_Shape):
    epoch: int
    step: int
    layer: str | None
    reason: str


class _Samples(_Shape):
    source: str
    index: list[int]
    labels: list[int]
    before: list[list[float]]
    after: list[list[float]] | None


class _Time(_Shape):
    total: float
    training: float
    evaluation: float
    epochs: list[list[float]]
    resumed: int


class _Scored(_Shape):
    what: str
    n: int


class _Facts(_Shape):
    id: str
    seed: int
    setting: _Setting
    continues: str | None
    status: str
    metrics: dict[str, float | None]
    epochs: int
    steps: int
    best_epoch: int | None
    continued_at: list[int]
    diverged: _Diverged | None
    error: str | None
    network: _Network
    data: _Data
    train_score: _Scored | None
    confusion: dict[str, list[list[int]]]
    samples: _Samples | None
    optimizer_steps: int
    time: _Time
    engine: dict[str, Any]
    environment: dict[str, Any]
    files: NotRequired[dict[str, str]]
    parent: NotRequired[dict[str, str] | None]


STATUSES = ("done", "diverged", "pruned", "failed")


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(_Facts)


def check_facts(facts: dict[str, Any]) -> None:
    """Raise ValueError, in one line, where facts are not those of a record."""
    check_shape(_adapter(), facts)
    if facts["status"] not in STATUSES:
        raise ValueError(f"status is {shown(facts['status'])}, not one of {', '.join(STATUSES)}")
    classes = len(facts["data"].get("classes", ()))
    for part, matrix in facts["confusion"].items():
        if len(matrix) != classes or any(len(row) != classes for row in matrix):
            raise ValueError(f"confusion.{part} has not a row and a column for each of {classes} classes")
    samples = facts["samples"]
    if samples is not None:
        parts = [samples["labels"], samples["before"], samples["after"]]
        if any(len(part) != len(samples["index"]) for part in parts if part is not None):
            raise ValueError("samples are not of one number of examples")
        outputs = {len(row) for part in parts[1:] if part is not None for row in part}
        if outputs - {classes} or any(not 0 <= label < classes for label in samples["labels"]):
            raise ValueError(f"samples are not of {classes} classes")


def check_shape(adapter: TypeAdapter[Any], value: Any) -> None:
    """Raise ValueError with the first thing in which a value is not what `adapter` describes."""
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ValueError(f"{shown(where)[1:-1]}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None
