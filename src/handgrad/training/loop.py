"""The loop: from a run to its record.  For every epoch: order, steps, scores.

Training and validation are scored in the same way: after the epoch, dropout off, the mean over examples.
Training is scored on a fixed random sample as large as the validation set unless all of it is asked for,
because scoring 60,000 images costs more than learning from them.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handgrad.data.batches import epoch_order, steps_per_epoch, train_sample
from handgrad.data.datasets import Split
from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.initializers import initialize
from handgrad.network.spec import Network
from handgrad.training.checkpoint import Progress, load_checkpoint, save_checkpoint, unpack_slots
from handgrad.training.describe import Trained, describe, samples_of, score
from handgrad.training.engines import Job, Session, open_session
from handgrad.training.environment import one_thread
from handgrad.training.record import Record
from handgrad.training.run import Run

CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.02


@dataclass(frozen=True)
class EpochEnd:
    """What an observer hears after every epoch."""

    run_id: str
    epoch: int
    epochs: int
    metrics: dict[str, float]


Observer = Callable[[EpochEnd], None]


class _Diverged(Exception):
    def __init__(self, epoch: int, step: int, layer: str, reason: str) -> None:
        super().__init__(reason)
        self.where = {"epoch": epoch, "step": step, "layer": layer, "reason": reason}


def execute(
    run: Run,
    split: Split,
    *,
    checkpoint: Path | None = None,
    parent: Record | None = None,
    observers: Iterable[Observer] = (),
) -> Record:
    """Train one run to its end.

    checkpoint: a file to continue from where it exists, and to write while training; who saves the record removes it.
    parent: the record of the run that this one continues (`run.continues` is its id).
    Same bits whatever the number of threads, the load, or how often it was stopped and continued: one BLAS thread.
    Raises InputError where the setting does not fit the data.
    """
    if (run.continues is None) != (parent is None) or (parent is not None and parent.id != run.continues):
        raise InputError(f"run {run.id} continues {run.continues}; its record must be given as parent")
    with one_thread(), np.errstate(all="ignore"):  # a loss that is not finite is looked for, and is a result
        return _Training(run, split, checkpoint, parent, tuple(observers)).record()


class _Training:
    def __init__(
        self, run: Run, split: Split, checkpoint: Path | None, parent: Record | None, observers: tuple[Observer, ...]
    ) -> None:
        self.started = time.perf_counter()
        self.run, self.split, self.checkpoint, self.parent, self.observers = run, split, checkpoint, parent, observers
        self.setting = run.setting.resolved()
        self.training = self.setting.training
        self.network: Network = self.setting.network_for(
            split.shape, split.n_classes, has_validation=split.validation is not None
        )
        n = len(split.train.y)
        scored = next((len(part.y) for part in (split.validation, split.test) if part is not None), n)
        self.scored = np.arange(n) if self.training.train_score == "all" else train_sample(n, scored)
        self.steps = steps_per_epoch(n, self.training.batch_size)
        self.session = self._open_session()
        self.progress = self._first_progress()
        self.seconds_before = sum(map(sum, self.progress.times))
        self.saved_at, self.save_seconds = time.perf_counter(), 0.0

    def _open_session(self) -> Session:
        train = self.split.train
        parts = {"train": (train.x, train.y), "train_sample": (train.x[self.scored], train.y[self.scored])}
        for name in ("validation", "test"):
            part = getattr(self.split, name)
            if part is not None:
                parts[name] = (part.x, part.y)
        job = Job(self.network, self.training, self.setting.network.targets, self.run.seed, parts)
        return open_session(self.training.engine, job)

    def _first_progress(self) -> Progress:
        progress = load_checkpoint(self.checkpoint, self.run.id) if self.checkpoint else None
        if progress is not None:
            progress.resumed += 1
        elif self.parent is not None:
            progress = _continued(self.parent, self.setting.training.optimizer.name)
        else:
            section = self.setting.network
            params = initialize(self.network, section.init, section.bias_init, self.run.seed, self.training.dtype)
            progress = Progress(params)
        self.session.load(progress.params, progress.slots, progress.t)
        if not progress.before:
            progress.before = self.session.outputs(samples_of(self.split)[1].x).astype(float).tolist()
        return progress

    def record(self) -> Record:
        """Train what is left and describe the result."""
        diverged = self.parent.data["diverged"] if self.parent is not None else None
        if diverged is None:
            try:
                self._train()
            except _Diverged as end:
                diverged = end.where
        return describe(
            Trained(
                run=self.run,
                setting=self.setting,
                network=self.network,
                split=self.split,
                session=self.session,
                progress=self.progress,
                scored=self.scored,
                diverged=diverged,
                seconds=self.seconds_before + time.perf_counter() - self.started,
            )
        )

    # -- training

    def _train(self) -> None:
        progress = self.progress
        last = progress.first_epoch + self.training.epochs
        while progress.epoch < last and not self._stopped_early():
            times = [self._one_epoch(), self._score_epoch()]
            progress.times.append(times)
            metrics = {name: values[-1] for name, values in progress.curves.items()}
            for observer in self.observers:
                observer(EpochEnd(self.run.id, progress.epoch - progress.first_epoch, self.training.epochs, metrics))
            self._save_checkpoint()
        if progress.best:
            self.session.load(progress.best, progress.slots, progress.t)

    def _one_epoch(self) -> float:
        progress = self.progress
        start = time.perf_counter()
        own = progress.epoch - progress.first_epoch
        e = own + np.arange(self.steps) / self.steps
        lrs = self.training.optimizer.lr * self.training.schedule.multipliers(
            e, self.training.epochs, self._own("val_loss")
        )
        order = epoch_order(self.run.seed, progress.epoch, len(self.split.train.y))
        losses = self.session.train_epoch(order, lrs, progress.step)
        progress.loss_per_step.append(losses)
        if not np.isfinite(losses[-1]):
            raise self._diverged(len(losses), order, f"the loss of the batch is {losses[-1]}")
        progress.epoch += 1
        progress.step += self.steps
        progress.params, progress.slots, progress.t = self.session.export()
        if not all(np.isfinite(array).all() for array in progress.params.values()):
            raise self._diverged(0, order, "a parameter is not finite at the end of the epoch")
        progress.curves.setdefault("lr", []).append(float(lrs[0]))
        progress.curves.setdefault("steps_at_epoch_end", []).append(progress.step)
        return time.perf_counter() - start

    def _diverged(self, steps: int, order: np.ndarray, reason: str) -> _Diverged:
        """Where it happened, by the reference functions.  `steps`: of this epoch, 0 when the epoch is complete."""
        size = len(order) if self.training.batch_size == "full" else int(self.training.batch_size)
        batch = order[(steps - 1) * size : steps * size] if steps else order[-size:]
        layer = passes.first_non_finite(self.network, self.session.export()[0], self.split.train.x[batch])
        epoch = self.progress.epoch + (1 if steps else 0)
        return _Diverged(epoch, self.progress.step + steps, layer, reason)

    def _score_epoch(self) -> float:
        start = time.perf_counter()
        curves = self.progress.curves
        parts = [("train", "train_sample"), ("val", "validation")]
        parts += [("test", "test")] if self.training.test_every_epoch else []
        for short, part in parts:
            if part == "train_sample" or getattr(self.split, part) is not None:
                loss, accuracy, _ = score(self.session, self.split, part, self.scored)
                if not np.isfinite(loss):
                    raise self._diverged(0, self.scored, f"{short}_loss is {loss} after the epoch")
                curves.setdefault(f"{short}_loss", []).append(loss)
                curves.setdefault(f"{short}_accuracy", []).append(accuracy)
        rule = self.training.early_stopping
        if rule is not None:
            history = self._own(rule.monitor)
            if rule.best(history)[0] == len(history) - 1:
                self.progress.best = self.progress.params
        return time.perf_counter() - start

    def _stopped_early(self) -> bool:
        rule = self.training.early_stopping
        history = self._own(rule.monitor) if rule else []
        return bool(rule and history and rule.best(history)[1])

    def _own(self, curve: str) -> list[float]:
        """A curve of this run's own epochs, without those of the run that it continues."""
        return self.progress.curves.get(curve, [])[self.progress.first_epoch :]

    def _save_checkpoint(self) -> None:
        """Save when the last one is old enough; the time decides only how much work a kill can cost, never a bit."""
        now = time.perf_counter()
        if self.checkpoint and now - self.saved_at > max(CHECKPOINT_SECONDS, self.save_seconds / CHECKPOINT_SHARE):
            save_checkpoint(self.checkpoint, self.run.id, self.progress)
            self.saved_at = time.perf_counter()
            self.save_seconds = self.saved_at - now


def _continued(parent: Record, optimizer: str) -> Progress:
    """The start of a run that continues another: its weights and history; its slots if the optimizer is the same."""
    curves = {name: values.tolist() for name, values in parent.curves.items() if name not in ("loss_per_step", "epoch")}
    same = parent.data["setting"]["training"]["optimizer"]["name"] == optimizer
    return Progress(
        params=dict(parent.params),
        slots=unpack_slots(parent.state) if same else {},
        t=int(parent.data["optimizer_steps"]) if same else 0,
        epoch=int(parent.data["epochs"]),
        step=int(parent.data["steps"]),
        first_epoch=int(parent.data["epochs"]),
        loss_per_step=[parent.curves["loss_per_step"]],
        curves=curves,
        continued_at=[*parent.data["continued_at"], int(parent.data["epochs"])],
    )
