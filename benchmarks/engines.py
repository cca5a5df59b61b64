"""The compiled engine beside its peers: medians of microseconds a step, one core each, and the ratios.

    pip install -e '.[benchmarks]'
    python benchmarks/engines.py [--rounds 3] [--only 300] [--cifar PATH] [--jax-python PYTHON] [--no-torch-compile]

All contenders are asked in turn, several rounds, each in a process of its own that is bound to one core, so that
whatever disturbs one disturbs all; times are those of the processor, since other programs may use that core.  JAX may
live in another environment: --jax-python.  The dense case takes the first 10,000 images of CIFAR-10 (--cifar: images of
your own in that shape); without them random numbers, and says so.

Limits are measured in the same run: the arithmetic peak, and how fast memory of the size of W is read, and updated.
From them follow two times that a step cannot beat unless it leaves work out: its multiplications (zeros of the input
are none), and reading and writing once each row of W that the batch touches.  The longer one is the case's limit.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import limits
import numpy as np

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load as load_data
from handgrad.errors import HandgradError

# name, hidden units, batch, hidden activation, goals: eager, best of PyTorch, JAX, scikit-learn
CASES = [
    ("784-300-10, batch 1", 300, 1, "relu", (40, 15, 8, 150)),
    ("784-300-10 tanh, batch 1", 300, 1, "tanh", ()),
    ("784-1000-10, batch 1", 1000, 1, "relu", (22, 11, 8, 200)),
    ("784-30-10, batch 10", 30, 10, "relu", (7, 4, 2.2, None)),
    ("784-300-10, batch 10", 300, 10, "relu", (7, 4, 2.2, None)),
    ("784-300-10, batch 100", 300, 100, "relu", (3, 2.8, 2, 4)),
    ("784-300-10 tanh, batch 100", 300, 100, "tanh", ()),
    ("784-1000-10, batch 100", 1000, 100, "relu", (3, 2.8, 2, 4)),
    ("784-300-10, batch 60,000", 300, 60_000, "relu", (2.2, 2.2, 1.4, None)),
    ("3072-256-10 CIFAR, batch 128", 256, 128, "relu", (1.5, 1.5, 1.2, None)),
]
SLOW = {"torch eager": 2000, "torch by hand": 4000, "torch compiled": 4000, "sklearn": 1000}  # steps that suffice


def repeats(batch: int) -> int:
    """Timings a round."""
    return 3 if batch < 60_000 else 1


def contenders(batch: int, targets: tuple[Any, ...], options: argparse.Namespace) -> list[str]:
    """Who takes part in a case."""
    found = ["handgrad"]
    if batch in (10, 100):
        found += ["handgrad momentum", "handgrad adam"]
    if targets:
        found += ["torch eager", "torch by hand"]
        found += [] if options.no_torch_compile or batch > 128 else ["torch compiled"]
        found += ["jax"] if options.jax_python else []
        found += ["sklearn"] if targets[3] else []
    return found


def dense_images(name: str) -> tuple[np.ndarray, np.ndarray]:
    """10,000 images of 3072 numbers in [0, 1] and their classes."""
    try:
        images = load_data(DataSection(name=name), fetch=False)
    except HandgradError as error:
        print(f"\nrandom numbers stand in for the images of the dense case: {error}")
        rng = np.random.default_rng(0)
        return rng.uniform(size=(10_000, 3072)).astype(np.float32), rng.integers(0, 10, 10_000)
    some = np.random.default_rng(0).permutation(len(images.y_train))[:10_000]
    return images.x_train[some].reshape(len(some), -1).astype(np.float32) / np.float32(255), images.y_train[some]


def make_case(folder: Path, units: int, n_in: int, cifar: str) -> Path:
    """The examples, order and first weights of a case as a file."""
    path = folder / f"{n_in}-{units}.npz"
    if not path.exists():
        rng = np.random.default_rng(0)
        if n_in == 784:
            mnist = load_data("mnist")
            x, y = mnist.x_train.reshape(-1, 784).astype(np.float32) / np.float32(255), mnist.y_train
        else:
            x, y = dense_images(cifar)
        W1, W2 = (0.01 * rng.normal(size=shape).astype(np.float32) for shape in ((n_in, units), (units, 10)))
        np.savez(path, x=x, t=np.eye(10, dtype=np.float32)[y], W1=W1, W2=W2, order=rng.permutation(len(x)))
    return path


class Worker:
    """A process that answers requests about one case, bound to one core."""

    def __init__(self, python: str, case: Path, core: int) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        command = [python, str(Path(__file__).with_name("peers.py")), str(case)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, {core})

    def ask(self, peer: str, batch: int, hidden: str, repeats: int) -> list[float]:
        steps = SLOW.get(peer, 10_000)
        request = [peer, batch, hidden, max(batch, min(60_000, steps * batch)), repeats]
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{peer} failed; its own words stand above")
        return list(json.loads(line))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def measure(case: Path, batch: int, hidden: str, names: list[str], options: argparse.Namespace) -> dict[str, float]:
    """Median seconds a step of each contender."""
    workers = {
        name: Worker(options.jax_python if name == "jax" else sys.executable, case, options.core) for name in names
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name, worker in workers.items():
            times[name] += worker.ask(name, batch, hidden, repeats(batch))
    for worker in workers.values():
        worker.close()
    return {name: statistics.median(values) for name, values in times.items()}


def throughput(case: Path, batch: int, names: list[str], options: argparse.Namespace) -> dict[str, float]:
    """Examples a second on all cores, one process a core, each training its own network."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    found = {}
    for name in names:
        workers = [Worker(options.jax_python if name == "jax" else sys.executable, case, core) for core in cores]
        with ThreadPoolExecutor(len(workers)) as pool:
            times = list(pool.map(lambda worker, name=name: worker.ask(name, batch, "relu", 5), workers))
        found[name] = sum(batch / statistics.median(values) for values in times)
        for worker in workers:
            worker.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jax-python", default=sys.executable if importlib.util.find_spec("jax") else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--cifar", default="cifar-10", help="a named data set, or a path as in data.name")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--no-torch-compile", action="store_true")
    options = parser.parse_args()
    peak, speeds = limits.of_machine()
    print(f"arithmetic peak {peak / 1e9:.0f} GFLOP/s float32; memory, read / updated in GB/s:", end=" ")
    print(", ".join(f"{size >> 10} KB {r / 1e9:.0f} / {u / 1e9:.0f}" for size, (r, u) in speeds.items()))
    with tempfile.TemporaryDirectory() as folder:
        for name, units, batch, hidden, targets in CASES:
            if options.only not in name:
                continue
            case = make_case(Path(folder), units, 3072 if "3072" in name else 784, options.cifar)
            found = measure(case, batch, hidden, contenders(batch, targets, options), options)
            ours = found["handgrad"]
            needed = limits.of_case(case, batch, peak, speeds)
            print(
                f"\n{name}: handgrad {ours * 1e6:.2f} µs a step (n = {options.rounds * (3 if batch < 60_000 else 1)})"
            )
            print(f"    {needed.text(ours)}")
            goals = dict(zip(("torch eager", "torch by hand", "jax", "sklearn"), targets, strict=False))
            goals["torch compiled"] = goals.get("torch by hand")
            for peer, seconds in found.items():
                goal = f"(goal {goals[peer]})" if goals.get(peer) else ""
                if peer != "handgrad":
                    rate = f"{needed.arithmetic / seconds:4.0%} of the peak"
                    print(f"    {peer:18s} {seconds * 1e6:12.2f} µs {seconds / ours:8.2f}×  {rate} {goal}", flush=True)
        if not options.only:
            case = make_case(Path(folder), 300, 784, options.cifar)
            names = ["handgrad", "torch eager", "torch by hand", *(["jax"] if options.jax_python else [])]
            print("\na study of 784-300-10, batch 10, on all cores, one process a core: examples a second")
            for peer, rate in throughput(case, 10, names, options).items():
                print(f"    {peer:18s} {rate:12.0f}", flush=True)


if __name__ == "__main__":
    main()
