"""A run in progress: what comes before an epoch of its training, and what comes after it.

Training and validation are scored in the same way: after the epoch, dropout off, the mean over examples.
Training is scored on a fixed random sample as large as the validation set, and of 2,000 examples at least
(`data.batches.train_sample`), unless all of it is asked for: scoring 60,000 images costs more than learning from them.
"""

import math
import time
from dataclasses import replace
from functools import cached_property

import numpy as np

from handgrad.data.augmentation import Augmenter
from handgrad.data.batches import batch_length, steps_per_epoch
from handgrad.data.contents import Part, Split
from handgrad.errors import InputError
from handgrad.measures import EPOCH_LOSS, PARTS, TEST, TRAIN, VALIDATION, DataPart
from handgrad.names import shown
from handgrad.network.network import Network
from handgrad.network.targets import encode
from handgrad.training.class_weights import weights_of
from handgrad.training.curves import ENDS, epoch_losses
from handgrad.training.diagnostics import diagnose, diagnosed, names_of
from handgrad.training.divergence import State, all_finite, first_bad_step
from handgrad.training.engines import Epoch, Group, Job, Session, open_session
from handgrad.training.environment import worker_id
from handgrad.training.progress import WAITING, first_progress, save_checkpoint
from handgrad.training.record import Record
from handgrad.training.record_facts import Divergence, Stretch
from handgrad.training.recording import Trained, batch_loss, not_finite, record_of, samples_of
from handgrad.training.scoring import PartScores, score, scored_y
from handgrad.training.slips import functions_at
from handgrad.training.task import End, EpochEnd, Paused, Task

CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.02
FORCED_SECONDS = 0.5  # a checkpoint of more work than this waits until it is on the disk; less is cheaper to retrain


