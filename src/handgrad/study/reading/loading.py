"""Reading a study: a file, its [quick] table and the command line's changes, to a `Study` or every problem at once.

    file -> tables -> [quick] and key=value laid over them -> checked

What is checked here needs no data: keys, types, ranges, names, for every setting that can occur, the later
phases' included.  Whether layers, losses and splits fit the data is checked by `planning`, before anything runs.
"""

import copy
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from handgrad.errors import DataError, InputError, StudyFileError, readable
from handgrad.foreign import as_path, reading
from handgrad.names import listed, nearest, short, shown, unknown, unknown_key
from handgrad.sections import plain
from handgrad.study.changes import SECTIONS, Table, leaves
from handgrad.study.design.axes import Axes, axis_problems, is_listed
from handgrad.study.design.problems import shortened, size_problems, study_problems
from handgrad.study.design.settings import Study
from handgrad.study.design.study_spec import FIRST, Made, PhaseSpec, StudySpec, folder_name
from handgrad.study.reading.overrides import alters, change_of, effects, overlaid
from handgrad.study.reading.published_reader import read_figures, read_original
from handgrad.study.reading.setting_refs import narrowed, reference_problems
from handgrad.study.reading.study_file import parsed, read_tables, value_problems
from handgrad.study.toml_lines import refused


def ready_made() -> dict[str, Any]:
    """The ready-made studies: name -> its file."""
    folder = resources.files("handgrad.study") / "studies"
    files = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name.removesuffix(".toml"): files[name] for name in sorted(files)}


def as_study(
    source: Any, wanted: str = "study must be a Study, a study file or its name, or the file's tables"
) -> Study:
    """A study, however it is given: a `Study`, its file or name, or the tables of a file.  Raises InputError."""
    if isinstance(source, Study):
        return source
    if isinstance(source, Mapping):
        return make_study(source)
    if isinstance(source, str | bytes | os.PathLike):
        return load_study(source)
    raise InputError(f"{wanted}; got {shown(source)}")


def load_study(source: str | bytes | os.PathLike[str], overrides: Iterable[str] = (), *, quick: bool = False) -> Study:
    """Read a ready-made study or a TOML file.  `overrides`: "training.epochs=3", as on the command line.

    Raises StudyFileError with everything that is wrong, InputError where there is no such study.

    >>> load_study("quickstart", ["seeds=2"]).spec.seeds
    (0, 1)
    """
    return read_study(source, overrides, quick=quick)


def read_study(
    source: str | bytes | os.PathLike[str],
    overrides: Iterable[str] = (),
    *,
    quick: bool = False,
    data_on_disk: bool = False,
) -> Study:
    """The same; data_on_disk: no data set is given in memory, so that an unknown one is a problem beside the others."""
    source = str(as_path(source, "study"))
    overrides, known = _texts(overrides), ready_made()
    if source in known:
        where, folder = f"{source}.toml", None
        tables = parsed(known[str(source)].read_bytes(), where)
    else:
        path = Path(source)
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise InputError(_no_such(source, known)) from None
        except OSError as error:
            raise InputError(f"{short(readable(source), 160)}: cannot be read ({error.strerror})") from None
        where, folder = path.name, path.resolve().parent
        tables = read_tables(path)
        if "name" not in tables:
            tables["name"] = _own_name(path, where)
    with reading(where, lambda message: StudyFileError(where, [message.removeprefix(f"{where}: ")]), "a study"):
        path_of = None if folder is None else folder / where
        return _made(tables, overrides, quick, where, folder, path_of, data_on_disk=data_on_disk)


def _own_name(path: Path, where: str) -> str:
    """The name of a study that does not say it: the file's."""
    try:
        return folder_name(path.stem)
    except ValueError as error:
        raise StudyFileError(
            where, [f'has no name, and the file\'s own is none of a study: it {error}; write name = "…" into the file']
        ) from None


def _no_such(source: str, known: Iterable[str]) -> str:
    beside = f"{source}.toml"
    guess = beside if len(source) < 200 and "\0" not in source and os.path.isfile(beside) else nearest(source, known)
    hint = f"; did you mean {guess!r}?" if guess else "."
    return (
        f"{short(readable(source), 160)}: no such study{hint} Give a TOML file or a ready-made study: {listed(known)}"
    )


