"""One chunk of a batch forward and backward: twins of `handgrad.network.passes`, in a workspace that is made once.

The first layer is the largest: with sparse examples it goes forward panel by panel, and its gradient always does
(`first_panel_forward`, `first_panel_gradient`).  `forward` and `backward` are the rest.  Letters: letters.md.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import activations, biases, dense_layers, dropout, products, updates
from handgrad.training.engines.compiled.kernels.constants import (
    DROPS,
    FUSED,
    KEY,
    SEGMENTS,
    SHARED,
    STAGES,
)
from handgrad.training.engines.compiled.kernels.dense import lazy_updates, stages
from handgrad.training.engines.compiled.kernels.dense.stages import of_stage
from handgrad.training.engines.compiled.kernels.example_rows import gather_rows, row_loss
from handgrad.training.engines.compiled.kernels.layout import copy, panels
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, load, spliced


class DenseInputs(NamedTuple):
    """Examples: sparse where `sparse.values` is not empty, else `dense`, row after row; their classes; and the
    weights of their losses, or none."""

    sparse: products.Sparse
    dense: Any
    classes: Any
    weights: Any


class DenseWork(NamedTuple):
    """Workspace: matrices of one chunk, 1/(1 − rate) of each stage, room for a W transposed, scratch rows."""

    space: Any
    kept: Any
    transposed: Any
    row: Any
    drow: Any
    columns: products.Columns
    window: Any  # `windows.Window`
    late: lazy_updates.LateRows


@kernel
def gather(
    net: Any, constants: Any, work: DenseWork, inputs: DenseInputs, order: Any, first: int, rows: int, batch_row: int,
    step: int,
) -> None:  # fmt: skip
    """Copy the dense examples order[first : first + rows] into the workspace, dropout of the input included."""
    n, a = of_stage(net, 0, stages.N_OUT), of_stage(net, 0, stages.A)
    gather_rows(inputs.dense, n, order, first, rows, work.space, a)
    drop(net, 0, constants, work, rows, batch_row, step)


@kernel
def drop(net: Any, stage: int, constants: Any, work: DenseWork, rows: int, batch_row: int, step: int) -> None:
    """Twin of `dropout_forward` behind a stage, if it has dropout: X = A · mask; where it is off, X = A."""
    if of_stage(net, stage, stages.DROPOUT) < 0:
        return
    space, units, L = work.space, of_stage(net, stage, stages.N_OUT), lanes(work.space)
    a, x, count = of_stage(net, stage, stages.A), of_stage(net, stage, stages.X), panels(units, L) * rows * L
    if constants[DROPS] != 0:
        mask, layer = of_stage(net, stage, stages.MASK), of_stage(net, stage, stages.DROPOUT)
        limit, kept, shared = of_stage(net, stage, stages.LIMIT), at(work.kept, stage), constants[SHARED] != 0
        dropout.fill_mask(space, mask, rows, units, constants[KEY], step, layer, batch_row, limit, kept, shared)
        dropout.multiply(space, x, space, a, space, mask, count)
    else:
        copy(space, x, a, count)


@kernel
def first_panel_forward(
    net: Any, constants: Any, theta: Any, work: DenseWork, inputs: DenseInputs, order: Any, first: int, rows: int,
    p: int,
) -> None:  # fmt: skip
    """z of the first layer for panel p and the sparse examples order[first : first + rows]: z = x @ W + b."""
    L = lanes(theta)
    wo = of_stage(net, 1, stages.W) + p * of_stage(net, 1, stages.N_IN) * L
    zo = of_stage(net, 1, stages.A) + p * rows * L
    bias, S = load(theta, of_stage(net, 1, stages.B) + p * L), constants[SEGMENTS]
    units = of_stage(net, 1, stages.N_OUT) - p * L
    products.sparse_forward_panel(inputs.sparse, order, first, rows, S, theta, wo, bias, units, work.space, zo)


@kernel
def forward(
    net: Any, constants: Any, theta: Any, work: DenseWork, rows: int, sparse: bool, batch_row: int, step: int
) -> None:
    """Twin of `passes.forward`: from the inputs (sparse: from z of the first layer) to what the loss takes."""
    space, last = work.space, constants[STAGES]
    for stage in range(1, last + 1):
        units, z = of_stage(net, stage, stages.N_OUT), of_stage(net, stage, stages.A)
        if stage > 1 or not sparse:
            n, x = of_stage(net, stage, stages.N_IN), of_stage(net, stage - 1, stages.X)
            narrow = of_stage(net, stage, stages.NARROW) != 0
            wo, bo = of_stage(net, stage, stages.W), of_stage(net, stage, stages.B)
            dense_layers.dense_forward(space, x, rows, n, theta, wo, bo, units, narrow, z)
        if stage < last or not constants[FUSED]:
            if of_stage(net, stage, stages.POINT) != z:
                copy(space, of_stage(net, stage, stages.POINT), z, panels(units, lanes(space)) * rows * lanes(space))
            activations.activation_forward(of_stage(net, stage, stages.ACTIVATION), space, z, rows, units, work.row)
        drop(net, stage, constants, work, rows, batch_row, step)


@kernel
def loss_of_row(
    net: Any, constants: Any, work: DenseWork, inputs: DenseInputs, T: Any, example: int, rows: int, i: int, scale: Any
) -> Any:
    """Loss of row i of a chunk of rows rows; its gradient, times scale, into dz of the last stage."""
    last = constants[STAGES]
    k, a, dz = of_stage(net, last, stages.N_OUT), of_stage(net, last, stages.A), of_stage(net, last, stages.DZ)
    return row_loss(constants, work.space, a, dz, rows, i, k, T, inputs, example, scale, work.row, work.drow)


@kernel
def backward(net: Any, constants: Any, update_code: int, m: updates.Memory, h: Any, work: DenseWork, rows: int) -> None:
    """Twin of `passes.loss_and_gradients`: from dz (or da) of the last stage back to dz of the first.

    Every layer but the first is updated on the way, its biases only where no slip has them put aside.
    """
    last, L, space = constants[STAGES], lanes(work.space), work.space
    bias_code = biases.code_of_biases(constants, update_code)
    for stage in range(last, 0, -1):
        n, units = of_stage(net, stage, stages.N_IN), of_stage(net, stage, stages.N_OUT)
        dz = of_stage(net, stage, stages.DZ)
        if stage < last and of_stage(net, stage, stages.DROPOUT) >= 0:
            mask = of_stage(net, stage, stages.MASK)
            dropout.multiply(space, dz, space, dz, space, mask, panels(units, L) * rows * L)
        if stage < last or not constants[FUSED]:
            way, code = of_stage(net, stage, stages.WAY), of_stage(net, stage, stages.DERIVATIVE)
            point = of_stage(net, stage, stages.POINT)
            activations.backward_in_way(way, code, space, dz, space, point, rows, units, work.row)
        activations.clear_padding(space, dz, rows, units)
        if stage > 1:
            narrow = of_stage(net, stage, stages.NARROW) != 0
            dx, x = of_stage(net, stage - 1, stages.DZ), of_stage(net, stage - 1, stages.X)
            wo, bo = of_stage(net, stage, stages.W), of_stage(net, stage, stages.B)
            dense_layers.dense_backward(
                update_code, bias_code, m, wo, bo, h, space, x, dx, dz, rows, n, units, narrow, work.transposed, True
            )


@spliced
def change_biases(net: Any, constants: Any, m: updates.Memory, size: int) -> None:
    """`biases.change_gradient` for every layer."""
    for stage in range(1, constants[STAGES] + 1):
        units, b = of_stage(net, stage, stages.N_OUT), of_stage(net, stage, stages.B)
        biases.change_gradient(constants, m.grad, b, units, size)


@kernel
def update_biases_put_aside(net: Any, constants: Any, update_code: int, m: updates.Memory, h: Any, size: int) -> None:
    """The step of all biases where slips alone had their gradients put aside: nothing is clipped."""
    change_biases(net, constants, m, size)
    for stage in range(1, constants[STAGES] + 1):
        b, width = of_stage(net, stage, stages.B), panels(of_stage(net, stage, stages.N_OUT), lanes(m.theta))
        biases.update_biases(constants, update_code, m, b, b + width * lanes(m.theta), 1.0, h)


@kernel
def first_panel_gradient(
    net: Any, update_code: int, m: updates.Memory, h: Any, work: DenseWork, rows: int, sparse: bool, listed: int,
    p: int,
) -> None:  # fmt: skip
    """Fused twin of `dense_backward_parameters` and the update, for panel p of the first layer: dW = xᵀ @ dz.

    Sparse: for the first `listed` pixels of `work.columns`.
    """
    L, n, units, space = lanes(work.space), of_stage(net, 1, stages.N_IN), of_stage(net, 1, stages.N_OUT), work.space
    x, dz, wo = of_stage(net, 0, stages.X), of_stage(net, 1, stages.DZ), of_stage(net, 1, stages.W)
    if sparse:
        products.sparse_gradient_panel(
            update_code, m, wo + p * n * L, h, work.columns, listed, rows, space, dz + p * rows * L, units - p * L
        )
    elif of_stage(net, 1, stages.NARROW):
        products.gradient_panel(update_code, m, wo + p * units * L, h, space, dz, rows, units, space, x + p * rows * L)
    else:
        products.gradient_panel(update_code, m, wo + p * n * L, h, space, x, rows, n, space, dz + p * rows * L)
