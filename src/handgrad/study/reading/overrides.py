"""What is laid over the tables of a study file, its [quick] table and key=value of the command line, and what it does.

Numbers that were published for the file's settings judge nothing in another study.  They still do where only the seeds
are others (the rule counts them), where less or more varies (what is published finds its settings again), and where
the same mathematics is computed elsewhere (`alters`).

What a grid, bundle, variant or range writes in every setting leaves nothing of the base's value, and later phases start
from settings of the first.  A change of the command line that reaches no setting is refused with the one that would;
what reaches only some, or stands in the file for nothing, is noted (`effects`).
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from handgrad.errors import InputError
from handgrad.names import listed, short, shown, unknown
from handgrad.sections import read_as, section_at
from handgrad.study.changes import SECTIONS, SHORT, Table, canonical, changes_of, is_path
from handgrad.study.design.axes import written_paths
from handgrad.study.design.settings import Study
from handgrad.study.reading.study_file import DEEPEST
from handgrad.study.rules.samplers import DISTRIBUTIONS
from handgrad.study.toml import dumps
from handgrad.training.run import Setting


def change_of(text: str) -> Table:
    """`training.epochs=3` as tables; a value that is not TOML is text.

    >>> change_of("training.epochs=3"), change_of("network.activation=tanh")
    ({'training': {'epochs': 3}}, {'network': {'activation': 'tanh'}})
    """
    key, equals, value = text.partition("=")
    if text.startswith(("+", "~")) and "." in key:
        raise InputError(f"{shown(text)}: a change has no sign before it; write for example training.epochs=3")
    if not equals or not key.strip():
        raise InputError(f"{shown(text)} is not key=value; write for example training.epochs=3")
    *way, last = _path(text, key)
    table = {last: _value(text, value.strip())}
    for step in reversed(way):
        table = {step: table}
    return table


def _path(text: str, key: str) -> list[str]:
    """`phase."batch size".continue` as its steps."""
    try:
        table: Any = tomllib.loads(f"{key} = 0") if "\n" not in key else {}
    except (ValueError, RecursionError):
        table = {}
    steps: list[str] = []
    while isinstance(table, dict) and len(table) == 1 and len(steps) < DEEPEST:
        ((step, table),) = table.items()
        steps.append(step)
    if isinstance(table, dict) or not steps:
        raise InputError(f"{shown(text)}: {shown(key)} is not the path of a key; write for example training.epochs=3")
    return steps


def _value(text: str, written: str) -> Any:
    try:
        tables = tomllib.loads(f"value = {written}") if "\n" not in written else {}
    except tomllib.TOMLDecodeError:
        return written
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number of more than 4,300 digits"
        raise InputError(f"{shown(text)}: the value is {what}; write for example training.epochs=3") from None
    return tables["value"] if len(tables) == 1 else written


def overlaid(
    tables: Mapping[str, Any], over: Mapping[str, Any] | None, origin: str, found: list[str]
) -> tuple[Table, list[str]]:
    """`over` laid over the tables of a study; a named table replaces, [[phase]] tables are found by their name."""
    if not isinstance(over, Mapping):
        return dict(tables), found
    problems = list(found)

    def lay(here: Any, value: Any, path: tuple[str, ...]) -> Any:
        if path == ("phase",) and here is None and isinstance(value, Mapping) and value:
            problems.append(f"phase (from {origin}) has no effect: the file has no [[phase]]; write one into it")
            return None
        if path[-1:] == ("phase",) and isinstance(value, Mapping) and isinstance(here, list | tuple):
            return phases(here, value)
        if not isinstance(value, Mapping) or _replaces(path, value):
            return value
        here = _default(path) if here is None else here
        if not isinstance(here, Mapping):
            return value
        result = _without_synonyms(_undotted(here, value), value, path)
        for key, inner in value.items():
            named = isinstance(result.get(key), str) and isinstance(inner, Mapping) and path[:1] != ()
            result[key] = lay({"name": result[key]} if named else result.get(key), inner, (*path, key))
        return result

    def phases(here: Sequence[Any], value: Mapping[str, Any]) -> list[Any]:
        names = [str(phase.get("name")) if isinstance(phase, Mapping) else "" for phase in here]
        for name in value:
            if name not in names:
                problems.append(f"phase.{short(name, 60)} (from {origin}) is an " + unknown(name, names, "phase"))
        return [
            lay(phase, value[name], ("phase",)) if name in value else phase
            for name, phase in zip(names, here, strict=True)
        ]

    return lay(tables, over, ()), problems


def _replaces(path: tuple[str, ...], value: Mapping[str, Any]) -> bool:
    """Whether a table is laid in the place of another: one that says its name, or a range of [random]."""
    if "random" in path[:2] and path[0] in ("random", "phase"):
        return any(kind in value for kind in DISTRIBUTIONS)
    return len(path) > 1 and "name" in value


def _default(path: tuple[str, ...]) -> Table:
    """What a table is before anything is said of it: a key of an optimizer alone is of the default's, as in a grid."""
    usual: Any = Setting().model_dump(by_alias=True)
    for step in path:
        usual = usual.get(step) if isinstance(usual, Mapping) else None
    named = len(path) > 1 and isinstance(usual, Mapping) and "name" in usual
    return {"name": usual["name"]} if named else {}


