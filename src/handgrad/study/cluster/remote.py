"""What a node of a cluster does with one run: train it and send news of it to the driver, which alone writes results.

    driver  -- Order -->  node     a run, its data as an object of the store, the checkpoint to go on from
            <-- News --            started; the epochs that ended, the newest checkpoint; the outcome

Nodes share no files with the driver: a checkpoint travels as bytes, a few seconds after it was made, so that a run
whose node is lost goes on elsewhere.  The run trains in a thread of its own, because its news are handed over in the
middle of it; it waits until they have left (a millisecond, a few times a second), since Python would otherwise let
them lie until the next epoch has ended.
"""

import functools
import hashlib
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import handgrad
from handgrad.data.datasets import Split
from handgrad.errors import ResultsError
from handgrad.study.cluster.scratch import scratch
from handgrad.study.runners.runner import Job, Outcome, perform_with
from handgrad.training.loop import EpochEnd
from handgrad.training.record import Record
from handgrad.training.run import MATHEMATICS

SECONDS = 0.25  # between news of one run
PATIENCE = 1.0  # seconds that a run waits for its news to leave


@dataclass(frozen=True)
class Order:
    """A job and what it needs of the driver's files.  `data` fetches its split; `bandwidth`: bytes of checkpoints that
    may be sent in a second."""

    job: Job
    data: Callable[[], Split]
    parent: Record | None
    checkpoint: bytes | None
    expected: dict[str, str]
    bandwidth: float


@dataclass
class News:
    """What happened since the last news.  `outcome` is the last there is; `unfit`, too, and nothing was trained."""

    ended: list[EpochEnd] = field(default_factory=list)
    checkpoint: bytes | None = None
    outcome: Outcome | None = None
    disk: str | None = None
    unfit: dict[str, str] | None = None

    @property
    def last(self) -> bool:
        return self.outcome is not None or self.disk is not None or self.unfit is not None


@functools.cache
def identity() -> dict[str, str]:
    """What decides the bits of a run beside its setting; it must be the same on every node."""
    folder = Path(handgrad.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return {
        "handgrad": handgrad.__version__,
        "version of the mathematics": str(MATHEMATICS),
        "source text of handgrad": digest.hexdigest()[:10],
        "numpy": np.__version__,
        "numba": version("numba"),
        "python": platform.python_version(),
    }


def work(order: Order) -> Iterator[News]:
    """Train the run of an order; yields empty news at once, as a sign that it has started."""
    if identity() != order.expected:
        yield News(unfit=identity())
        return
    yield News()
    outbox = _Outbox()
    threading.Thread(target=_train, args=(order, outbox), daemon=True).start()
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
        outbox.put(last)
    except (ResultsError, OSError) as error:
        outbox.put(News(disk=str(error)))
    except BaseException as error:
        outbox.put(News(outcome=Outcome(order.job, None, f"{type(error).__name__}: {error}")))
        raise


def _train_in(folder: Path, order: Order, outbox: "_Outbox") -> News:
    """Train, with news on the way; the last news."""
    checkpoint = _Checkpoint(folder / "checkpoint.safetensors", order.bandwidth) if order.job.checkpoint else None
    if checkpoint and order.checkpoint:
        checkpoint.write(order.checkpoint)

    def heard(job: Job, news: EpochEnd | None) -> None:
        assert news is not None
        outbox.put(News([news]), checkpoint)

    local = replace(order.job, checkpoint=checkpoint.path if checkpoint else None)
    outcome = perform_with(order.data, lambda: order.parent, local, heard)
    paused = checkpoint is not None and outcome.paused is not None
    last = checkpoint.changed() if checkpoint and paused else None  # what a later job of this run goes on from
    return News(checkpoint=last, outcome=replace(outcome, job=order.job))


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

    def put(self, news: News, checkpoint: _Checkpoint | None = None) -> None:
        """Add news; where they are due, wait until they have left."""
        with self._change:
            now = time.monotonic()
            self._news.ended += news.ended
            due = news.last or now >= self._next
            if due:
                sent = checkpoint.due() if checkpoint else news.checkpoint
                self._news = replace(news, ended=self._news.ended, checkpoint=sent or self._news.checkpoint)
                self._due, self._idle, self._next = True, False, now + SECONDS
                self._change.notify_all()
                if not news.last:
                    self._change.wait_for(lambda: self._idle, PATIENCE)

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
