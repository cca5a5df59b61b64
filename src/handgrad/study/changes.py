"""Changes: settings by their path, as in {"training.optimizer.lr": 0.1}, and how they are laid over a base.

A study file writes a change as a table (`training.optimizer.lr = 0.1`); every change of a plan, a phase or
the command line is a dict from path to value.  Three rules:

- a table that says `name` (an optimizer, a schedule, an initializer) replaces the whole table: naming
  another one starts from its own defaults; any other table is laid over what is there;
- `network.layers` replaces hidden, activation, output and dropout, all of which it says;
- shorter paths are applied first, so that `training.optimizer = "adam"` and `training.optimizer.lr = 0.01`
  go together in either order.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from handgrad.decimals import significant

Table = dict[str, Any]
Changes = dict[str, Any]

SECTIONS = ("data", "network", "training")
SHORT = ("hidden", "activation", "output", "units", "dropout")  # what `layers` says all of
VAGUE = ("seed", "size", "from", "stratify", "pick")  # keys that mean nothing without the table they are in


def leaves(
    table: Mapping[str, Any], is_leaf: Callable[[str, Any], bool] = lambda path, value: False, path: str = ""
) -> Iterator[tuple[str, Any]]:
    """Every (path, value) of a nested table, in the order of the file; is_leaf: which tables in it are values.

    >>> list(leaves({"training": {"epochs": 3, "optimizer": {"lr": 0.1}}}))
    [('training.epochs', 3), ('training.optimizer.lr', 0.1)]
    """
    for key, value in table.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value and not is_leaf(here, value):
            yield from leaves(value, is_leaf, here)
        else:
            yield here, value


def at_path(table: Mapping[str, Any], path: str) -> Any:
    """The value that a nested table has at a path; None where it has none.

    >>> at_path({"training": {"optimizer": {"lr": 0.1}}}, "training.optimizer.lr")
    0.1
    """
    value: Any = table
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def names_something(path: str, value: Mapping[str, Any]) -> bool:
    """Whether a table inside a section is one thing chosen by its name, such as an optimizer."""
    return "." in path and "name" in value


def changes_of(table: Mapping[str, Any]) -> Changes:
    """The changes that a table of a study file writes.

    >>> changes_of({"training": {"epochs": 3, "optimizer": {"name": "adam", "lr": 0.1}}})
    {'training.epochs': 3, 'training.optimizer': {'name': 'adam', 'lr': 0.1}}
    """
    return dict(leaves(table, names_something))


def _target(path: str, value: Any) -> tuple[list[str], Any]:
    """`training.optimizer.name = "adam"` sets the optimizer, not only its name."""
    steps = path.split(".")
    if len(steps) > 2 and steps[-1] == "name":
        return steps[:-1], {"name": value}
    return steps, value


def apply(tables: Mapping[str, Any], changes: Mapping[str, Any], defaults: Mapping[str, Any]) -> Table:
    """A copy of `tables` with `changes` laid over it; `defaults` say what a missing table is named.

    >>> apply({"training": {"optimizer": "adam"}}, {"training.optimizer.lr": 0.1}, {})
    {'training': {'optimizer': {'name': 'adam', 'lr': 0.1}}}
    """
    result = dict(tables)  # tables on the way of a change are copied (`_inside`), all others shared
    if "network.layers" in changes and not any(f"network.{key}" in changes for key in SHORT):
        result["network"] = {key: value for key, value in result.get("network", {}).items() if key not in SHORT}
    targets = sorted((_target(path, value) for path, value in changes.items()), key=lambda target: len(target[0]))
    for steps, value in targets:
        table, usual = result, defaults
        for depth, step in enumerate(steps[:-1]):
            usual = usual.get(step) if isinstance(usual, Mapping) else None  # type: ignore[assignment]
            table = _inside(table, step, usual if depth else None)
        _lay(table, steps[-1], copy.deepcopy(value))
    return result


def _inside(table: Table, step: str, usual: Any) -> Table:
    inner = table.get(step)
    if isinstance(inner, str):
        inner = {"name": inner}
    elif not isinstance(inner, Mapping):
        inner = {"name": usual["name"]} if isinstance(usual, Mapping) and "name" in usual else {}
    table[step] = fresh = dict(inner)
    return fresh


def _lay(table: Table, key: str, value: Any) -> None:
    here = table.get(key)
    if isinstance(value, Mapping) and isinstance(here, Mapping) and "name" not in value:
        table[key] = {**here, **value}
    else:
        table[key] = value


def canonical(path: str, base: Any) -> str:
    """The path with other libraries' names replaced by ours, as far as `base` (a Setting) knows the way.

    >>> from handgrad.training.run import Setting
    >>> canonical("training.optimizer.learning_rate", Setting())
    'training.optimizer.lr'
    """
    steps = []
    for step in path.split("."):
        step = getattr(type(base), "aliases", {}).get(step, step)
        steps.append(step)
        base = getattr(base, step, None)
    return ".".join(steps)


def is_path(axis: str) -> bool:
    """Whether an axis is a key of the setting; else it is the name of bundles, which may hold dots.

    >>> is_path("training.optimizer.lr"), is_path("v1.2"), is_path("variant")
    (True, False, False)
    """
    section, dot, _ = axis.partition(".")
    return bool(dot) and section in SECTIONS


def axis_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest endings that tell the paths apart, as headings.

    >>> axis_names(["training.optimizer.lr", "network.hidden", "training.batch_size"])
    {'training.optimizer.lr': 'lr', 'network.hidden': 'hidden', 'training.batch_size': 'batch size'}
    >>> axis_names(["network.init.std", "network.bias_init.std", "data.validation.seed", "v1.2"])  # doctest: +ELLIPSIS
    {'network.init.std': 'init std', 'network.bias_init.std': 'bias init std', ...: 'validation seed', 'v1.2': 'v1.2'}
    """
    names = {}
    all_steps = {path: path.split(".") if is_path(path) else [path] for path in paths}
    for path, steps in all_steps.items():
        length = 2 if steps[-1] in VAGUE and len(steps) > 1 else 1
        others = [other for name, other in all_steps.items() if name != path]
        while length < len(steps) and any(other[-length:] == steps[-length:] for other in others):
            length += 1
        names[path] = " ".join(steps[-length:]).replace("_", " ")
    return names


def or_baseline(axis: str, value: Any) -> Any:
    """The value of an axis in a setting; "baseline" where no bundle of a named axis is laid over the base.

    >>> or_baseline("variant", None), or_baseline("network.dropout", None), or_baseline("variant", "adam")
    ('baseline', None, 'adam')
    """
    return "baseline" if value is None and not is_path(axis) else value


def shown(value: Any) -> str:
    """A value as a table or a line of a plan shows it.

    >>> shown([512, 256]), shown({"name": "adam", "lr": 0.001}), shown(0.1), shown([])
    ('512, 256', 'adam(lr=0.001)', '0.1', 'none')
    >>> shown(1e6), shown(1_000_000), shown(1e-05)
    ('1000000', '1000000', '1e-05')
    """
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key}={shown(part)}" for key, part in value.items() if key != "name")
        name = str(value.get("name", ""))
        return f"{name}({inside})" if inside else name
    if isinstance(value, list | tuple):
        return ", ".join(shown(part) for part in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return significant(value, 6)
    return str(value)
