"""The peers of `engines.py`, each set up as its own experts would, one core: seconds a step of plain SGD.

Every peer trains the same network on the same examples in the same order from the same weights; the loss is
half-squared-error on sigmoid outputs, its mean over the batch (scikit-learn: its own softmax and cross-entropy).
JAX runs in a process of its own, since it lives in an environment of its own: `python peers.py CASE.npz`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


def timed(step: Callable[[], Any], steps: int, repeats: int) -> list[float]:
    """Processor seconds a step of `repeats` calls that each take `steps` steps; the first call is thrown away."""
    step()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        step()
        times.append((time.process_time() - start) / steps)
    return times


def batches(order: np.ndarray, batch: int) -> np.ndarray:
    """(steps, batch) indices."""
    return order[: len(order) // batch * batch].reshape(-1, batch)


def torch_eager(case: Arrays, batch: int, hidden: str, repeats: int) -> list[float]:
    """nn.Sequential, autograd and torch.optim.SGD, as PyTorch's users write it."""
    import torch

    torch.set_num_threads(1)
    x, t = torch.from_numpy(case["x"]), torch.from_numpy(case["t"])
    activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[hidden]
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], case["W1"].shape[1]),
        activation(),
        torch.nn.Linear(case["W1"].shape[1], t.shape[1]),
        torch.nn.Sigmoid() if hidden == "relu" else torch.nn.Tanh(),
    )
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(case["W1"].T.copy()))
        net[2].weight.copy_(torch.from_numpy(case["W2"].T.copy()))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    index = torch.from_numpy(batches(case["order"], batch))

    def epoch() -> None:
        for rows in index:
            optimizer.zero_grad()
            loss = 0.5 * ((net(x[rows]) - t[rows]) ** 2).sum(1).mean()
            loss.backward()
            optimizer.step()

    return timed(epoch, len(index), repeats)


