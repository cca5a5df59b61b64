"""The store: a study's results folder, plain files that a student can zip.  One process at a time writes it.

    study.toml   the study as it ran            plan.json   every setting and run, by label and id
    data/        <key>.json label table and notes, <key>-samples.npz the sample images
    runs/<id>/   a finished run, whole          runs/<id>.partial/   the checkpoint of one in progress
    .working/    splits for the workers, while a study runs

Everything is written under a temporary name, forced to the disk and renamed: a file is there whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from handgrad import __version__
from handgrad.data.datasets import Split
from handgrad.errors import ResultsError
from handgrad.study.folder.files import in_lines, unwritable, write_whole
from handgrad.study.rules.select import RunSummary
from handgrad.training import record as records
from handgrad.training.checkpoint import progress_of, save_checkpoint
from handgrad.training.describe import samples_of
from handgrad.training.record import Record

FORMAT = 1


def read_plan(folder: Path) -> dict[str, Any]:
    """plan.json of a results folder.  Raises ResultsError where there is none, or one of another version."""
    path = folder / "plan.json"
    try:
        plan = json.loads(path.read_text("utf-8"))
        version = plan["format"]
    except FileNotFoundError:
        raise ResultsError(f"{folder}: no results of a study here (it has no plan.json)") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(
            f"{path}: cannot be read ({error}); delete it and run the study again: finished runs are kept"
        ) from None
    if version != FORMAT:
        raise ResultsError(
            f"{folder}: results of format {version}, written by handgrad {plan.get('handgrad')}; this handgrad "
            f"{__version__} reads format {FORMAT}. Use that version, or choose another folder with --out"
        )
    return dict(plan)


def read_decisions(path: Path) -> list[dict[str, Any]]:
    """What a search wrote down, up to the first line that is not whole (`search.decisions`); empty without a file."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); delete it, and the search is decided anew") from None
    found = []
    for line in text.splitlines():
        try:
            found.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            break
    return found


