"""The runner `processes`: one worker process per core, started by spawn on every system.

    parent  -- jobs -->  worker     a run, or several that share a program, and the paths of their files
            <-- news --             ready, epochs, outcome, stop

A worker whose parent is gone ends at once; a worker that dies has its jobs taken up by another, a few times.  One that
dies before it is ready has not seen them: another is started, and only when STARTS in a row come to nothing, and no
other worker is there, is that the end.
"""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, current_process, get_context, parent_process, resource_tracker
from typing import Any

from handgrad import limits
from handgrad.errors import InputError, ResultsError
from handgrad.study.runners.runner import (
    RETRIES,
    Group,
    Heard,
    JobQueue,
    Outcome,
    RunJob,
    ignore,
    nothing_to_wait_for,
    perform,
)
from handgrad.training.engines import OneRun
from handgrad.training.task import EpochEnd

STARTS = 3
AGAIN_SECONDS = 0.2  # before another is started, where none could be
START_SECONDS = 300.0  # for a worker to load what it needs
NEWS_SECONDS = 0.1  # between messages of a worker about epochs
UNGUARDED = 78  # the exit code of a worker that runs the script which started it
GUARD = (
    'put the call under `if __name__ == "__main__":`, as every program must that starts processes; or use jobs=1. '
    "Finished runs are safe"
)
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def started(work: Callable[..., None], name: str) -> "tuple[Any, connection.Connection[Any, Any]]":
    """A new process that does work(pipe, main), and the other end of its pipe; Ctrl-C is not for it.

    main: whether the main thread starts it (see `belong_to_parent`).  Raises OSError where none can be started.
    """
    context = get_context("spawn")
    pipe, child = context.Pipe()
    main = threading.current_thread() is threading.main_thread()
    process = context.Process(target=work, args=(child, main), daemon=True, name=name)
    try:
        with no_interrupt(), one_thread_each(), no_script_from_a_pipe():
            process.start()
    except BaseException:
        pipe.close()
        raise
    finally:
        child.close()
    return process, pipe


