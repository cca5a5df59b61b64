"""Rows of examples in panels: from the examples into the first matrix, from the last matrix to losses and outputs."""

from typing import Any

from handgrad.training.engines.compiled.kernels import losses
from handgrad.training.engines.compiled.kernels.constants import LOSS, WEIGHTED
from handgrad.training.engines.compiled.kernels.layout import place
from handgrad.training.engines.compiled.kernels.vectors import at, inlined, kernel, lanes, load, number, store, zero


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
    for j in range(k):
        row[j] = at(a, ao + place(i, j, rows, L))
    loss = losses.loss_of(constants[LOSS], row, T, at(inputs.classes, example), k, drow) * weight
    for j in range(k):
        a[do + place(i, j, rows, L)] = drow[j] * (scale * weight)
    return loss


@kernel
def read_outputs(a: Any, ao: int, rows: int, k: int, first: int, predicted: Any, outputs: Any, wanted: bool) -> None:
    """Of each row the class with the largest output, the first of equals, and where `wanted` all outputs."""
    L = lanes(a)
    for i in range(rows):
        best = 0
        for j in range(k):
            value = at(a, ao + place(i, j, rows, L))
            if wanted:
                outputs[(first + i) * k + j] = value
            if value > at(a, ao + place(i, best, rows, L)):
                best = j
        predicted[first + i] = best
