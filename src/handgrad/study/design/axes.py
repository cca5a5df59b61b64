"""Axes: the five ways in which a study or a phase says what varies, and the choices that they come to.

    grid         every listed value with every other           network.hidden = [300, 500]
    bundle       values that vary together, under a name       [bundle.case."tanh"] network.activation = "tanh"
    one_factor   the baseline, then one change at a time       training.epochs = [25, 50]
    variant      named settings beside the baseline            [variant."adam"] training.optimizer = "adam"
    random       drawn values                                  training.optimizer.lr = { log_uniform = [1e-4, 1e-2] }

Bundles vary slowest, then the grid in the order of the file, its last line fastest.  Drawn values come from a
stream of their own, keyed by (seed, phase, draw, path): more draws or another axis change no other number.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict

from handgrad.names import listed, nearest, short, shown, unknown, unknown_key
from handgrad.sections import Section, is_whole
from handgrad.study.changes import SECTIONS, Changes, changes_of, is_path, leaves
from handgrad.study.rules.samplers import DISTRIBUTIONS, SAMPLERS, USUAL, Sampling
from handgrad.study.rules.search_rules import Asha
from handgrad.synonyms import advice_on_name


def _table(value: Any) -> Any:
    if value is not None and not isinstance(value, Mapping):
        raise ValueError("must be a table")
    return value


AxisTable = Annotated[dict[str, Any] | None, BeforeValidator(_table)]


class Axes(Section):
    """What varies, as a study file writes it."""

    model_config = ConfigDict(populate_by_name=True)

    grid: AxisTable = None
    bundle: AxisTable = None
    one_factor: AxisTable = None
    variant: AxisTable = None
    random: AxisTable = None
    asha: Asha | None = None


@dataclass(frozen=True)
class Choice:
    """One combination: the value of each axis, the changes to the baseline, and the table that wrote each change."""

    axes: dict[str, Any] = field(default_factory=dict)
    changes: Changes = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def __or__(self, other: "Choice") -> "Choice":
        return Choice(self.axes | other.axes, self.changes | other.changes, self.written | other.written)


def _one(path: str, value: Any, table: str) -> Choice:
    return Choice({path: value}, {path: value}, {path: table})


def _named_choice(axis: str, name: str, table: Mapping[str, Any], where: str) -> Choice:
    changes = changes_of(table)
    return Choice({axis: name}, changes, dict.fromkeys(changes, where))


def choices(axes: Axes, phase: int = 0) -> list[Choice]:
    """Every combination of a study or phase, in order.  `phase` is its number, for what is drawn.

    >>> [choice.changes for choice in choices(Axes(grid={"training": {"epochs": [1, 2]}}))]
    [{'training.epochs': 1}, {'training.epochs': 2}]
    """
    if (drawn := sampling(axes)) is not None:
        return [
            Choice(dict(values), dict(values), dict.fromkeys(values, "random"))
            for values in SAMPLERS[drawn.sampler].draw(drawn, phase)
        ]
    factors = []
    for axis, bundles in (axes.bundle or {}).items():
        factors.append([_named_choice(axis, name, t, f'bundle.{axis}."{name}"') for name, t in bundles.items()])
    for path, values in leaves(axes.grid or {}):
        factors.append([_one(path, value, "grid") for value in values])
    found = []
    for combination in itertools.product(*factors):
        choice = Choice()
        for part in combination:
            choice |= part
        found.append(choice)
    for path, values in leaves(axes.one_factor or {}):
        found += [_one(path, value, "one_factor") for value in values]
    for name, table in (axes.variant or {}).items():
        found.append(_named_choice("variant", name, table, f'variant."{name}"'))
    return found


def written_paths(axes: Axes) -> list[str]:
    """Every key that a study or phase says of what varies, as it is written.

    >>> written_paths(Axes(grid={"training": {"epochs": [1, 2]}}, variant={"a": {"network.hidden": [3]}}))
    ['training.epochs', 'network.hidden']
    """
    drawn = sampling(axes)
    named = [table for bundles in (axes.bundle or {}).values() for table in bundles.values()]
    named += [*(axes.variant or {}).values(), getattr(axes, "set", None) or {}]
    found = [path for table in (axes.grid, axes.one_factor) for path, _ in leaves(table or {})]
    found += [path for path, *_ in drawn.ranges] if drawn is not None else []
    return [*found, *(path for table in named for path in changes_of(table))]


# -- random search

RANDOM_KEYS = ("runs", "seed", "sampler")


def _is_distribution(path: str, value: Mapping[str, Any]) -> bool:
    return any(key in DISTRIBUTIONS for key in value)


def sampling(axes: Axes) -> Sampling | None:
    """What a table [random] says, None where there is none."""
    if not axes.random:
        return None
    table = axes.random
    ranges = leaves({k: v for k, v in table.items() if k not in RANDOM_KEYS}, _is_distribution)
    found = tuple((path, *next(iter(what.items()))) for path, what in ranges)
    return Sampling(table.get("sampler", USUAL), table.get("runs", 25), table.get("seed", 0), found)


# -- what is wrong with the tables themselves


def axis_problems(axes: Axes, prefix: str = "") -> list[str]:
    """Everything wrong with how the axes are written; what their values may be is checked setting by setting."""
    found = [*_lists("grid", axes.grid), *_lists("one_factor", axes.one_factor)]
    for axis, bundles in (axes.bundle or {}).items():
        where = f"bundle.{short(axis, 60)}"
        found += _named(where, bundles, '[bundle.case."tanh"]')
        if axis == "variant" or is_path(axis):
            found.append(f"{where} is named like a key of the setting; give these bundles another name, such as case")
    if axes.bundle == {}:
        found.append('bundle is empty; write a table such as [bundle.case."tanh"] or leave it out')
    if axes.variant is not None:
        found += _named("variant", axes.variant, '[variant."adam"]')
    if axes.random is not None:
        found += _random(axes.random)
        others = [name for name in ("grid", "bundle", "one_factor", "variant") if getattr(axes, name)]
        if others:
            found.append(
                f"random cannot stand beside {' and '.join(others)}; put one of them into a [[phase]] of its own"
            )
    twice = {path for path, _ in leaves(axes.grid or {})}
    for axis, bundles in (axes.bundle or {}).items():
        for name, table in bundles.items() if isinstance(bundles, Mapping) else ():
            both = twice & set(changes_of(table) if isinstance(table, Mapping) else ())
            where = f'bundle.{short(axis, 60)}."{short(name, 60)}"'
            found += [f"{where}.{short(path)} varies in the grid as well; keep one" for path in sorted(both)]
    return [prefix + line for line in found]


SWEEPS = {"values": True, "value": True, "choices": True, "min": False, "max": False, "distribution": False}
RANGE = "{ log_uniform = [1e-4, 1e-1] }"


def is_listed(values: Any) -> bool:
    """Whether an axis has values at all."""
    return isinstance(values, list | tuple) and bool(values)


def _lists(table: str, written: Mapping[str, Any] | None) -> list[str]:
    if written is None:
        return []
    found = [] if written else [f"{table} is empty; list at least one value, as in network.hidden = [300, 500]"]
    paths: set[str] = set()
    for path, values in leaves(written):
        where = f"{table}.{short(path)}"
        if path in paths:
            found.append(f"{where} is written twice, as a table and with dots in quotes; keep one of the two")
        paths.add(path)
        key, _, last = path.rpartition(".")
        if last in SWEEPS:  # of Weights & Biases
            remedy = f"{table}.{short(key)} = [0.01, 0.1]" if SWEEPS[last] else f"random.{short(key)} = {RANGE}"
            found.append(f"{where} is none of ours; write {remedy}")
        elif path.split(".")[0] not in SECTIONS:
            key = path.split(".")[0]
            found.append(f"{table}.{short(key)} is an {_unknown(key, SECTIONS, table)}")
        elif not isinstance(values, list | tuple):
            found.append(f"{where} must be a list of values, as in [{shown(values)}]; got {shown(values)}")
        elif not values:
            found.append(f"{where} is an empty list; list at least one value or leave it out")
        else:
            counts = Counter(map(_alike, values))
            first = {_alike(value): value for value in reversed(values)} if len(counts) < len(values) else {}
            found += [f"{where} lists {shown(first[key])} twice; keep one" for key, n in counts.items() if n > 1]
    return found


def _unknown(key: str, known: Iterable[str], table: str) -> str:
    """The end of a message about a key of grid, one_factor or random, in which keys of a setting stand whole."""
    text = unknown_key(key, known)
    for section in SECTIONS:
        text = text.replace(f"write {section}.", f"write {table}.{section}.")
    return text


def _alike(value: Any) -> tuple[type, Any]:
    """Equal for equal values of one type."""
    if isinstance(value, str | int | float):
        return type(value), value
    return type(value), json.dumps(value, sort_keys=True, default=repr)


def _named(where: str, tables: Any, example: str) -> list[str]:
    if not isinstance(tables, Mapping) or not tables:
        return [f"{where} must hold named tables of changes, as in {example}; got {shown(tables)}"]
    for name, table in tables.items():
        if name in SECTIONS and isinstance(table, Mapping) and not set(table) & set(SECTIONS):
            return [f"{where}.{name} is a change without a name; give it one, as in {example}"]
    return [
        f'{where}."{short(name, 60)}" must be a table of changes, as in {example}; got {shown(table)}'
        for name, table in tables.items()
        if not isinstance(table, Mapping) or not table
    ]


def _random(table: Mapping[str, Any]) -> list[str]:
    found = []
    for key, least in (("runs", 1), ("seed", 0)):
        value = table.get(key, least)
        if not is_whole(value, least):
            found.append(f"random.{key} must be a whole number >= {least}; got {shown(value)}")
    sampler = table.get("sampler", USUAL)
    can_draw: tuple[str, ...] | None = None
    if not isinstance(sampler, str):
        found.append(f"random.sampler must be the name of one sampler: {listed(SAMPLERS)}; got {shown(sampler)}")
    elif sampler not in SAMPLERS:
        found.append("random.sampler is an " + unknown(sampler, SAMPLERS, "sampler"))
    else:
        can_draw = SAMPLERS[sampler].distributions
    ranges = {key: value for key, value in table.items() if key not in RANDOM_KEYS}
    stray = [key for key in ranges if key.split(".")[0] not in SECTIONS]
    found += [f"random.{short(key)} is an {_unknown(key, [*RANDOM_KEYS, *SECTIONS], 'random')}" for key in stray]
    if not ranges:
        found.append("random is empty; give a range, as in training.optimizer.lr = { log_uniform = [1e-4, 1e-2] }")
    known = ", ".join(DISTRIBUTIONS)
    for path, what in leaves({k: v for k, v in ranges.items() if k not in stray}, _is_distribution):
        where = f"random.{short(path)}"
        if not isinstance(what, Mapping) or not what:
            # `leaves` went into the table of a misspelt distribution: its parent is the key that was meant
            parent, _, kind = path.rpartition(".")
            misspelt = nearest(kind, DISTRIBUTIONS) or advice_on_name(kind, "range", DISTRIBUTIONS)
            hint = f"; {short(parent)} may be meant: {unknown(kind, DISTRIBUTIONS, 'range')}" if misspelt else ""
            found.append(f"{where} must be a range such as {{ uniform = [0, 1] }} ({known}); got {shown(what)}{hint}")
        elif len(what) > 1:
            found.append(f"{where} must have one of {known}; got {listed(what)}")
        else:
            kind, ends = next(iter(what.items()))
            problem = DISTRIBUTIONS[kind].problem(ends)
            found += [f"{where}: {problem}; got {shown(ends)}"] if problem else []
            if can_draw is not None and kind not in can_draw:
                found.append(
                    f"{where}: the sampler {sampler!r} draws from {listed(can_draw)}, not from {kind!r}; take one of "
                    f'them, or random.sampler = "{USUAL}"'
                )
    return found
