"""A study that runs while a test looks: its lock is held, and its runs begin and end when the test says so."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np

from handgrad.files import sealed, write_whole
from handgrad.study.folder.disk import in_lines
from handgrad.study.folder.locks import writing
from handgrad.study.folder.plan_file import read_plan
from handgrad.training.progress import Progress, save_checkpoint


class RunningStudy:
    """folder: a results folder that has none of the runs of `whole` at first.  left: their ids, in order."""

    def __init__(self, whole: Path, folder: Path):
        self.whole, self.folder = whole, folder
        self.plan = read_plan(whole)
        shutil.copytree(whole, folder, ignore=shutil.ignore_patterns("runs", "report", ".*"))
        (folder / "runs").mkdir()
        settings = [setting for phase in self.plan["phases"] for setting in phase["settings"]]
        self.left = [run["id"] for setting in settings for run in setting["runs"]]
        self.held = ExitStack()

    def __enter__(self) -> Self:
        self.held.enter_context(writing(self.folder))
        self.write("running")
        return self

    def __exit__(self, *reason: object) -> None:
        self.held.close()

    def write(self, state: str) -> None:
        """plan.json in this state; no phase has a winner before the end."""
        phases = self.plan["phases"]
        if state != "done":
            phases = [{**phase, "winner": None} for phase in phases]
        content = sealed(in_lines({**self.plan, "phases": phases, "state": state}, 4))
        write_whole(self.folder / "plan.json", content)

    def begin(self, epochs: int = 3) -> str:
        """The next run comes to a checkpoint after some epochs -> its id."""
        run_id = self.left[0]
        falling = np.linspace(2.0, 1.0, epochs).tolist()
        curves = {f"{part}_loss": falling for part in ("train", "val")}
        curves |= {f"{part}_accuracy": np.linspace(0.3, 0.6, epochs).tolist() for part in ("train", "val")}
        progress = Progress({"dense1.W": np.zeros((2, 2), np.float32)}, epoch=epochs, step=epochs, curves=curves)
        path = self.folder / "runs" / f"{run_id}.partial" / "checkpoint.safetensors"
        save_checkpoint(path, run_id, progress, forced=False)
        return run_id

    def finish(self, count: int = 1) -> None:
        """The next runs end."""
        for _ in range(count):
            run_id = self.left.pop(0)
            shutil.copytree(self.whole / "runs" / run_id, self.folder / "runs" / f".{run_id}.0.tmp")
            (self.folder / "runs" / f".{run_id}.0.tmp").rename(self.folder / "runs" / run_id)
            shutil.rmtree(self.folder / "runs" / f"{run_id}.partial", ignore_errors=True)

    def end(self) -> None:
        """The study ends, all its runs done."""
        self.finish(len(self.left))
        self.write("done")
        self.held.close()
