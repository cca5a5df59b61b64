"""The JSON Schema of study files, for editors: keys, types, ranges and names, each with a line about it.

It is made of the sections and tables that check a study, so it cannot say anything else; what lies between several keys
(a loss that does not go with an output) is checked by handgrad alone.

    a field       the form beside its validator (`accepts`), or else its type
    NamedSection  one of the names of its table, or a table of one of its sections
    changes       the same with every key optional: bundles, variants, phases, [quick]
    grid          the same with a list of values for every value;  random: with a range
"""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from handgrad.accepts import TEXT, Form, either, form_of, list_of
from handgrad.keys import study_keys
from handgrad.sections import NamedSection, Section
from handgrad.study.changes import SECTIONS
from handgrad.study.design.axes import RANDOM_KEYS
from handgrad.study.design.settings import SECTION_TYPES
from handgrad.study.design.study_spec import PhaseSpec, StudySpec
from handgrad.study.published.figure_options import FIGURES
from handgrad.study.published.items import Drawing, Figure, Measured, Original
from handgrad.study.published.original_text import TEXT_LISTS
from handgrad.study.published.published_tables import TABLES
from handgrad.study.published.statements import Statement
from handgrad.study.rules.samplers import DISTRIBUTIONS, SAMPLERS

DIALECT = "http://json-schema.org/draft-07/schema#"  # the one that editors of TOML read
DOTTED: Form = {"\\.": {}}  # keys in quotes, "training.optimizer.lr", mean a path
OBJECT: Form = {"type": "object"}


def study_schema() -> dict[str, Any]:
    """The schema of a study file, as a dict that can be written as JSON."""
    changes = _changes()
    definitions = {"changes": changes, "grid": _tables(_listed), "ranges": _ranges()}
    tables = _section(StudySpec, "", _axes() | _own())
    del tables["required"]  # a file without a name has its own
    return {
        "$schema": DIALECT,
        "title": "A study of handgrad",
        "description": "What is learnt, what varies, and over which seeds: docs/studies.md.",
        **tables,
        "definitions": definitions,
    }


# -- sections


def _section(model: type[BaseModel], path: str, own: Mapping[str, Any] | None = None) -> Form:
    """The table of a section.  own: keys that are not made of their field."""
    properties: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        here = f"{path}.{key}" if path else key
        form = dict((own or {}).get(key) or _field(field, here))
        properties[key] = _described(form, here, field.default)
    for theirs, ours in getattr(model, "aliases", {}).items():
        properties[theirs] = {**properties[ours], "description": f"{theirs} is read as {ours}, with a note"}
    required = [field.alias or name for name, field in model.model_fields.items() if field.is_required()]
    form = OBJECT | {"properties": properties, "additionalProperties": False}
    if required:
        form["required"] = required
    return form


def _described(form: Form, path: str, default: Any) -> Form:
    if (key := study_keys().get(path)) is not None:
        form["description"] = key.about
    if isinstance(default, str | int | float) and default is not PydanticUndefined:
        form["default"] = default
    return form


def _field(field: Any, path: str) -> Form:
    parts = [*field.metadata, *_parts(field.annotation)]
    for part in parts:
        if isinstance(part, NamedSection):
            return _named(part, path)
    for part in parts:
        if (form := form_of(getattr(part, "func", None))) is not None:
            made: Form = _with_sections(form, path)
            return made
    checked = any(hasattr(part, "func") for part in field.metadata)
    forms = [form for part in _parts(field.annotation) if (form := _of_type(part, path, checked=checked)) is not None]
    if any(form == {} for form in forms) or not forms:
        return {}
    return forms[0] if len(forms) == 1 else either(*forms)


def _named(named: NamedSection, path: str) -> Form:
    """`"adam"`, or the table of one of the sections, whose name it gives."""
    tables = []
    for name, section in named.table.items():
        form = _section(section, path, {"name": {"const": name}})
        about = (inspect.getdoc(section) or "").split("\n")[0]
        tables.append({**form, "description": about, "required": ["name", *_required(section)]})
    names: list[Form] = [{"enum": list(named.table)}]
    return either(*names, *tables)


def _required(section: type[BaseModel]) -> list[str]:
    return [name for name, field in section.model_fields.items() if field.is_required() and name != "name"]


def _of_type(part: Any, path: str, *, checked: bool) -> Form | None:
    """The form of a type; None of None.  checked: a validator that says no form may take other things as well."""
    if part is type(None):
        return None
    if isinstance(part, type) and issubclass(part, BaseModel):
        return _section(part, path)
    if typing.get_origin(part) is Literal:
        return {"enum": list(typing.get_args(part))}
    if checked:
        return {}
    if typing.get_origin(part) in (tuple, list):
        inside = [one for one in typing.get_args(part) if one is not Ellipsis]
        forms = [form for one in _parts(inside[0]) if (form := _of_type(one, path, checked=False)) is not None]
        return list_of(forms[0] if forms else {})
    simple = {str: TEXT, bool: {"type": "boolean"}, int: {"type": "integer"}, float: {"type": "number"}}
    return simple.get(part) or (OBJECT if part is dict or typing.get_origin(part) is dict else {})


