"""Updates: from a gradient to new parameters, one vector at a time; twins of `handgrad.training.optimizers`.

`apply` is called with each vector of a gradient as soon as it is complete, while it is still in registers.
`update_code` says what happens to it: the code of an optimizer makes a step; KEEP or ADD put it aside, for batches that
are worked through in chunks and for gradients that have to be clipped first.  An unknown code makes parameters NaN.

The numbers of a step, `h`, are computed once a step in float64; the constants below say where each lies.  Letters:
w, g, v (or m) and s as in `optimizers`; all others in letters.md.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from handgrad.training import twins
from handgrad.training.engines.compiled.kernels.constants import (
    AVERAGED,
    BESIDE,
    CLIP_NORM,
    FACTOR,
    OPTIMIZER,
    PER_EXAMPLE,
    RATE_EPS,
    RATE_MU,
    RATE_RHO,
    RATES,
    WEIGHT_DECAY,
)
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    load_like,
    number,
    splat,
    sqrt,
    store,
    total,
    zero,
)

SGD, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADAMW = (
    twins.OPTIMIZERS[n].code for n in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
)
KEEP, ADD = 100, 101  # no optimizer has these codes

LR, DECAY, SHRINKS, MU, ONE_MINUS_MU, RHO, ONE_MINUS_RHO, EPS, CORRECTION = range(9)  # of h
# DECAY: λ; SHRINKS: not 0 where w is made smaller by DECAY·w beside the step, so for adamw, whose DECAY is lr·λ.
# Adam's β₁ lies at MU, β₂ at RHO; CORRECTION: 1/(1 − β₂ᵗ)
NUMBERS = 9
SMALL = 1e-15  # a norm whose square is far from the smallest numbers of float32


def rates_of(training: Any) -> np.ndarray:
    """`rates` (see `constants`) of a `TrainingSection`; 0 where its optimizer has no such number."""
    settings, rates = dict(training.optimizer), np.zeros(RATES)
    rates[RATE_MU] = settings.get("momentum", settings.get("beta1", 0.0))
    rates[RATE_RHO] = settings.get("rho", settings.get("beta2", 0.0))
    rates[RATE_EPS] = settings.get("eps", 0.0)
    rates[CLIP_NORM], rates[WEIGHT_DECAY], rates[FACTOR] = training.clip_norm or 0.0, training.weight_decay, 1.0
    return rates


class Memory(NamedTuple):
    """Parameters, the optimizer's two slots and the gradient put aside: flat, of one length or empty."""

    theta: Any
    slot1: Any
    slot2: Any
    grad: Any


@kernel
def numbers_of_step(h: Any, rates: Any, update_code: int, lr: float, decay: float, t: int, beside: bool) -> None:
    """Fill h for step t (from 1) with learning rate lr and weight decay λ = decay.

    beside: W shrinks by λ·W beside the step, whatever the optimizer.
    """
    h[LR], h[DECAY], h[SHRINKS] = lr, decay, 0.0
    h[MU], h[ONE_MINUS_MU] = rates[RATE_MU], 1.0 - rates[RATE_MU]
    h[RHO], h[ONE_MINUS_RHO] = rates[RATE_RHO], 1.0 - rates[RATE_RHO]
    h[EPS], h[CORRECTION] = rates[RATE_EPS], 1.0
    if update_code in (ADAM, ADAMW):
        # float(t): a whole exponent is many products to Numba, and 1 − β₂ᵗ magnifies rounding
        h[LR] = lr / (1.0 - rates[RATE_MU] ** float(t))
        h[CORRECTION] = 1.0 / (1.0 - rates[RATE_RHO] ** float(t))
    if beside or update_code == ADAMW:
        h[SHRINKS] = 1.0
    if update_code == ADAMW and not beside:
        h[DECAY] = lr * decay


@kernel
def begin_step(h: Any, constants: Any, rates: Any, lr: float, size: int, t: int) -> None:
    """`numbers_of_step` for a batch of `size` examples: λ, or λ/m where decay is per example."""
    decay = rates[WEIGHT_DECAY] / size if constants[PER_EXAMPLE] else rates[WEIGHT_DECAY]
    numbers_of_step(h, rates, constants[OPTIMIZER], lr, decay, t, constants[BESIDE] != 0)


@kernel
def gradient_scale(constants: Any, rates: Any, size: int) -> float:
    """What the gradient of an example's loss is multiplied with in a batch of `size`: 1/m for a mean, 1 for a sum."""
    scale = rates[FACTOR]
    for _ in range(constants[AVERAGED]):
        scale /= size
    return scale


@inlined
def descend(m: Any, i: int, g: Any, step: Any) -> None:
    """`apply` for plain descent without weight decay; step: −lr in every lane."""
    store(m.theta, i, fma(step, g, load_like(g, m.theta, i)))


