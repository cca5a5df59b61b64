"""The runner `processes`: one worker process per core, started by spawn on every system.

    parent  -- jobs -->  worker     a run, or several that share a program, and the paths of their files
            <-- news --             ready, started, epoch, outcome, disk

A worker whose parent is gone ends at once; a worker that dies has its jobs taken up by another, a few times.
"""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from typing import Any

from handgrad.errors import HandgradError, ResultsError
from handgrad.study.runners.runner import (
    RETRIES,
    Group,
    Heard,
    Job,
    Outcome,
    Source,
    ignore,
    nothing_to_wait_for,
    perform,
)
from handgrad.training.task import EpochEnd

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class _Worker:
    """A worker process, seen from the parent."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process = context.Process(target=_work, args=(child,), daemon=True, name="handgrad-worker")
        with _one_thread(), _no_interrupt():
            self.process.start()
        child.close()
        self.ready = False
        self.jobs: dict[str, Job] = {}  # by id, those without an outcome

    def give(self, jobs: Group) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.pipe.send(jobs)

    def end(self, *, at_once: bool) -> None:
        """Let an idle worker go; kill one that is at work (its checkpoint is whole at any moment)."""
        self.pipe.close()
        if at_once:
            self.process.kill()
        self.process.join(5)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start here make no threads of their own for linear algebra."""
    kept = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Processes that start here never see Ctrl-C; this one hears it when the block ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """`workers` processes, started by spawn on every system, each with one thread."""

    name = "processes"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: list[_Worker] = []

    def map(self, jobs: Iterable[Job | None], heard: Heard = ignore) -> Iterator[Outcome]:
        source = Source(jobs, self.workers)
        for worker in self._pool:
            if worker.jobs:  # left over from a map that was not used up
                worker.end(at_once=True)
        self._pool = [worker for worker in self._pool if not worker.jobs]
        while True:
            self._hand_out(source)
            busy = [worker for worker in self._pool if worker.jobs]
            if not busy:
                if source.waits:
                    raise nothing_to_wait_for()
                return
            for pipe in connection.wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is pipe)
                try:
                    kind, content = worker.pipe.recv()
                except (EOFError, OSError):
                    outcomes = self._died(worker, source)
                else:
                    outcomes = self._told(worker, kind, content, heard)
                for outcome in outcomes:
                    source.ended(outcome.job)
                    if outcome.job.until is None:
                        self._hand_out(source)  # first: the worker goes on while the outcome is dealt with
                    yield outcome
                    source.waits = False

    def _hand_out(self, source: Source) -> None:
        for worker in [*self._pool, *[None] * (self.workers - len(self._pool))]:
            if worker is not None and worker.jobs:
                continue
            jobs = source.take()
            if jobs is None:
                return
            if worker is None:
                worker = _Worker()
                self._pool.append(worker)
            with suppress(OSError):  # it died while idle: its pipe says so at the next wait
                worker.give(jobs)

    def _told(self, worker: _Worker, kind: str, content: Any, heard: Heard) -> list[Outcome]:
        if kind == "ready":
            worker.ready = True
        elif kind == "started":
            for job in worker.jobs.values():
                heard(job, None)
        elif kind == "epoch":
            job_id, news = content
            heard(worker.jobs[job_id], news)
        elif kind == "disk":
            raise ResultsError(content)
        else:
            job_id, end = content
            return [Outcome(worker.jobs.pop(job_id), *end)]
        return []

    def _died(self, worker: _Worker, source: Source) -> list[Outcome]:
        self._pool.remove(worker)
        worker.end(at_once=False)  # so that how it ended is its own
        how = _exit_words(worker.process.exitcode)
        if not worker.ready:
            raise HandgradError(
                f"a worker process cannot start ({how}). In a Python script, put the call under "
                '`if __name__ == "__main__":`, as every program must that starts processes; or use jobs=1'
            )
        text = f"its worker process died {RETRIES + 1} times ({how}); it may need more memory"
        return [Outcome(job, None, text) for job in source.died(tuple(worker.jobs.values()))]

    def close(self) -> None:
        pool, self._pool = self._pool, []
        for worker in pool:
            worker.end(at_once=bool(worker.jobs))


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _work(pipe: connection.Connection) -> None:  # type: ignore[type-arg, unused-ignore]
    """What a worker process does: jobs from the pipe, until the parent closes it or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_follow_parent, daemon=True).start()

    def heard(job: Job, news: EpochEnd | None) -> None:
        pipe.send(("epoch", (job.id, news)))

    with suppress(EOFError, OSError):
        pipe.send(("ready", None))
        while True:
            jobs = pipe.recv()
            pipe.send(("started", None))
            try:
                for outcome in perform(jobs, heard):
                    pipe.send(("outcome", (outcome.job.id, (outcome.record, outcome.error, outcome.paused))))
            except ResultsError as error:
                pipe.send(("disk", str(error)))


def _follow_parent() -> None:
    """End this process as soon as the parent is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