def _undotted(here: Mapping[str, Any], value: Mapping[str, Any]) -> Table:
    """`here` without keys in quotes ("training.optimizer.lr") where `value` goes into the table that they mean."""
    result = dict(here)
    for key in here:
        first, dot, rest = str(key).partition(".")
        if dot and first in value and isinstance(value[first], Mapping) and isinstance(here.get(first, {}), Mapping):
            inner = {**result.get(first, {}), rest: result.pop(key)}
            result[first] = inner
    return result


def _without_synonyms(here: Table, value: Mapping[str, Any], path: tuple[str, ...]) -> Table:
    """`here` without keys that mean the same as one of `value` by another name (max_iter beside epochs)."""
    starts = [depth for depth, step in enumerate(path) if step in SECTIONS]
    if not starts:
        return here
    way, tables = path[starts[-1] :], here
    for step in reversed(way):
        tables = {step: tables}
    section = section_at(Setting, way, tables)
    if section is None:  # in a grid nothing says which optimizer it is
        usual: Any = Setting()
        for step in way:
            usual = getattr(usual, step, None)
        section = type(usual)
    aliases = getattr(section, "aliases", {})
    ours = {aliases.get(key, key) for key in value}
    return {key: inner for key, inner in here.items() if key in value or aliases.get(key, key) not in ours}


SAME = (
    *("name", "title", "description", "takes", "seeds", "ddof", "budget", "grid", "one_factor", "figure"),
    "conclusions",
    "report",
)
ELSEWHERE = ("engine", "device", "arrays", "stack")


def alters(change: Mapping[str, Any]) -> bool:
    """Whether a change, as tables of a study file, makes other settings or chooses otherwise.

    >>> alters({"training": {"epochs": 3}}), alters({"training": {"engine": "torch"}}), alters({"seeds": 3})
    (True, False, False)
    """
    for key, value in change.items():
        inner = value if isinstance(value, Mapping) else {}
        if key == "phase" and inner:
            if any(not isinstance(phase, Mapping) or alters(phase) for phase in inner.values()):
                return True
        elif key not in SAME and not (key == "training" and inner and set(inner) <= set(ELSEWHERE)):
            return True
    return False


NEVER = {
    "quick": "what is small is said in the file; change the study itself, as in seeds=1",
    "made": "handgrad writes it",
}
LAID_OVER = {
    "grid": "grid.network.hidden=[300]",
    "one_factor": "one_factor.network.hidden=[300]",
    "network": "network.hidden=300",
    "training": "training.epochs=3",
}
OTHER_DATA = ("data.validation", "data.test", "data.name")


def effects(study: Study, overrides: Iterable[str], quick: Any) -> tuple[list[str], list[str]]:
    """(notes, problems) about what has no effect, or less than it seems."""
    notes, found = list[str](), list[str]()
    for make in (_synonym_notes, _base_notes, _phase_notes, _data_notes):
        notes += make(study)
    before: dict[str, str] = {}
    for text in overrides:
        key, _, value = (part.strip() for part in text.partition("="))
        if (ours := canonical(key, study.spec)) in before:
            found.append(f"{key} is given twice: {short(before[ours])} has no effect beside {short(text)}; keep one")
        before[ours] = text
        if (first := next(iter(change_of(text)))) in NEVER:
            found.append(f"{key} has no effect: {NEVER[first]}")
        if change_of(text) == {key: {}} and key in LAID_OVER:
            found.append(f"{key} has no effect: {{}} takes nothing away; say what is to stay, as in {LAID_OVER[key]}")
        refused: list[str] = []
        for path, inner in _changes(study, change_of(text)):
            says, without = _reach(study, path)
            if any(path.startswith(f"{above}.") for above in refused):
                continue
            if says is not None and not without:
                refused.append(path)
                what, value = (key, value) if ours.removesuffix(".name") == path else (path, _as_written(inner))
                found.append(f"{what} has no effect: {says.written[0]} says it in every setting; {says.remedy(value)}")
            elif says is not None:
                notes.append(f"{short(text)} does not reach every setting: {listed(says.written, 3)} says it as well")
            elif later := [phase.name for phase in study.phases[1:] if _writer(path, phase.changes) is not None]:
                notes.append(f"{short(text)} does not reach phase {listed(later, 3)}, which sets it by itself")
    for path, _ in _changes(study, quick) if isinstance(quick, Mapping) else ():
        says, without = _reach(study, path)
        if says is not None and not without:
            notes.append(f"quick.{path} has no effect: {says.written[0]} says it in every setting")
    return notes, found