class RunInProgress:
    """One run of a group, from its start, a checkpoint or its parent's end, to its own end.

    The loop calls `next_epoch`, `take_epoch` and `finish_epoch` while it `goes_on`, then `end`.
    Raises InputError where the setting does not fit the data.
    """

    def __init__(self, task: Task, split: Split, group: Group) -> None:
        self.started, self.began = time.perf_counter(), time.time()
        task.check()
        self.task, self.run, self.split = task, task.run, split
        self.id = self.run.id  # which asks every public table what was added to it
        self.setting = self.run.setting.resolved()
        self.training = self.setting.training
        self.network: Network = self.setting.network_for(
            split.shape, split.n_classes, has_validation=split.validation is not None
        )
        self.functions = functions_at(self.training)
        self.split = self._with_slips(split) if self.training.slips else split
        n = len(split.train.y)
        self.sample = np.arange(n) if self.training.train_score == "all" else self.split.train_sample
        self.scores: dict[DataPart, PartScores] = {}  # of the last epoch that was trained here
        if self.training.slips:  # of which one can leave examples out
            n = len(self.functions.order(self.run.source_seeds.order, 0, n))
        self.n_steps = steps_per_epoch(n, self.training.batch_size)
        self.epochs_of_steps = np.arange(self.n_steps) / self.n_steps
        self.augmenter = Augmenter.of(self.training.augmentation, self.split.train.x)
        self.progress = first_progress(task, self.id, self.network)
        self.diverged = None if task.parent is None else task.parent.diverged
        self.member = group.add(self._job())
        try:
            self.member.load(self.progress.params, self.progress.slots, self.progress.t)
            if not self.progress.before:
                self.progress.drawn = True
                self.progress.before = self.member.outputs(samples_of(split)[1].x).astype(float).tolist()
            self._diagnose()
        except Exception:
            group.release(self.member, sound=False)
            raise
        self.stretches, self.epochs_before = self.progress.stretches, self._own_epochs
        self.seconds = sum(map(sum, self.progress.times)) + time.perf_counter() - self.started
        self.saved_at, self.save_seconds, self.unsaved = time.perf_counter(), 0.0, False

    def _with_slips(self, split: Split) -> Split:
        """The parts with the labels that are trained with and the examples that are scored."""

        def scored(part: Part | None) -> Part | None:
            return None if part is None else replace(part, x=self.functions.scored(part.x))

        train = replace(split.train, y=self.functions.labels(split.train.y))
        return replace(split, train=train, validation=scored(split.validation), test=scored(split.test))

    def _job(self) -> Job:
        train = self.split.train
        learnt = {name: self.split.learnt(part.y) for name, part in self.split.parts.items()}
        parts = {name: (part.x, learnt[name]) for name, part in self.split.parts.items()}
        sampled = train.x if len(self.sample) == len(train.y) else self.split.sampled_x
        parts[TRAIN.scored] = (sampled, learnt[TRAIN.name][self.sample])
        chosen, weights = self.training.class_weights, None
        if chosen is not None:
            weights = weights_of(chosen, train.y, self.split.classes)[train.y]
        encoding, seed = self.setting.network.targets, self.run.source_seeds.dropout
        return Job(self.network, self.training, encoding, seed, parts, weights)

    # -- an epoch

    @property
    def goes_on(self) -> bool:
        """Whether there is an epoch to train: the run is not over, and not at the epoch where it is to wait."""
        epochs = self.training.epochs if self.task.until is None else min(self.task.until, self.training.epochs)
        return self.diverged is None and self._own_epochs < epochs and not self._stopped_early()

    def next_epoch(self) -> Epoch:
        """The order of the examples and the learning rate of every step."""
        progress, training, functions = self.progress, self.training, self.functions
        epochs_passed = self._own_epochs + self.epochs_of_steps
        history = self._own(VALIDATION.metric("loss"))
        multipliers = functions.multipliers(training.schedule, epochs_passed, training.epochs, history)
        if np.shape(multipliers) != (self.n_steps,):
            raise InputError(
                f"schedule {shown(training.schedule.name)} must give a number for each of {self.n_steps} steps; "
                f"its multipliers have the shape {np.shape(multipliers)}"
            )
        order = functions.order(self.run.source_seeds.order, progress.epoch, len(self.split.train.y))
        x = self.augmenter.examples(self.run.source_seeds.order, progress.epoch) if self.augmenter else None
        self.current = Epoch(order, training.optimizer.lr * multipliers, progress.step, x)
        return self.current

    def take_epoch(self, losses: np.ndarray) -> None:
        """Take the epoch that was trained into the history, with its scores; it is seen here whether the run diverged.

        losses: of every step, as `Session.train_epoch` returns them.
        """
        progress = self.progress
        trained = State(*self.member.export())
        if not np.isfinite(losses[-1]) or not all_finite(trained.params):
            self._diverge(losses, trained)
            return
        progress.loss_per_step.append(losses)
        progress.epoch += 1
        progress.step += self.n_steps
        progress.params, progress.slots, progress.t = trained.params, trained.slots, trained.t
        progress.curves.setdefault("lr", []).append(float(self.current.lrs[0]))
        progress.curves.setdefault("steps_at_epoch_end", []).append(progress.step)
        self._score()
        if self.diverged is None:
            self._diagnose()

    def finish_epoch(self, training: float, evaluation: float) -> None:
        """Keep the seconds of the epoch, save a checkpoint and tell the observers."""
        start = time.perf_counter()
        self.seconds += training + evaluation
        if self.diverged is None:
            progress = self.progress
            progress.times.append([training, evaluation])
            self.unsaved = True
            metrics = {name: values[-1] for name, values in progress.curves.items() if not math.isnan(values[-1])}
            self._save_checkpoint()  # first: an observer can take what is kept
            for observer in self.task.observers:
                observer(EpochEnd(self.id, self._own_epochs, self.training.epochs, metrics))
        self.seconds += time.perf_counter() - start

    @cached_property
    def scored_y(self) -> dict[DataPart, np.ndarray]:
        """The classes or targets of what is scored after every epoch, by part."""
        parts = [PARTS[name] for name in self.split.parts if name != TEST.name or self.training.test_every_epoch]
        return {part: scored_y(self.split, part, self.sample) for part in parts}

    def _score(self) -> None:
        progress = self.progress
        for part, y in self.scored_y.items():
            self.scores[part] = score(self.member, self.split, part, y, self.network.output)
            scores = self.scores[part][0]
            self.diverged = not_finite(scores, part, self.split, self.sample, self.network, self.member, progress)
            if self.diverged is not None:
                return
            reported = self.functions.reported(scores, lambda: batch_loss(progress, progress.epoch))
            for metric, value in reported.items():
                if metric not in progress.curves:
                    progress.curves[metric] = [math.nan] * (progress.epoch - 1)
                progress.curves[metric].append(value)
        for values in progress.curves.values():  # those that the run before it had, and this one does not score
            values.extend([math.nan] * (progress.epoch - len(values)))
        rule = self.training.early_stopping
        if rule is not None:
            history = self._own(rule.monitor)
            if rule.best(history)[0] == len(history) - 1:
                progress.best, progress.best_slots = progress.params, progress.slots

    def _diagnose(self) -> None:
        """Look at gradients and saturation where the setting asks for it; a checkpoint may have them already."""
        progress, wanted = self.progress, self.training.diagnostics
        if not wanted or progress.diagnostics.keys() != {"epoch", *names_of(self.network)}:
            progress.diagnostics = {}  # those of a run that this one continues may be of another network
        if wanted and progress.epoch not in progress.diagnostics.get("epoch", ()):
            train, encoding = self.split.train, self.setting.network.targets
            rows = diagnosed(len(train.y))
            T = encode(self.split.learnt(train.y[rows]), self.network.n_outputs, encoding, self.training.dtype)
            x = train.x[rows].astype(self.training.dtype)
            measured = diagnose(self.network, progress.params, x, T, self.training.loss)
            for name, value in {"epoch": progress.epoch, **measured}.items():
                progress.diagnostics.setdefault(name, []).append(value)

    def _diverge(self, losses: np.ndarray, noticed: State) -> None:
        """Find the step of this epoch at which the run diverged; the run keeps the weights from before it."""
        progress = self.progress
        replay = self.member if isinstance(self.member, Session) else open_session("array", self._job())
        start = State(progress.params, progress.slots, progress.t)
        size = batch_length(len(self.current.order), self.training.batch_size)
        found = first_bad_step(replay, start, self.current, size, losses, noticed)
        progress.loss_per_step.append(found.losses)
        self.member.load(found.before.params, found.before.slots, found.before.t)
        layer, reason = found.where(self.network, self.split.train.x if self.current.x is None else self.current.x)
        step = progress.step + len(found.losses)
        self.diverged = Divergence(epoch=progress.epoch + 1, step=step, layer=layer, reason=reason)

    # -- the end

    def end(self) -> End:
        """The record of the run, or the pause at the epoch where it waits.

        Where the checkpoint is past `until`, the pause is told as of `until`, from the history; a pruned run ends where
        it is.
        """
        start = time.perf_counter()
        until = self.task.until
        if self.diverged is not None or until is None or not self._pauses_at(until):
            return self._record(start)
        if self.task.prune:
            over = self._own_epochs >= self.training.epochs or self._stopped_early()
            return self._record(start, pruned=not over)
        if self.unsaved:
            self._write_checkpoint()
        progress = self.progress
        assert self.task.checkpoint is not None
        WAITING.keep(self.task.checkpoint, self.run.id, progress)
        losses = epoch_losses(np.concatenate(progress.loss_per_step), progress.curves[ENDS])
        history = {name: self._own(name) for name in progress.curves}
        history[EPOCH_LOSS.name] = losses[progress.first_epoch :].tolist()
        return Paused(until, {name: values[:until] for name, values in history.items()})

    def _record(self, start: float, *, pruned: bool = False) -> Record:
        progress = self.progress
        self._note_stretch()
        if progress.best and self.diverged is None and not pruned:
            self.member.load(progress.best, progress.best_slots, self._steps_at_best())
            self.scores = {}
        return record_of(
            Trained(
                id=self.id,
                run=self.run,
                setting=self.setting,
                network=self.network,
                split=self.split,
                session=self.member,
                progress=progress,
                scored=self.sample,
                diverged=self.diverged,
                pruned=pruned,
                parent=self.task.parent,
                seconds=self.seconds + time.perf_counter() - start,
                scores=self.scores,
            )
        )

    def _steps_at_best(self) -> int:
        """How many steps the optimizer had made at the end of the best epoch."""
        rule, progress = self.training.early_stopping, self.progress
        assert rule is not None
        best = progress.first_epoch + rule.best(self._own(rule.monitor))[0]
        return progress.t - (progress.step - int(progress.curves["steps_at_epoch_end"][best]))

    def _pauses_at(self, until: int) -> bool:
        """Whether a run that was trained to `until` has epochs left there and did not stop early."""
        return until < self.training.epochs and self._own_epochs >= until and not self._stopped_early(until)

    # -- history

    @property
    def _own_epochs(self) -> int:
        """How many epochs this run has trained, without those of the run that it continues."""
        return self.progress.epoch - self.progress.first_epoch

    def _own(self, curve: str) -> list[float]:
        """A curve of this run's own epochs."""
        return self.progress.curves.get(curve, [])[self.progress.first_epoch :]

    def _stopped_early(self, until: int | None = None) -> bool:
        rule = self.training.early_stopping
        history = self._own(rule.monitor)[:until] if rule else []
        return bool(rule and history and rule.best(history)[1])

    def _save_checkpoint(self) -> None:
        """Save when the last one is old enough; the time decides only how much work a kill can cost, never a bit."""
        age = time.perf_counter() - self.saved_at
        of_all = self.save_seconds * int(self.training.stack)  # those that share its program save theirs as well
        if self.task.checkpoint and age > max(CHECKPOINT_SECONDS, of_all / CHECKPOINT_SHARE):
            self._write_checkpoint()

    def _note_stretch(self) -> None:
        """Add the stretch that goes on to those before it, where anything was trained in it."""
        parent = self.task.parent
        diverged_here = self.diverged is not None and (parent is None or parent.diverged is None)
        if self._own_epochs > self.epochs_before or diverged_here:
            ended = self.began + time.perf_counter() - self.started  # the clock may have been set back since
            stretch = Stretch(worker=worker_id(), began=self.began, ended=ended, until=self._own_epochs)
            self.progress.stretches = [*self.stretches, stretch]

    def _write_checkpoint(self) -> None:
        assert self.task.checkpoint is not None
        start = time.perf_counter()
        self._note_stretch()
        worth_waiting = start - self.saved_at > FORCED_SECONDS
        save_checkpoint(self.task.checkpoint, self.id, self.progress, forced=worth_waiting)
        self.saved_at, self.unsaved = time.perf_counter(), False
        self.save_seconds = self.saved_at - start
