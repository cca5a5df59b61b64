"""What a study costs beyond its training: milliseconds a run, and memory as the number of runs grows.

    python benchmarks/orchestration.py [RUNS]

Runs are trivial (one batch an epoch, on the digits), so what is left after their own training and scoring is planning,
files and bookkeeping.  Memory is the peak of this process after 20 % and after all of the runs.  Searches are a plain
study with pauses, decisions and a sampler added; each stands beside the plain study of as many epochs.  "processor" is
the time of all threads, which other work on the machine disturbs least.

What it writes is removed at the end, and what the disk takes for a new file is printed first: where many files were
removed within five minutes, ext4 looks past each of them before it makes another, and takes up to 60 times as long.
Then wait, or set TMPDIR to a folder elsewhere.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivial import trivial_study

from handgrad.study import Study, make_study, run_study
from handgrad.study.execution.events import Event

SEARCHES: dict[str, dict[str, Any]] = {
    "plain, 1 epoch": {},
    "sampler tpe": {"sampler": "tpe"},
    "plain, 4 epochs": {"epochs": 4},
    "asha, promote": {"epochs": 4, "asha": {"grace_period": 1, "reduction_factor": 2}},
    "asha, stop": {"epochs": 4, "asha": {"grace_period": 1, "reduction_factor": 2, "rule": "stop"}},
}


@dataclass(frozen=True)
class Cost:
    """Milliseconds a run; `memory`: megabytes after a fifth of the runs and after all."""

    seconds: float
    beyond_runs: float
    beyond_training: float
    processor: float
    again: float
    memory: list[float]


def megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def new_file(folder: Path, n: int = 2000) -> float:
    """Microseconds for an empty file."""
    folder.mkdir()
    start = time.perf_counter()
    for number in range(n):
        (folder / str(number)).touch()
    return (time.perf_counter() - start) / n * 1e6


def measured(study: Study, runs: int, folder: Path) -> Cost:
    """Run a study in this process, and once more when nothing is left of it to do."""
    memory: list[float] = []
    n = 0

    def watch(event: Event) -> None:
        nonlocal n
        if event.kind == "run finished":
            n += 1
            if n in (runs // 5, runs):
                memory.append(megabytes())

    start, processor = time.perf_counter(), time.process_time()
    results = run_study(study, folder, jobs=1, observer=watch)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    table = results.runs()
    start = time.perf_counter()
    run_study(study, folder, jobs=1)
    again = time.perf_counter() - start
    learnt = table["seconds_training"].sum() + table["seconds_evaluation"].sum()
    each = 1000 / runs
    beyond_runs = (seconds - table["seconds_total"].sum()) * each
    return Cost(seconds, beyond_runs, (seconds - learnt) * each, processor * each, again * each, memory)


def main(runs: int, folder: Path) -> None:
    run_study(
        make_study({"name": "warm", "training": {"epochs": 1}}), folder / "warm", jobs=1
    ).runs()  # loads libraries
    print(f"a new file: {new_file(folder / 'files'):.0f} µs (more than 30: see above)")
    cost = measured(trivial_study(runs), runs, folder / "first")
    print(f"{runs} runs, serial: {cost.seconds:.2f} s")
    print(f"  beyond executing the runs   {cost.beyond_runs:6.2f} ms a run")
    print(f"  beyond epochs and scoring   {cost.beyond_training:6.2f} ms a run   (allowed: 8)")
    print(f"  running it again            {cost.again:6.2f} ms a run")
    print(f"peak memory: {cost.memory[0]:.0f} MB after {runs // 5} runs, {cost.memory[1]:.0f} MB after {runs}")

    print(f"\n{'searches, ms a run':20} beyond epochs and scoring   processor   running it again")
    measured(trivial_study(10, sampler="tpe"), 10, folder / "warm-tpe")  # loads Optuna
    for name, kind in SEARCHES.items():
        cost = measured(trivial_study(runs, **kind), runs, folder / name)
        print(f"  {name:18} {cost.beyond_training:25.2f} {cost.processor:11.2f} {cost.again:18.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUNS", type=int, nargs="?", default=500)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        main(runs, Path(folder))