def _by_hand(torch: Any, hidden: str) -> Callable[..., Any]:
    """One step without autograd: four products and in-place updates.  torch.compile fuses the rest."""

    def step(x: Any, t: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        a1 = torch.addmm(b1, x, W1)
        a1 = torch.relu(a1) if hidden == "relu" else torch.tanh(a1)
        z2 = torch.addmm(b2, a1, W2)
        a2 = torch.sigmoid(z2) if hidden == "relu" else torch.tanh(z2)
        d = a2 - t
        loss = 0.5 * (d * d).sum() / len(x)
        dz2 = d * (a2 * (1 - a2) if hidden == "relu" else 1 - a2 * a2) / len(x)
        dz1 = dz2 @ W2.T
        dz1 = dz1 * (a1 > 0) if hidden == "relu" else dz1 * (1 - a1 * a1)
        W2.addmm_(a1.T, dz2, alpha=-0.01)
        b2.sub_(dz2.sum(0), alpha=0.01)
        W1.addmm_(x.T, dz1, alpha=-0.01)
        b1.sub_(dz1.sum(0), alpha=0.01)
        return loss

    return step


def _in_place(torch: Any, hidden: str, batch: int, units: int, k: int) -> Callable[..., Any]:
    """The same step in few calls: PyTorch's own backward kernels, and results go into memory that is there."""
    a1, dz1 = torch.empty(batch, units), torch.empty(batch, units)
    a2, dz2, loss = torch.empty(batch, k), torch.empty(batch, k), torch.empty(())
    aten, rate = torch.ops.aten, -0.01 / batch

    def step(x: Any, t: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        torch.addmm(b1, x, W1, out=a1)
        a1.relu_() if hidden == "relu" else a1.tanh_()
        torch.addmm(b2, a1, W2, out=a2)
        a2.sigmoid_() if hidden == "relu" else a2.tanh_()
        torch.sub(a2, t, out=dz2)
        flat = dz2.view(-1)
        torch.dot(flat, flat, out=loss)  # twice the loss, times the batch size
        backward = aten.sigmoid_backward if hidden == "relu" else aten.tanh_backward
        backward.grad_input(dz2, a2, grad_input=dz2)
        torch.mm(dz2, W2.t(), out=dz1)
        if hidden == "relu":
            aten.threshold_backward.grad_input(dz1, a1, 0, grad_input=dz1)
        else:
            aten.tanh_backward.grad_input(dz1, a1, grad_input=dz1)
        W2.addmm_(a1.t(), dz2, alpha=rate)
        W1.addmm_(x.t(), dz1, alpha=rate)
        b2.add_(dz2.sum(0) if batch > 1 else dz2[0], alpha=rate)
        b1.add_(dz1.sum(0) if batch > 1 else dz1[0], alpha=rate)
        return loss

    return step


def torch_by_hand(case: Arrays, batch: int, hidden: str, repeats: int, *, compiled: bool = False) -> list[float]:
    """The gradients by hand in inference mode, in place; `compiled`: through torch.compile."""
    import torch

    torch.set_num_threads(1)
    x, t, W1, W2 = (torch.from_numpy(case[name].copy()) for name in ("x", "t", "W1", "W2"))
    b1, b2 = torch.zeros(W1.shape[1]), torch.zeros(W2.shape[1])
    if compiled:
        step = torch.compile(_by_hand(torch, hidden), dynamic=False)
    else:
        step = _in_place(torch, hidden, batch, W1.shape[1], W2.shape[1])
    index = torch.from_numpy(batches(case["order"], batch))
    x_rows, t_rows = torch.empty(batch, x.shape[1]), torch.empty(batch, t.shape[1])

    def epoch() -> None:
        with torch.no_grad() if compiled else torch.inference_mode():
            for rows in index:
                if batch == 1:
                    row = int(rows)
                    step(x[row : row + 1], t[row : row + 1], W1, b1, W2, b2)  # a view: nothing is copied
                else:
                    torch.index_select(x, 0, rows, out=x_rows)
                    torch.index_select(t, 0, rows, out=t_rows)
                    step(x_rows, t_rows, W1, b1, W2, b2)

    return timed(epoch, len(index), repeats)


def sklearn_mlp(case: Arrays, batch: int, hidden: str, repeats: int) -> list[float]:
    """MLPClassifier.partial_fit: one pass over the examples, solver sgd without momentum."""
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(
        hidden_layer_sizes=(case["W1"].shape[1],), activation=hidden, solver="sgd", alpha=0.0, batch_size=batch,
        learning_rate_init=0.01, momentum=0.0, nesterovs_momentum=False, shuffle=True, random_state=0,
    )  # fmt: skip
    rows = case["order"]
    x, y = case["x"][rows], case["t"][rows].argmax(1)
    classes = np.arange(case["t"].shape[1])
    return timed(lambda: net.partial_fit(x, y, classes=classes), len(batches(rows, batch)), repeats)


def jax_scan(case: Arrays, batch: int, hidden: str, repeats: int) -> list[float]:
    """jit of a scan over the epoch's batches, parameters donated, gradients by jax.grad."""
    import jax
    import jax.numpy as jnp

    x, t = jnp.asarray(case["x"]), jnp.asarray(case["t"])
    index = jnp.asarray(batches(case["order"], batch))
    W1, W2 = jnp.asarray(case["W1"]), jnp.asarray(case["W2"])
    params = (W1, jnp.zeros(W1.shape[1]), W2, jnp.zeros(W2.shape[1]))

    def loss(params: Any, x: Any, t: Any) -> Any:
        W1, b1, W2, b2 = params
        a = x @ W1 + b1
        a = jnp.maximum(a, 0) if hidden == "relu" else jnp.tanh(a)
        z = a @ W2 + b2
        out = jax.nn.sigmoid(z) if hidden == "relu" else jnp.tanh(z)
        return 0.5 * ((out - t) ** 2).sum(1).mean()

    def epoch(params: Any, index: Any) -> Any:
        def step(params: Any, rows: Any) -> Any:
            value, grads = jax.value_and_grad(loss)(params, x[rows], t[rows])
            return jax.tree.map(lambda p, g: p - 0.01 * g, params, grads), value

        return jax.lax.scan(step, params, index)

    run = jax.jit(epoch, donate_argnums=0)
    state = [params]

    def once() -> None:
        state[0], values = run(state[0], index)
        values.block_until_ready()

    return timed(once, len(index), repeats)


def handgrad(case: Arrays, batch: int, hidden: str, repeats: int, optimizer: str = "sgd") -> list[float]:
    """The compiled engine on the same examples, order and weights."""
    from handgrad.network.network import Network
    from handgrad.training.engines import Job
    from handgrad.training.engines.compiled.dense_session import DenseSession
    from handgrad.training.training_section import TrainingSection

    units, k = case["W1"].shape[1], case["t"].shape[1]
    output = "sigmoid" if hidden == "relu" else "tanh"
    network = Network.parse(case["x"].shape[1:], f"dense {units} {hidden}", f"dense {k} {output}")
    training = TrainingSection(
        loss="half-squared-error",
        batch_size=batch,
        optimizer={"name": optimizer, "lr": 0.01 if optimizer != "adam" else 0.001},
    )
    session = DenseSession(Job(network, training, "one-hot", 0, {"train": (case["x"], case["t"].argmax(1))}))
    zeros = {"dense1.b": np.zeros(units, np.float32), "dense2.b": np.zeros(k, np.float32)}
    session.load({"dense1.W": case["W1"], "dense2.W": case["W2"], **zeros}, {}, 0)
    order = np.ascontiguousarray(batches(case["order"], batch).reshape(-1))
    lrs = np.full(len(order) // batch, training.optimizer.lr)
    return timed(lambda: session.train_epoch(order, lrs, 0), len(lrs), repeats)


PEERS: dict[str, Callable[..., list[float]]] = {
    "handgrad": handgrad,
    "handgrad momentum": lambda *a: handgrad(*a, "momentum"),
    "handgrad adam": lambda *a: handgrad(*a, "adam"),
    "torch eager": torch_eager,
    "torch by hand": torch_by_hand,
    "torch compiled": lambda *a: torch_by_hand(*a, compiled=True),
    "jax": jax_scan,
    "sklearn": sklearn_mlp,
}


def main(path: str) -> None:
    """Answer requests [peer, batch, hidden, examples, repeats], one a line, about the case in `path`."""
    case = dict(np.load(path))
    for line in sys.stdin:
        peer, batch, hidden, examples, repeats = json.loads(line)
        times = PEERS[peer]({**case, "order": case["order"][:examples]}, batch, hidden, repeats)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", metavar="CASE.npz", help="written by engines.py; requests come on standard input")
    main(parser.parse_args().case)
