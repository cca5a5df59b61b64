"""The course of one run, from its start to its record.  For every epoch: order, steps, scores.

A course makes no step itself.  It is a generator that asks for an `Epoch` and gets the losses of its batches: who
drives it (`loop`) trains one run in a session of its own, or many in one program, and the course is the same.

Training and validation are scored in the same way: after the epoch, dropout off, the mean over examples.
Training is scored on a fixed random sample as large as the validation set unless all of it is asked for,
because scoring 60,000 images costs more than learning from them.
"""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.data.batches import batch_length, epoch_order, steps_per_epoch, train_sample
from handgrad.data.datasets import Split
from handgrad.network.initializers import initialize
from handgrad.network.passes import first_non_finite
from handgrad.network.spec import Network
from handgrad.training.checkpoint import Progress, load_checkpoint, save_checkpoint, unpack_slots
from handgrad.training.divergence import State, all_finite, first_bad_step
from handgrad.training.engines import Epoch, Job, Place, Session, open_session
from handgrad.training.record import Record
from handgrad.training.recording import Trained, record_of, samples_of, score
from handgrad.training.task import End, EpochEnd, Paused, Task
from handgrad.training.weights import check_shapes

CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.02
FORCED_SECONDS = 0.5  # of work, from which a checkpoint is forced to the disk: less is sooner trained again


class _Diverged(Exception):
    def __init__(self, epoch: int, step: int, layer: str, reason: str) -> None:
        super().__init__(reason)
        self.where = {"epoch": epoch, "step": step, "layer": layer, "reason": reason}


@dataclass(frozen=True)
class Answer:
    """The losses of an epoch that a run asked for, and its share of the seconds that the epoch and its scores took."""

    losses: np.ndarray
    seconds: float
    scoring: float = 0.0  # where that was done for many runs before they ask


Steps = Generator[Epoch, Answer, End]


