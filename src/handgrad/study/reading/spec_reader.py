"""From the tables of a study to a `StudySpec`, or to every problem of them at once."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handgrad.names import short, shown, unknown, unknown_key
from handgrad.study.changes import Table, leaves
from handgrad.study.design.axes import Axes, axis_problems, is_listed
from handgrad.study.design.problems import size_problems, study_problems
from handgrad.study.design.settings import Study
from handgrad.study.design.study_spec import FIRST, PhaseSpec, StudySpec
from handgrad.study.reading.published_reader import read_figures, read_original


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
    written = (phase.grid, phase.bundle, phase.one_factor, phase.variant, phase.random, phase.set)
    if all(table is None for table in written) and not phase.continues:
        found.append(f"{prefix} changes nothing; give it a grid, bundle, one_factor, variant, random or set")
    return found


def problems_of_the_rest(spec: StudySpec, where: str, folder: Path) -> list[str]:
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
