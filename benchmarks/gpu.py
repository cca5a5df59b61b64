"""The jax engine on a GPU, checked and timed beside its peers: one command, in under four minutes.

    python benchmarks/gpu.py [--seconds 235] [--device cuda|cpu] [--small]

    1  parity      12 steps in float64 and float32 beside NumPy's; the same bits in all places of a group
    2  speed       µs a run and step: this engine alone and in groups of 16, 64 and 256; JAX's autograd under jit, scan
                   and vmap, products of matrices as exact (float32, no TF32)
    3  a study     256 runs of 784-30-10, 10 epochs at batch 10, scores, records and report included
    4  repeated    the same steps by another process, by a program compiled anew, and without XLA's choice by timing
    5  peers       the array engine on PyTorch's arrays, the torch engine, PyTorch eager and in a CUDA graph

Every number is printed as soon as it is there; what the time does not suffice for, and what is not installed, is named.
Medians of five timings.  Images as MNIST's: 28×28, 80 % zeros, drawn at random unless HANDGRAD_DATA has MNIST.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp(prefix="handgrad-gpu-"))  # compiled here and now
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs room beside it

import jax
import jax.numpy as jnp
import numpy as np

from handgrad.network.initializers import He, Zeros, initialize
from handgrad.network.network import Network
from handgrad.training.engines import Epoch, Job, jax_programs, jax_store
from handgrad.training.engines import jax as engine
from handgrad.training.engines.array import ArraySession
from handgrad.training.training_section import TrainingSection

LENET = (
    "conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu", "dense 84 relu",
    "dense 10 softmax",
)  # fmt: skip
CASES: dict[str, tuple[tuple[str, ...], int]] = {  # layers, batch size
    "784-30-10, B 10": (("dense 30 sigmoid", "dense 10 softmax"), 10),
    "784-300-10, B 1": (("dense 300 relu", "dense 10 softmax"), 1),
    "784-300-10, B 10": (("dense 300 relu", "dense 10 softmax"), 10),
    "784-300-10, B 100": (("dense 300 relu", "dense 10 softmax"), 100),
    "784-1000-10, B 100": (("dense 1000 relu", "dense 10 softmax"), 100),
    "LeNet, B 64": (LENET, 64),
}
SIZES = {  # of groups; the largest tells nothing new where a step keeps the device busy by itself
    "784-30-10, B 10": (1, 16, 64, 256),
    "784-300-10, B 1": (1, 16, 256),
    "784-300-10, B 10": (1, 16, 64, 256),
    "784-300-10, B 100": (1, 16, 64),
    "784-1000-10, B 100": (1, 16),
    "LeNet, B 64": (1, 16),
}
LR = 0.01
KEPT = os.environ["JAX_COMPILATION_CACHE_DIR"]


class Out(Exception):
    """The time is over."""


class Clock:
    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        return self.end - time.monotonic()

    def need(self, seconds: float) -> None:
        if self.left() < seconds:
            raise Out


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def part(title: str) -> Iterator[None]:
    """One part: what goes wrong in it is said, and the next begins."""
    say(f"\n== {title}")
    start = time.monotonic()
    try:
        yield
    except Out:
        say("   the rest is left out: the time is over")
    except Exception as error:
        say(f"   FAILED: {type(error).__name__}: {str(error)[:500]}")
    say(f"   ({time.monotonic() - start:.0f} s)")


def attempt(measure: Callable[[], float]) -> str:
    """A number, or why there is none."""
    try:
        return f"{measure():.4g}"
    except Out:
        raise
    except Exception as error:
        return f"– ({type(error).__name__}: {str(error)[:120]})"


def median(call: Callable[[], Any], rounds: int = 5) -> float:
    call()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


class Bench:
    def __init__(self, device: str, small: bool) -> None:
        self.device, self.small = device, small
        rng = np.random.default_rng(0)
        n = 640 if small else 15_360
        self.x = rng.random((n, 1, 28, 28), dtype=np.float32)
        self.x[self.x < 0.8] = 0
        self.y = rng.integers(0, 10, n)

    def sizes(self, name: str) -> tuple[int, ...]:
        return (1, 3) if self.small else SIZES[name]

    def job(self, name: str, seed: int = 0, **training: Any) -> Job:
        layers, batch = CASES[name]
        plain = {"batch_size": batch, "optimizer": {"name": "sgd", "lr": LR}, "engine": "jax", "device": self.device}
        section = TrainingSection(**{**plain, **training})
        parts = {"train": (self.x, self.y), "train_sample": (self.x[:1000], self.y[:1000])}
        return Job(Network.parse((1, 28, 28), *layers), section, "one-hot", seed, parts)

    def group(self, job: Job, runs: int) -> tuple[engine.JaxGroup, dict[int, Epoch]]:
        made, epochs, n = engine.JaxGroup(runs), {}, len(self.y)
        for seed in range(runs):
            made.add(replace(job, seed=seed)).load(initialize(job.network, He(), Zeros(), seed, "float32"), {}, 0)
            order = np.random.default_rng(seed).permutation(n)
            epochs[seed] = Epoch(order, np.full(-(-n // int(job.training.batch_size)), LR), 0)
        return made, epochs

    def calls(self, name: str, runs: int, *, check: bool = False) -> tuple[int, Callable[[], Any], engine.JaxGroup]:
        """(steps, a call of the program that makes them, the group): batches go in, losses come out.

        check: compare the places first, as every group does before it trains; raises InputError where they differ.
        """
        made, epochs = self.group(self.job(name), runs)
        batches = next(iter(made._batches(epochs)))
        if check:
            made._check(0, batches)
        numbers = made._numbers_here()

        def call() -> Any:
            return made.programs.to_numpy(made.programs.train(made._state, batches, numbers, made.parts["train"])[1])

        return made.steps_at_once, call, made

    def bits(self, name: str, runs: int) -> str:
        """The hash of parameters and losses after the steps of one call."""
        _, _, made = self.calls(name, runs)
        epochs = self.group(self.job(name), runs)[1]
        batches = next(iter(made._batches(epochs)))
        found = made.programs.train(made._state, batches, made._numbers_here(), made.parts["train"])
        leaves = jax.tree.leaves(made.programs.to_numpy(found))
        return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in leaves)).hexdigest()[:8]


# -- 1


def parity(bench: Bench) -> None:
    networks = {
        "dense": ("dense 40 tanh", "dropout 0.3", "batch-norm", "dense 10 softmax"),
        "images": ("conv 6 5x5 relu", "max-pool 2", "batch-norm", "conv 8 3x3 pad 1 leaky-relu", "average-pool 2",
                   "dropout 0.2", "dense 30 relu", "dense 10 softmax"),
    }  # fmt: skip
    for dtype, bound, names in (("float64", 1e-10, ("dense", "images")), ("float32", 2e-3, ("images",))):
        for name in names:
            layers = networks[name]
            network = Network.parse((1, 28, 28), *layers)
            section = TrainingSection(
                batch_size=32, dtype=dtype, engine="jax", device=bench.device, weight_decay=0.01, clip_norm=0.5,
                optimizer={"name": "adam", "lr": 0.01, "eps": 1e-3},
            )  # fmt: skip
            x, y = bench.x[:384], bench.y[:384]
            job = Job(network, section, "one-hot", 0, {"train": (x, y), "train_sample": (x, y)})
            made, epochs = engine.JaxGroup(3), {}
            for seed in range(3):
                member = made.add(replace(job, seed=seed))
                member.load(initialize(network, He(), Zeros(), seed, dtype), {}, 0)
                epochs[member] = Epoch(np.random.default_rng(seed).permutation(384), np.full(12, 0.01), 0)
            losses, worst = made.train_epoch(epochs), 0.0
            plain = section.changed(engine="array", device="cpu")
            for seed, (member, epoch) in enumerate(epochs.items()):
                single = ArraySession(replace(job, seed=seed, training=plain))
                single.load(initialize(network, He(), Zeros(), seed, dtype), {}, 0)
                expected = single.train_epoch(epoch.order, epoch.lrs, 0)
                worst = max(worst, float(np.abs(expected - losses[member]).max()) if dtype == "float32" else 0.0)
                for key, w in single.export()[0].items():
                    worst = max(worst, float(np.abs(member.export()[0][key] - w).max() / np.abs(w).max()))
            verdict = "ok" if worst < bound else f"TOO MUCH, more than {bound:g}"
            say(f"   {name}, {dtype}: differs from NumPy by {worst:.1e} of the largest number: {verdict}; places equal")


# -- 2


def autograd(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(init of a key, many steps) of the same network as a user of JAX writes it, for `jit` and `vmap`."""
    layers, _ = CASES[name]
    act = jax.nn.sigmoid if "sigmoid" in layers[0] else jax.nn.relu
    images = layers is LENET
    if images:
        shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (256, 120), (120, 84), (84, 10)]
    else:
        hidden = int(layers[0].split()[1])
        shapes = [(784, hidden), (hidden, 10)]

    def init(key: Any) -> Any:
        keys = jax.random.split(key, len(shapes))
        out = [shape[0] if len(shape) == 4 else shape[1] for shape in shapes]
        return [(jax.random.normal(k, s) * 0.05, jnp.zeros(o)) for k, s, o in zip(keys, shapes, out, strict=True)]

    def forward(params: Any, a: Any) -> Any:
        for W, b in params[:2] if images else ():
            a = jax.lax.conv_general_dilated(a, W, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
            a = jax.nn.relu(a + b[:, None, None])
            a = jax.lax.reduce_window(a, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        a = a.reshape(len(a), -1)
        dense = params[2:] if images else params
        for W, b in dense[:-1]:
            a = act(a @ W + b)
        W, b = dense[-1]
        return a @ W + b

    def loss(params: Any, a: Any, T: Any) -> Any:
        return -(jax.nn.log_softmax(forward(params, a)) * T).sum(1).mean()

    def steps(params: Any, rows: Any, X: Any, T: Any) -> Any:
        def body(params: Any, row: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(params, X[row], T[row])
            return jax.tree.map(lambda w, dw: w - LR * dw, params, grads), value

        return jax.lax.scan(body, params, rows)

    return init, steps


def autograd_program(bench: Bench, name: str, runs: int, steps: int) -> tuple[Any, tuple[Any, ...]]:
    """(the program of so many steps, its arguments)."""
    init, many = autograd(name)
    batch, n = CASES[name][1], len(bench.y)
    X, T = jnp.asarray(bench.x), jnp.asarray(np.eye(10, dtype=np.float32)[bench.y])
    rows = [np.random.default_rng(i).permutation(n)[: steps * batch].reshape(steps, batch) for i in range(runs)]
    if runs == 1:
        return jax.jit(many), (init(jax.random.key(0)), jnp.asarray(rows[0]), X, T)
    params = jax.vmap(init)(jax.random.split(jax.random.key(0), runs))
    return jax.jit(jax.vmap(many, in_axes=(0, 0, None, None))), (params, jnp.asarray(np.stack(rows)), X, T)


def autograd_micro(bench: Bench, name: str, runs: int, steps: int) -> float:
    """µs a run and step."""
    with jax.default_matmul_precision("highest"), jax.default_device(jax.devices(bench.device)[0]):
        program, given = autograd_program(bench, name, runs, steps)
        return median(lambda: jax.device_get(program(*given)[1])) / steps / runs * 1e6


def speed(bench: Bench, clock: Clock, reserve: float) -> None:
    for name in CASES:
        say(f"   {name}: µs a run and step")
        for runs in bench.sizes(name):
            clock.need(reserve)
            begun = time.monotonic()
            steps, call, _ = bench.calls(name, runs, check=runs in (3, 16))
            call()
            compiled = time.monotonic() - begun
            ours = median(call) / steps / runs * 1e6
            clock.need(reserve)
            steps = min(steps, 256, len(bench.y) // CASES[name][1])
            theirs = attempt(partial(autograd_micro, bench, name, runs, steps))
            ratio = f", {float(theirs) / ours:.2f} of its speed" if theirs[0].isdigit() else ""
            say(f"      {runs:4d} runs: {ours:9.4g}   JAX autograd {theirs:>9s}{ratio}   (ready in {compiled:.1f} s)")


# -- 3


def study(bench: Bench, clock: Clock) -> None:
    from handgrad import build_report, from_arrays, load_data, run_study
    from handgrad.study import load_study

    clock.need(20)
    seeds, rates, n, epochs = (2, 2, 600, 2) if bench.small else (16, 16, 60_000, 10)
    data = None
    if os.environ.get("HANDGRAD_DATA") and not bench.small:
        try:
            data = load_data("mnist")
        except Exception as error:
            say(f"   no MNIST here ({str(error)[:80]})")
    if data is None:
        rng = np.random.default_rng(1)
        y = rng.integers(0, 10, n)
        x = (rng.random((n, 28, 28)) < 0.2) * rng.integers(1, 256, (n, 28, 28))
        x[np.arange(n), y, :4] += 40  # something that can be learnt
        data = from_arrays(x.clip(0, 255).astype(np.uint8), y, name="images")
    folder = Path(tempfile.mkdtemp(prefix="handgrad-study-"))
    lrs = ", ".join(f"{0.01 * 1.3**i:.4g}" for i in range(rates))
    (folder / "study.toml").write_text(
        f'name = "gpu"\nseeds = {seeds}\n[data]\nname = "{data.name}"\nvalidation = {{ size = {n // 12} }}\n'
        f'[network]\nhidden = [30]\nactivation = "sigmoid"\n[training]\nbatch_size = 10\nepochs = {epochs}\n'
        f'engine = "jax"\ndevice = "{bench.device}"\nstack = {seeds * rates}\n[grid]\ntraining.optimizer.lr = [{lrs}]\n'
    )
    start = time.monotonic()
    marks: list[float] = []
    results = run_study(
        load_study(str(folder / "study.toml")), folder / "out", data=data, jobs=1,
        observer=lambda event: marks.append(time.monotonic() - start) if event.kind == "run finished" else None,
    )  # fmt: skip
    trained = time.monotonic() - start
    page = build_report(folder / "out")
    whole = time.monotonic() - start
    runs = results.runs()
    say(
        f"   {len(runs)} runs ({dict(runs['status'].value_counts())}), {epochs} epochs of {n:,} examples at batch 10: "
        f"{whole:.1f} s = {trained:.1f} s to the last record + {whole - trained:.1f} s for the report "
        f"({page.stat().st_size / 1e6:.1f} MB); target 60 s"
    )
    spent, engine_facts = runs["seconds_total"].sum(), results_engine(folder / "out")
    say(f"   shares of the runs add up to {spent:.1f} s; first record after {min(marks):.1f} s; {engine_facts}")
    shutil.rmtree(folder, ignore_errors=True)


def results_engine(folder: Path) -> str:
    """What a record of the study says of the engine."""
    record = next((folder / "runs").glob("*/record.json"))
    return str(json.loads(record.read_text())["engine"])


# -- 4


def repeated(bench: Bench, clock: Clock, reserve: float) -> None:
    names = ["784-30-10, B 10"] if bench.small else ["784-30-10, B 10", "784-300-10, B 10"]
    runs = 3 if bench.small else 16
    before = {name: bench.bits(name, runs) for name in names}
    clock.need(reserve)
    code = [sys.executable, __file__, "--device", bench.device, *(["--small"] if bench.small else []), "--bits"]
    done = subprocess.run([*code, *names], capture_output=True, text=True, check=False)
    other = dict(line.rsplit(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
    for name in names:
        say(f"   {name}, {runs} runs: {before[name]}; another process {other.get(name, done.stderr[-200:])}")
    options = dict(jax_store.OPTIONS["gpu"])
    for what, more in (("compiled anew", {}), ("no choice by timing", {"xla_gpu_autotune_level": "0"})):
        jax_store.OPTIONS["gpu"] = {**options, **more}
        os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="handgrad-gpu-")
        jax_programs._programs.cache_clear()
        for name in names:
            clock.need(reserve)
            steps, call, _ = bench.calls(name, runs)
            micro = median(call) / steps / runs * 1e6
            bits = bench.bits(name, runs)
            same = "the same bits" if bits == before[name] else "OTHER bits"
            say(f"   {what}: {name}, {runs} runs: {bits}, {same}; {micro:.4g} µs a run and step")
        shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
    jax_store.OPTIONS["gpu"] = options
    os.environ["JAX_COMPILATION_CACHE_DIR"] = KEPT
    jax_programs._programs.cache_clear()


# -- 5


def peers(bench: Bench, clock: Clock, reserve: float) -> None:
    try:
        import torch
    except ImportError:
        say("   PyTorch is not installed")
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    for name in CASES:
        found = []
        for title, measure in (
            ("array engine", partial(_session_micro, bench, name, {"engine": "array", "arrays": "torch"})),
            ("torch engine", partial(_session_micro, bench, name, {"engine": "torch"})),
            ("PyTorch eager", partial(_torch_micro, bench, name, graph=False)),
            ("in a CUDA graph", partial(_torch_micro, bench, name, graph=True)),
        ):
            clock.need(reserve)
            if title == "in a CUDA graph" and bench.device == "cpu":
                continue
            found.append(f"{title} {attempt(measure)}")
        say(f"   {name}: " + ", ".join(found))


def _session_micro(bench: Bench, name: str, how: dict[str, Any]) -> float:
    """µs a step of an engine that trains one run."""
    from handgrad.training.engines import open_session

    job, steps = bench.job(name, **how), min(10 if bench.small else 100, len(bench.y) // CASES[name][1])
    session = open_session(how["engine"], job)
    session.load(initialize(job.network, He(), Zeros(), 0, "float32"), {}, 0)
    order = np.random.default_rng(0).permutation(len(bench.y))[: steps * CASES[name][1]]
    return median(lambda: session.train_epoch(order, np.full(steps, LR), 0), rounds=3) / steps * 1e6


def _torch_micro(bench: Bench, name: str, *, graph: bool) -> float:
    """µs a step of PyTorch as its users write it, or with the whole step captured in a CUDA graph."""
    import torch
    from torch import nn

    layers, batch = CASES[name]
    if layers is LENET:
        net: Any = nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    else:
        hidden = int(layers[0].split()[1])
        act = nn.Sigmoid() if "sigmoid" in layers[0] else nn.ReLU()
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), act, nn.Linear(hidden, 10))
    net = net.to(bench.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    X, y = torch.from_numpy(bench.x).to(bench.device), torch.from_numpy(bench.y).to(bench.device)
    steps, loss_of = min(10 if bench.small else 100, len(bench.y) // batch), nn.CrossEntropyLoss()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(y))[: steps * batch].reshape(steps, batch))
    order, rows = order.to(bench.device), torch.zeros(batch, dtype=torch.int64, device=bench.device)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(net(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
        return loss.detach()

    if graph:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(aside)
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            kept = step()

    def epoch() -> None:
        losses = []
        for of_step in order:
            rows.copy_(of_step)
            if graph:
                captured.replay()
                losses.append(kept.clone())
            else:
                losses.append(step())
        torch.stack(losses).cpu()

    return median(epoch, rounds=3) / steps * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=235)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="few steps of small groups: whether everything runs")
    parser.add_argument("--bits", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    bench = Bench(options.device, options.small)
    if options.bits:
        for name in options.bits:
            print(f"{name} = {bench.bits(name, 3 if options.small else 16)}")
        return
    clock = Clock(options.seconds)
    devices = jax.devices(options.device)
    say(f"JAX {jax.__version__}, NumPy {np.__version__}, Python {sys.version.split()[0]}, {devices[0].device_kind}")
    with part("1 parity and places"):
        parity(bench)
    with part("2 speed"):
        speed(bench, clock, reserve=0.43 * options.seconds)
    with part("3 a study"):
        study(bench, clock)
    with part("4 repeated"):
        repeated(bench, clock, reserve=0.1 * options.seconds)
    with part("5 peers"):
        peers(bench, clock, reserve=0.02 * options.seconds)
    shutil.rmtree(KEPT, ignore_errors=True)


if __name__ == "__main__":
    main()
