"""The torch engine: any network of handgrad by PyTorch's autograd and torch.optim, on a processor or a GPU.

For comparison: initial weights, orders and dropout masks are handgrad's, every gradient and every step is PyTorch's.
It agrees with the `array` engine up to rounding, step by step (tests/training/test_torch.py).

On a GPU, float32 is float32 (no TF32) and cuDNN uses deterministic algorithms; the last bits may still differ between
two models of GPU.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handgrad.data.batches import batches
from handgrad.network import passes
from handgrad.network.targets import encode
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.torch_network import forward, losses_of
from handgrad.training.optimizers import is_weight
from handgrad.training.support import check_supported

Groups = list[dict[str, Any]]

# torch.optim.SGD keeps no velocity at momentum 0, and a run that continues with another momentum needs it: v = dw.
NO_MOMENTUM = 5e-324  # the smallest number above 0; times any float32 it is 0

# For each optimizer of handgrad: PyTorch's, from our section, and the names of its state in the order of our slots.
OPTIMIZERS: dict[str, tuple[Callable[[Any, Groups], torch.optim.Optimizer], tuple[str, ...]]] = {
    "sgd": (lambda o, groups: torch.optim.SGD(groups, lr=o.lr), ()),
    "momentum": (
        lambda o, groups: torch.optim.SGD(groups, lr=o.lr, momentum=o.momentum or NO_MOMENTUM),
        ("momentum_buffer",),
    ),
    "nesterov": (
        lambda o, groups: torch.optim.SGD(groups, lr=o.lr, momentum=o.momentum or NO_MOMENTUM, nesterov=True),
        ("momentum_buffer",),
    ),
    "adagrad": (lambda o, groups: torch.optim.Adagrad(groups, lr=o.lr, eps=o.eps), ("sum",)),
    "rmsprop": (lambda o, groups: torch.optim.RMSprop(groups, lr=o.lr, alpha=o.rho, eps=o.eps), ("square_avg",)),
    "adam": (
        lambda o, groups: torch.optim.Adam(groups, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps),
        ("exp_avg", "exp_avg_sq"),
    ),
    "adamw": (
        lambda o, groups: torch.optim.AdamW(groups, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps),
        ("exp_avg", "exp_avg_sq"),
    ),
}


def _exact() -> AbstractContextManager[None]:
    """float32 without TF32 and the same bits at every call, where PyTorch calls cuDNN."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


