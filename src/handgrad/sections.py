"""Settings as typed sections, and every problem of one file as plain sentences.

A `Section` is a table of a study file: frozen, without unknown keys.  Its fields are checked by small validators,
whose messages name the allowed range:

    study.toml: training.optimizer.beta2 must be in [0, 1); got 1.0

For any input at all, a validator returns a value or raises ValueError with a text.

`NamedSection` is the type of a field that holds one section of an open table, such as an optimizer; `problems` makes
such lines of pydantic's error, which holds everything that is wrong with a value at once.
"""

import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core.core_schema import (
    CoreSchema,
    any_schema,
    with_info_before_validator_function,
    wrap_serializer_function_ser_schema,
)

from handgrad.accepts import accepts, form_of, number
from handgrad.errors import InputError
from handgrad.names import listed, nearest, short, shown, unknown, unknown_key

Kind = TypeVar("Kind")

if TYPE_CHECKING:  # only the type checker needs its private name
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _SectionMeta(ModelMetaclass):
    """Makes `Section(...)` raise InputError with plain sentences instead of pydantic's ValidationError."""

    def __call__(cls, *tables: Any, **values: Any) -> Any:
        if tables:  # Setting({...}): the tables as they stand in a file
            values = {**given(tables[0], dict, f"{cls.__name__}(…)", "Give its tables as in a study file"), **values}
        try:
            return super().__call__(**values)
        except ValidationError as error:
            raise InputError("\n".join(problems(error, cast("type[BaseModel]", cls), values))) from None


class Section(BaseModel, metaclass=_SectionMeta):
    """A frozen table of settings.  `aliases` maps names of other libraries to ours (kept out of records).

    `example`: how it is written, for messages;  `inside`: its table in which keys of a setting stand, with a dot.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    aliases: ClassVar[Mapping[str, str]] = {}
    example: ClassVar[str] = ""
    inside: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _rename_aliases(cls, values: Any, info: ValidationInfo) -> Any:
        values = plain(values)
        if not isinstance(values, Mapping) or not any(name in values for name in cls.aliases):
            return values
        notes = (info.context or {}).get("notes", [])
        renamed = {}
        for name, value in values.items():
            ours = cls.aliases.get(name, name)
            if ours != name:
                if ours in values:
                    raise ValueError(f"has both {name!r} and {ours!r}, which mean the same; keep {ours!r}")
                notes.append(read_as(name, ours))
            renamed[ours] = value
        return renamed

    @classmethod
    def read(cls, values: Any, *, prefix: str = "", notes: list[str] | None = None) -> tuple[Self | None, list[str]]:
        """Check `values`: (section, []) or (None, every problem as a line starting with its path)."""
        try:
            return cls.model_validate(values, context={"notes": [] if notes is None else notes}), []
        except ValidationError as error:
            return None, problems(error, cls, values, prefix)

    def changed(self, **values: Any) -> Self:
        """A checked copy with some fields replaced."""
        return type(self)(**{**dict(self), **values})


def read_as(name: str, ours: str) -> str:
    """The note about a word of another library."""
    return f"{name!r} is read as {ours!r}"


NO_SETTINGS = ("figure", "original")  # tables that hold no settings, so whose keys no other library has
SETTING = ("data", "network", "training")
MOST_STEPS = 12  # of a path in a message
LARGEST = 2**63 - 1  # whole numbers are those of TOML: 64 bits


def plain(value: Any) -> Any:
    """Tables with the numbers and lists of NumPy, and paths, as Python's own; the same object where nothing changes.

    >>> import numpy as np
    >>> plain({"lr": np.float64(0.5), "hidden": np.array([30, 20]), "seeds": range(3)})
    {'lr': 0.5, 'hidden': [30, 20], 'seeds': [0, 1, 2]}
    """
    try:
        return _plain(value)
    except RecursionError:  # what nests so deeply, or holds itself, is refused by whoever reads it
        return value


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        inside = {key: _plain(part) for key, part in value.items()}
        return value if all(inside[key] is part for key, part in value.items()) else inside
    if isinstance(value, list):
        parts = [_plain(part) for part in value]
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if isinstance(value, tuple | range):
        return [_plain(part) for part in value]
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if type(value).__module__.partition(".")[0] in ("numpy", "pandas") and hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value


_PLAIN = (str, int, float, bool, type(None))


def given(value: Any, kind: type[Kind], what: str, remedy: str) -> Kind:
    """An argument of a public function, if it is of its kind.  Raises InputError with the remedy where it is not."""
    if not isinstance(value, kind):
        raise InputError(f"{what} must be a {kind.__name__}; got {shown(value)}. {remedy}")
    return value


def _limits(interval: str) -> tuple[Callable[[float], bool], str]:
    """(whether a number lies in the interval, the interval as the end of a message)."""
    low, high = (float(end) for end in interval[1:-1].split(","))
    above: Callable[[float], bool] = (lambda v: v >= low) if interval[0] == "[" else (lambda v: v > low)
    below: Callable[[float], bool] = (lambda v: v <= high) if interval[-1] == "]" else (lambda v: v < high)
    if math.isinf(high) and math.isinf(low):
        words = ""
    elif math.isinf(high):
        words = f" {'>=' if interval[0] == '[' else '>'} {low:g}"
    else:
        words = f" in {interval}"
    return lambda v: above(v) and below(v), words


def real(interval: str = "(-inf, inf)") -> Callable[[Any], float]:
    """A validator for a finite number in an interval.

    >>> real("[0, 1)")(0.5)
    0.5
    """
    inside, words = _limits(interval)

    @accepts(number(interval))
    def check(value: Any) -> float:
        if not is_real(value):
            raise ValueError(f"must be a number{words}")
        if not inside(value):
            raise ValueError(f"must be{words}")
        return float(value)

    return check


def whole(interval: str = "[1, inf)") -> Callable[[Any], int]:
    """A validator for a whole number of at most 64 bits in an interval.

    >>> whole("[1, inf)")(3)
    3
    """
    inside, words = _limits(interval)

    @accepts(number(interval, "integer"))
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number{words}")
        if not inside(value):
            raise ValueError(f"must be{words}")
        if abs(value) > LARGEST:
            raise ValueError(f"must be a whole number{words} of at most 64 bits (up to {LARGEST:,})")
        return value

    return check


def is_real(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a finite number that float64 can hold; true and false are none.

    >>> is_real(0.5), is_real(3), is_real(10**400), is_real(float("nan")), is_real(True)
    (True, True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_whole(value: Any, least: int = 0) -> TypeGuard[int]:
    """Whether a value is a whole number of at most 64 bits and at least `least`.

    >>> is_whole(3), is_whole(3.0), is_whole(-1), is_whole(2**63)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST


