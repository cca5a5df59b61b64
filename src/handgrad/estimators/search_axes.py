"""Search axes: the candidates of a search as the axes of a study, so that its report can tell parameters apart.

A parameter that is one key of a setting is a grid of that key, or a range of [random]; one that is several (solver,
activation: initial weights depend on it) is a bundle under its name.  Where these axes would hold other settings than
the candidates (momentum beside a list of solvers, a distribution that [random] does not have), each candidate is a
bundle of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from handgrad.names import short
from handgrad.sections import plain
from handgrad.study.changes import apply, at_path, leaves
from handgrad.study.design.axes import Axes, choices

DISTRIBUTIONS_OF_SCIPY = MappingProxyType(  # closed: its name -> that of [random]
    {"uniform": "uniform", "loguniform": "log_uniform", "reciprocal": "log_uniform", "randint": "integers"}
)
Tables = dict[str, Any]
Candidate = Mapping[str, Any]


def drawn_axes(
    tables_of: Callable[[Candidate], Tables], ranges: Any, n_iter: int, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    """Candidates that [random] draws, and the base setting with that table; None where it cannot have these ranges.

    tables_of: those of the estimator with some of its parameters replaced;  ranges: name of a parameter -> a list, or a
    frozen distribution of scipy.
    """
    if not isinstance(ranges, Mapping):
        return None
    base, paths = tables_of({}), dict[str, str]()
    table: dict[str, Any] = {"runs": n_iter, "seed": seed}
    for name, values in ranges.items():
        found = _range(tables_of, base, name, values)
        if found is None or found[0] in table:
            return None
        paths[name], table[found[0]] = found
    candidates = []
    for choice in choices(Axes(random=table)):
        candidate = {name: _given(ranges[name], table[path], choice.changes[path]) for name, path in paths.items()}
        if apply(base, choice.changes, {}) != tables_of(candidate):
            return None
        candidates.append(candidate)
    return candidates, {**base, "random": table}


def _range(
    tables_of: Callable[[Candidate], Tables], base: Tables, name: str, values: Any
) -> tuple[str, dict[str, Any]] | None:
    """(the path of the parameter, its range as [random] has it); None where it is not one path, or another range."""
    if hasattr(values, "rvs"):
        kind = DISTRIBUTIONS_OF_SCIPY.get(getattr(getattr(values, "dist", None), "name", ""))
        if kind is None:
            return None
        low, high = (plain(np.asarray(end).item()) for end in values.support())
        inside: list[Any] = [int(low), int(high)] if kind == "integers" else [low, high]
        some = [low + (high - low) * part for part in (0.25, 0.75)] if kind != "integers" else inside
    else:
        some, kind = [*values], "choice"
    alone = [tables_of({name: value}) for value in some]
    found = set().union(*(changed_paths(base, one) for one in alone))
    if len(found) != 1:
        return None
    (path,) = found
    return path, {kind: [at_path(one, path) for one in alone] if kind == "choice" else inside}


def _given(values: Any, table: Mapping[str, Any], drawn: Any) -> Any:
    """A drawn value as it was given: of a list its entry, of a distribution a number."""
    return drawn if "choice" not in table else values[table["choice"].index(drawn)]


def axes_of(
    candidates: Sequence[Candidate],
    tables: Sequence[Tables],
    tables_of: Callable[[Candidate], Tables],
    param_grid: Any,
) -> dict[str, Any]:
    """The base setting and the axes of the study: its keys network, training, grid and bundle.

    tables: of every candidate;  param_grid: of which they are the product; None where they were drawn.
    """
    product = _product(candidates, tables, tables_of, param_grid)
    return {**tables[0], **(_apart(candidates, tables) if product is None else product)}


def _product(
    candidates: Sequence[Candidate],
    tables: Sequence[Tables],
    tables_of: Callable[[Candidate], Tables],
    param_grid: Any,
) -> dict[str, Any] | None:
    """An axis for each parameter; None where these would not come to the candidates."""
    if not isinstance(param_grid, Mapping):
        return None
    base, grid, bundle = tables[0], {}, {}
    changes: dict[str, list[dict[str, Any]]] = {}
    for name, values in param_grid.items():
        alone = [tables_of({**candidates[0], name: value}) for value in values]
        paths = sorted(set().union(*(changed_paths(base, one) for one in alone)))
        changes[name] = [{path: at_path(one, path) for path in paths} for one in alone]
        if len(paths) == 1:
            grid[paths[0]] = [change[paths[0]] for change in changes[name]]
        elif paths:
            texts = [short(str(value), 40) for value in values]
            bundle[name] = dict(zip(texts, changes[name], strict=True))
            if len(bundle[name]) < len(texts):
                return None
    for candidate, expected in zip(candidates, tables, strict=True):
        laid: dict[str, Any] = {}
        for name, values in param_grid.items():
            laid |= changes[name][[plain(value) for value in values].index(plain(candidate[name]))]
        if apply(base, laid, {}) != expected:
            return None
    paths = [*grid, *(path for changes in bundle.values() for path in next(iter(changes.values())))]
    if len(paths) > len(set(paths)):
        return None
    return {name: axes for name, axes in (("grid", grid), ("bundle", bundle)) if axes}


def _apart(candidates: Sequence[Candidate], tables: Sequence[Tables]) -> dict[str, Any]:
    """One axis, whose values are the candidates."""
    paths = sorted(set().union(*(changed_paths(tables[0], one) for one in tables)))
    if not paths:
        return {}
    named = {}
    for i, (candidate, table) in enumerate(zip(candidates, tables, strict=True)):
        text = ", ".join(f"{name}={value}" for name, value in candidate.items())
        named[short(f"{i + 1}: {text}", 80)] = {path: at_path(table, path) for path in paths}
    return {"bundle": {"candidate": named}}


def changed_paths(one: Tables, other: Tables) -> set[str]:
    """The paths at which two tables differ; of a table that is another thing by its name, the path of the table.

    >>> changed_paths({"training": {"optimizer": {"name": "sgd", "lr": 1}}},
    ...               {"training": {"optimizer": {"name": "sgd", "lr": 2}}})
    {'training.optimizer.lr'}
    >>> changed_paths({"training": {"optimizer": {"name": "sgd", "lr": 1}}},
    ...               {"training": {"optimizer": {"name": "adam", "lr": 2}}})
    {'training.optimizer'}
    """
    first, second = dict(leaves(one)), dict(leaves(other))
    differ = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    named = {path.removesuffix(".name") for path in differ if path.endswith(".name")}
    whole = sorted(named | differ, key=len)  # a table that the other has not is None there
    return {next(table for table in whole if f"{path}.".startswith(f"{table}.")) for path in differ}
