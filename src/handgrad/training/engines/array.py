"""The reference engine: the functions of `handgrad.network`, batch after batch.  Read this one first.

It is written for reading and is what every other engine is tested against.  With the arrays of another library the
same lines run on a GPU (`arrays`).
"""

import numpy as np

from handgrad.data.batches import batches
from handgrad.data.targets import encode
from handgrad.network import passes
from handgrad.network.activations import Array
from handgrad.streams import dropout_key
from handgrad.training.engines import Job, Params, Slots
from handgrad.training.engines.arrays import Home, home_of
from handgrad.training.optimizers import empty_slots, step

LOOK_EVERY = 256  # steps, whose losses are then looked at together: to wait for a GPU takes longer than a step


class ArraySession:
    """Trains one step at a time."""

    def __init__(self, job: Job, home: Home | None = None) -> None:
        self.job = job
        self.home = home or home_of(job.training.library, job.training.device)
        self.key = dropout_key(job.seed)
        n_classes, dtype = job.network.n_outputs, job.training.dtype
        self.parts = {
            name: (self._bring(x), self._bring(encode(y, n_classes, job.targets, dtype)))
            for name, (x, y) in job.parts.items()
        }
        self.params: dict[str, Array] = {}
        self.slots: dict[str, tuple[Array, ...]] = {}
        self.t = 0

    def _bring(self, array: np.ndarray) -> Array:
        return self.home.bring(np.asarray(array, dtype=self.job.training.dtype))

    def load(self, params: Params, slots: Slots, t: int) -> None:
        dtype = self.job.training.dtype
        self.params = {name: self._bring(array.astype(dtype)) for name, array in params.items()}
        self.slots = {name: tuple(self._bring(a.astype(dtype)) for a in arrays) for name, arrays in slots.items()}
        learnt = {name: w for name, w in self.params.items() if name not in self.job.network.measured_names}
        self.slots = self.slots or empty_slots(self.job.training.optimizer, learnt)
        self.t = t

    def export(self) -> tuple[Params, Slots, int]:
        fetch = self.home.fetch  # updates make new arrays, so these stay as they are
        slots = {name: tuple(map(fetch, arrays)) for name, arrays in self.slots.items()}
        return {name: fetch(w) for name, w in self.params.items()}, slots, self.t

    def train_epoch(self, order: np.ndarray, lrs: np.ndarray, first_step: int) -> np.ndarray:
        rows = list(batches(self.home.bring(order), self.job.training.batch_size))
        losses = np.empty(len(lrs), dtype=np.float32)
        for start in range(0, len(lrs), LOOK_EVERY):
            stop = min(start + LOOK_EVERY, len(lrs))
            before = self.params, self.slots, self.t
            found = [self._step(rows[i], float(lrs[i]), first_step + i) for i in range(start, stop)]
            losses[start:stop] = self.home.fetch_numbers(found)
            finite = np.isfinite(losses[start:stop])
            if not finite.all():
                last = start + int(finite.argmin())
                self.params, self.slots, self.t = before
                for i in range(start, last):  # the same steps again, up to the one that must not be made
                    self._step(rows[i], float(lrs[i]), first_step + i)
                return losses[: last + 1]
        return losses

    def _step(self, rows: Array, lr: float, number: int) -> Array:
        """One step on the examples in `rows`; -> the loss of the batch before it, left on the device."""
        network, training = self.job.network, self.job.training
        x_train, T_train = self.parts["train"]
        x, T = x_train[rows], T_train[rows]
        masks = passes.masks(network, self.key, number, len(rows), like=x)
        of_example, grads, trace = passes.loss_and_gradients(
            network, self.params, x, T, training.loss, training.batch_reduction, masks=masks
        )
        measured = passes.measured(network, self.params, trace)
        self.t += 1
        self.params, self.slots = step(
            training.optimizer,
            self.params,
            grads,
            self.slots,
            lr=lr,
            t=self.t,
            weight_decay=training.decay(len(rows)),
            clip_norm=training.clip_norm,
        )
        self.params |= measured
        return of_example.mean() if training.batch_reduction == "mean" else of_example.sum()

    def score(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        x, T = self.parts[part]
        losses, predicted = passes.score(self.job.network, self.params, x, T, self.job.training.loss)
        return self.home.fetch(losses), self.home.fetch(predicted)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return self.home.fetch(passes.predict(self.job.network, self.params, self._bring(x)))
