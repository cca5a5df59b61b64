"""A folder that handgrad writes again and again, in which the user may put and change things: the report.

Its .files.json lists every file that handgrad wrote, with its checksum.  New files take the place of those one by one,
and those that are not made any more are removed.  Everything else is the user's: what is not in the way stays, and what
is, such as a table that was changed by hand, is kept under the same path in a folder of what was there earlier.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from handgrad.errors import HandgradError, ResultsError
from handgrad.files import checksum, force, force_folder, sealed, unsealed, write_whole

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
    _write_list(target, {path: [*listed.get(path, []), *_sum(coming, path)] for path in [*listed, *coming]})
    for path in sorted(coming, key=lambda path: (path == "index.html", path)):  # the page last: it shows the others
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new / path, target / path)
    for path in listed.keys() - coming.keys():
        with suppress(OSError):
            (target / path).unlink(missing_ok=True)
    _write_list(target, {path: [found] for path, found in coming.items()})
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


def _sum(coming: Mapping[str, str], path: str) -> list[str]:
    return [coming[path]] if path in coming else []


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
