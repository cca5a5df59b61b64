"""Dropout: twins of `handgrad.network.dropout` and of `streams.dropout_bits`, with the same bits as every engine.

Letters: letters.md.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.layout import place
from handgrad.training.engines.compiled.kernels.vectors import inlined, kernel, lanes, load, store, zero

LOW = 0xFFFFFFFF


@inlined
def mix32(word: int) -> int:
    """Twin of `streams.mix32`."""
    word = int(word)  # with the compiler off: Python's own, which does not overflow
    word = word ^ (word >> 16)
    word = (word * 0x7FEB352D) & LOW
    word = word ^ (word >> 15)
    word = (word * 0x846CA68B) & LOW
    return word ^ (word >> 16)


@inlined
def mask_prefix(key: int, step: int, layer: int) -> int:
    """What all bits of one layer's mask at one step begin with, as in `streams.dropout_bits`."""
    return mix32(mix32(mix32((key ^ step) & LOW) ^ (key >> 32)) ^ layer)


@kernel
def fill_mask(
    mask: Any,
    mo: int,
    rows: int,
    columns: int,
    key: int,
    step: int,
    layer: int,
    batch_row: int,
    limit: int,
    kept: Any,
    shared: bool,
) -> None:
    """Twin of `dropout_mask`: mask (rows, columns) = kept where bits ≥ limit, else 0, kept = 1/(1 − rate).

    batch_row: the row of the batch with which the chunk begins.  shared: every row has the mask of row 0.
    """
    L = lanes(mask)
    prefix = mask_prefix(key, step, layer)
    for i in range(rows):
        row = mix32((0 if shared else batch_row + i) ^ prefix)
        for p in range(0, columns, L):
            start = mo + place(i, p, rows, L)
            for j in range(min(L, columns - p)):
                bits = mix32((row + int(p + j) * 0x9E3779B9) & LOW)
                mask[start + j] = kept if bits >= limit else zero(mask)


@kernel
def multiply(out: Any, oo: int, x: Any, xo: int, mask: Any, mo: int, count: int) -> None:
    """Twin of `dropout_forward` and `dropout_backward`: out = x · mask, `count` numbers."""
    for i in range(0, count, lanes(x)):
        store(out, oo + i, load(x, xo + i) * load(mask, mo + i))
