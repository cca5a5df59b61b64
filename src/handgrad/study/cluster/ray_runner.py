"""The runner `ray`: a task of a Ray cluster for every run, or for every group of runs that share a program.

Scheduling, transport and the cluster are Ray's.

A split is put into Ray's object store once and mapped, read-only, by every worker of a node.  Tasks are streaming
generators: what they yield are news (`remote`), and only this process writes files, so nodes need no common disk.
Checkpoints come with the news.  A run whose worker or node is lost starts elsewhere from the last one, `RETRIES`
times.

Ray: Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018.
"""

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad import terminal
from handgrad.data.datasets import Split, open_split
from handgrad.errors import InputError, ResultsError
from handgrad.study.cluster.joining import GONE, Head, HeadLost, RayError, RayTaskError, join, leave, ray
from handgrad.study.cluster.remote import News, Order, differences, identity, sweep, work
from handgrad.study.folder.disk import write_whole
from handgrad.study.runners.runner import RETRIES, Group, Heard, JobQueue, Outcome, RunJob, ignore, nothing_to_wait_for
from handgrad.training.record import load

LOOK = 5.0  # seconds between looks at which nodes there are
PATIENCE = 30.0  # seconds without any run at work before that is said
AGAIN = 300.0  # and before it is said once more
BANDWIDTH = 50e6  # bytes of checkpoints a second, of all runs together


@dataclass
class _Task:
    """Jobs on the cluster, by id, those without an outcome.  `stream` yields references to their news."""

    jobs: dict[str, RunJob]
    stream: Any
    started: bool = False


def say_to_stderr(text: str) -> None:
    """One line about what is going on."""
    terminal.say(f"handgrad: {text}")


