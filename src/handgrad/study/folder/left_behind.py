"""Runs of a results folder that its study does not list: what studies of before, since changed, left in runs/.

    left_behind(folder)    ->  those runs, with their size
    remove_runs(folder, …)     removes them, while no other process writes the folder

plan.json lists every run of a study once each of its phases has begun.  Before that a later phase may come to a run
that lies there from before, so nothing counts as left behind while a study is not finished.
"""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad.errors import ResultsError
from handgrad.files import remove
from handgrad.names import listed
from handgrad.study.folder.disk import check_folders, unreadable
from handgrad.study.folder.locks import writing
from handgrad.study.folder.plan_file import OVER, read_plan, state_of, text_sum
from handgrad.study.folder.store import CHECKPOINT
from handgrad.training.record import FILES

OURS = (*FILES, *CHECKPOINT)
_RUN = re.compile(r"([0-9a-f]{10})(\.partial)?")


@dataclass(frozen=True)
class LeftRun:
    """A run that no study of the folder lists.  files, bytes: of its record and checkpoint together."""

    id: str
    files: int
    bytes: int


def left_behind(folder: Path) -> list[LeftRun]:
    """The runs in runs/ that the study of a results folder does not list, by id.  Links are not followed.

    Raises ResultsError where there are no results, or a study that is not finished; DamagedError (`read_plan`).
    """
    plan = read_plan(folder)
    check_folders(folder)
    _check_finished(folder, plan)
    kept = listed_runs(plan)
    sizes: dict[str, list[int]] = {}
    runs = folder / "runs"
    try:
        names = sorted(os.listdir(runs)) if runs.exists() else []
        for name in names:
            match = _RUN.fullmatch(name)
            path = runs / name
            if match is None or match[1] in kept or path.is_symlink() or not path.is_dir():
                continue
            ours = [path / file for file in OURS if (path / file).is_file()]
            if ours:
                sizes.setdefault(match[1], []).extend(file.stat().st_size for file in ours)
    except OSError as error:
        raise unreadable(runs, error) from None
    return [LeftRun(run_id, len(found), sum(found)) for run_id, found in sizes.items()]


def listed_runs(plan: Mapping[str, Any]) -> set[str]:
    """The ids of all runs that a plan names, those that its runs continue included."""
    runs = [run for phase in plan["phases"] for setting in phase["settings"] for run in setting["runs"]]
    return {run[key] for run in runs for key in ("id", "continues") if run[key] is not None}


def _check_finished(folder: Path, plan: Mapping[str, Any]) -> None:
    """Raise ResultsError where the plan may come to list more runs than it does."""
    waiting = [phase["name"] for phase in plan["phases"] if phase["after"] is not None and phase["start"] is None]
    why = (
        f"its study is not finished ({state})"
        if (state := state_of(folder, plan)) not in OVER
        else f"its study has not begun {listed(waiting, 3)}"
        if waiting
        else "its study.toml is not the one that ran"
        if plan.get("study_toml") not in (None, text_sum(folder / "study.toml"))
        else None
    )
    if why is not None:
        raise ResultsError(
            f"{folder}: {why}, and may still come to runs that lie there from before; run it to its end, then clean"
        )


def remove_runs(folder: Path, runs: Collection[LeftRun]) -> list[LeftRun]:
    """Remove runs that `left_behind` found -> those that were removed; one that is listed by now stays.

    What handgrad did not write stays, and the folder of the run with it.  Raises ResultsError as `left_behind`, and
    where another process writes the folder.
    """
    with writing(folder, "Wait for it to end, then clean"):
        still = {run.id for run in left_behind(folder)}
        removed = [run for run in runs if run.id in still]
        for run in removed:
            for name in (run.id, f"{run.id}.partial"):
                remove(folder / "runs" / name, OURS)
    return removed
