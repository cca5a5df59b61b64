"""plan.json as it is read: checked once, so that every reader may rely on its shape."""

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from handgrad import __version__
from handgrad.errors import DamagedError, ResultsError
from handgrad.files import checksum, unsealed
from handgrad.foreign import reading
from handgrad.measures import METRICS
from handgrad.names import shown
from handgrad.sections import check_shape
from handgrad.study.folder.disk import unreadable
from handgrad.study.folder.locks import is_written

FORMAT = 1
STATES = ("running", "done", "failed", "interrupted")
OVER = ("done", "failed")  # states in which every run has come to its end
REMEDY = "delete it and run the study again: finished runs are kept"

_ID = re.compile("[0-9a-f]{10}")


class _Shape(TypedDict):
    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]


class _Run(_Shape):
    seed: int
    id: str | None
    continues: str | None
    seeds: NotRequired[dict[str, int]]
    fold: NotRequired[int]
    data: NotRequired[str]


class _Setting(_Shape):
    label: str
    axes: dict[str, Any]
    changes: dict[str, Any]
    data: str | None
    parameters: int
    setting: dict[str, Any] | None
    runs: Annotated[list[_Run], Field(min_length=1)]


class _Phase(_Shape):
    name: str
    number: int
    after: str | None
    start: str | None
    winner: str | None
    drawn: int
    vary: NotRequired[list[str]]
    settings: list[_Setting]


class _Spent(_Shape):
    seconds: float


class _Budget(_Shape):
    spent: _Spent


class _Plan(_Shape):
    study: str
    seeds: list[int]
    select_on_test: bool
    metric: str
    notes: list[str]
    phases: list[_Phase]
    state: str
    execution: dict[str, Any]
    vary: NotRequired[list[str]]
    quick: NotRequired[bool]
    changed: NotRequired[list[str]]
    budget: NotRequired[_Budget]
    study_toml: NotRequired[str]


@functools.cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(_Plan)


def read_plan(folder: Path) -> dict[str, Any]:
    """plan.json of a results folder.  Raises ResultsError where there is none, or one of another version, and
    DamagedError where it was altered or cut off."""
    path = folder / "plan.json"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ResultsError(
            f"{folder}: no results of a study here (it has no plan.json){_without_plan(folder)}"
        ) from None
    except NotADirectoryError:
        raise ResultsError(f"{folder}: is a file, not a folder with the results of a study") from None
    except OSError as error:
        raise unreadable(path, error) from None
    with reading(path, DamagedError, "a plan of handgrad", REMEDY):
        plan, _ = unsealed(content, path, REMEDY)
        version = plan["format"]
        if version == FORMAT:
            check_shape(_adapter().validate_python, plan)
            _check_names(plan)
    if version != FORMAT:
        raise ResultsError(
            f"{folder}: results of format {shown(version)}, written by handgrad {shown(plan.get('handgrad'))[1:-1]}; "
            f"this handgrad {__version__} reads format {FORMAT}. Use that version, or choose another folder with --out"
        )
    return plan


def state_of(folder: Path, plan: Mapping[str, Any]) -> str:
    """The state of a study: running, done, failed (over, but some runs failed) or interrupted.

    A kill cannot be noted in plan.json: a study that runs there and that no process writes was interrupted.
    """
    state = str(plan["state"])
    return "interrupted" if state == "running" and not is_written(folder) else state


def _without_plan(folder: Path) -> str:
    """What is to be done where a results folder has lost its plan."""
    if not folder.exists():
        return "; there is no such folder. Give one that handgrad run has written, such as results/quickstart"
    if not (folder / "study.toml").exists() and not (folder / "runs").is_dir():
        return ""
    if not (folder / "runs").is_dir():
        return f'; "handgrad run {folder / "study.toml"} --out {folder}" runs the study that is there'
    study = folder / "study.toml" if (folder / "study.toml").exists() else "STUDY"
    return (
        f'; it has runs of one: "handgrad run {study} --out {folder}" writes plan.json again, and runs that are '
        "finished are kept"
    )


def _check_names(plan: Mapping[str, Any]) -> None:
    """Raise ValueError where names in a plan lead nowhere, or out of the folder."""
    if plan["metric"] not in METRICS:
        raise ValueError(f"metric is {shown(plan['metric'])}, not one of {', '.join(METRICS)}")
    if plan["state"] not in STATES:
        raise ValueError(f"state is {shown(plan['state'])}, not one of {', '.join(STATES)}")
    if not plan["phases"]:
        raise ValueError("it has no phases")
    known: set[str] = set()
    for phase in plan["phases"]:
        where = f"phase {shown(phase['name'])}"
        own = {setting["label"] for setting in phase["settings"]}
        if phase["start"] is not None and phase["start"] not in known:
            raise ValueError(f"{where} starts from {shown(phase['start'])}, which is no setting before it")
        if phase["winner"] is not None and phase["winner"] not in own | {phase["start"]}:
            raise ValueError(f"{where} was won by {shown(phase['winner'])}, which is none of its settings")
        if phase["after"] is not None and phase["start"] is None:
            continue
        known |= own
        for setting in phase["settings"]:
            ids = [run["id"] for run in setting["runs"]] + [run["continues"] or "0" * 10 for run in setting["runs"]]
            keys = [setting["data"] or "", *(run["data"] for run in setting["runs"] if "data" in run)]
            whole = setting["setting"] is not None and all(map(_ID.fullmatch, keys))
            if not whole or not all(run_id is not None and _ID.fullmatch(run_id) for run_id in ids):
                raise ValueError(f"setting {shown(setting['label'])} lacks its setting, its data or ids of runs")


def text_sum(path: Path) -> str | None:
    """The checksum of a text file, the same for every kind of line ends; None where it cannot be read."""
    try:
        return checksum(path.read_bytes().replace(b"\r\n", b"\n"))
    except OSError:
        return None
