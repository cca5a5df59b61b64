"""Optimizers: how a gradient becomes a step, from plain descent to AdamW.

Letters: w a parameter, dw the gradient of the batch's loss, lr the learning rate of this step,
t the number of this step (from 1).  The *slots* of an optimizer are its memory of each parameter (velocity, mean of
squares), arrays of w's shape that start at zero.  `update` is a pure function of w, dw, slots, lr and t.

`step` is one step of all parameters, in this order (PyTorch's):
  1. clip the gradient by its norm over all parameters,
  2. add the gradient of the L2 penalty, λ·W, to weights, not biases (AdamW: shrink W by lr·λ instead),
  3. update.

Sources: Polyak 1964; Nesterov 1983 in the form of Sutskever et al. 2013; Duchi et al. 2011;
Tieleman & Hinton 2012; Kingma & Ba 2015; Loshchilov & Hutter 2019; Pascanu et al. 2013 (clipping).
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from array_api_compat import array_namespace, device
from pydantic import BeforeValidator, model_validator

from handgrad.names import OpenTable
from handgrad.network.arrays import Array
from handgrad.sections import Section, real

Rate = Annotated[float, BeforeValidator(real("(0, inf)"))]
Fraction = Annotated[float, BeforeValidator(real("[0, 1)"))]
Positive = Annotated[float, BeforeValidator(real("(0, inf)"))]
Step = tuple[Array, tuple[Array, ...]]
Number = Any  # float or int; an array without dimensions where many runs make their steps at once


class Optimizer(Section):
    """What every optimizer has.  One of your own has a `name`, its slots and `update` (docs/how-to/optimizer.md).

    Its own fields are numbers, so that runs which differ in them can share a program of the jax engine.
    decoupled_decay: whether `step` shrinks W by lr·λ instead of adding λ·W to the gradient.
    """

    aliases: ClassVar = {"learning_rate": "lr", "learning_rate_init": "lr", "eta0": "lr"}
    slots: ClassVar[tuple[str, ...]] = ()
    decoupled_decay: ClassVar[bool] = False

    lr: Rate = 0.01
    name: str

    @abstractmethod
    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        """Step t on one parameter -> (new w, new slots); every array has w's shape, nothing given is changed.

        lr: the optimizer's own, times the schedule's number at this step.
        """


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − lr·dw.

    Coupled with: the loss's unit.  With `batch_reduction = "sum"` the gradient, and so the step, is m times larger.

    >>> SGD().update(1.0, 0.5, (), lr=0.1, t=1)  # 1 − 0.1·0.5
    (0.95, ())
    """

    name: Literal["sgd"] = "sgd"

    @model_validator(mode="before")
    @classmethod
    def _point_to_momentum(cls, values: Any) -> Any:
        for other in ("momentum", "nesterov"):
            if isinstance(values, Mapping) and other in values:
                raise ValueError(
                    f"has no {other}; write {{ name = {other!r}, momentum = 0.9 }} instead of name = 'sgd'"
                )
        return values

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        return w - lr * dw, ()


class Momentum(Optimizer):
    """Heavy ball: v ← μ·v + dw;  w ← w − lr·v   (Polyak 1964).

    Coupled with: lr.  In the long run a step is lr/(1−μ)·dw: going from μ = 0 to 0.9 is a tenfold learning rate.
    Differs from: Keras and Sutskever et al., v ← μ·v − lr·dw, w ← w + v: the same path while lr is constant; after a
    change of lr theirs keeps the old velocity, ours (and PyTorch's) scales it at once.

    >>> Momentum().update(1.0, 0.5, (2.0,), lr=0.1, t=5)  # v = 0.9·2 + 0.5;  w = 1 − 0.1·v
    (0.77, (2.3,))
    """

    name: Literal["momentum"] = "momentum"
    momentum: Fraction = 0.9
    slots: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        v = self.momentum * slots[0] + dw
        return w - lr * v, (v,)


class Nesterov(Optimizer):
    """Nesterov's momentum: v ← μ·v + dw;  w ← w − lr·(dw + μ·v)   (Sutskever et al. 2013, as PyTorch writes it).

    >>> Nesterov(momentum=0.5).update(1.0, 0.5, (2.0,), lr=0.1, t=5)  # v = 0.5·2 + 0.5;  w = 1 − 0.1·(0.5 + 0.5·v)
    (0.875, (1.5,))
    """

    name: Literal["nesterov"] = "nesterov"
    momentum: Fraction = 0.9
    slots: ClassVar[tuple[str, ...]] = ("v",)

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        v = self.momentum * slots[0] + dw
        return w - lr * (dw + self.momentum * v), (v,)


