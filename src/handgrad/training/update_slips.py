"""Slips between gradients and scores: how parameters are updated, and what dropout masks.

Each function takes the right function and gives the wrong one.  `Right` and the letters are those of `gradient_slips`.
"""

from typing import Any

from array_api_compat import array_namespace

from handgrad.network import passes
from handgrad.network.arrays import Array
from handgrad.network.dropout import Dropout
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training.gradient_slips import Right, has_biases
from handgrad.training.optimizers import Momentum, Number, Optimizer, Step, is_weight
from handgrad.training.step_functions import AtStep, Slip

AS_WEIGHT = ".W"  # what the name of a parameter that is decayed ends with


class _SubtractedMomentum(Momentum):
    """v ← dw − μ·v;  w ← w − lr·v."""

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        v = dw - self.momentum * slots[0]
        return w - lr * v, (v,)


class _LateMomentum(Momentum):
    """w ← w − lr·v with the v of before;  v ← μ·v + dw."""

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        return w - lr * slots[0], (self.momentum * slots[0] + dw,)


def _with_momentum(kind: type[Momentum]) -> Any:
    def wrong(right: Right, at: AtStep) -> Right:
        def step(optimizer: Optimizer, *arrays: Any, **numbers: Any) -> Any:
            return right(kind.model_construct(**dict(optimizer)), *arrays, **numbers)

        return step

    return wrong


def _decay_without_lr(right: Right, at: AtStep) -> Right:
    def step(optimizer: Optimizer, params: Any, grads: Any, slots: Any, *, weight_decay: Number, **numbers: Any) -> Any:
        after, slots = right(optimizer, params, grads, slots, weight_decay=0.0, **numbers)
        shrunk = {name: after[name] - weight_decay * params[name] for name in grads if is_weight(name)}
        return after | shrunk, slots

    return step


def _decayed_biases(right: Right, at: AtStep) -> Right:
    """The right step decays what has the name of a weight, so biases get one."""

    def step(optimizer: Optimizer, params: Any, grads: Any, slots: Any, **numbers: Any) -> Any:
        def renamed(arrays: Any) -> Any:
            return {name + AS_WEIGHT if _is_bias(name) else name: array for name, array in arrays.items()}

        after, new_slots = right(optimizer, renamed(params), renamed(grads), renamed(slots), **numbers)
        return _named_back(after), _named_back(new_slots)

    return step


def _named_back(arrays: Any) -> Any:
    return {
        name.removesuffix(AS_WEIGHT) if _is_bias(name.removesuffix(AS_WEIGHT)) else name: array
        for name, array in arrays.items()
    }


def _is_bias(name: str) -> bool:
    return name.endswith(".b")


def _fixed_biases(right: Right, at: AtStep) -> Right:
    def step(optimizer: Optimizer, params: Any, *arrays: Any, **numbers: Any) -> Any:
        after, slots = right(optimizer, params, *arrays, **numbers)
        return {name: params[name] if _is_bias(name) else w for name, w in after.items()}, slots

    return step


def _unscaled_masks(right: Right, at: AtStep) -> Right:
    def masks(*arguments: Any, like: Array, **rates: Any) -> dict[int, Array]:
        xp = array_namespace(like)
        found = right(*arguments, like=like, **rates)
        return {i: xp.astype(mask > 0, mask.dtype) for i, mask in found.items()}

    return masks


def _shared_masks(right: Right, at: AtStep) -> Right:
    def masks(network: Network, key: Any, number: Any, n: int, **others: Any) -> dict[int, Array]:
        found: dict[int, Array] = right(network, key, number, 1, **others)  # (1, units): the same for each row of x
        return found

    return masks


def _score_with_dropout(right: Right, at: AtStep) -> Right:
    """A `score` with the masks of a training pass: for each `rows_at_once` examples those of a further step."""

    def score(
        network: Network, params: Any, x: Array, T: Array, loss: str, *, tells_class: bool = True
    ) -> tuple[Array, Array]:
        xp, rows = array_namespace(x), passes.rows_at_once(network)
        losses, predicted = [], []
        for chunk, start in enumerate(range(0, x.shape[0], rows)):
            some = x[start : start + rows]
            masks = passes.masks(network, at.key, at.number + chunk, some.shape[0], like=x)
            trace = passes.forward(network, params, some, masks=masks)
            losses.append(
                LOSSES[loss].forward(passes.loss_input(network, trace, loss), T[start : start + some.shape[0]])
            )
            predicted.append(xp.argmax(trace.output, axis=-1) if tells_class else trace.output)
        return xp.concat(losses), xp.concat(predicted)

    return score


# -- where they change something


def _momentum(network: Network, training: Any) -> bool:
    return bool(training.optimizer.name == "momentum")


