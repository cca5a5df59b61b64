"""Opening a runner by its name: on this machine, or on a Ray cluster."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handgrad.errors import InputError
from handgrad.names import lookup, shown
from handgrad.sections import plain
from handgrad.study.design.study_spec import MOST_RUNS
from handgrad.study.planning.plan import Plan
from handgrad.study.runners.processes import Processes
from handgrad.study.runners.runner import Runner, Serial, cores


def jobs_for(plan: Plan, jobs: int | None) -> int | None:
    """How many runs at a time: `jobs`; where that is not given, 1 if all of them would share a GPU with the jax engine.

    One program of many runs keeps it busy.  None leaves it to the runner.
    """
    training = [setting.setting.training for phase in plan.phases for setting in phase.settings if setting.setting]
    share = training and all(section.engine == "jax" and section.device != "cpu" for section in training)
    return 1 if jobs is None and share else jobs


def known_jobs(jobs: Any) -> int | None:
    """A number of jobs, or None where none is said.  Raises InputError for what is none."""
    jobs = plain(jobs)
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int)):
        raise InputError(f"jobs must be a whole number >= 1; got {shown(jobs)}")
    if jobs is not None and not 1 <= jobs <= MOST_RUNS:
        raise InputError(f"jobs must be >= 1 and at most {MOST_RUNS:,}, as no study has more runs; got {shown(jobs)}")
    return jobs


@dataclass(frozen=True)
class RunnerChoice:
    """What a name of a runner stands for.

    open: makes it, of the runs at a time (None: as many as there is room for) and, `on_cluster`, of the options
    address, cpus_per_run and say.  one_at_a_time: it can do no more.
    """

    open: Callable[..., Runner]
    on_cluster: bool = False
    one_at_a_time: bool = False


def open_runner(
    jobs: int | None = None,
    name: str | None = None,
    *,
    address: str | None = None,
    cpus_per_run: float | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[Runner, list[str]]:
    """(a runner, notes): `jobs` runs at a time, as many as there is room for if not given.

    name: one of RUNNERS (default: serial for one at a time, else processes).  On this machine never more run than
    there are cores.  address, cpus_per_run: of a cluster alone; `say` hears what it waits for.
    Raises InputError where these do not go together, Ray is not installed or its cluster cannot be reached.
    """
    jobs = known_jobs(jobs)
    chosen = None if name is None else lookup(RUNNERS, name, "runner")
    on_cluster = chosen is not None and chosen.on_cluster
    for option, value in (("address", address), ("cpus per run", cpus_per_run)):
        if value is not None and not on_cluster:
            raise InputError(f"{option} is for the runner ray; got {value!r} with {name or 'no'} runner: --runner ray")
    if chosen is not None and chosen.one_at_a_time and jobs not in (None, 1):
        raise InputError(f"the runner {name} runs one at a time; got jobs = {jobs}: take --runner processes")
    notes = []
    elsewhere = on_cluster and (address or os.environ.get("RAY_ADDRESS"))
    if address is not None and not isinstance(address, str):
        raise InputError(f"address must be a text such as head:6379; got {shown(address)}")
    if jobs is not None and jobs > cores() and not elsewhere:
        notes.append(f"{jobs} jobs were asked for; {cores()} run, one for each core")
        jobs = cores()
    if on_cluster:
        assert chosen is not None
        return chosen.open(jobs, address, cpus_per_run, say), notes
    if chosen is None:
        chosen = RUNNERS["serial" if (jobs or cores()) == 1 else "processes"]
    return chosen.open(jobs), notes


def _open_ray(
    jobs: int | None, address: str | None, cpus_per_run: float | None, say: Callable[[str], None] | None
) -> Runner:
    cpus_per_run = plain(cpus_per_run)
    number = isinstance(cpus_per_run, int | float) and not isinstance(cpus_per_run, bool)
    if cpus_per_run is not None and not (number and 0 < cpus_per_run < float("inf")):
        raise InputError(f"cpus per run must be > 0, such as 1 or 1.5; got {shown(cpus_per_run)}")
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            "the runner 'ray' needs Ray, which is not installed here; pip install 'handgrad[ray]', "
            "or take --runner processes"
        )
    from handgrad.study.cluster.ray_runner import Ray, say_to_stderr

    return Ray(address, jobs=jobs, cpus=cpus_per_run or 1.0, say=say or say_to_stderr)


RUNNERS: dict[str, RunnerChoice] = {
    "serial": RunnerChoice(lambda jobs: Serial(), one_at_a_time=True),
    "processes": RunnerChoice(lambda jobs: Processes(jobs or cores())),
    "ray": RunnerChoice(_open_ray, on_cluster=True),
}