def make_study(
    tables: Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    quick: bool = False,
    where: str | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Study:
    """A study from the tables of a file, for Python.  Raises StudyFileError with everything that is wrong.

    where: the name of the file that they are of;  folder: where relative paths start (default: the current one).

    >>> study = make_study({"name": "rates", "grid": {"training.optimizer.lr": [0.1, 0.01]}})
    >>> len(study.phases[0].choices)
    2
    """
    return _made(tables, overrides, quick, where, folder, None)


def _made(
    tables: Mapping[str, Any],
    overrides: Iterable[str],
    quick: bool,
    where: str | None,
    folder: str | os.PathLike[str] | None,
    path: Path | None,
    *,
    data_on_disk: bool = False,
) -> Study:
    """The same; path: of the file that the tables are of."""
    if not isinstance(tables, Mapping):
        raise StudyFileError(
            where or "study",
            [
                f"must be tables, as in {{'name': 'first'}}; got {shown(tables)}; a file is read with "
                "hg.load_study(path)"
            ],
        )
    tables, overrides = plain(tables), _texts(overrides)
    file, where, folder = where, where or "study", Path.cwd() if folder is None else as_path(folder, "folder")
    values, changes, found = _laid_over(tables, overrides, quick=quick)
    study, spec, notes = None, None, list[str]()
    if not found:
        spec, found = read_spec(values, notes)
        if spec is not None and not found:
            made = spec.made or Made(file=None if file is None else readable(file))
            # a study of a results folder has been made already, and stays what it is
            made = Made(file=made.file, quick=made.quick or quick, changes=(*made.changes, *changes))
            altering = tuple(text for text in made.changes if alters(change_of(text)))
            spec = spec.model_copy(update={"made": made})
            study = Study(spec, where, folder, tuple(dict.fromkeys(notes)), altering, path)
            if (spec.original is not None or spec.figure) and values is not tables:
                study = replace(study, spec=_refitted(spec, study, tables))
            found = [*study_problems(study), *reference_problems(study)]
            if not found:
                more, found = effects(study, overrides, tables.get("quick") if quick else None)
                study = study.noting(more)
        elif spec is not None:
            found += [line for line in problems_of_the_rest(spec, where, folder) if line not in found]
    if not quick and isinstance(tables.get("quick"), Mapping) and not found:
        try:
            make_study(tables, (), quick=True, where=file, folder=folder)
        except StudyFileError as error:
            found = [f"with --quick: {line}" for line in error.problems]
    if found or study is None:
        if data_on_disk and spec is not None:
            found += _unknown_data(spec.data.name, folder)
        raise refused(where, [_with_origin(line, overrides) for line in shortened(found)], path)
    return study


def _unknown_data(name: str, folder: Path) -> list[str]:
    """That there is no such data set, of a study that is refused anyway: planning would say it, and is not reached."""
    from handgrad.data.catalog import DATASETS
    from handgrad.data.own import find_own

    if name not in DATASETS:
        try:
            find_own(name, folder)
        except DataError as error:
            return [str(error)]
        except (OSError, ValueError, RuntimeError):
            pass  # a path that cannot even be looked up: said when its data is read
    return []


def _texts(overrides: Any) -> list[str]:
    """Changes as a list of key=value; one by itself is a list of one."""
    changes = [overrides] if isinstance(overrides, str) else overrides
    if isinstance(changes, Mapping) or not isinstance(changes, Iterable):
        raise InputError(f'overrides must be a list such as ["training.epochs=3"]; got {shown(changes)}')
    changes = list(changes)
    for text in changes:
        if not isinstance(text, str):
            raise InputError(f'overrides must be a list such as ["training.epochs=3"]; got {shown(text)} in it')
    return changes


def _laid_over(
    tables: Mapping[str, Any], overrides: Iterable[str], *, quick: bool
) -> tuple[Mapping[str, Any], list[str], list[str]]:
    """(the tables with [quick] and the overrides laid over them, the overrides that changed something, problems)."""
    if found := value_problems(tables):
        return tables, [], found
    values, found = overlaid(tables, tables.get("quick") if quick else None, "[quick]", _small(tables) if quick else [])
    changes = []
    for text in overrides:
        before, change = values, change_of(text)
        values, found = overlaid(values, change, "the command line", [*found, *_misnamed(before, change)])
        if values != before:
            changes.append(text)
    return values, changes, found or (value_problems(values) if changes else [])


def _misnamed(tables: Mapping[str, Any], change: Mapping[str, Any]) -> list[str]:
    """Names of variants and bundles that a change would add: they are the file's, and one that is not there is a
    misspelling, not a setting more."""
    named = [("variant", tables.get("variant"), change.get("variant"))]
    bundles, changed = tables.get("bundle"), change.get("bundle")
    if isinstance(bundles, Mapping) and isinstance(changed, Mapping):
        named.append(("bundle", bundles, changed))
        named += [(f"bundle.{axis}", bundles.get(axis), changed[axis]) for axis in changed]
    return [
        f"the command line: {where}.{short(str(name), 60)} is an {unknown(str(name), known, 'name')}. "
        "A new one is written into the file"
        for where, known, given in named
        if isinstance(known, Mapping) and isinstance(given, Mapping)
        for name in given
        if name not in known
    ]


def _small(tables: Mapping[str, Any]) -> list[str]:
    """What is wrong with --quick of a study: it does not say what its small version is, and is none already."""
    made = tables.get("made")
    if "quick" in tables or (isinstance(made, Mapping) and made.get("quick") is True):
        return []
    return ["--quick: the file does not say what is small; add a table [quick], such as training.epochs = 2"]


def _refitted(spec: StudySpec, study: Study, tables: Mapping[str, Any]) -> StudySpec:
    """`spec` with its figures and the items of its original laid upon what varies now.

    It is as it was where the file itself has problems.
    """
    whole, problems = read_spec(tables, [])
    if whole is None or problems:
        return spec
    before = replace(study, spec=whole)
    if reference_problems(before):
        return spec
    return narrowed(spec, before, study)


def _with_origin(line: str, overrides: Iterable[str]) -> str:
    """The line, and that the command line said so where it did."""
    path = line.split(" ", 1)[0]
    given = [text.partition("=") for text in overrides if _is_of(path, line, *text.split("=", 1))]
    several = [f"{key}=[{value}]" for key, _, value in given if "," in value and not value.startswith(("[", "{"))]
    if several and path.split(".")[0] in SECTIONS:  # Hydra's way to write a sweep
        line += f"; several values are a grid: grid.{several[0]}"
    return f"{line} (given on the command line)" if given else line


def _is_of(path: str, line: str, key: str, value: str = "") -> bool:
    """Whether a problem at this path comes from key=value: it lies there, or in a part of it, whose value it names."""
    key, value = key.strip(), value.strip().strip("\"'")
    return path.startswith(key) or (key.startswith(f"{path}.") and bool(value) and f"'{value}'" in line)


def read_spec(values: Mapping[str, Any], notes: list[str]) -> tuple[StudySpec | None, list[str]]:
    """(spec, problems); the spec is there without what is wrong wherever its base can be read.

    It is not there where the study is too large: nothing of it may be built.
    """
    tables, found = dict(values), list[str]()
    for key in [key for key in tables if key not in StudySpec.model_fields]:
        found.append(f"{short(str(key))} is an {unknown_key(key, StudySpec.model_fields)}")
        del tables[key]
    written = tables.pop("phase", [])
    phases = []
    if not isinstance(written, list | tuple) or not all(isinstance(phase, Mapping) for phase in written):
        found.append(f"phase must be written as [[phase]] tables; got {shown(written)}")
        written = []
    names = [FIRST]
    for number, table in enumerate(written, start=1):
        prefix = f'phase "{short(table["name"], 60)}"' if isinstance(table.get("name"), str) else f"phase {number}"
        phase, problems = PhaseSpec.read(table, prefix=prefix, notes=notes)
        if phase is not None:
            problems += _phase_problems(phase, names, prefix)
            names.append(phase.name)
            if not problems:
                phases.append(phase)
        found += problems
    figures, problems = read_figures(tables.pop("figure", ()))
    found += problems
    original = tables.pop("original", None)
    if original is not None:
        original, problems = read_original(original)
        found += problems
    spec, problems = StudySpec.read(tables, notes=notes)
    read = spec
    if read is None:
        read, _ = StudySpec.read(_without(tables, problems))
    if read is not None:
        whole = read.model_copy(update={"phase": tuple(phases)})
        if too_large := size_problems(whole):
            return None, [*problems, *found, *too_large]
        problems += axis_problems(read)
        own = {"phase": tuple(phases), "figure": figures}
        read = read.model_copy(update=own | ({"original": original} if original else {}))
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
    return {"name": "study", **result}


def _phase_problems(phase: PhaseSpec, earlier: list[str], prefix: str) -> list[str]:
    found = axis_problems(phase, prefix + ".")
    if phase.name in earlier:
        found.append(f"{prefix}: there are two phases of this name; give each its own")
    if phase.after is not None and phase.after not in earlier:
        found.append(f"{prefix}.after is an " + unknown(phase.after, earlier, "earlier phase"))
    written = (phase.grid, phase.bundle, phase.one_factor, phase.variant, phase.random, phase.set, phase.new_seeds)
    if all(table is None for table in (*written, phase.vary)) and not phase.continues:
        keys = "a grid, bundle, one_factor, variant, random, set, new_seeds or vary"
        found.append(f"{prefix} changes nothing; give it {keys}")
    return found


def problems_of_the_rest(spec: StudySpec, where: str, folder: Path) -> list[str]:
    """Problems of the settings of a study whose tables are partly wrong: of those axes that are right."""
    right = dict[str, Any].fromkeys(("grid", "bundle", "one_factor", "variant", "random"))
    for name in right:
        table = getattr(spec, name)
        if name in ("grid", "one_factor") and table:
            table = {path: values for path, values in leaves(table) if is_listed(values)} or None
        if not axis_problems(Axes(**{name: table})):
            right[name] = table
    known = {FIRST} | {phase.name for phase in spec.phase}
    right_phases = (phase for phase in spec.phase if phase.after is None or phase.after in known)
    phases = tuple(phase.model_copy(update={"start": None}) for phase in right_phases)  # it may be what is left out
    return study_problems(Study(spec.model_copy(update={**right, "phase": phases}), where, folder))