def _decays(network: Network, training: Any) -> bool:
    return bool(training.weight_decay)


def _decays_beside_biases(network: Network, training: Any) -> bool:
    return _decays(network, training) and has_biases(network, training)


def _dropout(network: Network, training: Any) -> bool:
    return any(isinstance(layer, Dropout) and layer.rate for layer in network.layers)


UPDATE_SLIPS = (
    Slip(
        "momentum-sign",
        changes="step",
        term="v",
        formula="v ← dw − μ·v, w ← w − lr·v",
        right="v ← μ·v + dw, w ← w − lr·v",
        why="two conventions are mixed: μ·v − lr·dw, which is added to w, and μ·v + dw, which is subtracted",
        fingerprint="after equal gradients v alternates about dw/(1 + μ)",
        symptom="as with a learning rate of lr/(1 + μ) instead of lr/(1 − μ): 19 times slower at μ = 0.9",
        wrong=_with_momentum(_SubtractedMomentum),
        needs="training.optimizer = momentum",
        applies=_momentum,
    ),
    Slip(
        "momentum-after-update",
        changes="step",
        term="v",
        formula="w ← w − lr·v, then v ← μ·v + dw",
        right="v ← μ·v + dw, then w ← w − lr·v",
        why="the two lines are swapped",
        fingerprint="the first step changes nothing; every other one lacks the newest gradient",
        symptom="oscillates, and bears smaller learning rates only",
        wrong=_with_momentum(_LateMomentum),
        needs="training.optimizer = momentum",
        applies=_momentum,
    ),
    Slip(
        "l2-without-learning-rate",
        changes="step",
        term="λ·W",
        formula="W ← W − lr·dW − λ·W",
        right="W ← W − lr·(dW + λ·W)",
        why="the penalty is subtracted beside the step and not within it",
        fingerprint="with dW = 0 a step leaves (1 − λ)·W, whatever lr is",
        symptom="λ acts as λ/lr: what should be mild shrinks all weights, up to one class for all",
        wrong=_decay_without_lr,
        needs="training.weight_decay > 0",
        applies=_decays,
        source="eee443, runs 9_4 and 9_5",
    ),
    Slip(
        "l2-on-biases",
        changes="step",
        term="λ·b",
        formula="db ← db + λ·b",
        right="db as it is: weights alone are decayed",
        why="one loop over all parameters",
        fingerprint="with db = 0 a step shrinks b as it shrinks W",
        symptom="hardly any at usual λ",
        wrong=_decayed_biases,
        needs="training.weight_decay > 0 and a layer with biases",
        applies=_decays_beside_biases,
        source="eee443, runs 9_4 and 9_5",
    ),
    Slip(
        "biases-not-updated",
        changes="step",
        term="b",
        formula="b ← b",
        right="b ← b − lr·db",
        why="the line for b is missing, or the layers have none",
        fingerprint="biases stay as they were drawn; with zeros the network has none",
        symptom="a little less accurate; more where inputs are not centred",
        wrong=_fixed_biases,
        needs="a layer with biases",
        applies=has_biases,
        source="Fashion-MNIST by hand (fashion)",
    ),
    Slip(
        "dropout-not-rescaled",
        changes="masks",
        term="1/(1 − p)",
        formula="mask of 0 and 1",
        right="mask of 0 and 1/(1 − p)",
        why="the factor is in neither pass: training leaves it out, scoring does not multiply by 1 − p",
        fingerprint="in training a is (1 − p) of the right one, so its gradients are too",
        symptom="when scored, layers get inputs 1/(1 − p) times those that they learnt with: worse scores",
        wrong=_unscaled_masks,
        needs="a dropout layer",
        applies=_dropout,
    ),
    Slip(
        "dropout-same-mask-for-all",
        changes="masks",
        term="rows",
        formula="mask (1, units), the same for every example of a batch",
        right="mask (m, units), one row for each example",
        why="the mask is drawn with the shape of a layer and not of a batch",
        fingerprint="a unit is off for the whole batch: its column of dW is 0",
        symptom="noisier steps; none at batch size 1",
        wrong=_shared_masks,
        needs="a dropout layer and batches of 2 or more",
        applies=lambda network, training: _dropout(network, training) and training.batch_size != 1,
    ),
    Slip(
        "dropout-while-scoring",
        changes="score",
        term="masks",
        formula="training, validation and test scored with dropout on",
        right="scored with dropout off",
        why="the network stays in training mode: model.eval() is missing",
        fingerprint="scores of the same weights differ between two scorings; gradients are right",
        symptom="training is scored too low, and often below validation of a network without the slip",
        wrong=_score_with_dropout,
        needs="a dropout layer",
        applies=_dropout,
        source="project3, Figures 6 to 8",
    ),
)
