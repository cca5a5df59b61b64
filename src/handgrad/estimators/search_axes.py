"""Search axes: the candidates of a search as the axes of a study, so that its report can tell parameters apart.

A parameter that is one key of a setting is a grid of that key; one that is several (solver, activation: initial weights
depend on it) is a bundle under its name.  Where parameters depend on each other, so that the product of these axes
would hold other settings than the candidates (momentum beside a list of solvers, drawn values), each candidate is a
bundle of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from handgrad.names import short
from handgrad.sections import plain
from handgrad.study.changes import apply, at_path, leaves

Tables = dict[str, Any]
Candidate = Mapping[str, Any]


def axes_of(
    candidates: Sequence[Candidate],
    tables: Sequence[Tables],
    tables_of: Callable[[Candidate], Tables],
    param_grid: Any,
    n_iter: int | None,
) -> dict[str, Any]:
    """The base setting and the axes of the study: its keys network, training, grid and bundle.

    tables: of every candidate;  tables_of: those of the estimator with some of its parameters replaced.
    """
    base = tables[0]
    product = _product(candidates, tables, tables_of, param_grid) if n_iter is None else None
    return {**base, **(_apart(candidates, tables) if product is None else product)}


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
