"""What stood in a results folder, and what the user changed in it, is kept.

A study file that was changed and run again makes other results in the same folder.  Finished runs stay where they are
and are shared; report, study.toml and plan.json of before go to the next earlier-N/ (`put_aside`).

The report is written again and again in a folder in which the user may put and change things (`put`).  Its .files.json
lists every file that handgrad wrote, with its checksum.  New files take the place of those one by one, and those that
are not made any more are removed.  Everything else is the user's: what is not in the way stays, and what is, such as a
table that was changed by hand, goes to the next earlier-N/ under the same path.
"""

import json
import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from handgrad.errors import HandgradError, ResultsError
from handgrad.files import checksum, force, force_folder, free_name, sealed, unsealed, write_whole
from handgrad.names import listed, plural, shown
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.plan_file import read_plan

# what a study file says beside what is trained and chosen
ASIDE = ("made", "title", "description", "takes", "figure", "budget", "quick", "conclusions", "report")


def next_earlier(folder: Path) -> Path:
    """The next name of a folder for what is kept."""
    return free_name(folder / "earlier")


def what_changed(folder: Path, text: str, first: Mapping[str, Any]) -> str | None:
    """In which keys the study of a results folder differs from that of `text`; None where it does not or there is none.

    first: the phase that the new study begins with, as plan.json holds it.
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
    before = plan["phases"][0]
    old, new = (set() if one["drawn"] else set(_of_runs(one, "id")) for one in (before, first))
    if old and new and old != new:
        changed = len(new - old)
        others = f"{changed} of {plural(len(new), 'run')} {'is another' if changed == 1 else 'are others'}"
        return f"the study file is the same, but {others}, since {_what_is_not(before, first)}"
    return None


def _of_runs(phase: Mapping[str, Any], key: str) -> Iterator[Any]:
    """What is said of every run of a phase, or else of its setting."""
    for setting in phase["settings"]:
        for run in setting["runs"]:
            yield run.get(key, setting.get(key))


def _what_is_not(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Why the runs of a phase have other ids than those of the same study file had, in both as plan.json holds it."""
    if set(_of_runs(before, "data")) != set(_of_runs(now, "data")):
        return "its data is not the same"
    old, new = ([one["setting"] or {} for one in phase["settings"]] for phase in (before, now))
    was, is_now = ({one.get("training", {}).get("engine", "") for one in settings} for settings in (old, new))
    if was != is_now:
        return f"another engine trains it here: it was {listed(sorted(was))}, is {listed(sorted(is_now))}"
    if old != new:
        return "this version of handgrad takes other values where the file says nothing"
    return "an engine's mathematics has another version (CHANGELOG.md), or code of your own has changed"


def differences(before: str, after: str) -> Iterator[str]:
    """Every key in which two study files differ, with its values.

    >>> list(differences("seeds = [0, 1]\\n[training]\\nepochs = 4", "seeds = [0, 1]\\n[training]\\nepochs = 9"))
    ['training.epochs was 4, is 9']
    """
    try:
        keys = differing_keys(before, after)
    except (ValueError, RecursionError):
        yield "its study.toml cannot be read"
        return
    for path, (old, new) in keys.items():
        was, now = shown(old, 60), shown(new, 60)
        yield (
            f"{path} is new: {now}"
            if old is NOT_THERE
            else f"{path} is gone"
            if new is NOT_THERE
            else f"{path} was {was}, is {now}"
        )


NOT_THERE = object()  # the value of a key that a study file does not have


def differing_keys(before: str, after: str) -> dict[str, tuple[Any, Any]]:
    """Key -> its values in two study files, of keys in which they differ; NOT_THERE where a file has none.

    Raises ValueError or RecursionError where a text is no TOML.

    >>> differing_keys("[training]\\nepochs = 4", "[training]\\nepochs = 9")
    {'training.epochs': (4, 9)}
    """
    old, new = (dict(_leaves(tomllib.loads(text))) for text in (before, after))
    pairs = {path: (old.get(path, NOT_THERE), new.get(path, NOT_THERE)) for path in dict.fromkeys([*old, *new])}
    return {path: (a, b) for path, (a, b) in pairs.items() if path.split(".")[0] not in ASIDE and a != b}


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
        f"{folder} held another study of this name: {changed}.{kept} Finished runs stay, and equal ones are "
        "shared. To keep both side by side, give one of them another name or choose another folder with --out"
    )


