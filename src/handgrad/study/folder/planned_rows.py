"""The runs of a plan beside what a results folder has of them: a row each, and what is left to run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.study.folder.design_cell import DesignCell
from handgrad.study.planning.estimate import Estimate
from handgrad.study.planning.plan import Plan

FINAL = ("done", "diverged", "pruned")  # is not run again; what failed is
STARTING = (
    1.4  # seconds of processor time until a process has its libraries; workers start side by side, after the first
)

Row = dict[str, Any]


@dataclass(frozen=True)
class LeftToRun:
    """runs: that have not ended;  seconds: until they have, with the start of the workers; 0.0 where none is left."""

    runs: int
    seconds: float


def planned_rows(plan: Plan, cost: Estimate, cells: Collection[DesignCell]) -> list[Row]:
    """Every run of a plan with its state; cells: those of its results folder, none where it has not begun.

    Runs of later phases have ids and labels where the folder has them, which knows the winners.
    """
    seconds = {(row.phase, row.label): row.seconds for row in cost.rows}
    states = {cell.id: cell.status for cell in cells}
    rows: list[Row] = [
        {
            "phase": phase.name,
            "setting": setting.label,
            "seed": run.seed,
            "fold": run.fold,
            "id": run.id,
            "state": states.get(run.id or "", "pending"),
            "seconds": seconds[phase.name, setting.label],
            "stack": setting.setting and setting.setting.training.stack,
            "axes": dict(setting.axes),
        }
        for phase in plan.taken_phases
        for setting in phase.settings
        for run in setting.runs
    ]
    for phase in plan.taken_phases:
        here = [row for row in rows if row["phase"] == phase.name]
        if all(row["state"] in FINAL for row in rows[: rows.index(here[0])]) and not all(row["id"] for row in here):
            _name(here, [cell for cell in cells if cell.phase == phase.name])
    return rows


def _name(rows: Sequence[Row], cells: Sequence[DesignCell]) -> None:
    """Give the runs of a phase what the folder knows of them, if it has the same ones in the same order."""
    if [_what(row["axes"], row["seed"], row["fold"]) for row in rows] == [
        _what(cell.axes, cell.seed, cell.fold) for cell in cells
    ]:
        for row, cell in zip(rows, cells, strict=True):
            row.update(id=cell.id, setting=cell.label, state=cell.status)


def _what(axes: Mapping[str, Any], seed: int, fold: int | None) -> str:
    return repr(({key: list(value) if isinstance(value, tuple) else value for key, value in axes.items()}, seed, fold))


def left_to_run(rows: Sequence[Row], cost: Estimate) -> LeftToRun:
    """What of a plan has not ended, as a part of what all of it costs."""
    left = [row for row in rows if row["state"] not in FINAL]
    if not left:
        return LeftToRun(0, 0.0)
    whole = sum(row["seconds"] for row in rows)
    share = sum(row["seconds"] for row in left) / whole if whole else 1.0
    return LeftToRun(len(left), cost.seconds * share + STARTING * (1 + (cost.workers > 1)))
