"""A study of tiny networks as its user meets it: from the command to the report, beside scikit-learn's bare fits.

    python benchmarks/tiny.py [RUNS] [--fits N]

RUNS runs (1,000) of 64-N-10 on the digits: 5 widths × 10 learning rates × seeds, 10 epochs at batch 32, plain SGD, each
scored on the training part and on the validation part after every epoch.  What is timed are whole processes, with the
start of Python and the report and all its figures: `handgrad run` with one run at a time and with one a core.
"processor" is the time of all threads of all processes.  scikit-learn's MLPClassifier makes as many epochs of the same
batches, n fits each of the narrowest, the middle and the widest network, one core; nothing is scored, kept or reported.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

WIDTHS, RATES, EPOCHS, BATCH = (10, 20, 30, 40, 50), (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0), 10, 32
STUDY = """name = "tiny"
seeds = {seeds}
data.name = "digits"
[training]
epochs = {epochs}
batch_size = {batch}
optimizer = "sgd"
[grid]
network.hidden = {widths}
training.optimizer.lr = {rates}
"""


def study(folder: str, runs: int) -> Path:
    seeds = runs // (len(WIDTHS) * len(RATES))
    text = STUDY.format(seeds=seeds, epochs=EPOCHS, batch=BATCH, widths=[*WIDTHS], rates=[*RATES])
    path = Path(folder) / "tiny.toml"
    path.write_text(text, encoding="utf-8")
    return path


def command(*arguments: str) -> tuple[float, float]:
    """Seconds and processor seconds of `handgrad` with these arguments, as a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "handgrad.cli", *arguments], check=True, capture_output=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare_fits(n: int) -> float:
    """Median seconds of a fit by scikit-learn, over n fits of three widths."""
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32")[:1294], y[:1294]  # as many as a study trains on
    times = []
    for seed in range(n):
        for width in WIDTHS[::2]:
            fit = MLPClassifier(
                (width,), solver="sgd", momentum=0, alpha=0, learning_rate_init=0.1, batch_size=BATCH, max_iter=EPOCHS,
                n_iter_no_change=EPOCHS + 1, random_state=seed,
            )  # fmt: skip
            start = time.process_time()
            fit.fit(x, y)
            times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("runs", type=int, nargs="?", default=1000)
    options.add_argument("--fits", type=int, default=20)
    given = options.parse_args()
    warnings.simplefilter("ignore")  # that it did not converge
    fit = bare_fits(given.fits)
    of_all = f"{fit * given.runs:.1f} s of {given.runs}"
    print(f"scikit-learn's bare fits: {1000 * fit:.1f} ms each (n = {3 * given.fits}), {of_all}")
    with tempfile.TemporaryDirectory() as folder:
        file = str(study(folder, given.runs))
        for jobs in dict.fromkeys((1, os.cpu_count() or 1)):
            out = f"{folder}/{jobs}"
            seconds, processor = command("run", file, "--out", out, "--jobs", str(jobs))
            print(
                f"handgrad run, {jobs} at a time: {seconds:.1f} s, processor {processor:.1f} s; "
                f"{fit * given.runs / processor:.1f} times as fast as the bare fits by processor time"
            )
        seconds, processor = command("report", out)
        print(f"its report alone: {seconds:.1f} s, processor {processor:.1f} s")


if __name__ == "__main__":
    main()
