"""The compiled engine beside its peers: medians of microseconds a step, one core each, and the ratios.

    HANDGRAD_DATA=... python benchmarks/engines.py [--jax-python PYTHON] [--rounds 3] [--only 300] [--no-torch-compile]

All contenders are asked in turn, several rounds, each in a process of its own that is bound to one core, so that
whatever disturbs one disturbs all.  JAX may live in another environment: --jax-python.  The CIFAR case takes dense
random numbers of CIFAR-10's shape: for dense inputs only the shape counts.

Limits are measured in the same run: the arithmetic peak, and how fast memory of the size of W is read, and updated.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from handgrad.data.datasets import load as load_data
from handgrad.training.engines.kernels.layout import aligned
from handgrad.training.engines.kernels.vectors import fma, lanes, load, pointer, splat, store

# name, hidden units, batch, hidden activation, targets of the issue: eager, best of PyTorch, JAX, scikit-learn
CASES = [
    ("784-300-10, batch 1", 300, 1, "relu", (40, 15, 8, 150)),
    ("784-300-10 tanh, batch 1", 300, 1, "tanh", ()),
    ("784-1000-10, batch 1", 1000, 1, "relu", (22, 11, 8, 200)),
    ("784-300-10, batch 10", 300, 10, "relu", (7, 4, 2.2, None)),
    ("784-300-10, batch 100", 300, 100, "relu", (3, 2.8, 2, 4)),
    ("784-300-10 tanh, batch 100", 300, 100, "tanh", ()),
    ("784-1000-10, batch 100", 1000, 100, "relu", (3, 2.8, 2, 4)),
    ("784-300-10, batch 60,000", 300, 60_000, "relu", (2.2, 2.2, 1.4, None)),
    ("3072-256-10 dense, batch 128", 256, 128, "relu", (1.5, 1.5, 1.2, None)),
]
SLOW = {"torch eager": 2000, "torch by hand": 4000, "torch compiled": 4000, "sklearn": 1000}  # steps that suffice


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


def make_case(folder: Path, units: int, n_in: int) -> Path:
    """The examples, order and first weights of a case as a file."""
    path = folder / f"{n_in}-{units}.npz"
    if not path.exists():
        rng = np.random.default_rng(0)
        if n_in == 784:
            mnist = load_data("mnist")
            x, y = mnist.x_train.reshape(-1, 784).astype(np.float32) / np.float32(255), mnist.y_train
        else:
            x, y = rng.uniform(size=(4096, n_in)).astype(np.float32), rng.integers(0, 10, 4096)
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


@njit
def _multiply_add(a: Any, n: int) -> None:
    a = pointer(a)
    L = lanes(a)
    s0, s1, s2, b = load(a, 0), load(a, L), load(a, 2 * L), load(a, 3 * L)
    for _ in range(n):
        s0, s1, s2 = fma(s0, b, b), fma(s1, b, b), fma(s2, b, b)
    store(a, 0, s0)
    store(a, L, s1)
    store(a, 2 * L, s2)


@njit
def _read(a: Any, n: int, times: int) -> None:
    a = pointer(a)
    L = lanes(a)
    s0, s1, one = load(a, 0), load(a, L), splat(a[0])
    for _ in range(times):
        for i in range(0, n, 2 * L):
            s0, s1 = fma(one, load(a, i), s0), fma(one, load(a, i + L), s1)
    store(a, 0, fma(one, s0, s1))


@njit
def _update(a: Any, n: int, times: int) -> None:
    a = pointer(a)
    step = splat(a[0])
    for _ in range(times):
        for i in range(0, n, lanes(a)):
            store(a, i, fma(step, load(a, i), load(a, i)))


def _seconds(function: Any, *args: Any) -> float:
    function(*args)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def limits() -> tuple[float, dict[int, tuple[float, float]]]:
    """(float32 operations a second, {bytes: (bytes read a second, bytes read and written a second by updates)})."""
    a = aligned(1024, np.float32)
    peak = 1e6 * 2 * 3 * int(_lanes()) / _seconds(_multiply_add, a, 1_000_000)
    speeds = {}
    for size in (24 << 10, 800 << 10, 4 << 20):
        a, times = aligned(size // 4, np.float32), (256 << 20) // size
        speeds[size] = (
            size * times / _seconds(_read, a, len(a), times),
            2 * size * times / _seconds(_update, a, len(a), times),
        )
    return peak, speeds


@njit
def _lanes() -> int:
    return lanes(np.zeros(1, np.float32))


def measure(case: Path, batch: int, hidden: str, names: list[str], options: argparse.Namespace) -> dict[str, float]:
    """Median seconds a step of each contender."""
    workers = {
        name: Worker(options.jax_python if name == "jax" else sys.executable, case, options.core) for name in names
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name, worker in workers.items():
            times[name] += worker.ask(name, batch, hidden, 3 if batch < 60_000 else 1)
    for worker in workers.values():
        worker.close()
    return {name: statistics.median(values) for name, values in times.items()}


def share(case: Path, batch: int, seconds: float, peak: float, speeds: dict[int, tuple[float, float]]) -> str:
    """Which part of the arithmetic peak a step reaches, and for batch 1 of the memory's speed."""
    with np.load(case) as arrays:
        x, (n_in, units) = arrays["x"][:2000], arrays["W1"].shape
    nonzero = np.count_nonzero(x) / len(x)
    operations = batch * 2 * units * (2 * nonzero + 3 * 10)
    text = f"{operations / seconds / peak:.0%} of the arithmetic peak"
    if batch == 1:
        size = max((s for s in speeds if s <= n_in * units * 4), default=min(speeds))
        read, updated = speeds[size]
        moved = nonzero * units * 4 * (1 / read + 2 / updated)
        text += f"; {moved / seconds:.0%} of a pass that reads and then updates the touched rows of W at each step"
    return text


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
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--no-torch-compile", action="store_true")
    options = parser.parse_args()
    peak, speeds = limits()
    print(f"arithmetic peak {peak / 1e9:.0f} GFLOP/s float32; memory, read / updated in GB/s:", end=" ")
    print(", ".join(f"{size >> 10} KB {r / 1e9:.0f} / {u / 1e9:.0f}" for size, (r, u) in speeds.items()))
    with tempfile.TemporaryDirectory() as folder:
        for name, units, batch, hidden, targets in CASES:
            if options.only not in name:
                continue
            case = make_case(Path(folder), units, 3072 if "3072" in name else 784)
            found = measure(case, batch, hidden, contenders(batch, targets, options), options)
            ours = found["handgrad"]
            print(f"\n{name}: handgrad {ours * 1e6:.2f} µs a step; {share(case, batch, ours, peak, speeds)}")
            goals = dict(zip(("torch eager", "torch by hand", "jax", "sklearn"), targets, strict=False))
            goals["torch compiled"] = goals.get("torch by hand")
            for peer, seconds in found.items():
                goal = f"(goal {goals[peer]})" if goals.get(peer) else ""
                if peer != "handgrad":
                    print(f"    {peer:18s} {seconds * 1e6:12.2f} µs   {seconds / ours:7.2f}× {goal}", flush=True)
        if not options.only:
            case = make_case(Path(folder), 300, 784)
            names = ["handgrad", "torch eager", "torch by hand", *(["jax"] if options.jax_python else [])]
            print("\na study of 784-300-10, batch 10, on all cores, one process a core: examples a second")
            for peer, rate in throughput(case, 10, names, options).items():
                print(f"    {peer:18s} {rate:12.0f}", flush=True)


if __name__ == "__main__":
    main()
