"""The store: a study's results folder, plain files that a student can zip.  One process at a time writes it.

    study.toml   the study as it ran            plan.json   every setting and run, by label and id
    data/        <key>.json label table and notes, <key>-samples.npz the sample images
    runs/<id>/   a finished run, whole          runs/<id>.partial/   the checkpoint of one in progress
    .working/    splits for the workers, while a study runs
    earlier-N/   the report, study.toml and plan.json of the same name's study before it was changed (`earlier`)

Everything is written under a temporary name, forced to the disk and renamed (`handgrad.files`), with its checksum.
"""

import io
import json
import os
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from handgrad import __version__
from handgrad.data.datasets import Split
from handgrad.errors import DamagedError, ResultsError
from handgrad.files import altered, checksum, remove, sealed, sweep, unsealed
from handgrad.foreign import reading
from handgrad.names import shown
from handgrad.network.arrays import Arrays
from handgrad.study.folder.disk import check_folders, in_lines, unwritable, write_whole
from handgrad.study.folder.earlier import put_aside, what_changed
from handgrad.study.folder.kept_examples import Asked, kept_examples, wanted
from handgrad.study.folder.locks import reporting, writing
from handgrad.study.folder.plan_file import FORMAT, read_plan
from handgrad.study.rules.select import RunSummary
from handgrad.training import record as records
from handgrad.training.npz_bytes import npz
from handgrad.training.progress import progress_of, save_checkpoint
from handgrad.training.record import Record
from handgrad.training.recording import samples_of

DATA_REMEDY = "run the study again: it is made again, finished runs are kept"
WORKING = ("*/*.npy", "*/split.json", "*/split.json.partial")  # what lies in .working/
PARTS = ("runs", "data", "decisions", "report", "study.toml", ".lock", ".report.lock", ".working")
CHECKPOINT = ("checkpoint.safetensors",)
REPORT: tuple[str, ...] = ("index.html", "main.tex", "main.pdf", "conclusions.json", "reproduction.json")
REPORT += tuple(f"tables/*.{form}" for form in ("csv", "md", "tex"))
REPORT += tuple(f"figures/*.{form}" for form in ("csv", "png", "svg", "pdf"))