class _Says:
    """The tables that write a key in place of the base setting, and the change by which the first of them does."""

    def __init__(self, path: str, by: str, written: Iterable[str]) -> None:
        self.path, self.by, self.written = path, by, list(dict.fromkeys(written))

    def remedy(self, value: str) -> str:
        """What to write on the command line instead."""
        table = self.written[0]
        if self.by != self.path and not self.by.startswith(self.path + "."):
            return f"change it there, in {table}.{self.by}"
        if table in ("grid", "one_factor"):
            return f"write {table}.{self.path}=[{value}]"
        if table == "random":
            return f"write random.{self.path}.choice=[{value}]"
        others = f", and so for {listed(self.written[1:], 3)}" if len(self.written) > 1 else ""
        return f"write {table}.{self.path}={value}{others}"


def _reach(study: Study, path: str) -> tuple[_Says | None, bool]:
    """(the tables that write `path` in settings of the first phase, whether some settings keep the base's value)."""
    written: dict[str, str] = {}
    without = False
    for choice in study.phases[0].choices:
        by = _writer(path, choice.changes)
        if by is None:
            without = True
        else:
            written.setdefault(choice.written.get(by, "grid"), by)
    return (_Says(path, next(iter(written.values())), written) if written else None), without


def _writer(path: str, changes: Mapping[str, Any]) -> str | None:
    """The change that leaves nothing of a value at `path`, None where there is none."""
    section, _, key = path.partition(".")
    if section == "network" and key.partition(".")[0] in SHORT and "network.layers" in changes:
        return "network.layers"
    for changed, value in changes.items():
        if changed == path or (changed == f"{path}.name" and path.count(".") > 0):
            return changed
        if path.startswith(changed + ".") and (
            not isinstance(value, Mapping) or "name" in value or _has(value, path, changed)
        ):
            return changed
    return None


def _has(value: Mapping[str, Any], path: str, above: str) -> bool:
    here: Any = value
    for step in path.removeprefix(above + ".").split("."):
        if not isinstance(here, Mapping) or step not in here:
            return False
        here = here[step]
    return True


def _changes(study: Study, tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key of the base setting that tables of changes write, and its value; those in a table with a name too."""
    inside = {name: tables[name] for name in SECTIONS if isinstance(tables.get(name), Mapping)}
    for path, value in changes_of(inside).items():
        ours = canonical(path, study.spec)
        yield (ours.removesuffix(".name") if ours.count(".") > 1 else ours), value
        if isinstance(value, Mapping):
            yield from ((canonical(f"{path}.{key}", study.spec), part) for key, part in value.items() if key != "name")


def _as_written(value: Any) -> str:
    """A value as the command line takes it."""
    return dumps({"value": value}).partition(" = ")[2].strip() if _is_simple(value) else "…"


def _is_simple(value: Any) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list | tuple) and all(not isinstance(part, Mapping) for part in value)
    )


def _synonym_notes(study: Study) -> Iterator[str]:
    """Other libraries' names in what varies; those of the base are noted where it is read."""
    for axes in (study.spec, *study.spec.phase):
        for path in written_paths(axes):
            for theirs, ours in zip(path.split("."), canonical(path, study.spec).split("."), strict=True):
                if theirs != ours:
                    yield read_as(theirs, ours)
    yield from study.settings.notes


def _base_notes(study: Study) -> Iterator[str]:
    """Keys of the base that bundles write in every setting: no run has the value of the base."""
    if not study.spec.bundle:
        return
    for path in changes_of(study.base):
        says, without = _reach(study, path)
        if says is not None and not without and says.written[0].startswith("bundle."):
            yield f"{path} of the base setting has no effect: {listed(says.written, 3)} says it"


def _phase_notes(study: Study) -> Iterator[str]:
    for phase in study.phases[1:]:
        for path in phase.changes:
            if phase.choices and all(_writer(path, choice.changes) is not None for choice in phase.choices):
                yield f'phase "{short(phase.name, 60)}".set.{path} has no effect: what varies there says it every time'


def _data_notes(study: Study) -> Iterator[str]:
    """Axes that are no hyperparameters: their settings are judged on different examples."""
    axes = dict.fromkeys(path for phase in study.phases for choice in phase.choices for path in choice.axes)
    for path in axes:
        if is_path(path) and path.startswith(OTHER_DATA):
            yield (
                f"{path} varies, which is no hyperparameter: its settings are judged on different examples, so the "
                "best of them may only have the easiest ones; it shows how much a score depends on that choice"
            )
