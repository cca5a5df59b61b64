"""The reference engine: the functions of `handgrad.network`, batch after batch.  Read this one first.

It is written for reading and is what every other engine is tested against.
"""

import numpy as np

from handgrad.data.batches import batches
from handgrad.data.targets import encode
from handgrad.network import passes
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.optimizers import empty_slots, step


class ArraySession:
    """Trains with NumPy, one step at a time."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.key = dropout_key(job.seed)
        n_classes = job.network.n_outputs
        self.parts = {
            name: (np.asarray(x, dtype=job.training.dtype), encode(y, n_classes, job.targets, job.training.dtype))
            for name, (x, y) in job.parts.items()
        }
        self.params: Params = {}
        self.slots: Slots = {}
        self.t = 0

    def load(self, params: Params, slots: Slots, t: int) -> None:
        dtype = self.job.training.dtype
        self.params = {name: array.astype(dtype) for name, array in params.items()}
        self.slots = {name: tuple(a.astype(dtype) for a in arrays) for name, arrays in slots.items()}
        learnt = {name: w for name, w in self.params.items() if name not in self.job.network.measured_names}
        self.slots = self.slots or empty_slots(self.job.training.optimizer, learnt)
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        return dict(self.params), dict(self.slots), self.t  # updates make new arrays, so these stay as they are

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        network, training = self.job.network, self.job.training
        x_train, T_train = self.parts["train"]
        losses = np.empty(len(lrs), dtype=np.float32)
        for i, rows in enumerate(batches(order, training.batch_size)):
            x, T = x_train[rows], T_train[rows]
            masks = passes.masks(network, self.key, first_step + i, len(rows), like=x)
            of_example, grads, trace = passes.loss_and_gradients(
                network, self.params, x, T, training.loss, training.batch_reduction, masks=masks
            )
            losses[i] = of_example.mean() if training.batch_reduction == "mean" else of_example.sum()
            if not np.isfinite(losses[i]):
                return losses[: i + 1]
            self.t += 1
            measured = passes.measured(network, self.params, trace)
            self.params, self.slots = step(
                training.optimizer,
                self.params,
                grads,
                self.slots,
                lr=float(lrs[i]),
                t=self.t,
                weight_decay=training.decay(len(rows)),
                clip_norm=training.clip_norm,
            )
            self.params |= measured
        return losses

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        x, T = self.parts[part]
        losses, predicted = passes.score(self.job.network, self.params, x, T, self.job.training.loss)[:2]
        return losses, predicted

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(passes.predict(self.job.network, self.params, x.astype(self.job.training.dtype)))