@accepts({"type": "boolean"})
def flag(value: Any) -> bool:
    """A validator for true or false; 0, 1 and texts are neither."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


@accepts({"type": "string", "minLength": 1})
def text(value: Any) -> str:
    """A validator for text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text, and not empty" if isinstance(value, str) else "must be text")
    return value


def optional(check: Callable[[Any], Kind]) -> Callable[[Any], Kind | None]:
    """A validator that lets None pass, and what `check` lets pass."""
    return accepts(form_of(check))(lambda value: None if value is None else check(value))


def one_of(table: Iterable[str], kind: str) -> Callable[[Any], str]:
    """A validator for a name in a table; the message offers the nearest."""

    @accepts(lambda: {"enum": list(table)})
    def check(value: Any) -> str:
        known = list(table)
        if not isinstance(value, str):
            raise ValueError(f"must be the name of one {kind}: {listed(known)}")
        if value not in known:
            raise ValueError("is an " + unknown(value, known, kind))
        return value

    return check


@dataclass(frozen=True, eq=False)
class NamedSection:
    """The annotation of a field that reads `"adam"` or `{ name = "adam", lr = 1e-3 }`: the section that `name` selects.

    It stands beside the base class of the table's sections: `Annotated[Optimizer, NamedSection(OPTIMIZERS, …)]`.
    The table is read whenever a value is checked, so a section that someone puts into it later is known at once.
    """

    table: Mapping[str, type[Section]]
    kind: str

    def __call__(self, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, Section):
            if type(value) not in self.table.values():
                raise ValueError(f"must be one of: {listed(self.table)}")
            return value
        values = {"name": value} if isinstance(value, str) else value
        if not isinstance(values, Mapping) or not isinstance(values.get("name"), str):
            example = f"{{ name = {next(iter(self.table))!r} }}"
            raise ValueError(f"must name its {self.kind}, as in {example}; known: {listed(self.table)}")
        if values["name"] not in self.table:
            raise ValueError("is an " + unknown(values["name"], self.table, self.kind))
        return self.table[values["name"]].model_validate(values, context=info.context)

    def section(self, value: Any) -> type[Section] | None:
        """The section that `"adam"` or `{ name = "adam" }` selects, or None where it selects none."""
        name = value.get("name") if isinstance(value, Mapping) else value
        return self.table.get(name) if isinstance(name, str) else None

    def __get_pydantic_core_schema__(self, base: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        every_field = wrap_serializer_function_ser_schema(lambda value, dump: dump(value), schema=any_schema())
        return with_info_before_validator_function(self, handler(base), serialization=every_field)


def problems(error: ValidationError, model: type[BaseModel], values: Any, prefix: str = "") -> list[str]:
    """One line for each thing wrong: `path message; got value`, without pydantic's own words.

    A key that is missing because it was misspelt is said once, as the unknown key that stands in its place.
    """
    lines, details = [], error.errors(include_url=False)
    meant = {
        (*detail["loc"][:-1], _meant(model, detail["loc"], values))
        for detail in details
        if detail["type"] == "extra_forbidden"
    }
    for detail in details:
        location, got = detail["loc"], detail["input"]
        steps = [prefix, *map(str, location)] if prefix else [str(step) for step in location]
        path = ".".join(short(step, 60) for step in steps[:MOST_STEPS]) or "this table"
        if detail["type"] == "extra_forbidden":
            of_setting = not prefix.startswith(NO_SETTINGS)
            lines.append(f"{path} is an {_unknown_key(model, location, values, advise=of_setting)}")
        elif detail["type"] == "missing":
            lines += [] if location in meant else [f"{path} is missing"]
        elif detail["type"] == "value_error":
            text = str(detail["ctx"]["error"])
            lines.append(f"{path} {text}" + ("" if "unknown" in text or "; " in text else f"; got {shown(got)}"))
        elif detail["type"] in {"model_type", "model_attributes_type", "dict_type"}:
            example = getattr(section_at(model, location, values), "example", "")
            lines.append(f"{path} must be a table{f' such as {example}' if example else ''}; got {shown(got)}")
        else:
            words = {
                "string_type": "must be text",
                "tuple_type": "must be a list",
                "list_type": "must be a list",
                "invalid_key": "is a key that is no text",
            }
            text = words.get(detail["type"]) or detail["msg"].replace("Input should be", "must be")
            lines.append(f"{path} {text}; got {shown(got)}")
    return lines


def check_shape(validate: Callable[[Any], Kind], value: Any) -> Kind:
    """`value` as pydantic's `validate` makes it; for files of our own.

    Raises ValueError, in one line, with the first thing in which it is not what is validated.
    """
    try:
        return validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "value_error":
        raise first["ctx"]["error"]
    where, what = ".".join(map(str, first["loc"])) or "it", first["msg"].partition(" or instance of ")[0]
    raise ValueError(f"{shown(where)[1:-1]}: {what[:1].lower()}{what[1:]}")


def _meant(model: type[BaseModel], location: tuple[int | str, ...], values: Any) -> str | None:
    """The key that an unknown one stands for."""
    section = section_at(model, location[:-1], values)
    if section is None:
        return None
    fields = [field.alias or name for name, field in section.model_fields.items()]
    return nearest(str(location[-1]), fields)


def _unknown_key(model: type[BaseModel], location: tuple[int | str, ...], values: Any, *, advise: bool) -> str:
    section = section_at(model, location[:-1], values)
    if section is None:
        return "unknown key"
    fields = [field.alias or name for name, field in section.model_fields.items()]
    key, inside = str(location[-1]), getattr(section, "inside", "")
    if inside and key in SETTING:
        return f"unknown key: write {inside}{key}. Known: {listed(fields)}"
    text = unknown_key(key, fields, getattr(section, "aliases", {}), advise=advise)
    for name in SETTING if inside else ():
        text = text.replace(f"write {name}.", f"write {inside}{name}.")
    return text


def section_at(model: type[BaseModel], location: tuple[int | str, ...], values: Any) -> type[BaseModel] | None:
    """The section that a path leads to; where a table has several, the one that `name` selects."""
    for step in location:
        values = values.get(step) if isinstance(values, Mapping) else None
        field = model.model_fields.get(str(step))
        if field is None:
            return None
        parts = [getattr(part, "func", part) for part in (*field.metadata, *_parts(field.annotation))]
        choices = [part for part in parts if isinstance(part, NamedSection)]
        models = [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
        found = choices[0].section(values) if choices else next(iter(models), None)
        if found is None:
            return None
        model = found
    return model


def _parts(annotation: Any) -> list[Any]:
    """The types of an annotation and what is annotated on them."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return [part for option in typing.get_args(annotation) for part in _parts(option)]
    return [annotation]
