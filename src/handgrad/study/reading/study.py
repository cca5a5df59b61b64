"""Reading a study: a file, its [quick] table and the command line's changes, to a `Study` or every problem at once.

    file -> tables -> [quick] and key=value laid over them -> checked

What is checked here needs no data: keys, types, ranges, names, for every setting that can occur, the later
phases' included.  Whether layers, losses and splits fit the data is checked by `planning`, before anything runs.
"""

import copy
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from handgrad.data.spec import DataSection
from handgrad.errors import InputError, StudyFileError
from handgrad.names import nearest, unknown
from handgrad.network.spec import NetworkSection
from handgrad.study.changes import SECTIONS, Table, leaves
from handgrad.study.design.axes import Axes, axis_problems, is_listed
from handgrad.study.design.check import shortened, study_problems
from handgrad.study.design.spec import FIRST, Made, PhaseSpec, Study, StudySpec
from handgrad.study.reading.altered import alters
from handgrad.study.reading.fitted import fitted
from handgrad.study.reading.original import read_original
from handgrad.study.reading.place_problems import place_problems
from handgrad.training.run import TrainingSection
from handgrad.validation import Section

_SECTION: dict[str, type[Section]] = {"data": DataSection, "network": NetworkSection, "training": TrainingSection}


def ready_made() -> dict[str, Any]:
    """The ready-made studies: name -> its file."""
    folder = resources.files("handgrad.study") / "studies"
    files = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name.removesuffix(".toml"): files[name] for name in sorted(files)}