class Store:
    """A results folder that this process writes; made by `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.working = folder / ".working"
        self._study_sum = ""
        self._whole_data: set[str] = set()

    # -- runs

    def run_folder(self, run_id: str) -> Path:
        return self.runs / run_id

    def checkpoint(self, run_id: str) -> Path:
        """The file that a run in progress continues from."""
        return self.runs / f"{run_id}.partial" / "checkpoint.safetensors"

    def begun(self, run_id: str) -> None:
        """Make the folder of a run in progress, so that whoever looks sees that it has begun."""
        with suppress(OSError):  # what cannot be written is said with the first checkpoint or record
            self.checkpoint(run_id).parent.mkdir(exist_ok=True)

    def finished(self, run_id: str, continues: str | None = None) -> tuple[RunSummary | None, str | None]:
        """(the summary of a run with a record or None, a note where there was a damaged one that must be made again).

        A failed run is not finished: it is tried again.  A pruned one can go on (`revive`).  A run that continues
        another must have begun with the files that the other has now.
        Raises ResultsError for records of another version, or where they may not be read.
        """
        folder = self.run_folder(run_id)
        if not os.path.lexists(folder):
            return None, None
        try:
            record = records.load(folder, arrays=False)
            records.check_files(folder, record)
            if record.parent and continues is not None:
                start = records.load(self.run_folder(continues), arrays=False).weight_files
                if start is not None and start != record.parent:
                    return (
                        None,
                        f"run {run_id} is made again: the run {continues} that it continues has other weights now",
                    )
        except DamagedError as error:
            return None, f"run {run_id}: its record is damaged and is made again ({str(error).partition('; ')[0]})"
        if record.status == "failed":
            return None, None
        if record.status != "pruned":
            self._no_checkpoint(run_id)
        return summary_of(record), None

    def _no_checkpoint(self, run_id: str) -> None:
        folder = self.checkpoint(run_id).parent
        try:
            os.rmdir(folder)  # of most runs of milliseconds it is empty
        except FileNotFoundError:
            pass
        except OSError:
            remove(folder, CHECKPOINT)

    def tidy(self, ended: Collection[str]) -> None:
        """Remove the checkpoints of runs that have come to their end; a kill can leave one beside the record."""
        for folder in self.runs.glob("*.partial"):
            if folder.name.removesuffix(".partial") in ended:
                remove(folder, CHECKPOINT)

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
            save_checkpoint(checkpoint, run_id, progress_of(records.load(self.run_folder(run_id))), forced=False)

    def save(self, record: Record) -> RunSummary:
        """Keep the record of a run; its checkpoint is not needed any more."""
        try:
            records.save(record, self.run_folder(record.id))
            if record.status != "failed":
                self._no_checkpoint(record.id)
            else:
                with suppress(OSError):
                    self.checkpoint(record.id).parent.rmdir()  # there is no checkpoint to try again from
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return summary_of(record)

    # -- the study

    def begin(self, text: str, first: Mapping[str, Any]) -> str | None:
        """Write study.toml -> what is to be said where the folder held another study of the name, whose report is kept.

        first: the phase that the study begins with, as plan.json holds it.
        """
        changed = what_changed(self.folder, text, first)
        try:
            note = None if changed is None else put_aside(self.folder, changed)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self.write_study(text)
        return note

    def write_study(self, text: str) -> None:
        write_whole(self.folder / "study.toml", text.encode())
        self._study_sum = checksum(text.encode())

    def write_plan(self, plan: dict[str, Any]) -> None:
        head = {"format": FORMAT, "handgrad": __version__, "study_toml": self._study_sum}
        write_whole(self.folder / "plan.json", sealed(in_lines(head | plan, 4)))

    def data_problem(self, key: str, asked: Collection[Asked] = ()) -> str | None:
        """Why what a report shows of the data must be written: not there, or damaged; empty where it was written with
        other examples, as by an earlier version; None where it is whole.

        asked: examples that figures of the study name (`kept_examples`).
        """
        if key not in self._whole_data:
            try:
                facts = read_data(self.folder, key)
            except DamagedError as error:
                return str(error)
            if not facts.get("drawn") or set(wanted(facts["shape"], asked)) - set(facts.get("kept", ())):
                return ""
            self._whole_data.add(key)
        return None

    def write_data(self, key: str, split: Split, asked: Collection[Asked] = ()) -> None:
        """What a report shows of the data: label table, notes, and the examples that figures show."""
        if self.data_problem(key, asked) is None:
            return
        folder = self.folder / "data"
        source, samples = samples_of(split)
        arrays: Arrays = {"x": samples.x, "y": samples.y, "index": samples.index}
        with suppress(DamagedError):  # the first ones, which the records of an earlier version show, stay behind them
            held = read_data(self.folder, key)
            new = ~np.isin(held["index"], samples.index)
            arrays = {name: np.concatenate([array, held[name][new]]) for name, array in arrays.items()}
        content = npz(arrays | kept_examples(split, asked))
        kept = wanted(split.shape, asked)
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
            "drawn": True,
            **({"kept": kept} if kept else {}),
            "files": {f"{key}-samples.npz": checksum(content)},
        }
        write_whole(folder / f"{key}-samples.npz", content)
        write_whole(folder / f"{key}.json", sealed(json.dumps(facts, indent=1, ensure_ascii=False)))

    def sweep(self) -> None:
        """Remove what a killed process left half written.  Only the holder of the lock may."""
        remove(self.working, WORKING)
        sweep(self.folder, REPORT)
        sweep(self.runs, records.FILES)
        for folder in (self.folder / "data", self.folder / "decisions", *self.runs.glob("*.partial")):
            sweep(folder)
        for folder in self.runs.glob("*.partial"):
            with suppress(OSError):
                folder.rmdir()  # it is empty: of a run that had begun and come to no checkpoint
        if (self.folder / "report").exists():
            with suppress(ResultsError), reporting(self.folder, patience=0):
                sweep(self.folder / "report", REPORT)


def read_data(folder: Path, key: str) -> dict[str, Any]:
    """data/<key>.json, with the sample images as "x", their labels "y" and their places "index" in the data set, and
    what else is kept of its examples (`kept_examples`).

    Raises DamagedError where they are missing or were altered.
    """
    path, samples = folder / "data" / f"{key}.json", folder / "data" / f"{key}-samples.npz"
    with reading(path, DamagedError, "what handgrad keeps of a data set", DATA_REMEDY):
        facts, is_sealed = unsealed(path.read_bytes(), path, DATA_REMEDY)
        if facts["key"] != key:
            raise ValueError(f"it is of {shown(facts['key'])}")
    with reading(samples, DamagedError, "an .npz file of sample images", DATA_REMEDY):
        content = samples.read_bytes()
        if is_sealed and checksum(content) != facts["files"][samples.name]:
            raise altered(samples, DATA_REMEDY)
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    missing = {"x", "y", "index"} - set(arrays)
    if missing:
        raise altered(samples, DATA_REMEDY)
    return {**facts, **arrays}


def summary_of(record: Record) -> RunSummary:
    """The little that is kept of a record."""
    return RunSummary(
        id=record.id,
        seed=record.seed,
        status=record.status,
        metrics=record.scores,
        epochs=record.epochs,
        seconds=record.time.total,
    )


@contextmanager
def opened(folder: Path, study_name: str) -> Iterator[Store]:
    """The store of a folder, held by this process alone until the end of the block; made where there is none.

    Raises ResultsError: written by another process, of another version or study, other files in it, unwritable.
    """
    _refuse_foreign(folder, study_name)
    check_folders(folder)
    store = Store(folder)
    try:
        store.runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    with writing(folder):
        store.sweep()
        try:
            yield store
        finally:
            remove(store.working, WORKING)


def _refuse_foreign(folder: Path, study_name: str) -> None:
    try:
        if (folder / "plan.json").exists():
            found = read_plan(folder)["study"]
            if found != study_name:
                raise ResultsError(
                    f"{folder}: holds the results of the study {shown(found)}, not of {study_name!r}; "
                    "choose another folder with --out"
                )
            return
        other = [path.name for path in folder.iterdir()] if folder.exists() else []
    except OSError as error:
        raise unwritable(folder, error) from error
    ours = ".lock" in other or all(name in PARTS or name.startswith("earlier-") for name in other)
    if not ours:
        raise ResultsError(
            f"{folder}: holds other files ({', '.join(sorted(other)[:3])}) and no results of a study; "
            "choose an empty or new folder with --out"
        )


MOST_WAITING = 8  # records that may wait to be written
THREADS = 4
QUICK = 0.005  # seconds: a disk that takes longer for each of the last RECENT records is waited for by threads
RECENT = 8

Tag = TypeVar("Tag")


class Writer(Generic[Tag]):
    """Saves records in the order in which they come; a `Tag` goes in with each and comes out when it is on the disk.

    As long as the disk is quick, this thread waits for it: threads that take turns at Python's lock cost it more.  Once
    it is not, others wait, and this one goes on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads: ThreadPoolExecutor | None = None
        self._waits: deque[float] = deque([0.0] * RECENT, RECENT)  # seconds, for the last records
        self._waiting: deque[tuple[Future[RunSummary], Tag]] = deque()

    def save(self, record: Record, tag: Tag) -> None:
        """Save a record; does not wait for a disk that is slow."""
        if self._threads is not None:
            self._waiting.append((self._threads.submit(self._store.save, record), tag))
            return
        future: Future[RunSummary] = Future()
        start = time.perf_counter() - time.thread_time()
        try:
            future.set_result(self._store.save(record))
        except KeyboardInterrupt:  # what has ended is kept
            self._store.save(record)
            raise
        except Exception as error:  # told by `saved`, as that of a thread
            future.set_exception(error)
        self._waits.append(time.perf_counter() - time.thread_time() - start)
        if min(self._waits) > QUICK:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="handgrad-writer")
        self._waiting.append((future, tag))

    def saved(self, *, all_of_them: bool = False) -> Iterator[tuple[RunSummary, Tag]]:
        """What is on the disk by now, or everything.  Raises ResultsError where a record could not be written."""
        while self._waiting:
            future, tag = self._waiting[0]
            if not (all_of_them or future.done() or len(self._waiting) > MOST_WAITING):
                return
            summary = future.result()
            self._waiting.popleft()
            yield summary, tag

    def close(self) -> None:
        """Wait for what is being written."""
        if self._threads is not None:
            self._threads.shutdown()
