"""What a node of a cluster does with a run or a group: train, and send news to the driver, which alone writes results.

    driver  -- Order -->  node     the runs, their data as an object of the store, the checkpoints to go on from
            <-- News --            that it started; the epochs that ended, the newest checkpoints; the outcomes

Nodes share no files with the driver: a checkpoint travels as bytes, a few seconds after it was made, so that a run
whose node is lost goes on elsewhere.  The run trains in a thread of its own, because its news are handed over in the
middle of it; it waits until they have left (a millisecond, a few times a second), since Python would otherwise let
them lie until the next epoch has ended.  Jobs are told apart by their ids.
"""

import functools
import hashlib
import math
import platform
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

import handgrad
from handgrad.data.datasets import Split
from handgrad.errors import ResultsError
from handgrad.study.runners.runner import Group, Outcome, RunJob, perform_with
from handgrad.training.progress import WAITING
from handgrad.training.record import Record
from handgrad.training.run import MATHEMATICS
from handgrad.training.task import EpochEnd

SECONDS = 0.25  # between news of one run
AT_ONCE = 0.02  # a run that is over by then tells that it has started together with its end
SWEEPS = 5.0  # seconds between looks for folders of processes that are no more
PATIENCE = 1.0  # seconds that a run waits for its news to leave


@dataclass(frozen=True)
class Order:
    """Jobs and what they need of the driver's files: records of parents and checkpoints, by id.

    `data` fetches their split; `bandwidth`: bytes of checkpoints that may be sent in a second.
    """

    jobs: Group
    data: Callable[[], Split]
    parents: dict[str, Record]
    checkpoints: dict[str, bytes]
    expected: dict[str, str]
    bandwidth: float


@dataclass
class News:
    """What happened since the last news.  `last`: there is nothing more to come; `unfit`: and nothing was trained."""

    ended: list[tuple[str, EpochEnd]] = field(default_factory=list)
    checkpoints: dict[str, bytes] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    disk: str | None = None
    unfit: dict[str, str] | None = None
    last: bool = False


