"""What settings and their keys are called, and what sets one setting apart from another, in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.report.findings.summary import SettingSummary
from handgrad.study.changes import axis_names as axis_names
from handgrad.study.changes import leaves, shown


def at_path(setting: Mapping[str, Any], path: str) -> Any:
    """The value that a resolved setting has at a path; None where it has none (the name of a bundle).

    >>> at_path({"training": {"optimizer": {"lr": 0.1}}}, "training.optimizer.lr")
    0.1
    """
    value: Any = setting
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def setting_value(setting: SettingSummary, path: str) -> Any:
    """The value of a key or an axis."""
    value = at_path(setting.setting, path)
    return setting.all_axes.get(path, setting.axes.get(path)) if value is None else value


def setting_name(setting: SettingSummary, axes: Sequence[str]) -> str:
    """A setting in a legend: its label and what sets it apart, e.g. "9: hidden 1000, lr 0.09"."""
    names = axis_names(axes)
    values = {path: shown(setting.axes[path]) for path in axes if path in setting.axes}
    parts = [f"{names[path]} [{text}]" if ", " in text else f"{names[path]} {text}" for path, text in values.items()]
    if not parts and axes:
        parts = ["as it was" if setting.earlier else "baseline"]
    return f"{setting.label}: {', '.join(parts)}" if parts else setting.label


def difference(setting: SettingSummary, baseline: SettingSummary) -> str:
    """The values in which a setting differs from the baseline: of the study's axes, else of any key.

    A key that only the baseline has is said to be without; settings that are equal "do not differ".
    """
    ours, theirs = dict(setting.all_axes), dict(baseline.all_axes)
    if ours == theirs:
        ours, theirs = _flat(setting.setting), _flat(baseline.setting)
    changed = [path for path, value in ours.items() if value != theirs.get(path)]
    names = axis_names(list(ours))
    parts = [f"{_word(names[path])} {shown(ours[path])}" for path in changed if ours[path] is not None]
    gone = [path for path in theirs if path not in ours or (ours[path] is None and theirs[path] is not None)]
    parts += [f"without {_word(axis_names(list(theirs))[path])}" for path in gone]
    return ", ".join(parts) or "does not differ"


def legend(named: Mapping[str, SettingSummary]) -> dict[str, SettingSummary]:
    """The same settings under names that say what differs among them: "1" becomes "1: lr 0.01".

    A label with a word in it ("batch 50", "CNN") says enough, and stays as it is.
    """
    axes = list(dict.fromkeys(path for setting in named.values() for path in setting.all_axes))
    values = {path: [setting_value(setting, path) for setting in named.values()] for path in axes}
    varied = [path for path in axes if any(value != values[path][0] for value in values[path])]
    names = axis_names(varied)
    found = {}
    for label, setting in named.items():
        parts = []
        for path in varied:
            value = setting_value(setting, path)
            text = "" if value is None else shown(value)
            if text and text != label:  # a bundle is often named like the row
                parts.append(f"{_word(names[path])} [{text}]" if ", " in text else f"{_word(names[path])} {text}")
        says = re.search(r"[^\W\d_]{2}| ", label) is not None
        found[label if says or not parts else f"{label}: {', '.join(parts)}"] = setting
    return found


def _flat(setting: Mapping[str, Any]) -> dict[str, Any]:
    return dict(leaves(setting, lambda *_: False))


def _word(name: str) -> str:
    """`optimizer name` adam is plainly said as `optimizer` adam."""
    return name.removesuffix(" name")
