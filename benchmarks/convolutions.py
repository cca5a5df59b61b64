"""A LeNet-like network on MNIST: the compiled engine, PyTorch and JAX, one core each, medians of microseconds an image.

    HANDGRAD_DATA=... python benchmarks/convolutions.py [--rounds 3] [--core 0] [--batches 1 64 256]

SGD with momentum 0.9 and weight decay 1e-4, dropout.  PyTorch is set up as its experts would on one core: a lean loop
over tensors that lie in memory, images channels-last or not, the fused optimizer, denormal numbers flushed, gradients
set to None; eager and through torch.compile.  JAX: jit of a step with donated parameters, images
channels-first or channels-last, and jit of a scan over an epoch.  Contenders take turns, each in a process of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from limits import of_machine
from peers import timed

LAYERS = ("conv 6 5x5 relu", "max-pool 2", "conv 16 5x5 relu", "max-pool 2", "dense 120 relu", "dropout 0.5",
          "dense 84 relu", "dropout 0.5", "dense 10 softmax")  # fmt: skip
FORWARD = 6 * 25 * 576 + 16 * 150 * 64 + 256 * 120 + 120 * 84 + 84 * 10  # products an image
OPERATIONS = 2 * (3 * FORWARD - 6 * 25 * 576)  # the first layer has no gradient to its input


def examples(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n standardized images of MNIST and their classes."""
    from handgrad.data.datasets import load

    mnist = load("mnist")
    x = mnist.x_train[:n].reshape(-1, 1, 28, 28).astype(np.float32) / np.float32(255)
    return (x - x.mean()) / x.std(), mnist.y_train[:n].astype(np.int64)