class Ray:
    """Runs on a Ray cluster, as many at a time as its nodes have room for, or `jobs`.

    address: "host:port" of the head, "auto" for a cluster that this machine is part of; without one, that of the
    environment (RAY_ADDRESS), else a cluster on this machine alone that ends with the runner.  Where this process is
    connected to a cluster already, that one is used and left as it is.
    cpus: what a run asks for; it uses one thread.  gpus: what it asks for beside, where training.device is "cuda".
    Raises InputError where the cluster cannot be reached, and from `map` where a node has other software than here.
    """

    name = "ray"

    def __init__(
        self,
        address: str | None = None,
        *,
        jobs: int | None = None,
        cpus: float = 1.0,
        gpus: float = 1.0,
        say: Callable[[str], None] = say_to_stderr,
    ) -> None:
        self.address, self.cpus, self.gpus = address, cpus, gpus
        self._jobs, self._say = jobs, say
        self._expected = identity()
        self._tasks: list[_Task] = []
        self._splits: dict[Path, Any] = {}
        self._looked = self._at_work = -1e9
        self._room = 1
        self._connected = self._own = False
        self._head: Head | None = None
        self._connect()

    # -- the cluster

    def _connect(self) -> None:
        if self._connected:
            return
        self._own = join(self.address)
        self._head = Head()
        self._connected = True
        self._work = ray.remote(work)
        self._looked = -1e9

    @property
    def workers(self) -> int:
        """Runs at a time: what the nodes that are there now have room for, or `jobs`."""
        now = time.monotonic()
        if self._jobs is None and self._connected and now - self._looked > LOOK:
            self._looked = now
            nodes = [node["Resources"] for node in self._asked(ray.nodes) if node["Alive"]]
            self._room = max(1, sum(int(node.get("CPU", 0) / self.cpus) for node in nodes))
        return self._jobs or self._room

    def _resources(self, jobs: Iterable[RunJob]) -> dict[str, float]:
        on_gpu = next(iter(jobs)).run.setting.training.device == "cuda"
        return {"CPU": self.cpus, **({"GPU": self.gpus} if on_gpu else {})}

    def _asked(self, question: Callable[[], Any]) -> Any:
        assert self._head is not None
        return self._head.ask(question)

    # -- the runner

    def map(self, jobs: Iterable[RunJob | None], heard: Heard = ignore) -> Iterator[Outcome]:
        self._connect()
        assert self._head is not None
        try:
            yield from self._map(jobs, heard)
        except HeadLost:
            raise InputError(
                f"the head of the Ray cluster at {self._head.address} is lost: nothing has answered there for "
                f"{GONE:.0f} s. Finished runs and checkpoints are safe; start a cluster again, then run the same "
                "command with its address, or with --runner processes"
            ) from None

    def _map(self, jobs: Iterable[RunJob | None], heard: Heard) -> Iterator[Outcome]:
        self._cancel()  # left over from a map that was not used up
        source = JobQueue(jobs)
        self._at_work = time.monotonic()
        while True:
            self._hand_out(source)
            if not self._tasks:
                if source.waits:
                    raise nothing_to_wait_for()
                return
            for task in self._with_news():
                for outcome in self._hear(task, source, heard):
                    source.ended(outcome.job)
                    if outcome.job.until is None:
                        self._hand_out(source)  # first: the cluster goes on while the outcome is dealt with
                    yield outcome
                    source.waits = False

    def close(self) -> None:
        self._cancel()
        self._splits.clear()
        if self._connected and self._own:
            leave(self._head)
        if self._head is not None:
            self._head.close()
        if self._connected:
            sweep()
        self._connected = False

    def _cancel(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks if ray.is_initialized() and not (self._head and self._head.lost) else ():
            with suppress(RayError):
                ray.cancel(task.stream, force=True)

    def _hand_out(self, source: JobQueue) -> None:
        while len(self._tasks) < self.workers:
            jobs = source.take()
            if jobs is None:
                return
            self._tasks.append(_Task({job.id: job for job in jobs}, self._submit(jobs)))

    def _submit(self, jobs: Group) -> Any:
        split = jobs[0].split
        if split not in self._splits:
            self._splits[split] = ray.put(open_split(split))
        kept = {job.id: job.checkpoint for job in jobs if job.checkpoint is not None and job.checkpoint.exists()}
        order = Order(
            jobs=jobs,
            data=functools.partial(_fetch, self._splits[split]),
            parents={job.id: load(job.parent) for job in jobs if job.parent is not None},
            checkpoints={job_id: checkpoint.read_bytes() for job_id, checkpoint in kept.items()},
            expected=self._expected,
            bandwidth=BANDWIDTH / self.workers,
        )
        task = self._work.options(
            name=f"run {jobs[0].id}" + (f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""),
            num_returns="streaming",
            max_retries=0,  # Ray's own would begin again from the start
            num_cpus=self.cpus,
            num_gpus=self._resources(jobs).get("GPU", 0),
        )
        return task.remote(order)

    def _with_news(self) -> list[_Task]:
        """Tasks that have told something, or have ended in some way."""
        assert self._head is not None
        ready, _ = ray.wait([task.stream for task in self._tasks], num_returns=1, timeout=1.0)
        self._head.check()
        if any(task.started for task in self._tasks):
            self._at_work = time.monotonic()
        elif time.monotonic() - self._at_work > PATIENCE:
            self._at_work += AGAIN
            self._say(self._why_nothing_starts())
        return [task for task in self._tasks if task.stream in ready]

    def _hear(self, task: _Task, source: JobQueue, heard: Heard) -> list[Outcome]:
        try:
            news: News = ray.get(next(task.stream))
        except RayTaskError as error:
            raise InputError(_cannot_work(error)) from None
        except (RayError, StopIteration) as error:
            assert self._head is not None
            self._head.check()
            return self._lost(task, source, error)
        if not task.started:
            task.started = True
            for job in task.jobs.values():
                heard(job, None)
        for job_id, content in news.checkpoints.items():
            checkpoint = task.jobs[job_id].checkpoint
            assert checkpoint is not None
            write_whole(checkpoint, content)
        for job_id, end in news.ended:
            heard(task.jobs[job_id], end)
        if news.last:
            self._tasks.remove(task)
        if news.unfit is not None:
            raise InputError(
                f"a node of the cluster has other software than this machine: {differences(self._expected, news.unfit)}"
                ". Install the same environment on every node (docs/cluster.md), then run the same command"
            )
        if news.disk is not None:
            raise ResultsError(
                f"a node of the cluster cannot write its temporary files: {news.disk}. Finished runs are safe; free "
                "some room there or take the node out of the cluster, then run the same command"
            )
        return [outcome for outcome in news.outcomes if task.jobs.pop(outcome.job.id, None) is not None]  # each once

    def _lost(self, task: _Task, source: JobQueue, error: Exception) -> list[Outcome]:
        self._looked = -1e9
        self._tasks.remove(task)
        how = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        text = f"its worker was lost {RETRIES + 1} times ({how}); it may need more memory"
        return [Outcome(job, None, text) for job in source.died(tuple(task.jobs.values()))]

    def _why_nothing_starts(self) -> str:
        asked = self._resources(self._tasks[0].jobs.values())
        nodes = [node["Resources"] for node in self._asked(ray.nodes) if node["Alive"]]
        text = " and ".join(f"{amount:g} {name}" for name, amount in asked.items())
        if not any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
            return f"waiting: a run asks for {text} and no node of the cluster has that; add one that has"
        free, there = self._asked(ray.available_resources), self._asked(ray.cluster_resources)
        of_all = ", ".join(f"{free.get(name, 0):g} of {there.get(name, 0):g} {name}" for name in asked)
        return (
            f"waiting: the cluster has started no run for {PATIENCE:.0f} s; a run asks for {text}, free: {of_all}. "
            "Others may be using it: `ray status` tells"
        )


@functools.lru_cache(maxsize=2)
def _fetch(split: Any) -> Split:
    """On a node: the split, its arrays mapped from the node's object store; the same object for run after run."""
    found: Split = ray.get(split)
    return found


def _cannot_work(error: RayTaskError) -> str:
    """What a task that does not even begin means: a node without handgrad, or with another one."""
    reason = str(error).strip().splitlines()[-1]
    return (
        f"a node of the cluster cannot take up runs: {reason}. Install the same environment on every node "
        "(docs/cluster.md), then run the same command"
    )
