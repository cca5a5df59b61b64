"""One part of a batch forward and backward: twins of `handgrad.network.passes`, in a workspace that is made once.

Also what the kernels share: the plan of a training, its examples and its workspace.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import activations, losses, products, updates
from handgrad.training.engines.compiled.kernels.dense import lazy_updates as deferred
from handgrad.training.engines.compiled.kernels.dropout import fill_mask, multiply
from handgrad.training.engines.compiled.kernels.layout import (
    ACTIVATION,
    DROPOUT,
    DZ,
    LIMIT,
    MASK,
    N_IN,
    N_OUT,
    NARROW,
    A,
    B,
    W,
    X,
    of,
    panels,
    place,
)  # fmt: skip
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, load, splat, store, zero

TURN_ROWS = 8  # from so many rows on it pays to turn W for dx

# what the plan of a training holds, in whole numbers
(STAGES, BATCH, ROWS, SPARSE, SEGMENTS, LOSS, FUSED, MEAN, RULE, KEY, PER_EXAMPLE, PARAMETERS, WINDOW, DEFER,
 STOP) = range(15)  # fmt: skip
# STAGES: dense layers; SPARSE: 1 where inputs are; PARAMETERS: how many, padding included; WINDOW: see `singly`;
# DEFER: 1 where rows of the first W that a batch does not touch are left for later (`deferred`) or for ever;
# STOP: not 0 from the moment on at which the rest is not wanted any more (`calling`)
PLAN = 15
# and in float64: `updates.numbers_of_step` says what the first three are
CLIP, DECAY = 3, 4  # CLIP: 0 is none
RATES = 5


class Inputs(NamedTuple):
    """Examples: sparse where `sparse.values` is not empty, else `dense`, row after row; and their classes."""

    sparse: products.Sparse
    dense: Any
    classes: Any


class Work(NamedTuple):
    """Workspace: matrices of one part of a batch, their layers' masks' non-zero value, scratch rows."""

    space: Any
    kept: Any
    turned: Any
    row: Any
    drow: Any
    columns: products.Columns
    window: Any  # `singly.Window`
    late: deferred.Late


@kernel
def gather(
    net: Any,
    plan: Any,
    work: Work,
    inputs: Inputs,
    order: Any,
    first: int,
    rows: int,
    batch_row: int,
    step: int,
    train: bool,
) -> None:
    """Copy dense examples order[first : first + rows] into the workspace, dropout of the input included."""
    space, n = work.space, of(net, 0, N_OUT)
    L = lanes(space)
    for i in range(rows):
        source = at(order, first + i) * n
        for p in range(0, n, L):
            o = of(net, 0, A) + place(i, p, rows, L)
            if p + L <= n:
                store(space, o, load(inputs.dense, source + p))
            else:
                store(space, o, splat(zero(space)))
                for j in range(n - p):
                    space[o + j] = inputs.dense[source + p + j]
    drop(net, 0, plan, work, rows, batch_row, step, train)


@kernel
def drop(net: Any, stage: int, plan: Any, work: Work, rows: int, batch_row: int, step: int, train: bool) -> None:
    """Dropout behind a stage, if it has one: X = A · mask; in use, X = A."""
    count = panels(of(net, stage, N_OUT), lanes(work.space)) * rows * lanes(work.space)
    if of(net, stage, DROPOUT) >= 0 and train:
        mask = of(net, stage, MASK)
        fill_mask(
            work.space,
            mask,
            rows,
            of(net, stage, N_OUT),
            plan[KEY],
            step,
            of(net, stage, DROPOUT),
            batch_row,
            of(net, stage, LIMIT),
            work.kept[stage],
        )
        multiply(work.space, of(net, stage, X), work.space, of(net, stage, A), work.space, mask, count)
    elif of(net, stage, DROPOUT) >= 0:
        for i in range(0, count, lanes(work.space)):
            store(work.space, of(net, stage, X) + i, load(work.space, of(net, stage, A) + i))


@kernel
def forward_first(
    net: Any, plan: Any, theta: Any, work: Work, inputs: Inputs, order: Any, first: int, rows: int, p: int
) -> None:
    """z of the first layer for one panel and sparse examples order[first : first + rows]."""
    L = lanes(theta)
    wo, zo = of(net, 1, W) + p * of(net, 1, N_IN) * L, of(net, 1, A) + p * rows * L
    bias = load(theta, of(net, 1, B) + p * L)
    products.sparse_forward_panel(inputs.sparse, order, first, rows, plan[SEGMENTS], theta, wo, bias, work.space, zo)


@kernel
def dense_forward(net: Any, stage: int, theta: Any, space: Any, rows: int) -> None:
    """Twin of `dense_forward` for one stage: z into its place A."""
    L, n, units = lanes(theta), of(net, stage, N_IN), of(net, stage, N_OUT)
    if of(net, stage, NARROW):
        products.dots(
            space,
            of(net, stage - 1, X),
            rows,
            n,
            theta,
            of(net, stage, W),
            units,
            theta,
            of(net, stage, B),
            True,
            space,
            of(net, stage, A),
        )
    else:
        for p in range(panels(units, L)):
            bias = load(theta, of(net, stage, B) + p * L)
            zo = of(net, stage, A) + p * rows * L
            products.forward_panel(
                space, of(net, stage - 1, X), rows, n, theta, of(net, stage, W) + p * n * L, bias, space, zo
            )


@kernel
def forward_rest(
    net: Any, plan: Any, theta: Any, work: Work, rows: int, sparse: bool, batch_row: int, step: int, train: bool
) -> None:
    """From the input (sparse: from z of the first layer) to what the loss looks at."""
    last = plan[STAGES]
    for stage in range(1, last + 1):
        if stage > 1 or not sparse:
            dense_forward(net, stage, theta, work.space, rows)
        if stage < last or not plan[FUSED]:
            code = of(net, stage, ACTIVATION)
            activations.activation_forward(code, work.space, of(net, stage, A), rows, of(net, stage, N_OUT), work.row)
        drop(net, stage, plan, work, rows, batch_row, step, train)


@kernel
def loss_rows(
    net: Any, plan: Any, work: Work, inputs: Inputs, codes: Any, order: Any, first: int, rows: int, i: int, scale: Any
) -> Any:
    """Loss of row i of the part; its gradient, times scale, into dz of the last stage."""
    last, L, space = plan[STAGES], lanes(work.space), work.space
    k = of(net, last, N_OUT)
    for j in range(k):
        work.row[j] = space[of(net, last, A) + place(i, j, rows, L)]
    loss = losses.loss_of(plan[LOSS], work.row, codes, inputs.classes[order[first + i]], k, work.drow)
    for j in range(k):
        space[of(net, last, DZ) + place(i, j, rows, L)] = work.drow[j] * scale
    return loss


@kernel
def backward_rest(net: Any, plan: Any, rule: int, m: updates.Memory, h: Any, work: Work, rows: int) -> None:
    """From dz (or da) of the last stage back to dz of the first; every layer but the first is updated on the way."""
    last, L, space = plan[STAGES], lanes(work.space), work.space
    for stage in range(last, 0, -1):
        n, units, dz = of(net, stage, N_IN), of(net, stage, N_OUT), of(net, stage, DZ)
        if stage < last and of(net, stage, DROPOUT) >= 0:
            multiply(space, dz, space, dz, space, of(net, stage, MASK), panels(units, L) * rows * L)
        if stage < last or not plan[FUSED]:
            activations.activation_backward(
                of(net, stage, ACTIVATION), space, dz, space, of(net, stage, A), rows, units
            )
        activations.clear_padding(space, dz, rows, units)
        if stage > 1:
            dx, x = of(net, stage - 1, DZ), of(net, stage - 1, X)
            if of(net, stage, NARROW):
                for p in range(panels(n, L)):
                    wo = of(net, stage, W) + p * units * L
                    o = splat(zero(space))
                    products.forward_panel(space, dz, rows, units, m.theta, wo, o, space, dx + p * rows * L)
                    products.gradient_panel(rule, m, wo, h, space, dz, rows, units, space, x + p * rows * L)
            else:
                if rows < TURN_ROWS:
                    products.dots(space, dz, rows, units, m.theta, of(net, stage, W), n, m.theta, 0, False, space, dx)
                else:
                    products.turn(m.theta, of(net, stage, W), n, units, work.turned)
                    for p in range(panels(n, L)):
                        o = splat(zero(space))
                        products.forward_panel(
                            space, dz, rows, units, work.turned, p * units * L, o, space, dx + p * rows * L
                        )
                for p in range(panels(units, L)):
                    wo = of(net, stage, W) + p * n * L
                    products.gradient_panel(rule, m, wo, h, space, x, rows, n, space, dz + p * rows * L)
            products.sum_rows(rule, m, of(net, stage, B), h, space, dz, rows, units)


@kernel
def first_gradient(
    net: Any, plan: Any, rule: int, m: updates.Memory, h: Any, work: Work, rows: int, sparse: bool, p: int
) -> None:
    """Gradient of one panel of the first layer, and what the rule does with it."""
    L, n, space = lanes(work.space), of(net, 1, N_IN), work.space
    dz = of(net, 1, DZ) + p * rows * L
    wo = of(net, 1, W) + p * n * L
    if sparse:
        every = not (rule == updates.ADD or (rule != updates.KEEP and plan[DEFER]))
        products.sparse_gradient_panel(rule, m, wo, h, work.columns, n, every, space, dz)
    elif of(net, 1, NARROW):
        units = of(net, 1, N_OUT)
        wo = of(net, 1, W) + p * units * L
        products.gradient_panel(rule, m, wo, h, space, of(net, 1, DZ), rows, units, space, of(net, 0, X) + p * rows * L)
    else:
        products.gradient_panel(rule, m, wo, h, space, of(net, 0, X), rows, n, space, dz)
