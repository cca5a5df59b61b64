"""What a study costs beyond its training: milliseconds a run, and memory as the number of runs grows.

    python benchmarks/orchestration.py [RUNS]

Runs are trivial (one epoch of one batch on the digits), so what is left after their own training and scoring is
planning, files and bookkeeping.  Memory is the peak of this process after 20 % and after all of the runs.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import sys
import tempfile
import time
from typing import Any

from trivial import trivial_study

from handgrad.study import make_study, run_study
from handgrad.study.execution.progress import Event


def megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def main(runs: int) -> None:
    study = trivial_study(runs)
    warm = make_study({"name": "warm", "training": {"epochs": 1}})
    seen: dict[str, Any] = {"n": 0, "memory": []}

    def watch(event: Event) -> None:
        if event.kind == "run finished":
            seen["n"] += 1
            if seen["n"] in (runs // 5, runs):
                seen["memory"].append(megabytes())

    with tempfile.TemporaryDirectory() as folder:
        run_study(warm, folder, jobs=1).runs()  # libraries are loaded once, however many runs there are
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = run_study(study, folder, jobs=1, observer=watch)
        seconds = time.perf_counter() - start
        table = results.runs()
        start = time.perf_counter()
        run_study(study, folder, jobs=1)
        again = time.perf_counter() - start
    executed, learnt = table["seconds_total"].sum(), table["seconds_training"].sum() + table["seconds_evaluation"].sum()
    per_run = 1000 / runs
    print(f"{runs} runs, serial: {seconds:.2f} s")
    print(f"  beyond executing the runs   {(seconds - executed) * per_run:6.2f} ms a run")
    print(f"  beyond epochs and scoring   {(seconds - learnt) * per_run:6.2f} ms a run   (allowed: 10)")
    print(f"  running it again            {again * per_run:6.2f} ms a run")
    few, all_of_them = seen["memory"]
    print(f"peak memory: {few:.0f} MB after {runs // 5} runs, {all_of_them:.0f} MB after {runs}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