class AdaGrad(Optimizer):
    """AdaGrad: s ← s + dw²;  w ← w − lr·dw/(√s + ε)   (Duchi et al. 2011, Fig. 1).

    Differs from: Keras, which starts s at 0.1; PyTorch and ours start at 0, so that the first step is lr·sign(dw).

    >>> import numpy as np
    >>> w, (s,) = AdaGrad().update(np.array(1.0), np.array(0.5), (np.array(0.0),), lr=0.1, t=1)
    >>> float(s), round(float(w), 6)  # s = 0.5²;  w = 1 − 0.1·0.5/√s
    (0.25, 0.9)
    """

    name: Literal["adagrad"] = "adagrad"
    eps: Positive = 1e-10
    slots: ClassVar[tuple[str, ...]] = ("s",)

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        xp = array_namespace(w)
        s = slots[0] + dw * dw
        return w - lr * (dw / (xp.sqrt(s) + self.eps)), (s,)


class RMSProp(Optimizer):
    """RMSProp: s ← ρ·s + (1−ρ)·dw²;  w ← w − lr·dw/(√s + ε)   (Tieleman & Hinton 2012, lecture 6.5).

    Differs from: Keras, ρ = 0.9 and ε = 1e-7; ours has PyTorch's, 0.99 and 1e-8.

    >>> import numpy as np
    >>> w, (s,) = RMSProp(rho=0.75).update(np.array(1.0), np.array(0.5), (np.array(0.0),), lr=0.1, t=1)
    >>> float(s), round(float(w), 6)  # s = 0.25·0.5²;  w = 1 − 0.1·0.5/√s
    (0.0625, 0.8)
    """

    name: Literal["rmsprop"] = "rmsprop"
    lr: Rate = 0.001
    rho: Fraction = 0.99
    eps: Positive = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("s",)
    aliases: ClassVar = {**Optimizer.aliases, "alpha": "rho"}

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        xp = array_namespace(w)
        s = self.rho * slots[0] + (1 - self.rho) * (dw * dw)
        return w - lr * (dw / (xp.sqrt(s) + self.eps)), (s,)


class Adam(Optimizer):
    """Adam: m ← β₁m + (1−β₁)dw;  s ← β₂s + (1−β₂)dw²;  w ← w − lr·m̂/(√ŝ + ε),
    with m̂ = m/(1−β₁ᵗ) and ŝ = s/(1−β₂ᵗ)   (Kingma & Ba 2015, Algorithm 1).

    Coupled with: ε and lr.  Where √ŝ is far below ε, a step is lr/ε·m̂: raising ε turns Adam into momentum.
    Weight decay is added to dw, so it is scaled by 1/√ŝ as well; for decay that is not, take AdamW.
    Differs from: scikit-learn and Keras, whose ε stands before the correction ("epsilon hat" of the paper's section 2)
    and so acts as ε/√(1−β₂ᵗ) does here.

    >>> import numpy as np
    >>> w, (m, s) = Adam().update(np.array(1.0), np.array(0.5), (np.array(0.0), np.array(0.0)), lr=0.1, t=1)
    >>> round(float(m), 6), round(float(s), 6), round(float(w), 6)  # m̂ = 0.5 and ŝ = 0.5², so w = 1 − 0.1·0.5/0.5
    (0.05, 0.00025, 0.9)
    """

    name: Literal["adam"] = "adam"
    lr: Rate = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    eps: Positive = 1e-8
    slots: ClassVar[tuple[str, ...]] = ("m", "s")

    def update(self, w: Array, dw: Array, slots: tuple[Array, ...], lr: Number, t: Number) -> Step:
        xp = array_namespace(w)
        m = self.beta1 * slots[0] + (1 - self.beta1) * dw
        s = self.beta2 * slots[1] + (1 - self.beta2) * (dw * dw)
        m_hat = m / (1 - self.beta1**t)
        s_hat = s / (1 - self.beta2**t)
        return w - lr * (m_hat / (xp.sqrt(s_hat) + self.eps)), (m, s)


class AdamW(Adam):
    """Adam with decoupled weight decay: W ← W − lr·λ·W, then Adam's step   (Loshchilov & Hutter 2019, Algorithm 2).

    λ is `training.weight_decay`, as for every optimizer (PyTorch's AdamW has its own, 0.01 by default).
    Coupled with: lr, since the shrinkage of one step is lr·λ.

    >>> import numpy as np
    >>> params, grads, slots = {"dense1.W": np.array(1.0)}, {"dense1.W": np.array(0.5)}, {"dense1.W": (0.0, 0.0)}
    >>> params, _ = step(AdamW(), params, grads, slots, lr=0.1, t=1, weight_decay=0.2)
    >>> round(float(params["dense1.W"]), 6)  # 1 − 0.1·0.2·1 = 0.98;  then Adam's step, 0.1·0.5/0.5
    0.88
    """

    name: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    decoupled_decay: ClassVar[bool] = True


