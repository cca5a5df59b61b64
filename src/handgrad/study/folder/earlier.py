"""earlier-1/, earlier-2/, …: what stood in a results folder and would otherwise be gone, kept.

A study file that was changed and run again makes other results in the same folder.  Finished runs stay where they are
and are shared; report, study.toml and plan.json of before go to the next earlier-N/.  So does what the user changed in
a report before a new one is made.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError
from handgrad.files import force_folder, free_name, write_whole
from handgrad.names import listed, shown
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.plan_file import read_plan

# what a study file says beside what is trained, judged and compared
ASIDE = ("made", "title", "description", "takes", "figure", "budget", "quick")


def next_earlier(folder: Path) -> Path:
    """The next name of a folder for what is kept."""
    return free_name(folder / "earlier")


def what_changed(folder: Path, text: str, ids: set[str]) -> str | None:
    """In which keys the study of a results folder differs from that of `text`; None where it does not or there is none.

    ids: the runs that the new study begins with, as far as they are known.
    """
    try:
        before = (folder / "study.toml").read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return "its study.toml cannot be read"
    if changes := list(differences(before, text)):
        return listed(changes, 6)
    try:
        plan = read_plan(folder)
    except HandgradError:  # deleted, as is said where it was damaged
        return None
    first = plan["phases"][0]
    old = set() if first["drawn"] else {run["id"] for setting in first["settings"] for run in setting["runs"]}
    if ids and old and ids != old:
        return (
            "the study file is the same, its data, this version's mathematics or what this machine trains with is not"
        )
    return None


def differences(before: str, after: str) -> Iterator[str]:
    """Every key in which two study files differ, with its values.

    >>> list(differences("seeds = [0, 1]\\n[training]\\nepochs = 4", "seeds = [0, 1]\\n[training]\\nepochs = 9"))
    ['training.epochs was 4, is 9']
    """
    try:
        old, new = (dict(_leaves(tomllib.loads(text))) for text in (before, after))
    except (ValueError, RecursionError):
        yield "its study.toml cannot be read"
        return
    for path in dict.fromkeys([*old, *new]):
        if path.split(".")[0] in ASIDE or old.get(path) == new.get(path):
            continue
        was, now = (shown(tables[path], 60) if path in tables else None for tables in (old, new))
        yield (
            f"{path} is new: {now}"
            if was is None
            else f"{path} is gone"
            if now is None
            else f"{path} was {was}, is {now}"
        )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(part, Mapping) for part in value):
        for number, part in enumerate(value, start=1):
            yield from _leaves(part, f"{path}.{part.get('name', number)}")
    else:
        yield path, value


def put_aside(folder: Path, changed: str) -> str:
    """Keep the report of a study that has changed -> what is to be said of it.  Raises ResultsError, OSError."""
    with reporting(folder):
        report = folder / "report"
        kept = ""
        if os.path.lexists(report):
            earlier = next_earlier(folder)
            earlier.mkdir()
            for name in ("study.toml", "plan.json"):
                if (folder / name).is_file():
                    write_whole(earlier / name, (folder / name).read_bytes())
            os.replace(report, earlier / "report")
            force_folder(folder)
            kept = f" Its report, study.toml and plan.json are kept in {earlier}."
    return (
        f"{folder} held another study of this name: {changed}.{kept} Finished runs stay and are shared. To keep both "
        "side by side, give one of them another name or choose another folder with --out"
    )
