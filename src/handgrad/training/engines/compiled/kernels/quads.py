"""Four entries of a sparse row in one load: their numbers, and the rows that they belong to.

A processor multiplies two lines of vectors in a cycle and loads two, and to load one number takes as long as a line.
An entry of a sparse row multiplies four lines.  With a load for its number and one for its place it would take six
loads, and so half as long again as its multiplications.

    four(a, i)      a[i : i + 4], again and again through a line
    spread(s, v, j) as many lanes as s has, all the j-th of the four; j = 0, 1, 2, 3 as it stands in the text
    places(a, i)    a[i : i + 4], four uint16, as one whole number
    place_of(w, j)  the j-th of them
    half(s)         the first half of the lanes of s, for sums of which no more count
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from handgrad.training.engines.compiled.kernels.vectors import (
    LINE_BYTES,
    PANEL_BYTES,
    VectorType,
    compiled_or,
    inlined,
    pointer_to,
)

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


def _mask(places: list[int]) -> Any:
    return ir.Constant(ir.VectorType(_INT32, len(places)), places)


@compiled_or(lambda a, i: a[i : i + 4].copy())
def four(typing: Any, a: Any, i: Any) -> Any:
    """Four numbers, repeated through a line.

    The compiler would make four loads of this one, each of a number for all lanes, if it saw where the numbers come
    from.  Empty assembly hides it, where there are registers of 64 bytes.
    """
    result = VectorType(a.dtype, LINE_BYTES)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.VectorType(context.get_value_type(a.dtype), 4)
        start = builder.bitcast(pointer_to(context, builder, a, args[0], args[1]), kind.as_pointer())
        numbers = builder.load(start, align=a.dtype.bitwidth // 8)
        line = builder.shuffle_vector(
            numbers, ir.Constant(kind, ir.Undefined), _mask([0, 1, 2, 3] * (result.lanes // 4))
        )
        if PANEL_BYTES > LINE_BYTES:
            line = builder.asm(ir.FunctionType(line.type, [line.type]), "", "=v,0", [line], side_effect=False)
        return line

    return result(a, types.intp), emit


def _spread(typing: Any, s: Any, v: Any, j: Any) -> Any:
    """One of four numbers in all lanes: each four lanes take it from the same four of the line."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        taken = [lane % v.lanes // 4 * 4 + j.literal_value for lane in range(s.lanes)]
        return builder.shuffle_vector(args[1], ir.Constant(args[1].type, ir.Undefined), _mask(taken))

    return s(s, v, j), emit


spread = (lambda s, v, j: np.full_like(s, v[j])) if config.DISABLE_JIT else intrinsic(prefer_literal=True)(_spread)


@compiled_or(lambda a, i: sum(int(a[i + j]) << 16 * j for j in range(4)))
def places(typing: Any, a: Any, i: Any) -> Any:
    """Four uint16 as one whole number, the first in its lowest bits."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = pointer_to(context, builder, a, args[0], args[1])
        return builder.load(builder.bitcast(start, _INT64.as_pointer()), align=2)

    return types.int64(a, types.intp), emit


@inlined
def place_of(w: int, j: int) -> int:
    """The j-th of four uint16 in a whole number."""
    return (w >> (16 * j)) & 0xFFFF


@compiled_or(lambda s: s[: len(s) // 2])
def half(typing: Any, s: Any) -> Any:
    """The first half of the lanes."""
    result = VectorType(s.dtype, s.lanes * s.dtype.bitwidth // 16)

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.shuffle_vector(
            args[0], ir.Constant(args[0].type, ir.Undefined), _mask(list(range(result.lanes)))
        )

    return result(s), emit