OPTIMIZERS: OpenTable[type[Optimizer]] = OpenTable(
    {
        section.model_fields["name"].default: section
        for section in (SGD, Momentum, Nesterov, AdaGrad, RMSProp, Adam, AdamW)
    }
)


def clip_by_norm(grads: dict[str, Array], clip_norm: Number) -> dict[str, Array]:
    """Gradients scaled so that their common norm ‖g‖ = √(Σ dw²) is at most `clip_norm`:  g·min(1, c/‖g‖).

    The norm is that of g/u, where u is the largest |dw|: the square of a number above 1.8e19 is infinite in float32.
    A gradient that is not finite is left as it is.
    Source: Pascanu, Mikolov & Bengio 2013, Algorithm 1.

    >>> import numpy as np
    >>> clip_by_norm({"W": np.array([3e30, 4e30], dtype=np.float32)}, 1.0)["W"].round(6).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    first = next(iter(grads.values()))
    xp = array_namespace(first)
    largest = xp.max(xp.stack([xp.max(xp.abs(dw)) for dw in grads.values()]))
    unit = xp.where(xp.isfinite(largest) & (largest > 0), largest, xp.ones_like(largest))
    scaled = {name: dw / unit for name, dw in grads.items()}
    zero = xp.zeros((), dtype=xp.float64, device=device(first))
    norm = sum(((g * g).sum() for g in scaled.values()), start=zero) ** 0.5  # of g/u
    limit = clip_norm / xp.astype(unit, zero.dtype)
    if isinstance(norm, float) and not limit < norm < math.inf:  # NumPy's number; to read a GPU's would wait for it
        return grads
    clipped = (norm > limit) & xp.isfinite(norm)
    factor = xp.astype(clip_norm / norm, first.dtype)
    return {name: xp.where(clipped, scaled[name] * factor, dw) for name, dw in grads.items()}


def is_weight(name: str) -> bool:
    """Weights are decayed; biases, and γ and β of batch norm, are not.

    >>> is_weight("dense1.W"), is_weight("dense1.b"), is_weight("batch-norm1.gamma")
    (True, False, False)
    """
    return name.endswith(".W")


def step(
    optimizer: Optimizer,
    params: dict[str, Array],
    grads: dict[str, Array],
    slots: dict[str, tuple[Array, ...]],
    *,
    lr: Number,
    t: Number,
    weight_decay: Number = 0.0,
    clip_norm: Number | None = None,
) -> tuple[dict[str, Array], dict[str, tuple[Array, ...]]]:
    """Step t of every parameter that has a gradient -> (params, slots); the others stay as they are.

    params, grads: by the parameter's name;  slots: the optimizer's arrays for each.
    weight_decay: the λ (or λ/m) that multiplies W;  clip_norm: the largest norm of the gradient, None for any.

    >>> step(SGD(), {"dense1.b": 1.0, "batch-norm1.mean": 3.0}, {"dense1.b": 0.5}, {"dense1.b": ()}, lr=0.1, t=1)
    ({'dense1.b': 0.95, 'batch-norm1.mean': 3.0}, {'dense1.b': ()})
    """
    if clip_norm is not None:
        grads = clip_by_norm(grads, clip_norm)
    decays = not isinstance(weight_decay, float) or weight_decay != 0  # an array is not read: the device would wait
    new_params, new_slots = dict(params), {}
    for name, dw in grads.items():
        w = params[name]
        if decays and is_weight(name):
            if optimizer.decoupled_decay:
                w = w - (lr * weight_decay) * w
            else:
                dw = dw + weight_decay * w
        new_params[name], new_slots[name] = optimizer.update(w, dw, slots[name], lr, t)
    return new_params, new_slots


def empty_slots(optimizer: Optimizer, params: dict[str, Array]) -> dict[str, tuple[Array, ...]]:
    """Slots before the first step: zeros like each parameter.

    params: those that are learnt (no running statistics), by their names.

    >>> empty_slots(Adam(), {"dense1.b": 1.0})
    {'dense1.b': (0.0, 0.0)}
    """
    return {name: tuple(w * 0 for _ in optimizer.slots) for name, w in params.items()}