@inlined
def apply(update_code: int, m: Any, i: int, g: Any, h: Any, weight: bool) -> None:
    """Twin of `optimizers.step` without clipping, for the vector at i, whose gradient is g.  Only weights decay.

    The formulas are those of the optimizers' `update`, with −lr/(1 − β₁ᵗ) as the step of Adam and AdamW.
    """
    if update_code == KEEP:
        store(m.grad, i, g)
    elif update_code == ADD:
        store(m.grad, i, load(m.grad, i) + g)
    else:
        w = load(m.theta, i)
        if weight and at(h, DECAY) != 0:
            if at(h, SHRINKS) != 0:
                w = fma(splat(-at(h, DECAY)), w, w)
            else:
                g = fma(splat(at(h, DECAY)), w, g)
        step = splat(-at(h, LR))
        if update_code == SGD:
            store(m.theta, i, fma(step, g, w))
        elif update_code in (MOMENTUM, NESTEROV):
            v = fma(splat(at(h, MU)), load(m.slot1, i), g)
            store(m.slot1, i, v)
            store(m.theta, i, fma(step, v if update_code == MOMENTUM else fma(splat(at(h, MU)), v, g), w))
        elif update_code == ADAGRAD:
            s = fma(g, g, load(m.slot1, i))
            store(m.slot1, i, s)
            store(m.theta, i, fma(step, g / (sqrt(s) + splat(at(h, EPS))), w))
        elif update_code == RMSPROP:
            s = fma(splat(at(h, RHO)), load(m.slot1, i), splat(at(h, ONE_MINUS_RHO)) * (g * g))
            store(m.slot1, i, s)
            store(m.theta, i, fma(step, g / (sqrt(s) + splat(at(h, EPS))), w))
        elif update_code in (ADAM, ADAMW):
            first = fma(splat(at(h, MU)), load(m.slot1, i), splat(at(h, ONE_MINUS_MU)) * g)
            s = fma(splat(at(h, RHO)), load(m.slot2, i), splat(at(h, ONE_MINUS_RHO)) * (g * g))
            store(m.slot1, i, first)
            store(m.slot2, i, s)
            root = sqrt(s * splat(at(h, CORRECTION)))
            store(m.theta, i, fma(step, first / (root + splat(at(h, EPS))), w))
        else:
            store(m.theta, i, fill(w, math.nan))


class PastSteps(NamedTuple):
    """The numbers of the steps of an epoch that `fade` needs, in float64.

    Of step i: rate[i], what a step moves w by (Adam: lr/(1 − β₁ᵗ), Nesterov: lr·μ), and correction[i] = 1/√(1 − β₂ᵗ).
    Of k steps: fade1[k] = μᵏ or β₁ᵏ, fade2[k] = ρᵏ or β₂ᵏ, root[k] = √fade2[k].  longest[0]: see `fade`.
    """

    rate: Any
    correction: Any
    fade1: Any
    fade2: Any
    root: Any
    longest: Any


@kernel
def numbers_of_past(past: PastSteps, rates: Any, update_code: int, lrs: Any, steps: int, t: int, unit: float) -> None:
    """Fill past before the steps t + 1 to t + steps.  unit: of the last place of 1 in the type of the parameters."""
    past.longest[0] = steps
    past.fade1[0] = past.fade2[0] = past.root[0] = 1.0
    for k in range(1, steps + 1):
        past.fade1[k], past.fade2[k] = past.fade1[k - 1] * rates[RATE_MU], past.fade2[k - 1] * rates[RATE_RHO]
        past.root[k] = math.sqrt(past.fade2[k])
        smallest = unit * past.root[k] if update_code in (ADAM, ADAMW) else unit
        if abs(past.fade1[k]) <= smallest and k < past.longest[0]:
            past.longest[0] = k
    for i in range(steps):
        past.rate[i], past.correction[i] = lrs[i], 1.0
        if update_code == NESTEROV:
            past.rate[i] = lrs[i] * rates[RATE_MU]
        elif update_code in (ADAM, ADAMW):
            past.rate[i] = lrs[i] / (1.0 - rates[RATE_MU] ** float(t + i + 1))
            past.correction[i] = 1.0 / math.sqrt(1.0 - rates[RATE_RHO] ** float(t + i + 1))


@inlined
def fade(update_code: int, m: Any, i: int, h: Any, past: PastSteps, begin: int, end: int) -> None:
    """Twin of `end − begin` times `optimizers.step` with dw = 0 and λ = 0: steps begin … end − 1 of the epoch.

    Without a gradient the slots only fade, v ← fade1·v, so all steps of the vector at i read and write memory once:

        momentum   w ← w − Σ_j rate_j·fade1ʲ·v
        Adam       w ← w − Σ_j rate_j·fade1ʲ·m / (√s·root_j·correction_j + ε)

    The sum ends where what is left of it is below the last place (`longest`).  RMSProp moves no w, AdaGrad and
    plain descent do nothing at all without a gradient.
    """
    k = end - begin
    v = load(m.slot1, i)
    if update_code == RMSPROP:
        store(m.slot1, i, fill(v, at(past.fade2, k)) * v)
    else:
        w, terms = load(m.theta, i), min(k, int(at(past.longest, 0)))
        if update_code in (MOMENTUM, NESTEROV):
            moved = 0.0
            for j in range(1, terms + 1):
                moved += at(past.rate, begin + j - 1) * at(past.fade1, j)
            w = fma(fill(v, -moved), v, w)
        elif update_code in (ADAM, ADAMW):
            s, eps = load(m.slot2, i), splat(at(h, EPS))
            r = sqrt(s)
            for j in range(1, terms + 1):
                root = fill(v, at(past.root, j) * at(past.correction, begin + j - 1))
                w = fma(fill(v, -at(past.rate, begin + j - 1) * at(past.fade1, j)), v / fma(root, r, eps), w)
            store(m.slot2, i, fill(v, at(past.fade2, k)) * s)
        else:
            w = fill(v, math.nan)
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
    """Twin of `clip_by_norm` for the gradient put aside: what it must be multiplied with, min(1, c/‖g‖).

    Where its squares would overflow, or vanish, it is first divided by its largest number.  clip_norm = 0: no clipping.
    """
    if clip_norm == 0.0:
        return 1.0
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
def apply_kept(update_code: int, m: Any, begin: int, end: int, factor: float, h: Any, weight: bool) -> None:
    """Update the parameters from begin to end with the gradient that was put aside, times `factor`."""
    for i in range(begin, end, lanes(m.theta)):
        g = load(m.grad, i)
        apply(update_code, m, i, g * fill(g, factor), h, weight)