LIST = ".files.json"

Sums = dict[str, list[str]]


def put(new: Path, target: Path, before: tuple[str, ...], aside: Callable[[], Path]) -> list[tuple[Path, Path]]:
    """Move the files of the folder `new` into `target` -> (path, where it is kept) of the user's files in the way.

    before: patterns of what may be handgrad's where nothing is listed;  aside: a new folder for what is kept.
    At any moment each file is there whole, and a process that is killed leaves nothing that is taken for the user's.
    Raises ResultsError, before anything has changed, where a folder stands in place of a file or the other way round.
    """
    coming = {
        path.relative_to(new).as_posix(): checksum(path.read_bytes())
        for path in sorted(new.rglob("*"))
        if path.is_file()
    }
    _check_places([*coming, LIST], target)
    listed = _listed(target)
    kept = [target / LIST] if listed is None and os.path.lexists(target / LIST) else []
    if listed is None:
        there = [path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()]
        listed = {path: [] for path in there if any(fnmatchcase(path, pattern) for pattern in before)}
    for path in dict.fromkeys([*listed, *coming]):
        here = target / path
        if os.path.lexists(here) and not _is_one_of(here, [*listed.get(path, []), coming.get(path, "")]):
            kept.append(here)
    moved = _keep(kept, target, aside) if kept else []
    for path in coming:
        force(new / path)
    new_sums = {path: [found] for path, found in coming.items()}
    _write_list(target, {path: [*listed.get(path, []), *new_sums.get(path, [])] for path in [*listed, *coming]})
    for path in sorted(coming, key=lambda path: (path == "index.html", path)):  # the page last: it shows the others
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new / path, target / path)
    for path in listed.keys() - coming.keys():
        with suppress(OSError):
            (target / path).unlink(missing_ok=True)
    _write_list(target, new_sums)
    for folder in {(target / path).parent for path in coming}:
        force_folder(folder)
    return moved


def _check_places(coming: Iterable[str], target: Path) -> None:
    for path in coming:
        here = target / path
        if here.is_dir():
            raise ResultsError(f"{here}: is a folder where the report has a file; move it away")
        for parent in PurePosixPath(path).parents:
            if os.path.lexists(target / parent) and not (target / parent).is_dir():
                raise ResultsError(f"{target / parent}: is no folder, and the report has one there; move it away")


def _listed(target: Path) -> Sums | None:
    """The checksums that handgrad's files may have, by path; None where there is no list, or none that can be read."""
    try:
        found, is_sealed = unsealed((target / LIST).read_bytes(), target / LIST, "")
    except (HandgradError, OSError, ValueError, RecursionError):
        return None
    inside = {
        path: sums for path, sums in found.get("files", {}).items() if ".." not in path and Path(path).parts[0] != "/"
    }
    return inside if is_sealed else None


def _write_list(target: Path, files: Mapping[str, list[str]]) -> None:
    about = "written by handgrad; all other files of this folder are yours"
    text = json.dumps({"about": about, "files": dict(sorted(files.items()))}, indent=1, ensure_ascii=False)
    write_whole(target / LIST, sealed(text))


def _is_one_of(path: Path, sums: list[str]) -> bool:
    return path.is_file() and not path.is_symlink() and checksum(path.read_bytes()) in sums


def _keep(paths: list[Path], target: Path, aside: Callable[[], Path]) -> list[tuple[Path, Path]]:
    folder, moved = aside(), []
    for path in paths:
        place = folder / target.name / path.relative_to(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
        moved.append((path, place))
    return moved