def is_written(folder: Path) -> bool:
    """Whether a process of this machine holds the results folder at this moment."""
    from filelock import FileLock, Timeout

    if not (folder / ".lock").exists():
        return False
    try:
        with FileLock(folder / ".lock", timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read
        return True


class Store:
    """A results folder that this process writes; made by `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.working = folder / ".working"

    # -- runs

    def run_folder(self, run_id: str) -> Path:
        return self.runs / run_id

    def checkpoint(self, run_id: str) -> Path:
        """The file that a run in progress continues from."""
        return self.runs / f"{run_id}.partial" / "checkpoint.safetensors"

    def finished(self, run_id: str) -> tuple[RunSummary | None, str | None]:
        """(the summary of a run with a record or None, a note where there was a damaged one that must be made again).

        A failed run is not finished: it is tried again.  A pruned one can go on (`revive`).
        Raises ResultsError for records of another version.
        """
        folder = self.run_folder(run_id)
        if not folder.exists():
            return None, None
        try:
            data = json.loads((folder / "record.json").read_text("utf-8"))
            version, status = data["format"], data["status"]
            if version == records.FORMAT:
                _look_over(folder, data, run_id)
        except Exception as error:  # zipfile, zlib, json, safetensors, OSError: all mean a damaged record
            return None, f"run {run_id}: its record is damaged and is made again ({error})"
        if version != records.FORMAT:
            records.load_data(folder)  # raises ResultsError with the remedy
        if status == "failed":
            return None, None
        if status != "pruned":
            shutil.rmtree(self.checkpoint(run_id).parent, ignore_errors=True)
        return summary_of(data), None

    def decisions(self, number: int) -> Path:
        """The file of what the search of a phase decided."""
        return self.folder / "decisions" / f"{number}.jsonl"

    def seconds_spent(self) -> float:
        """How long earlier calls worked at this study, where it has a budget."""
        if not (self.folder / "plan.json").exists():
            return 0.0
        return float(read_plan(self.folder).get("budget", {}).get("spent", {}).get("seconds", 0.0))

    def revive(self, run_id: str) -> None:
        """Make the checkpoint of a pruned run from its record, where it has none, so that it goes on from there."""
        checkpoint = self.checkpoint(run_id)
        if not checkpoint.exists():
            save_checkpoint(checkpoint, run_id, progress_of(records.load(self.run_folder(run_id))))

    def save(self, record: Record) -> RunSummary:
        """Keep the record of a run; its checkpoint is not needed any more."""
        try:
            records.save(record, self.run_folder(record.id))
            if record.status != "failed":
                shutil.rmtree(self.checkpoint(record.id).parent, ignore_errors=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return summary_of(record.data)

    # -- the study

    def write_study(self, text: str) -> None:
        write_whole(self.folder / "study.toml", text.encode())

    def write_plan(self, plan: dict[str, Any]) -> None:
        head = {"format": FORMAT, "handgrad": __version__}
        write_whole(self.folder / "plan.json", (in_lines(head | plan, 4) + "\n").encode())

    def write_data(self, key: str, split: Split) -> None:
        """What a report shows of the data: label table, notes, and the examples whose predictions it shows."""
        folder = self.folder / "data"
        path = folder / f"{key}.json"
        if path.exists():
            return
        source, samples = samples_of(split)
        facts = {
            "format": FORMAT,
            "key": key,
            "name": split.name,
            "checksum": split.checksum,
            "official": split.official,
            "scaling": split.scaling,
            "classes": list(split.classes),
            "shape": list(split.shape),
            "counts": {name: len(part) for name, part in split.parts.items()},
            "label_table": split.label_table,
            "notes": list(split.notes),
            "samples": source,
        }
        file = folder / f".{key}-samples.{os.getpid()}.npz"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(file, allow_pickle=False, x=samples.x, y=samples.y, index=samples.index)
            file.replace(folder / f"{key}-samples.npz")
        except OSError as error:
            file.unlink(missing_ok=True)
            raise unwritable(folder, error) from error
        write_whole(path, (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())

    def _sweep(self) -> None:
        """Remove what a killed process left half written.  Only the holder of the lock may."""
        shutil.rmtree(self.working, ignore_errors=True)
        for pattern in (".*.tmp", "runs/.*.tmp", "runs/*.partial/.*.tmp", "data/.*.npz", "data/.*.tmp"):
            for path in self.folder.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _look_over(folder: Path, data: dict[str, Any], run_id: str) -> None:
    """Raise something where a record is not whole: cut off, empty, or of another run."""
    from safetensors import SafetensorError, safe_open

    if data["id"] != run_id:
        raise ValueError(f"it is of run {data['id']}")
    if data["status"] == "failed":
        return
    with open(folder / "curves.npz", "rb") as file, np.load(file, allow_pickle=False) as curves:
        if "loss_per_step" not in curves.files:
            raise ValueError("curves.npz has no loss_per_step")
    for name in ("weights.safetensors", "state.safetensors"):
        if name == "weights.safetensors" or (folder / name).exists():
            try:
                with safe_open(folder / name, framework="np") as tensors:
                    tensors.keys()
            except SafetensorError as error:
                raise ValueError(f"{name}: {error}") from None


def summary_of(data: dict[str, Any]) -> RunSummary:
    """The little that is kept of a record."""
    return RunSummary(
        id=data["id"],
        seed=data["seed"],
        status=data["status"],
        metrics=dict(data["metrics"]),
        epochs=data["epochs"],
        seconds=data["time"]["total"],
    )


@contextmanager
def opened(folder: Path, study_name: str) -> Iterator[Store]:
    """The store of a folder, held by this process alone until the end of the block; made where there is none.

    Raises ResultsError: written by another process, of another version or study, other files in it, unwritable.
    """
    from filelock import FileLock, Timeout

    _refuse_foreign(folder, study_name)
    store = Store(folder)
    try:
        store.runs.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0.2, poll_interval=0.02)  # a reader may look at this moment (`is_written`)
        except Timeout:
            raise ResultsError(
                f"{folder}: another process is writing these results at this moment. "
                "Wait for it to end, or choose another folder with --out"
            ) from None
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        store._sweep()
        yield store
    finally:
        shutil.rmtree(store.working, ignore_errors=True)
        lock.release()


def _refuse_foreign(folder: Path, study_name: str) -> None:
    if (folder / "plan.json").exists():
        found = read_plan(folder).get("study")
        if found != study_name:
            raise ResultsError(
                f"{folder}: holds the results of the study {found!r}, not of {study_name!r}; "
                "choose another folder with --out"
            )
        return
    try:
        other = [path.name for path in folder.iterdir()] if folder.exists() else []
    except OSError as error:
        raise unwritable(folder, error) from error
    if other and ".lock" not in other and set(other) - {"runs", "report", "decisions"}:
        raise ResultsError(
            f"{folder}: holds other files ({', '.join(sorted(other)[:3])}) and no results of a study; "
            "choose an empty or new folder with --out"
        )
