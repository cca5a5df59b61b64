"""What a run costs on a Ray cluster beyond its training, beside worker processes: milliseconds a run.

    python benchmarks/cluster.py [RUNS]

Runs are trivial (one epoch of one batch on the digits).  The cluster is one of this machine alone, so that what is
measured is Ray's and handgrad's own work and no network.  Starting is measured apart, from the first call to the
first finished run; the rest is from the first finished run to the last.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
import time

from trivial import trivial_study

from handgrad.study import Study, run_study
from handgrad.study.execution.events import Event
from handgrad.study.runners.runner import cores


def measure(study: Study, runner: str) -> tuple[float, float, float]:
    """(seconds to the first finished run, seconds from there to the last, the runs' own seconds)."""
    ends: list[float] = []

    def watch(event: Event) -> None:
        if event.kind == "run finished":
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = run_study(study, folder, runner=runner, observer=watch)
        own = float(results.runs()["seconds_total"].iloc[cores() :].sum())
    return ends[0] - start, ends[-1] - ends[0], own


def main(runs: int) -> None:
    study = trivial_study(runs)
    print(f"{runs} runs, {cores()} at a time\n")
    print("runner      starting s    ms a run   of these its own training and scoring")
    for runner in ("serial", "processes", "ray"):
        starting, rest, own = measure(study, runner)
        at_once = 1 if runner == "serial" else cores()
        print(f"{runner:10} {starting:11.1f} {1000 * rest / runs:11.2f} {1000 * own / at_once / runs:11.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUNS", type=int, nargs="?", default=1000)
    main(parser.parse_args().runs)