class _Worker:
    """A worker process, seen from the parent."""

    def __init__(self) -> None:
        self.process, self.pipe = started(_work, "handgrad-worker")
        self.started = time.monotonic()
        self.ready = False
        self.jobs: dict[str, RunJob] = {}  # by id, those without an outcome

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
def one_thread_each() -> Iterator[None]:
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
def no_script_from_a_pipe() -> Iterator[None]:
    """Processes that start here do not look for a file where Python reads this one's program from a pipe (`python -`).

    Its `__main__` then has a `__file__` that is none, such as "<stdin>".
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or os.path.exists(file):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = file


@contextmanager
def no_interrupt() -> Iterator[None]:
    """Processes that start here never see Ctrl-C; this one hears it when the block ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # a process of multiprocessing's own; its start would open the mask again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """`workers` processes, started by spawn on every system, each with one thread."""

    name = "processes"

    def __init__(self, workers: int) -> None:
        self.workers = limits.workers_at_most(workers)
        self._pool: list[_Worker] = []
        self._in_vain = 0  # starts that came to nothing since something last went well

    def map(self, jobs: Iterable[RunJob | None], heard: Heard = ignore) -> Iterator[Outcome]:
        source = JobQueue(jobs, self.workers)
        for worker in self._pool:
            if worker.jobs:  # left over from a map that was not used up
                worker.end(at_once=True)
        self._pool = [worker for worker in self._pool if not worker.jobs]
        self._in_vain = 0
        while True:
            self._hand_out(source, heard)
            busy = [worker for worker in self._pool if worker.jobs]
            if not busy and source.has_again:
                time.sleep(AGAIN_SECONDS)
                continue
            if not busy:
                if source.waits:
                    raise nothing_to_wait_for()
                return
            for worker in self._with_news(busy):
                try:
                    news = worker.pipe.recv()
                except (EOFError, OSError):
                    news = None
                outcomes = self._told(worker, news[0], news[1], heard) if news else self._died(worker, source)
                for outcome in outcomes:
                    source.ended(outcome.job)
                    if outcome.job.until is None:
                        self._hand_out(source, heard)  # first: the worker goes on while the outcome is dealt with
                    yield outcome
                    source.waits = False

    def _with_news(self, busy: list[_Worker]) -> list[_Worker]:
        """Workers that sent news or have ended; one that is not ready after `START_SECONDS` is killed."""
        starting = [worker.started + START_SECONDS for worker in busy if not worker.ready]
        patience = max(0.0, min(starting) - time.monotonic()) if starting else None
        found = connection.wait([worker.pipe for worker in busy], patience)
        if not found:
            for worker in busy:
                if not worker.ready and time.monotonic() >= worker.started + START_SECONDS:
                    worker.process.kill()  # its pipe says so
        return [worker for worker in busy if worker.pipe in found]

    def _hand_out(self, source: JobQueue, heard: Heard) -> None:
        """Give every worker that has nothing to do some jobs; those of one that is ready have started."""
        for worker in [*self._pool, *[None] * (self.workers - len(self._pool))]:
            if worker is not None and worker.jobs:
                continue
            if worker is None and self._in_vain >= STARTS and self._pool:
                return  # those that are there do it, until one of them has got on
            jobs = source.take()
            if jobs is None:
                return
            if worker is None:
                try:
                    with no_interrupt():
                        worker = _Worker()
                        self._pool.append(worker)
                except OSError as error:  # no more processes, files or memory
                    source.back(jobs)
                    self._failed_start(limits.reached(error) or f"{type(error).__name__}: {error}")
                    return
            with suppress(OSError):  # it died while idle: its pipe says so at the next wait
                worker.give(jobs)
            if worker.ready:
                for job in jobs:
                    heard(job, None)

    def _told(self, worker: _Worker, kind: str, content: Any, heard: Heard) -> list[Outcome]:
        if kind == "ready":
            worker.ready, self._in_vain = True, 0
            for job in worker.jobs.values():
                heard(job, None)
        elif kind == "stop":
            raise ResultsError(content)
        else:
            epochs, *ended = content
            for job_id, news in epochs:
                heard(worker.jobs[job_id], news)
            if ended:
                self._in_vain = 0
                job_id, end = ended
                return [Outcome(worker.jobs.pop(job_id), *end)]
        return []

    def _died(self, worker: _Worker, source: JobQueue) -> list[Outcome]:
        self._pool.remove(worker)
        worker.end(at_once=False)  # so that how it ended is its own
        how = _exit_words(worker.process.exitcode)
        jobs = tuple(worker.jobs.values())
        if not worker.ready:
            source.back(jobs)
            if worker.process.exitcode == UNGUARDED:
                raise InputError(f"a worker process cannot start: it runs the script that started it. There, {GUARD}")
            late = time.monotonic() - worker.started >= START_SECONDS
            self._failed_start(f"not ready after {START_SECONDS:.0f} s" if late else how)
            return []
        text = f"its worker process died {RETRIES + 1} times ({how}); it may need more memory"
        return [Outcome(job, None, text) for job in source.died(jobs)]

    def _failed_start(self, why: str) -> None:
        """Count a start that failed.  Raises InputError after `STARTS` of them where no other worker is at work."""
        self._in_vain += 1
        if self._in_vain >= STARTS and not any(worker.jobs for worker in self._pool):
            raise InputError(
                f"no worker process can start: {why}, {STARTS} times in a row. Free memory, processes or open files; "
                f"in a Python script, {GUARD}, and the same command goes on"
            )

    def close(self) -> None:
        pool, self._pool = self._pool, []
        for worker in pool:
            worker.end(at_once=bool(worker.jobs) or not worker.ready)


def _exit_words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit code {code}"


def refuse_unguarded() -> None:
    """End a worker that runs the script which started it, and so would start workers itself: its parent says why."""
    if getattr(current_process(), "_inheriting", False):
        sys.exit(UNGUARDED)


def _work(pipe: connection.Connection, main: bool) -> None:  # type: ignore[type-arg, unused-ignore]
    """What a worker process does: jobs from the pipe, until the parent closes it or is no more.

    main: whether the parent's main thread started it.
    """
    belong_to_parent(main)
    gc.disable()  # until what the first job loads is there

    untold: list[tuple[str, EpochEnd | None]] = []
    told = 0.0

    def heard(job: RunJob, news: EpochEnd | None) -> None:
        nonlocal told
        untold.append((job.id, news))
        if time.monotonic() - told > NEWS_SECONDS:  # a message for each epoch of a millisecond would cost more
            pipe.send(("epochs", (untold,)))
            untold.clear()
            told = time.monotonic()

    with suppress(EOFError, OSError):
        pipe.send(("ready", None))
        first, one = True, OneRun()
        while True:
            jobs = pipe.recv()
            try:
                for outcome in perform(jobs, heard, one):
                    end = outcome.record, outcome.error, outcome.paused
                    pipe.send(("outcome", (untold, outcome.job.id, end)))
                    untold.clear()
            except ResultsError as error:
                pipe.send(("stop", str(error)))
            if first:  # what is loaded by now stays: to look through it for cycles takes 4 % of a study of small runs
                gc.collect()
                gc.freeze()
                gc.enable()
                first = False


def belong_to_parent(main: bool) -> None:
    """Make this process end with its parent, whichever way that goes, and leave Ctrl-C to it.

    main: whether the parent's main thread started it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    if main:
        _die_with_parent()
    threading.Thread(target=_follow_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Have Linux kill this process with the thread that started it, even while this process is stopped."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def _follow_parent() -> None:
    """End this process as soon as the parent is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