def handgrad(batch: int, n: int, repeats: int) -> list[float]:
    """The compiled engine."""
    from handgrad.network.initializers import He, Zeros, initialize
    from handgrad.network.network import Network
    from handgrad.training.engines import Job, open_session
    from handgrad.training.training_section import TrainingSection

    optimizer = {"name": "momentum", "lr": 0.001}
    training = TrainingSection(optimizer=optimizer, batch_size=batch, weight_decay=1e-4)
    network = Network.parse((1, 28, 28), *LAYERS)
    session = open_session("compiled", Job(network, training, "one-hot", 0, {"train": examples(n)}))
    session.load(initialize(network, He(), Zeros(), 0), {}, 0)
    order, lrs = np.random.default_rng(0).permutation(n), np.full(n // batch, 0.001)
    return timed(lambda: session.train_epoch(order, lrs, 0), n, repeats)


def torch(batch: int, n: int, repeats: int, *, compiled: bool = False, channels_last: bool = False) -> list[float]:
    """nn.Sequential with torch.optim.SGD(fused=True)."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    x, y = map(torch.from_numpy, examples(n))
    net: Any = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Dropout(0.5), nn.Linear(120, 84), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(84, 10),
    )  # fmt: skip
    if channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=1e-4, fused=True)
    loss_of = nn.CrossEntropyLoss()

    def loss(x: Any, y: Any) -> Any:
        return loss_of(net(x), y)

    run = torch.compile(loss, dynamic=False) if compiled else loss
    index = torch.from_numpy(np.random.default_rng(0).permutation(n)).reshape(-1, batch)

    def epoch() -> None:
        for rows in index:
            optimizer.zero_grad(set_to_none=True)
            run(x[rows], y[rows]).backward()
            optimizer.step()

    return timed(epoch, n, repeats)


def jax(batch: int, n: int, repeats: int, *, channels_last: bool = False, scan: bool = False) -> list[float]:
    """jit of a step, or of a scan over the epoch; parameters and momentum donated, gradients by jax.grad."""
    import jax
    import jax.numpy as jnp

    x, y = examples(n)
    form = ("NHWC", "OIHW", "NHWC") if channels_last else ("NCHW", "OIHW", "NCHW")
    x, y = jnp.asarray(x.transpose(0, 2, 3, 1) if channels_last else x), jnp.asarray(y)
    window = (1, 2, 2, 1) if channels_last else (1, 1, 2, 2)
    rng = np.random.default_rng(0)
    shapes = (6, 1, 5, 5), (16, 6, 5, 5), (256, 120), (120, 84), (84, 10)
    W = [jnp.asarray(0.05 * rng.normal(size=shape), jnp.float32) for shape in shapes]
    b = [jnp.zeros(shape[0] if len(shape) == 4 else shape[1]) for shape in shapes]

    def convolved(a: Any, W: Any, b: Any) -> Any:
        z = jax.lax.conv_general_dilated(a, W, (1, 1), "VALID", dimension_numbers=form)
        a = jnp.maximum(z + (b if channels_last else b[:, None, None]), 0)
        return jax.lax.reduce_window(a, -jnp.inf, jax.lax.max, window, window, "VALID")

    def dropped(a: Any, key: Any) -> Any:
        return jnp.where(jax.random.bernoulli(key, 0.5, a.shape), 2 * a, 0)

    def loss(params: Any, x: Any, y: Any, key: Any) -> Any:
        W, b = params
        a = convolved(convolved(x, W[0], b[0]), W[1], b[1]).reshape(len(x), -1)
        first, second = jax.random.split(key)
        a = dropped(jnp.maximum(a @ W[2] + b[2], 0), first)
        a = dropped(jnp.maximum(a @ W[3] + b[3], 0), second)
        scores = jax.nn.log_softmax(a @ W[4] + b[4])
        return -jnp.take_along_axis(scores, y[:, None], axis=1).mean()

    def step(state: Any, now: Any) -> Any:
        (W, b), velocity = state
        value, (dW, db) = jax.value_and_grad(loss)((W, b), x[now[0]], y[now[0]], now[1])
        dW = [g + 1e-4 * w for g, w in zip(dW, W, strict=True)]
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, (dW, db))
        return (jax.tree.map(lambda p, v: p - 0.001 * v, (W, b), velocity), velocity), value

    keys = jax.random.split(jax.random.key(0), n // batch)
    index = np.random.default_rng(0).permutation(n).reshape(-1, batch)
    batches = [(jnp.asarray(rows), key) for rows, key in zip(index, keys, strict=True)]
    one = jax.jit(step, donate_argnums=0)
    whole = jax.jit(lambda state: jax.lax.scan(step, state, (jnp.asarray(index), keys)), donate_argnums=0)
    state = [((W, b), jax.tree.map(jnp.zeros_like, (W, b)))]

    def epoch() -> None:
        if scan:
            state[0], value = whole(state[0])
        else:
            for now in batches:
                state[0], value = one(state[0], now)
        value.block_until_ready()

    return timed(epoch, n, repeats)


CONTENDERS: dict[str, Callable[..., list[float]]] = {
    "handgrad": handgrad,
    "torch eager": torch,
    "torch channels-last": lambda *a: torch(*a, channels_last=True),
    "torch compiled": lambda *a: torch(*a, compiled=True),
    "jax": jax,
    "jax channels-last": lambda *a: jax(*a, channels_last=True),
    "jax scan": lambda *a: jax(*a, scan=True),
}
IMAGES = {"handgrad": 8192}  # others: a quarter; at batch 1 an eighth of it


def ask(name: str, batch: int, core: int) -> list[float]:
    """Seconds an image, by a process of its own on one core."""
    n = IMAGES.get(name, 2048) // (8 if batch == 1 else 1)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    command = [sys.executable, __file__, "--ask", json.dumps([name, batch, n, 3]), "--core", str(core)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        print(f"    {name} failed: {done.stderr.strip().splitlines()[-1]}")
        return []
    return list(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64, 256])
    parser.add_argument("--no-torch-compile", action="store_true")
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    if options.ask:
        name, *how = json.loads(options.ask)
        print(json.dumps(CONTENDERS[name](*how)))
        return
    peak = of_machine()[0]
    print(f"arithmetic peak {peak / 1e9:.0f} GFLOP/s float32; one image takes {OPERATIONS / 1e6:.2f} MFLOP")
    names = [name for name in CONTENDERS if not (options.no_torch_compile and name == "torch compiled")]
    for batch in options.batches:
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(options.rounds):
            for name in names:
                times[name] += ask(name, batch, options.core)
        medians = {name: statistics.median(values) for name, values in times.items() if values}
        ours = medians.pop("handgrad")
        print(f"\nbatch {batch}: handgrad {ours * 1e6:.1f} µs an image, {OPERATIONS / ours / peak:.0%} of the peak")
        for name, seconds in medians.items():
            print(f"    {name:20s} {seconds * 1e6:10.1f} µs   {seconds / ours:6.2f}×", flush=True)


if __name__ == "__main__":
    main()