class TorchSession:
    """Trains with PyTorch, one step at a time."""

    def __init__(self, job: Job) -> None:
        check_supported("torch", job.network, job.training)
        self.job = job
        self.device = torch.device(job.training.device)
        self.key = dropout_key(job.seed)
        k = job.network.n_outputs
        self.parts = {
            name: (self._tensor(x), self._tensor(encode(y, k, job.targets, job.training.dtype)))
            for name, (x, y) in job.parts.items()
        }
        self.weights = None if job.weights is None else self._tensor(job.weights)
        self.params: dict[str, Tensor] = {}
        self.optimizer: torch.optim.Optimizer | None = None
        self.t = 0

    def _tensor(self, array: np.ndarray) -> Tensor:
        """A copy in the job's type on its device."""
        return torch.tensor(np.asarray(array, dtype=self.job.training.dtype), device=self.device)

    def load(self, params: Params, slots: Slots, t: int) -> None:
        names = self.job.network.parameter_shapes  # in this order, which is that of sums, not in that of params
        self.params = {name: self._tensor(params[name]) for name in names}
        learnt = {name: w.requires_grad_() for name, w in self.params.items() if self._is_learnt(name)}
        weights, others = ([w for name, w in learnt.items() if is_weight(name) == kind] for kind in (True, False))
        make, keys = OPTIMIZERS[self.job.training.optimizer.name]
        groups: Groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]  # only the first is decayed
        self.optimizer = make(self.job.training.optimizer, groups)
        for name, arrays in slots.items():
            state = dict(zip(keys, map(self._tensor, arrays), strict=True))
            if state:
                self.optimizer.state[learnt[name]] = {**state, "step": torch.tensor(float(t))}
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        assert self.optimizer is not None
        _, keys = OPTIMIZERS[self.job.training.optimizer.name]
        params = {name: w.detach().cpu().numpy().copy() for name, w in self.params.items()}
        slots: Slots = {}
        for name, w in self.params.items():
            if self._is_learnt(name):
                state = self.optimizer.state.get(w, {})
                values = (state.get(key) for key in keys)  # missing before the first step
                slots[name] = tuple(
                    np.zeros_like(params[name]) if value is None else value.cpu().numpy().copy() for value in values
                )
        return params, slots, self.t

    def _is_learnt(self, name: str) -> bool:
        return name not in self.job.network.buffer_names

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        network, training = self.job.network, self.job.training
        x_train, T_train = self.parts["train"]
        losses = np.empty(len(lrs), dtype=np.float32)
        with _exact():
            for i, rows in enumerate(batches(order, training.batch_size)):
                chosen = torch.from_numpy(rows).to(self.device)
                x, T = x_train[chosen], T_train[chosen]
                masks = passes.masks(network, self.key, first_step + i, len(rows), like=x)
                z, a, buffers = forward(network, self.params, x, masks=masks, training=True)
                of_example = losses_of(network, training.loss, z, a, T)
                of_example = of_example if self.weights is None else of_example * self.weights[chosen]
                loss = (of_example / len(rows) if training.batch_reduction == "mean" else of_example).sum()
                losses[i] = loss.item()
                if not np.isfinite(losses[i]):
                    return losses[: i + 1]
                self._step(loss, float(lrs[i]), training.decay(len(rows)))
                self.params |= buffers
        return losses

    def take_examples(self, x: np.ndarray) -> None:
        self.parts["train"] = self._tensor(x), self.parts["train"][1]

    def _step(self, loss: Tensor, lr: float, decay: float) -> None:
        """The gradient by autograd, clipped; then a step of torch.optim, which adds the decay."""
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.job.training.clip_norm is not None:
            self._clip(self.job.training.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.param_groups[0]["weight_decay"] = decay
        try:
            self.optimizer.step()
        except RuntimeError as error:  # a step size that float32 cannot hold; a product with it would be infinite
            if "without overflow" not in str(error):
                raise
            for w in self.optimizer.param_groups[0]["params"]:
                w.data.fill_(torch.inf)
        self.t += 1

    def _clip(self, clip_norm: float) -> None:
        """g·min(1, c/‖g‖) over all parameters, as `clip_by_norm`.

        PyTorch's own clip_grad_norm_ divides by ‖g‖ + 10⁻⁶, and its norm is infinite where a square is.
        """
        grads = [w.grad for w in self.params.values() if w.grad is not None]
        largest = float(torch.nn.utils.get_total_norm(grads, float("inf")))
        if not 0 < largest < float("inf"):
            return
        norm = float(torch.nn.utils.get_total_norm([grad / largest for grad in grads]))
        if norm > clip_norm / largest:
            for grad in grads:
                grad.div_(largest).mul_(clip_norm / norm)

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        x, T = self.parts[part]
        losses, predicted = [], []
        for rows, z, a in self._inference(x):
            losses.append(losses_of(self.job.network, self.job.training.loss, z, a, T[rows]))
            predicted.append(a.argmax(dim=-1) if self.job.tells_class else a)
        return torch.cat(losses).cpu().numpy(), torch.cat(predicted).cpu().numpy()

    def outputs(self, x: np.ndarray) -> np.ndarray:
        outputs: np.ndarray = torch.cat([a for _, _, a in self._inference(self._tensor(x))]).cpu().numpy()
        return outputs

    def _inference(self, x: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """(rows, z, a) of a part in inference, a chunk at a time, without gradients."""
        chunk = passes.rows_at_once(self.job.network)
        for start in range(0, len(x), chunk):
            rows = slice(start, start + chunk)
            with torch.no_grad(), _exact():
                z, a, _ = forward(self.job.network, self.params, x[rows])
            yield rows, z, a
