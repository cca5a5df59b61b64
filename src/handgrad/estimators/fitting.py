"""Fitting: epochs of an engine, ended by the rules of scikit-learn's MLPClassifier and MLPRegressor.

    for epoch    `Fit.train`, here
    for batch    `train_epoch` of the engine

Unlike `training.loop` it keeps no record: nothing is scored after an epoch but the validation part of early stopping,
and the loss is that of the steps of the epoch, so that a fit costs its steps and little more.

Letters: n training examples; m of them in a batch; α the L2 penalty; lr the learning rate of an epoch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import r2_score

from handgrad.data.batches import batch_length, epoch_order, steps_per_epoch
from handgrad.errors import ParameterError
from handgrad.estimators.parameters import Parameters
from handgrad.measures import MULTI_LABEL, REGRESSION
from handgrad.network.network import Network
from handgrad.network.targets import class_of, decided
from handgrad.training.divergence import all_finite
from handgrad.training.engines import Job, Params, Session, Slots, open_session
from handgrad.training.environment import one_thread
from handgrad.training.optimizers import is_weight

LEAST_RATE, DIVISOR = 1e-6, 5.0  # of learning_rate = "adaptive"
Part = tuple[np.ndarray, np.ndarray]  # x (n, columns) float32, y (n,) numbers of classes, or (n, k) targets


@dataclass
class FitState:
    """Where a fit stands; `partial_fit` and `warm_start` go on from it.

    t: steps of the optimizer;  epoch, step: since the initial weights, which key order and dropout masks;  seen:
    examples since then;  divisions: how often "adaptive" divided the learning rate;  waited: epochs without an
    improvement.
    """

    params: Params
    slots: Slots = field(default_factory=dict)
    t: int = 0
    epoch: int = 0
    step: int = 0
    seen: int = 0
    divisions: int = 0
    rate: float | None = None  # of the last epoch
    waited: int = 0
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # of the validation part, with early stopping


class Fit:
    """One call of `fit` or `partial_fit`, from `progress` on.  seed: of order and dropout."""

    def __init__(
        self, name: str, chosen: Parameters, network: Network, train: Part, validation: Part | None, seed: int
    ) -> None:
        self.name, self.chosen, self.seed, self.n = name, chosen, seed, len(train[1])
        self.training, self.task = chosen.setting.resolved().training, chosen.setting.task
        self.validation = validation
        parts = {"train": train} if validation is None else {"train": train, "validation": validation}
        self.job = Job(network, self.training, "one-hot", seed, parts)
        self.steps = steps_per_epoch(self.n, self.training.batch_size)
        size = batch_length(self.n, self.training.batch_size)
        self.sizes = np.full(self.steps, size)  # of the batches
        self.sizes[-1] = self.n - size * (self.steps - 1)

    def train(self, progress: FitState, epochs: int) -> int:
        """Train up to so many epochs -> how many it were; `progress` is then at their end, or at the best of them."""
        with one_thread(self.training.library), np.errstate(all="ignore"):  # what is not finite is looked for
            session = open_session(self.training.engine, self.job)
            session.load(progress.params, progress.slots, progress.t)
            done, best = 0, Best(progress)
            while done < epochs:  # for epoch
                self._keep_velocity(session, progress)
                losses = session.train_epoch(self._order(progress), self._rates(progress, done), progress.step)
                done += 1
                progress.epoch, progress.step, progress.seen = (
                    progress.epoch + 1, progress.step + self.steps, progress.seen + self.n
                )  # fmt: skip
                progress.losses.append(self._loss(session, losses, progress))
                better = best.improves(progress, self._score(session, progress), self.chosen.tol, session.export)
                progress.waited = 0 if better else progress.waited + 1
                self._say(done, progress)
                if progress.waited > self.chosen.patience:
                    if not self._rate_can_fall(progress):
                        break
                    progress.waited, progress.divisions = 0, progress.divisions + 1
            progress.params, progress.slots, progress.t = session.export()
        if not all_finite(progress.params):
            raise self._diverged(progress.epoch)
        if best.params is not None:
            progress.params = best.params
        return done

    # -- what an epoch needs

    def _order(self, progress: FitState) -> np.ndarray:
        return epoch_order(self.seed, progress.epoch, self.n) if self.chosen.shuffle else np.arange(self.n)

    def _rates(self, progress: FitState, done: int) -> np.ndarray:
        """The learning rate of every step (steps,)."""
        return np.full(self.steps, self._rate(progress)) if self.chosen.rate != "schedule" else self._schedule(done)

    def _rate(self, progress: FitState) -> float:
        """lr of the epoch by a rule of scikit-learn."""
        lr = self.training.optimizer.lr
        if self.chosen.rate == "invscaling" and progress.seen:
            return lr / math.pow(progress.seen + 1, self.chosen.power_t)
        return lr / DIVISOR**progress.divisions

    def _keep_velocity(self, session: Session, progress: FitState) -> None:
        """Where a rule changed lr: v times old lr/new lr, as theirs is v ← μ·v − lr·dw, w ← w + v, and keeps its v."""
        rate = self._rate(progress)
        if (
            self.chosen.rate != "schedule"
            and progress.rate not in (None, rate)
            and "v" in self.training.optimizer.slots
        ):
            params, slots, t = session.export()
            kept = np.float32(progress.rate / rate)
            session.load(params, {name: tuple(v * kept for v in arrays) for name, arrays in slots.items()}, t)
        progress.rate = rate

    def _schedule(self, done: int) -> np.ndarray:
        """lr of every step by a schedule of handgrad, over max_iter epochs."""
        passed = done + np.arange(self.steps) / self.steps
        multipliers = self.training.schedule.multipliers(passed, self.chosen.max_iter, [])
        return self.training.optimizer.lr * np.asarray(multipliers)

    # -- what comes after it

    def _loss(self, session: Session, losses: np.ndarray, progress: FitState) -> float:
        """The mean over the examples (and targets that are numbers) of the losses before each step, and ½·α/m·ΣW² of
        each batch as W is after them."""
        if len(losses) < self.steps or not np.isfinite(losses[-1]):
            raise self._diverged(progress.epoch)
        loss = float(np.dot(losses.astype(np.float64), self.sizes) / self.n)
        if self.task == REGRESSION:
            loss /= self.job.network.n_outputs
        if self.chosen.alpha:
            params, _, _ = session.export()
            squares = sum(float(np.vdot(W, W)) for name, W in params.items() if is_weight(name))
            loss += 0.5 * self.chosen.alpha * squares * self.steps / self.n
        return loss

    def _score(self, session: Session, progress: FitState) -> float | None:
        """The accuracy on the validation part (of labels: of all of an example), R² of numbers; None without one."""
        if self.validation is None:
            return None
        (_, told), y, output = session.score("validation"), self.validation[1], self.job.network.output
        if self.task == REGRESSION:
            progress.scores.append(float(r2_score(y, told)))
        elif self.task == MULTI_LABEL:
            progress.scores.append(float((decided(told, output) == y).all(axis=1).mean()))
        else:
            progress.scores.append(float(((told if told.ndim == 1 else class_of(told, output)) == y).mean()))
        return progress.scores[-1]

    def _rate_can_fall(self, progress: FitState) -> bool:
        return self.chosen.rate == "adaptive" and self._rate(progress) > LEAST_RATE

    def _say(self, done: int, progress: FitState) -> None:
        if self.chosen.verbose:
            print(f"Iteration {done}, loss = {progress.losses[-1]:.8f}")
            if self.validation is not None:
                print(f"Validation score: {progress.scores[-1]:f}")

    def _diverged(self, epoch: int) -> ParameterError:
        return ParameterError(
            f"{self.name}: the loss or the weights were no finite numbers any more in epoch {epoch}: it diverged; "
            f"lower learning_rate_init ({self.training.optimizer.lr:g}), or bring the columns of X to one scale, as "
            "with StandardScaler"
        )


class Best:
    """The best loss so far, or with early stopping the best validation score and the weights that have it."""

    def __init__(self, progress: FitState) -> None:
        self.loss = min(progress.losses, default=math.inf)
        self.score = max(progress.scores, default=-math.inf)
        self.params: Params | None = progress.params if progress.scores else None

    def improves(
        self, progress: FitState, score: float | None, tol: float, export: Callable[[], tuple[Params, Slots, int]]
    ) -> bool:
        """Take an epoch in -> whether it is better than the best before by more than `tol` (a score: by `tol`)."""
        if score is None:
            better = not progress.losses[-1] > self.loss - tol
            self.loss = min(self.loss, progress.losses[-1])
            return better
        better = not score < self.score + tol
        if score > self.score:
            self.score, self.params = score, export()[0]
        return better
