"""A LeNet-like network on MNIST: the compiled engine beside PyTorch, one core each, medians of microseconds an image.

    HANDGRAD_DATA=... python benchmarks/convolutions.py [--rounds 3] [--core 0] [--batches 1 64 256]

SGD with momentum 0.9 and weight decay 1e-4, dropout.  PyTorch is set up as its experts would on one core: a lean loop
over tensors that lie in memory, images channels-last or not, the fused optimizer, denormal numbers flushed, gradients
set to None; eager and through torch.compile.  The best of them is what handgrad is compared with.  Contenders take
turns, each in a process of its own.
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


CONTENDERS: dict[str, Callable[..., list[float]]] = {
    "handgrad": handgrad,
    "torch eager": torch,
    "torch channels-last": lambda *a: torch(*a, channels_last=True),
    "torch compiled": lambda *a: torch(*a, compiled=True),
}
IMAGES = {"handgrad": 8192}  # others: a quarter; at batch 1 an eighth of it


def ask(name: str, batch: int, core: int) -> list[float]:
    """Seconds an image, by a process of its own on one core."""
    n = IMAGES.get(name, 2048) // (8 if batch == 1 else 1)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
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
