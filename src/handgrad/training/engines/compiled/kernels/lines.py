"""What kernels of images need of vectors beyond `vectors`: their largest, with the reference's rules for NaN and ties.

line(a)                      how many numbers of a's type make a line of 64 bytes
larger(x, y)                 the larger, lane by lane; NaN where either is; x where they are equal
where_won(x, z, g, other)    g where x is z or NaN, else other
evens(x, y), odds(x, y)      every other number of x and then of y, from the first or from the second on
lower(x, y), upper(x, y)     x and y in turn, x first: the lower or the upper half; the inverse of evens and odds
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from handgrad.training.engines.compiled.kernels.vectors import LINE_BYTES, VectorType, compiled_or, inlined


@compiled_or(lambda a: LINE_BYTES // a.dtype.itemsize)
def line(typing: Any, a: Any) -> Any:
    count = VectorType(a.dtype, LINE_BYTES).lanes
    return types.intp(a), lambda context, builder, sig, args: context.get_constant(types.intp, count)


@compiled_or(np.maximum)
def larger(typing: Any, x: Any, y: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        old, new = args
        wins = builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("uno", new, new))
        return builder.select(wins, new, old)

    return x(x, x), emit


def _where_won(x: Any, z: Any, g: Any, other: Any) -> Any:
    return np.where((x == z) | (x != x), g, other)


@compiled_or(_where_won)
def where_won(typing: Any, x: Any, z: Any, g: Any, other: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        seen, largest, gradient, instead = args
        won = builder.or_(builder.fcmp_ordered("==", seen, largest), builder.fcmp_unordered("uno", seen, seen))
        return builder.select(won, gradient, instead)

    return x(x, x, x, x), emit


def _picked(places: Callable[[int], list[int]]) -> Any:
    """The numbers at `places(n)` of two lines of n, one behind the other."""

    def pick(typing: Any, x: Any, y: Any) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), x.lanes), places(x.lanes))
        return x(x, x), lambda context, builder, sig, args: builder.shuffle_vector(args[0], args[1], mask)

    return compiled_or(lambda x, y: np.concatenate([x, y])[places(len(x))])(pick)


def _in_turn(n: int) -> list[int]:
    return [i // 2 + i % 2 * n for i in range(2 * n)]


evens, odds = _picked(lambda n: list(range(0, 2 * n, 2))), _picked(lambda n: list(range(1, 2 * n, 2)))
lower, upper = _picked(lambda n: _in_turn(n)[:n]), _picked(lambda n: _in_turn(n)[n:])


@inlined
def larger_number(x: Any, y: Any) -> Any:
    """`larger` for two numbers."""
    return y if y > x or y != y else x
