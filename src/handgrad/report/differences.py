"""What sets one setting apart from another, in words."""

from collections.abc import Mapping
from typing import Any

from handgrad.report.summary import SettingSummary, axis_names
from handgrad.study.changes import leaves, shown


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


def _flat(setting: Mapping[str, Any]) -> dict[str, Any]:
    return dict(leaves(setting, lambda *_: False))


def _word(name: str) -> str:
    """`optimizer name` adam is plainly said as `optimizer` adam."""
    return name.removesuffix(" name")
