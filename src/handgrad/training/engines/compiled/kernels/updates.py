"""Updates: from a gradient to new parameters, one vector at a time; twins of `handgrad.training.optimizers`.

`apply` is called with each vector of a gradient as soon as it is complete, while it is still in registers.  What it
does with it is the *rule*: one of the optimizers, or KEEP and ADD, which put it aside for batches that are worked
through in parts and for gradients that have to be clipped first.

The numbers of a step, `h`, are computed once a step in float64: see the names below.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from handgrad.training.engines.compiled import twins
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    number,
    splat,
    sqrt,
    store,
    total,
    zero,
)

CODES = {name: twin.code for name, twin in twins.OPTIMIZERS.items()}
SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADAMW = (
    CODES[n] for n in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
)
KEEP, ADD = 100, 101

LR, DECAY, MU, REST, RHO, REST2, EPS, CORRECTION = range(8)  # of h; DECAY: λ (adamw: lr·λ), CORRECTION: 1/(1 − β₂ᵗ)
NUMBERS = 8
SMALL = 1e-15  # a norm whose square is far from the smallest numbers of float32


def rates(training: Any) -> np.ndarray:
    """What a step needs of a `TrainingSection`: momentum or β₁, ρ or β₂, ε, the norm to clip to (0: none), λ."""
    settings = dict(training.optimizer)
    return np.array([
        settings.get("momentum", settings.get("beta1", 0.0)),
        settings.get("rho", settings.get("beta2", 0.0)), settings.get("eps", 0.0),
        training.clip_norm or 0.0, training.weight_decay,
    ])  # fmt: skip


class Memory(NamedTuple):
    """Parameters, the optimizer's two slots and the gradient put aside: flat, of one length or empty."""

    theta: Any
    slot1: Any
    slot2: Any
    grad: Any


@kernel
def numbers_of_step(h: Any, o: Any, rule: int, lr: float, decay: float, t: int) -> None:
    """Fill h.  o: momentum or β₁; ρ or β₂; ε."""
    h[LR], h[DECAY] = lr, decay
    h[MU], h[REST] = o[0], 1.0 - o[0]
    h[RHO], h[REST2] = o[1], 1.0 - o[1]
    h[EPS], h[CORRECTION] = o[2], 1.0
    if rule in (ADAM, ADAMW):  # float(t): a whole exponent is many products to Numba, and 1 − β₂ᵗ magnifies rounding
        h[LR] = lr / (1.0 - o[0] ** float(t))
        h[CORRECTION] = 1.0 / (1.0 - o[1] ** float(t))
    if rule == ADAMW:
        h[DECAY] = lr * decay


@inlined
def apply(rule: int, m: Any, i: int, g: Any, h: Any, weight: bool) -> None:
    """Twin of `optimizers.step` without clipping, for the vector at i, whose gradient is g.  Only weights decay."""
    if rule == KEEP:
        store(m.grad, i, g)
    elif rule == ADD:
        store(m.grad, i, load(m.grad, i) + g)
    else:
        w = load(m.theta, i)
        if weight and at(h, DECAY) != 0:
            if rule == ADAMW:
                w = fma(splat(-at(h, DECAY)), w, w)
            else:
                g = fma(splat(at(h, DECAY)), w, g)
        step = splat(-at(h, LR))
        if rule == SGD:
            store(m.theta, i, fma(step, g, w))
        elif rule in (MOMENTUM, NESTEROV):
            v = fma(splat(at(h, MU)), load(m.slot1, i), g)
            store(m.slot1, i, v)
            store(m.theta, i, fma(step, v if rule == MOMENTUM else fma(splat(at(h, MU)), v, g), w))
        elif rule == ADAGRAD:
            s = fma(g, g, load(m.slot1, i))
            store(m.slot1, i, s)
            store(m.theta, i, fma(step, g / (sqrt(s) + splat(at(h, EPS))), w))
        elif rule == RMSPROP:
            s = fma(splat(at(h, RHO)), load(m.slot1, i), splat(at(h, REST2)) * (g * g))
            store(m.slot1, i, s)
            store(m.theta, i, fma(step, g / (sqrt(s) + splat(at(h, EPS))), w))
        else:
            first = fma(splat(at(h, MU)), load(m.slot1, i), splat(at(h, REST)) * g)
            s = fma(splat(at(h, RHO)), load(m.slot2, i), splat(at(h, REST2)) * (g * g))
            store(m.slot1, i, first)
            store(m.slot2, i, s)
            root = sqrt(s * splat(at(h, CORRECTION)))
            store(m.theta, i, fma(step, first / (root + splat(at(h, EPS))), w))