def load_study(source: str | Path, overrides: Iterable[str] = (), *, quick: bool = False) -> Study:
    """Read a ready-made study or a TOML file.  `overrides`: "training.epochs=3", as on the command line.

    Raises StudyFileError with everything that is wrong, InputError where there is no such study.

    >>> load_study("quickstart", ["seeds=2"]).spec.seeds
    (0, 1)
    """
    known = ready_made()
    if str(source) in known:
        return make_study(
            tomllib.loads(known[str(source)].read_text("utf-8")), overrides, quick=quick, where=f"{source}.toml"
        )
    path = Path(source)
    try:
        text = path.read_bytes().decode("utf-8")
        tables = tomllib.loads(text)
    except FileNotFoundError:
        guess = nearest(str(source), known)
        hint = f"; did you mean {guess!r}?" if guess else "."
        raise InputError(
            f"{source}: no such study{hint} Give a TOML file or a ready-made study: {', '.join(known)}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(path.name, [f"is not TOML: {error}; mend that line"]) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise StudyFileError(path.name, [f"is not TOML: line {line} is not UTF-8 text; save it as UTF-8"]) from None
    except OSError as error:
        raise InputError(f"{source}: cannot be read: {error.strerror or error}") from None
    tables.setdefault("name", path.stem)
    return make_study(tables, overrides, quick=quick, where=path.name, folder=path.resolve().parent)


def make_study(
    tables: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    quick: bool = False,
    where: str | None = None,
    folder: Path | None = None,
) -> Study:
    """A study from the tables of a file, for Python.  Raises StudyFileError with everything that is wrong.

    where: the name of the file that they are of;  folder: where relative paths start (default: the current one).

    >>> study = make_study({"name": "rates", "grid": {"training.optimizer.lr": [0.1, 0.01]}})
    >>> len(study.phases[0].choices)
    2
    """
    file, where, folder, overrides = where, where or "study", folder or Path.cwd(), list(overrides)
    values, found = _overlaid(tables, tables.get("quick") if quick else None, "[quick]", [])
    changes = []
    for text in overrides:
        before = values
        values, found = _overlaid(values, _override(text), "the command line", found)
        if values != before:
            changes.append(text)
    study, notes = None, list[str]()
    if not found:
        spec, found = _read(values, notes)
        if spec is not None and not found:
            spec = spec.model_copy(update={"made": _made(spec.made or Made(file=file), quick, changes)})
            study = Study(spec, where, folder, tuple(dict.fromkeys(notes)), _altering(spec))
            if spec.original is not None and values is not tables:
                study = replace(study, spec=_refitted(spec, study, tables))
            found = [*study_problems(study), *place_problems(study)]
        elif spec is not None:
            found += [line for line in _try_settings(spec, where, folder) if line not in found]
    if not quick and isinstance(tables.get("quick"), Mapping) and not found:
        try:
            make_study(tables, (), quick=True, where=file, folder=folder)
        except StudyFileError as error:
            found = [f"with --quick: {line}" for line in error.problems]
    if found or study is None:
        raise StudyFileError(where, [_with_origin(line, overrides) for line in shortened(found)])
    return study


def _made(before: Made, quick: bool, changes: Iterable[str]) -> Made:
    """What a study is made from; one of a results folder has been made already, and stays what it is."""
    return Made(file=before.file, quick=before.quick or quick, changes=(*before.changes, *changes))


def _altering(spec: StudySpec) -> tuple[str, ...]:
    return tuple(text for text in (spec.made.changes if spec.made else ()) if alters(_override(text)))


def _refitted(spec: StudySpec, study: Study, tables: Mapping[str, Any]) -> StudySpec:
    """`spec` with the items of its original laid upon what varies now; as it is where the file itself has problems."""
    whole, problems = _read(tables, [])
    if spec.original is None or whole is None or problems:
        return spec
    before = replace(study, spec=whole)
    if place_problems(before):
        return spec
    return spec.model_copy(update={"original": fitted(spec.original, before, study)})


def _with_origin(line: str, overrides: Iterable[str]) -> str:
    """The line, and that the command line said so where it did."""
    path = line.split(" ", 1)[0]
    given = any(path.startswith(text.partition("=")[0].strip()) for text in overrides)
    return f"{line} (given on the command line)" if given else line


def _override(text: str) -> Table:
    """`training.epochs=3` as tables; a value that is not TOML is text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{text!r} is not key=value; write for example training.epochs=3")
    for written in (value.strip(), json.dumps(value.strip())):
        try:
            return tomllib.loads(f"{key} = {written}")
        except tomllib.TOMLDecodeError:
            continue
    raise InputError(f"{text!r}: {key!r} is not the path of a key; write for example training.epochs=3")


def _overlaid(
    tables: Mapping[str, Any], over: Mapping[str, Any] | None, origin: str, found: list[str]
) -> tuple[Table, list[str]]:
    """`over` laid over the tables of a study; a named table replaces, [[phase]] tables are found by their name."""
    if not isinstance(over, Mapping):
        return dict(tables), found
    problems = list(found)

    def lay(here: Any, value: Any, path: tuple[str, ...]) -> Any:
        if path[-1:] == ("phase",) and isinstance(value, Mapping) and isinstance(here, list):
            return phases(here, value)
        whole = isinstance(value, Mapping) and "name" in value and len(path) > 1
        if not isinstance(here, Mapping) or not isinstance(value, Mapping) or whole:
            return value
        result = dict(here)
        for key, inner in value.items():
            named = isinstance(result.get(key), str) and isinstance(inner, Mapping) and path[:1] != ()
            result[key] = lay({"name": result[key]} if named else result.get(key), inner, (*path, key))
        return result

    def phases(here: list[Any], value: Mapping[str, Any]) -> list[Any]:
        names = [str(phase.get("name")) if isinstance(phase, Mapping) else "" for phase in here]
        for name in value:
            if name not in names:
                problems.append(f"phase.{name} (from {origin}) is an " + unknown(name, names, "phase"))
        return [
            lay(phase, value[name], ("phase",)) if name in value else phase
            for name, phase in zip(names, here, strict=True)
        ]

    return lay(tables, over, ()), problems


def _read(values: Mapping[str, Any], notes: list[str]) -> tuple[StudySpec | None, list[str]]:
    """(spec, problems); the spec is there without what is wrong wherever its base can be read."""
    tables, found = dict(values), list[str]()
    for key in [key for key in tables if key not in StudySpec.model_fields]:
        inside = [f"{name}.{field}" for name in SECTIONS for field in _SECTION[name].model_fields]
        known = [*StudySpec.model_fields, *inside]
        guess = nearest(key, known) or next((path for path in inside if path.endswith(f".{key}")), None)
        hint = f"; did you mean {guess!r}?" if guess else "."
        found.append(f"{key} is an unknown key{hint} Known: {', '.join(StudySpec.model_fields)}")
        del tables[key]
    written = tables.pop("phase", [])
    phases = []
    if not isinstance(written, list | tuple) or not all(isinstance(phase, Mapping) for phase in written):
        found.append(f"phase must be written as [[phase]] tables; got {written!r}")
        written = []
    names = [FIRST]
    for number, table in enumerate(written, start=1):
        prefix = f'phase "{table["name"]}"' if isinstance(table.get("name"), str) else f"phase {number}"
        phase, problems = PhaseSpec.read(table, prefix=prefix, notes=notes)
        if phase is not None:
            problems += _phase_problems(phase, names, prefix)
            names.append(phase.name)
            if not problems:
                phases.append(phase)
        found += problems
    original = tables.pop("original", None)
    if original is not None:
        original, problems = read_original(original)
        found += problems
    spec, problems = StudySpec.read(tables, notes=notes)
    read = spec
    while read is None and (fewer := _without(tables, problems)) != tables:
        tables = fewer
        read, _ = StudySpec.read(tables)
    if read is not None:
        problems += axis_problems(read)
        read = read.model_copy(update={"phase": tuple(phases)} | ({"original": original} if original else {}))
    return read, [*problems, *found]


def _without(tables: Mapping[str, Any], problems: list[str]) -> Table:
    """The tables less everything that a problem complains of, so that the rest can be checked as well."""
    result = copy.deepcopy(dict(tables))
    for line in problems:
        *way, last = line.split(" ", 1)[0].split(".")
        table: Any = result
        for step in way:
            table = table.get(step) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(last, None)
    if "name" not in result:
        result["name"] = "study"
    return result


def _phase_problems(phase: PhaseSpec, earlier: list[str], prefix: str) -> list[str]:
    found = axis_problems(phase, prefix + ".")
    if phase.name in earlier:
        found.append(f"{prefix}: there are two phases of this name; give each its own")
    if phase.after is not None and phase.after not in earlier:
        found.append(f"{prefix}.after is an " + unknown(phase.after, earlier, "earlier phase"))
    written = (phase.grid, phase.bundle, phase.one_factor, phase.variant, phase.random, phase.set)
    if all(table is None for table in written) and not phase.continues:
        found.append(f"{prefix} changes nothing; give it a grid, bundle, one_factor, variant, random or set")
    return found


def _try_settings(spec: StudySpec, where: str, folder: Path) -> list[str]:
    """Problems of the settings of a study whose tables are partly wrong: of those axes that are right."""
    right = dict[str, Any].fromkeys(("grid", "bundle", "one_factor", "variant", "random"))
    for name in right:
        table = getattr(spec, name)
        if name in ("grid", "one_factor") and table:
            table = {path: values for path, values in leaves(table, lambda *_: False) if is_listed(values)} or None
        if not axis_problems(Axes(**{name: table})):
            right[name] = table
    known = {FIRST} | {phase.name for phase in spec.phase}
    right_phases = (phase for phase in spec.phase if phase.after is None or phase.after in known)
    phases = tuple(phase.model_copy(update={"start": None}) for phase in right_phases)  # it may be what is left out
    return study_problems(Study(spec.model_copy(update={**right, "phase": phases}), where, folder))