def _parts(annotation: Any) -> list[Any]:
    """The types that an annotation lets pass, with what is annotated on them."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return [part for option in typing.get_args(annotation) for part in _parts(option)]
    if origin is typing.Annotated:
        first, *rest = typing.get_args(annotation)
        return [*rest, *_parts(first)]
    return [annotation]


def _with_sections(form: Any, path: str) -> Any:
    """A form whose classes are replaced by their tables."""
    if isinstance(form, type) and issubclass(form, Section):
        return _section(form, path)
    if isinstance(form, dict):
        return {key: _with_sections(part, path) for key, part in form.items()}
    return [_with_sections(part, path) for part in form] if isinstance(form, list) else form


# -- what varies

Leaf = Callable[[Form], Form]


def _listed(form: Form) -> Form:
    """The values of an axis."""
    return list_of({key: part for key, part in form.items() if key not in ("description", "default")}, 1)


def _tables(leaf: Leaf) -> Form:
    """The sections of a setting where every value has the form that `leaf` makes of its own."""
    properties = {name: _loose(_section(section, name), leaf) for name, section in SECTION_TYPES.items()}
    return OBJECT | {"properties": properties, "patternProperties": DOTTED, "additionalProperties": False}


def _loose(form: Form, leaf: Leaf) -> Form:
    """A table of changes: no key is needed, keys may be paths, and values are what `leaf` makes of them."""
    properties = {
        key: {"description": part["description"], **_loosened(part, leaf)}
        if "description" in part
        else _loosened(part, leaf)
        for key, part in form["properties"].items()
    }
    return OBJECT | {"properties": properties, "patternProperties": DOTTED, "additionalProperties": False}


def _loosened(form: Form, leaf: Leaf) -> Form:
    """The value itself, or changes inside it where it can be a table."""
    options = form.get("anyOf", [form])
    tables = [option for option in options if option.get("type") == "object" and "properties" in option]
    if not tables:
        return leaf(form)
    properties: dict[str, Any] = {}
    for key in dict.fromkeys(key for table in tables for key in table["properties"]):
        forms = [table["properties"][key] for table in tables if key in table["properties"]]
        plain = [{name: part for name, part in one.items() if name not in ("default", "description")} for one in forms]
        texts = [one["description"] for one in forms if "description" in one][:1]
        distinct = [one for number, one in enumerate(plain) if one not in plain[:number]]
        merged = _const(distinct) if key == "name" else distinct[0] if len(distinct) == 1 else either(*distinct)
        properties[key] = merged | ({"description": texts[0]} if texts else {})
    inside = _loose({"properties": properties}, leaf)
    if leaf is _as_it_is:
        return either(*[option for option in options if option not in tables], inside)
    if leaf is _listed:
        return either(leaf(form), inside)
    ranges = leaf(form)["properties"]
    return inside | {"properties": ranges | inside["properties"]}


def _const(forms: list[Form]) -> Form:
    names = [form["const"] for form in forms if "const" in form]
    return {"enum": names} if names else either(*forms)


def _as_it_is(form: Form) -> Form:
    return form


def _changes() -> Form:
    return _tables(_as_it_is)


def _range(form: Form) -> Form:
    """One of the kinds of ranges."""
    values = {key: part for key, part in form.items() if key not in ("description", "default")}
    ends = list_of({"type": "number"}, 2, 2)
    kinds = {kind: list_of(values, 1) if kind == "choice" else ends for kind in DISTRIBUTIONS}
    return OBJECT | {"properties": kinds, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}


def _ranges() -> Form:
    form = _tables(_range)
    own = {"runs": {"type": "integer", "minimum": 1}, "seed": {"type": "integer", "minimum": 0}}
    own["sampler"] = {"enum": list(SAMPLERS)}
    assert set(own) == set(RANDOM_KEYS)
    about = {key: _described(dict(part), f"random.{key}", None) for key, part in own.items()}
    return form | {"properties": about | form["properties"]}


def _axes() -> dict[str, Form]:
    """The tables of a study or phase that say what varies."""
    changes, grid = {"$ref": "#/definitions/changes"}, {"$ref": "#/definitions/grid"}
    named = OBJECT | {"additionalProperties": changes, "minProperties": 1}
    return {
        "grid": {"allOf": [grid]},
        "one_factor": {"allOf": [grid]},
        "bundle": OBJECT | {"additionalProperties": named, "minProperties": 1},
        "variant": named,
        "random": {"allOf": [{"$ref": "#/definitions/ranges"}]},
    }


# -- tables that have readers of their own


def _own() -> dict[str, Form]:
    """Keys of a study whose tables are read one by one."""
    phase = _section(PhaseSpec, "phase", {**_axes(), "set": {"allOf": [{"$ref": "#/definitions/changes"}]}})
    return {
        "phase": list_of(phase),
        "quick": _quick(),
        "figure": list_of(_drawing(Drawing, "figure")),
        "original": _original(),
    }


def _quick() -> Form:
    """[quick] may change every key of the study; phases are found by their names."""
    changes = _changes()
    keys: Form = {name: {} for name in StudySpec.model_fields if name not in SECTIONS}
    return OBJECT | {"properties": {**keys, **changes["properties"]}, "patternProperties": DOTTED, **CLOSED}


CLOSED = {"additionalProperties": False}


def _drawing(model: type[Drawing], path: str) -> Form:
    form = _section(model, path)
    form["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {"properties": {"options": _section(record.options, "")}},
        }
        for kind, record in FIGURES.items()
    ]
    return form


def _original() -> Form:
    by_kind = {kind: _section(table, "", {"kind": {"const": kind}}) for kind, table in TABLES.items()}
    for kind, form in by_kind.items():
        form["required"] = [key for key in form.get("required", ()) if key != "kind"]
        if kind != "settings":  # the usual kind, which need not be said
            form["required"].append("kind")
    figure = _drawing(Figure, "original.figure")
    measured = _section(Measured, "")
    figure["properties"]["published"] = either(measured, OBJECT | {"additionalProperties": measured})
    text = OBJECT | {
        "properties": {name: list_of(_section(part, "")) for name, part in TEXT_LISTS.items()},
        **CLOSED,
    }
    parts = {"table": list_of(either(*by_kind.values())), "figure": list_of(figure), "text": text}
    parts["statement"] = list_of(_section(Statement, ""))
    return _section(Original, "original", parts)
