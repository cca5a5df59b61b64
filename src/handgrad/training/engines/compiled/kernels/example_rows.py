"""Rows of examples in panels: from the examples into the first matrix, from the last matrix to losses and outputs."""

from typing import Any

from handgrad.training.engines.compiled.kernels import activations, losses
from handgrad.training.engines.compiled.kernels.constants import FUSED, LOSS, WEIGHTED
from handgrad.training.engines.compiled.kernels.layout import place
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    first_of,
    inlined,
    kernel,
    lanes,
    load,
    number,
    splat,
    store,
    zero,
)


@kernel
def gather_rows(x: Any, n: int, order: Any, first: int, rows: int, a: Any, ao: int) -> None:
    """a[i, :] = x[order[first + i], :] for i < rows.  x: plain, n numbers an example; a: in panels, padding 0."""
    L = lanes(a)
    for i in range(rows):
        source = at(order, first + i) * n
        for p in range(0, n, L):
            o = ao + place(i, p, rows, L)
            if p + L <= n:
                store(a, o, load(x, source + p))
            else:
                for j in range(L):
                    a[o + j] = at(x, source + p + j) if p + j < n else zero(a)


@inlined
def row_loss(
    constants: Any, a: Any, ao: int, do: int, rows: int, i: int, k: int, T: Any, inputs: Any, example: int, scale: Any,
    row: Any, drow: Any,
) -> Any:  # fmt: skip
    """Loss of row i, that example, times its weight; its gradient, times scale too, into row i of the matrix at do.

    inputs: have the `classes` of all examples and, where constants say so, the `weights` of their losses.
    """
    L, weight = lanes(a), number(a, 1)
    if constants[WEIGHTED] != 0:
        weight = at(inputs.weights, example)
    for p in range(0, k, L):
        store(row, p, load(a, ao + place(i, p, rows, L)))
    loss = losses.loss_of(constants[LOSS], row, T, at(inputs.classes, example), k, drow) * weight
    for p in range(0, k, L):
        d = load(drow, p) * splat(scale * weight)
        store(a, do + place(i, p, rows, L), first_of(d, k - p, splat(zero(a))))
    return loss


@kernel
def read_outputs(
    constants: Any, code: int, a: Any, ao: int, rows: int, k: int, row: Any, first: int, predicted: Any, outputs: Any,
    wanted: bool,
) -> None:  # fmt: skip
    """Of each row the class with the largest output, the first of equals, and where `wanted` all outputs.

    code: of their activation, which is still to be done where the loss took z.  The class of softmax is that of z.
    """
    L = lanes(a)
    if constants[FUSED] and (wanted or code != activations.SOFTMAX):
        activations.activation_forward(code, a, ao, rows, k, row)
    for i in range(rows):
        best, most = 0, at(a, ao + place(i, 0, rows, L))
        for j in range(k):
            value = at(a, ao + place(i, j, rows, L))
            if wanted:
                outputs[(first + i) * k + j] = value
            if value > most:
                best, most = j, value
        predicted[first + i] = best