class Past(NamedTuple):
    """What `rest` has to know of the steps of an epoch, in float64.

    Of step i: rate[i], what a step moves w by (Adam: lr/(1 − β₁ᵗ), Nesterov: lr·μ), and correction[i] = 1/√(1 − β₂ᵗ).
    Of k steps: fade1[k] = μᵏ or β₁ᵏ, fade2[k] = ρᵏ or β₂ᵏ, root[k] = √fade2[k].  longest[0]: see `rest`.
    """

    rate: Any
    correction: Any
    fade1: Any
    fade2: Any
    root: Any
    longest: Any


@kernel
def numbers_of_past(past: Past, o: Any, rule: int, lrs: Any, steps: int, t: int, unit: float) -> None:
    """Fill past, before the steps t + 1 to t + steps.  o: see `numbers_of_step`.  unit: of the last place of 1."""
    past.longest[0] = steps
    past.fade1[0] = past.fade2[0] = past.root[0] = 1.0
    for k in range(1, steps + 1):
        past.fade1[k], past.fade2[k] = past.fade1[k - 1] * o[0], past.fade2[k - 1] * o[1]
        past.root[k] = math.sqrt(past.fade2[k])
        smallest = unit * past.root[k] if rule in (ADAM, ADAMW) else unit
        if past.fade1[k] <= smallest and k < past.longest[0]:
            past.longest[0] = k
    for i in range(steps):
        past.rate[i], past.correction[i] = lrs[i], 1.0
        if rule == NESTEROV:
            past.rate[i] = lrs[i] * o[0]
        elif rule in (ADAM, ADAMW):
            past.rate[i] = lrs[i] / (1.0 - o[0] ** float(t + i + 1))
            past.correction[i] = 1.0 / math.sqrt(1.0 - o[1] ** float(t + i + 1))


@inlined
def rest(rule: int, m: Any, i: int, h: Any, past: Past, begin: int, end: int) -> None:
    """Steps begin … end − 1 of the epoch, without a gradient and without decay, for the vector at i.

    Without a gradient the slots only fade, v ← fade·v, so k steps need one look at memory:

        momentum   w ← w − Σ_j rate_j·fade1ʲ·v
        Adam       w ← w − Σ_j rate_j·fade1ʲ·m / (√s·root_j·correction_j + ε)

    The sum ends where what is left of it is below the last place (`longest`).  RMSProp moves no w, AdaGrad and
    plain descent do nothing at all without a gradient.
    """
    k = end - begin
    v = load(m.slot1, i)
    if rule == RMSPROP:
        store(m.slot1, i, fill(v, at(past.fade2, k)) * v)
    else:
        w, terms = load(m.theta, i), min(k, int(at(past.longest, 0)))
        if rule in (MOMENTUM, NESTEROV):
            moved = 0.0
            for j in range(1, terms + 1):
                moved += at(past.rate, begin + j - 1) * at(past.fade1, j)
            w = fma(fill(v, -moved), v, w)
        else:
            s, eps = load(m.slot2, i), splat(at(h, EPS))
            r = sqrt(s)
            for j in range(1, terms + 1):
                root = fill(v, at(past.root, j) * at(past.correction, begin + j - 1))
                w = fma(fill(v, -at(past.rate, begin + j - 1) * at(past.fade1, j)), v / fma(root, r, eps), w)
            store(m.slot2, i, fill(v, at(past.fade2, k)) * s)
        store(m.slot1, i, fill(v, at(past.fade1, k)) * v)
        store(m.theta, i, w)


@kernel
def squares(grad: Any, begin: int, end: int) -> Any:
    """Σ g² over part of the gradient put aside."""
    s = splat(zero(grad))
    for i in range(begin, end, lanes(grad)):
        g = load(grad, i)
        s = fma(g, g, s)
    return total(s)


@kernel
def clip_kept(grad: Any, end: int, clip_norm: float) -> float:
    """Twin of `clip_by_norm` for the gradient put aside: what it must be multiplied with.

    Where its squares would overflow, or vanish, it is first divided by its largest number.
    """
    norm = math.sqrt(float(squares(grad, 0, end)))
    largest = 1.0
    if norm < SMALL or norm == math.inf:
        largest = 0.0
        for i in range(end):
            largest = max(largest, abs(float(at(grad, i))))
        if largest == 0.0 or largest == math.inf:
            return 1.0
        for i in range(end):
            grad[i] = at(grad, i) / number(grad, largest)
        norm = math.sqrt(float(squares(grad, 0, end)))
    if norm > clip_norm / largest:
        return clip_norm / norm
    return largest


@kernel
def apply_kept(rule: int, m: Any, begin: int, end: int, factor: float, h: Any, weight: bool) -> None:
    """Update the parameters from begin to end with the gradient that was put aside, times `factor`."""
    for i in range(begin, end, lanes(m.theta)):
        g = load(m.grad, i)
        apply(rule, m, i, g * fill(g, factor), h, weight)