@functools.cache
def identity() -> dict[str, str]:
    """What decides the bits of a run beside its setting; it must be the same on every node."""
    folder = Path(handgrad.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return {
        "handgrad": handgrad.__version__,
        "versions of the mathematics": ", ".join(f"{engine} {version}" for engine, version in MATHEMATICS.items()),
        "source text of handgrad": digest.hexdigest()[:10],
        "numpy": np.__version__,
        "numba": version("numba"),
        "python": platform.python_version(),
    }


def work(order: Order) -> Iterator[News]:
    """Train the runs of an order; yields empty news, as a sign that it has started, unless it is over by then."""
    if identity() != order.expected:
        yield News(unfit=identity(), last=True)
        return
    outbox = _Outbox()
    threading.Thread(target=_train, args=(order, outbox), daemon=True).start()
    if not outbox.is_due(AT_ONCE):
        yield News()
    while True:
        news = outbox.take()
        yield news
        if news.last:
            return


def _train(order: Order, outbox: "_Outbox") -> None:
    """The thread that trains: news into the outbox, and for certain a last one, when its folder is gone."""
    try:
        with scratch() as folder:
            last = _train_in(folder, order, outbox)
        WAITING.clear()  # what waits goes on from another folder
        outbox.put(last)
    except (ResultsError, OSError) as error:
        outbox.put(News(disk=str(error), last=True))
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        outbox.put(News(outcomes=[Outcome(job, None, text) for job in order.jobs], last=True))
        raise


def _train_in(folder: Path, order: Order, outbox: "_Outbox") -> News:
    """Train, with news on the way; the last news."""
    jobs = {job.id: job for job in order.jobs}
    checkpoints = {
        job.id: _Checkpoint(folder / f"{number}.safetensors", order.bandwidth / len(jobs))
        for number, job in enumerate(order.jobs)
        if job.checkpoint
    }
    for job_id, content in order.checkpoints.items():
        checkpoints[job_id].write(content)

    def heard(job: RunJob, news: EpochEnd | None) -> None:
        assert news is not None
        outbox.put(News([(job.id, news)]), checkpoints)

    def local(job: RunJob) -> RunJob:
        return replace(job, checkpoint=checkpoints[job.id].path) if job.id in checkpoints else job

    group, last = tuple(local(job) for job in order.jobs), News()
    for outcome in perform_with(order.data, lambda job: order.parents.get(job.id), group, heard):
        job, checkpoint = jobs.pop(outcome.job.id), checkpoints.pop(outcome.job.id, None)
        # of a paused run: what a later job of it goes on from
        kept = checkpoint.changed() if checkpoint is not None and outcome.paused is not None else None
        last = News(checkpoints={job.id: kept} if kept else {}, outcomes=[replace(outcome, job=job)])
        if jobs:
            outbox.put(last)
    return replace(last, last=True)


class _Checkpoint:
    """The file that a run in progress writes on its node, read whenever the next one may be sent."""

    def __init__(self, path: Path, bandwidth: float) -> None:
        self.path, self._bandwidth = path, bandwidth
        self._sent: object = None
        self._next = 0.0

    def write(self, content: bytes) -> None:
        self.path.write_bytes(content)
        self._sent = self._stamp()

    def due(self) -> bytes | None:
        """The file's bytes, if they are new and the bytes sent before have had their time."""
        return self.changed() if time.monotonic() >= self._next else None

    def changed(self) -> bytes | None:
        stamp = self._stamp()
        if stamp in (None, self._sent):
            return None
        content = self.path.read_bytes()
        self._sent, self._next = stamp, time.monotonic() + len(content) / self._bandwidth
        return content

    def _stamp(self) -> object:
        with suppress(FileNotFoundError):
            found = self.path.stat()
            return found.st_mtime_ns, found.st_ino
        return None


class _Outbox:
    """Between the thread that trains and the one that sends: news gather until the next are due."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._news = News()
        self._due = self._idle = False
        self._next = time.monotonic() + SECONDS

    def put(self, news: News, checkpoints: Mapping[str, _Checkpoint] | None = None) -> None:
        """Add news, and checkpoints that are due; where the news are due, wait until they have left."""
        with self._change:
            now = time.monotonic()
            kept = self._news
            kept.ended += news.ended
            kept.outcomes += news.outcomes
            kept.checkpoints |= news.checkpoints
            kept.disk, kept.unfit, kept.last = news.disk, news.unfit, news.last
            if news.last or news.outcomes or now >= self._next:
                for job_id, checkpoint in (checkpoints or {}).items():
                    if (content := checkpoint.due()) is not None:
                        kept.checkpoints[job_id] = content
                self._due, self._idle, self._next = True, False, now + SECONDS
                self._change.notify_all()
                if not news.last:
                    self._change.wait_for(lambda: self._idle, PATIENCE)

    def is_due(self, seconds: float) -> bool:
        """Whether there are news within so many seconds."""
        with self._change:
            return self._change.wait_for(lambda: self._due, seconds)

    def take(self) -> News:
        """The news that are due, as soon as there are any."""
        with self._change:
            self._idle = True  # what was taken before has left
            self._change.notify_all()
            self._change.wait_for(lambda: self._due)
            self._due = self._idle = False
            news, self._news = self._news, News()
            return news


def differences(here: dict[str, Any], there: dict[str, Any]) -> str:
    """What differs between the driver and a node, in words.

    >>> differences({"handgrad": "0.2", "numpy": "2.4"}, {"handgrad": "0.2", "numpy": "2.1"})
    'numpy 2.1 there, 2.4 here'
    """
    return "; ".join(f"{name} {there.get(name)} there, {here[name]} here" for name in here if here[name] != there[name])


PREFIX = "handgrad-run-"
_swept = -math.inf


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder among the system's temporary ones, until the end of the block; now and then sweeps first."""
    global _swept
    if time.monotonic() - _swept > SWEEPS:  # there may be thousands of names among them
        sweep()
        _swept = time.monotonic()
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid.uuid4().hex[:12]}"
    with FileLock(_lock_of(folder)):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove(folder)


def sweep() -> list[Path]:
    """Remove the folders of processes of this machine that are no more; those that were removed."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not folder.is_dir():
            continue
        with suppress(Timeout, OSError), FileLock(_lock_of(folder), timeout=0):
            _remove(folder)
            removed.append(folder)
    return removed


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        _lock_of(folder).unlink()
