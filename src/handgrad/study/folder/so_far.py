"""How far a study has come: its runs that have ended, and those in progress with their curves so far.

From plain files alone, while another process writes them: a run in progress shows up with its folder, and its curves
with the checkpoints that it writes every few seconds.
"""

import os
from dataclasses import dataclass
from typing import Any

from handgrad.network.arrays import Arrays
from handgrad.study.changes import at_path
from handgrad.study.folder.plan_file import OVER
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.store import CHECKPOINT
from handgrad.training.progress import checkpoint_curves
from handgrad.training.run_keys import key_word, run_key

IN_PROGRESS = ("running", "interrupted")  # a run that a search has paused is not


@dataclass(frozen=True)
class BegunRun:
    """A run that has begun and has no record yet.

    label, phase: of its setting;  epoch: the last one in its checkpoint, of `epochs`; 0 while there is none;
    curves: a value for every epoch of its checkpoint, by the names of curves.npz; empty while there is none.
    """

    id: str
    label: str
    phase: str
    seed: int
    fold: int | None
    epoch: int
    epochs: int
    curves: Arrays

    @property
    def key(self) -> str:
        """What tells it from the other runs of its setting: "seed 3", "fold 1, seed 3"."""
        return key_word(run_key(self.seed, self.fold))


@dataclass(frozen=True)
class SoFar:
    """state: of the study (`plan_file.state_of`);  ended: runs with a record, of the `planned`;
    begun: those in progress, or after an interruption those that go on from where they are."""

    state: str
    ended: int
    planned: int
    begun: tuple[BegunRun, ...]

    @property
    def over(self) -> bool:
        """Whether every run has come to its end."""
        return self.state in OVER

    def data(self) -> dict[str, Any]:
        """What JSON holds of it."""
        runs = [{"setting": run.label, "seed": run.seed, "fold": run.fold, "epoch": run.epoch, "epochs": run.epochs}
                for run in self.begun]  # fmt: skip
        return {"state": self.state, "ended": self.ended, "planned": self.planned, "begun": runs}


def so_far(results: Results) -> SoFar:
    """How far the study of a results folder has come."""
    begun = () if results.state in OVER else tuple(_begun(results))
    return SoFar(results.state, ended_runs(results), planned_runs(results), begun)


def _begun(results: Results) -> list[BegunRun]:
    there = _names(results)
    found: dict[str, BegunRun] = {}
    for label, setting in results.planned.items():
        for run in setting["runs"]:
            if run["id"] in found or run["id"] in there or results.unfinished(label, run["id"]) not in IN_PROGRESS:
                continue
            path = results.folder / "runs" / f"{run['id']}.partial" / CHECKPOINT[0]
            epoch, curves = checkpoint_curves(path, run["id"]) or (0, {})
            epochs = int(at_path(setting["setting"], "training.epochs") or epoch)
            where = run["id"], label, setting["phase"], run["seed"], run.get("fold")
            found[run["id"]] = BegunRun(*where, epoch, epochs, curves)
    return list(found.values())


def _names(results: Results) -> set[str]:
    runs = results.folder / "runs"
    return set(os.listdir(runs)) if runs.is_dir() else set()


def ended_runs(results: Results) -> int:
    """How many runs of the plan have a record."""
    return len(_names(results) & {run["id"] for setting in results.planned.values() for run in setting["runs"]})


def planned_runs(results: Results) -> int:
    """The runs of a plan, each once, with those of phases and drawn settings that are still to come."""
    ids = {run["id"] for setting in results.planned.values() for run in setting["runs"]}
    later = 0
    for phase in results.plan["phases"]:
        if phase["after"] is not None and phase["start"] is None:
            later += sum(len(setting["runs"]) for setting in phase["settings"])
        if phase["winner"] is None and results.plan["state"] not in OVER:
            each = len(phase["settings"][0]["runs"]) if phase["settings"] else len(results.plan["seeds"])
            later += max(0, phase["drawn"] - len(phase["settings"])) * each
    return len(ids) + later