class Course:
    """One run.  `steps` trains it; `open_place` says where its numbers are.

    Raises InputError where the setting does not fit the data.
    """

    def __init__(self, task: Task, split: Split, open_place: Callable[[Job], Place]) -> None:
        self.started = time.perf_counter()
        task.check()
        self.task, self.run, self.split = task, task.run, split
        self.setting = self.run.setting.resolved()
        self.training = self.setting.training
        self.network: Network = self.setting.network_for(
            split.shape, split.n_classes, has_validation=split.validation is not None
        )
        n = len(split.train.y)
        scored = next((len(part.y) for part in (split.validation, split.test) if part is not None), n)
        self.scored = np.arange(n) if self.training.train_score == "all" else train_sample(n, scored)
        self.n_steps = steps_per_epoch(n, self.training.batch_size)
        self.session = open_place(self._job())
        self.progress = self._first_progress()
        self.seconds_before = sum(map(sum, self.progress.times))
        self.saved_at, self.save_seconds, self.unsaved = time.perf_counter(), 0.0, False

    def _job(self) -> Job:
        train = self.split.train
        parts = {"train": (train.x, train.y), "train_sample": (train.x[self.scored], train.y[self.scored])}
        for name in ("validation", "test"):
            part = getattr(self.split, name)
            if part is not None:
                parts[name] = (part.x, part.y)
        return Job(self.network, self.training, self.setting.network.targets, self.run.seed, parts)

    def _first_progress(self) -> Progress:
        progress = load_checkpoint(self.task.checkpoint, self.run.id) if self.task.checkpoint else None
        if progress is not None:
            progress.resumed += 1
        elif self.task.parent is not None:
            before = self.task.parent
            check_shapes(before.params, self.network.parameter_shapes, f"run {before.id}, which this one continues")
            progress = _continued(self.task.parent, self.setting.training.optimizer.name)
        else:
            section = self.setting.network
            params = initialize(self.network, section.init, section.bias_init, self.run.seed, self.training.dtype)
            progress = Progress(params)
        self.session.load(progress.params, progress.slots, progress.t)
        if not progress.before:
            progress.before = self.session.outputs(samples_of(self.split)[1].x).astype(float).tolist()
        return progress

    def steps(self) -> Steps:
        """Train what is left, up to the end or to where the task ends -> the record, or where the run is paused.

        A checkpoint that is further on already pauses at `until` all the same, from its history; pruned is where it is.
        """
        until = self.task.until
        diverged = yield from self._train(self.training.epochs if until is None else until)
        if diverged is not None or until is None or not self._waits(until):
            return self._end(diverged)
        if self.task.prune:
            return self._end() if self._is_over() else self._record(None, pruned=True)
        if self.unsaved:
            self._write_checkpoint()
        return Paused(until, {name: self._own(name)[:until] for name in self.progress.curves})

    def _end(self, diverged: dict[str, Any] | None = None) -> Record:
        """The record of a run that is over."""
        if diverged is None and self.progress.best:
            self.session.load(self.progress.best, self.progress.best_slots, self._steps_at_best())
        return self._record(diverged)

    def _steps_at_best(self) -> int:
        """How many steps the optimizer had made at the end of the best epoch."""
        rule, progress = self.training.early_stopping, self.progress
        assert rule is not None
        best = progress.first_epoch + rule.best(self._own(rule.monitor))[0]
        return progress.t - (progress.step - int(progress.curves["steps_at_epoch_end"][best]))

    def _waits(self, until: int) -> bool:
        """Whether a run that was trained up to `until` had more to come there."""
        own = self.progress.epoch - self.progress.first_epoch
        return until < self.training.epochs and own >= until and not self._stopped_early(until)

    def _is_over(self) -> bool:
        return self.progress.epoch >= self.progress.first_epoch + self.training.epochs or self._stopped_early()

    def _record(self, diverged: dict[str, Any] | None, *, pruned: bool = False) -> Record:
        return record_of(
            Trained(
                run=self.run,
                setting=self.setting,
                network=self.network,
                split=self.split,
                session=self.session,
                progress=self.progress,
                scored=self.scored,
                diverged=diverged,
                pruned=pruned,
                parent=self.task.parent,
                seconds=self.seconds_before + time.perf_counter() - self.started,
            )
        )

    # -- training

    def _train(self, until: int) -> Generator[Epoch, Answer, dict[str, Any] | None]:
        """Train up to epoch `until` at most; where the run diverged, if it did."""
        parent = self.task.parent
        if parent is not None and parent.data["diverged"] is not None:
            return dict(parent.data["diverged"])
        last = self.progress.first_epoch + min(until, self.training.epochs)
        try:
            yield from self._train_epochs(last)
        except _Diverged as end:
            return end.where
        return None

    def _train_epochs(self, last: int) -> Generator[Epoch, Answer, None]:
        progress = self.progress
        while progress.epoch < last and not self._stopped_early():
            trained, scored = yield from self._one_epoch()
            progress.times.append([trained, scored + self._score_epoch()])
            self.unsaved = True
            metrics = {name: values[-1] for name, values in progress.curves.items()}
            self._save_checkpoint()  # first: a listener can take what is kept
            for observer in self.task.observers:
                observer(EpochEnd(self.run.id, progress.epoch - progress.first_epoch, self.training.epochs, metrics))

    def _one_epoch(self) -> Generator[Epoch, Answer, tuple[float, float]]:
        """Train an epoch -> its seconds, and those of scores that have been made by now."""
        progress = self.progress
        start = time.perf_counter()
        own = progress.epoch - progress.first_epoch
        e = own + np.arange(self.n_steps) / self.n_steps
        lrs = self.training.optimizer.lr * self.training.schedule.multipliers(
            e, self.training.epochs, self._own("val_loss")
        )
        order = epoch_order(self.run.seed, progress.epoch, len(self.split.train.y))
        asked = time.perf_counter()
        answer = yield Epoch(order, lrs, progress.step, tuple(self._scored_parts().values()))
        losses, mine = answer.losses, answer.seconds + answer.scoring
        of_others = time.perf_counter() - asked - mine  # of runs that share its program, and of who drives them
        start, self.started = start + of_others, self.started + of_others
        trained = State(*self.session.export())
        if not np.isfinite(losses[-1]) or not all_finite(trained.params):
            raise self._diverged_within(order, lrs, losses, trained)
        progress.loss_per_step.append(losses)
        progress.epoch += 1
        progress.step += self.n_steps
        progress.params, progress.slots, progress.t = trained.params, trained.slots, trained.t
        progress.curves.setdefault("lr", []).append(float(lrs[0]))
        progress.curves.setdefault("steps_at_epoch_end", []).append(progress.step)
        return time.perf_counter() - start - answer.scoring, answer.scoring

    def _diverged_within(self, order: np.ndarray, lrs: np.ndarray, losses: np.ndarray, noticed: State) -> _Diverged:
        """The step of this epoch that did it (`divergence`).  The run keeps the weights from before it.

        losses, noticed: of the epoch as it was trained, up to where the engine ended it.
        """
        progress = self.progress
        size = batch_length(len(order), self.training.batch_size)
        replay = self.session if isinstance(self.session, Session) else open_session("array", self._job())
        start = State(progress.params, progress.slots, progress.t)
        found = first_bad_step(replay, start, order, lrs, progress.step, size, len(losses))
        step, before, after = (found.step, found.before, found.after) if found else (len(losses), noticed, noticed)
        losses = losses[:step].copy()
        if found:
            losses[-1] = found.loss
        progress.loss_per_step.append(losses)
        self.session.load(before.params, before.slots, before.t)
        x = self.split.train.x[order[(step - 1) * size : step * size]]
        if np.isfinite(losses[-1]):
            layer, reason = first_non_finite(self.network, after.params, x), "a parameter is not finite after the step"
        else:
            layer, reason = first_non_finite(self.network, before.params, x), f"the loss of the batch is {losses[-1]}"
        return _Diverged(progress.epoch + 1, progress.step + step, layer, reason)

    def _scored_parts(self) -> dict[str, str]:
        """The parts that are scored after every epoch, by their short names."""
        parts = {"train": "train_sample"}
        if self.split.validation is not None:
            parts["val"] = "validation"
        if self.training.test_every_epoch and self.split.test is not None:
            parts["test"] = "test"
        return parts

    def _score_epoch(self) -> float:
        start = time.perf_counter()
        curves = self.progress.curves
        for short, part in self._scored_parts().items():
            loss, accuracy, _ = score(self.session, self.split, part, self.scored)
            if not np.isfinite(loss):
                x = self.split.train.x[self.scored] if part == "train_sample" else getattr(self.split, part).x
                layer = first_non_finite(self.network, self.progress.params, x)
                reason = f"{short}_loss is {loss} after the epoch"
                raise _Diverged(self.progress.epoch, self.progress.step, layer, reason)
            curves.setdefault(f"{short}_loss", []).append(loss)
            curves.setdefault(f"{short}_accuracy", []).append(accuracy)
        rule = self.training.early_stopping
        if rule is not None:
            history = self._own(rule.monitor)
            if rule.best(history)[0] == len(history) - 1:
                self.progress.best, self.progress.best_slots = self.progress.params, self.progress.slots
        return time.perf_counter() - start

    def _stopped_early(self, until: int | None = None) -> bool:
        rule = self.training.early_stopping
        history = self._own(rule.monitor)[:until] if rule else []
        return bool(rule and history and rule.best(history)[1])

    def _own(self, curve: str) -> list[float]:
        """A curve of this run's own epochs, without those of the run that it continues."""
        return self.progress.curves.get(curve, [])[self.progress.first_epoch :]

    def _save_checkpoint(self) -> None:
        """Save when the last one is old enough; the time decides only how much work a kill can cost, never a bit."""
        age = time.perf_counter() - self.saved_at
        of_all = self.save_seconds * int(self.training.stack)  # those that share its program save theirs as well
        if self.task.checkpoint and age > max(CHECKPOINT_SECONDS, of_all / CHECKPOINT_SHARE):
            self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        assert self.task.checkpoint is not None
        start = time.perf_counter()
        worth_waiting = start - self.saved_at > FORCED_SECONDS
        save_checkpoint(self.task.checkpoint, self.run.id, self.progress, forced=worth_waiting)
        self.saved_at, self.unsaved = time.perf_counter(), False
        self.save_seconds = self.saved_at - start


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
