"""Vectors: the registers of the processor as values of the kernels.

A vector is one row of a panel (see `layout`): 256 bytes where the processor has AVX-512 (64 float32 or 32 float64 in
four registers), else 64 bytes.  Kernels are written with these few operations, so the compiler has nothing to guess:
what is a vector stays in registers, and the order of every sum is fixed by the text.

    load(a, i)       a[i : i + lanes(a)]           fma(x, y, z)             x·y + z, rounded once
    store(a, i, v)   the other way                 + − × ÷                  lane by lane
    at(a, i)         the number a[i], unchecked    where_positive(c, x, y)  x where c > 0, else y (also where c is NaN)
    number(a, s)     s as a number of a's type; zero(a)     first_of(v, n, other)    v, from lane n on the other
    load_like(v, a, i)  as many numbers as v has   look(a, i)               a[i], which another thread may have written
    splat(s)         every lane is s               where_negative(c, x, y)  x where c < 0, else y
    fill(v, s)       like v, every lane is s       sqrt, rint, power_of_two(n) = 2ⁿ for whole n in [−126, 127]
    total(v)         the sum of the lanes          prefetch(a, i)           ask for the line of memory with a[i]

A *line* is a vector of 64 bytes, as long as a line of the cache; `line(a)` is how many numbers of a's type make one.
`load_line` and `splat_line` make lines, `store` and the arithmetic take both.

    larger(x, y), largest(v)     the larger, lane by lane, and of all lanes; NaN where one is; x where they are equal
    larger_number(x, y)          the same for two numbers
    where_won(x, z, g, other)    g where x is z or NaN, else other
    evens(x, y), odds(x, y)      every other number of x and then of y, from the first or from the second on
    lower(x, y), upper(x, y)     x and y in turn, x first: the lower or the upper half; the inverse of evens and odds

Kernels see memory as pointers, `pointer(array)`: Numba counts references to arrays, even in the innermost loop.
With the compiler off (NUMBA_DISABLE_JIT=1) a vector is a NumPy array and the same kernels run in Python.
No flag lets the compiler assume that a NaN or an infinity cannot occur: divergence is a result and must be seen.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

from handgrad.training.engines.compiled.kernels.linking import linked

LINE_BYTES = 64
TARGET = cpu_target.target_context.codegen().magic_tuple()  # what Numba compiles for: this processor, unless told other
PANEL_BYTES = 256 if "+avx512f" in TARGET[2].split(",") else LINE_BYTES

inlined = linked(forceinline=True)  # for the few lines within a loop
kernel = linked(forceinline=False)  # for a loop
spliced = linked(inline="always")  # becomes part of its one caller, before anything is compiled
_INT32 = ir.IntType(32)
_FLOATS = {types.float32: (ir.FloatType(), 32, 23, 127), types.float64: (ir.DoubleType(), 64, 52, 1023)}


def lanes_of(dtype: Any) -> int:
    """How many numbers of this type make a vector."""
    return PANEL_BYTES // np.dtype(dtype).itemsize


class VectorType(types.Type):
    """The Numba type of a vector of `dtype`: a panel's row, or a line."""

    def __init__(self, dtype: Any, size: int = PANEL_BYTES) -> None:
        self.dtype, self.lanes = dtype, size * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {self.lanes})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, ir.VectorType(_FLOATS[vector.dtype][0], vector.lanes))


def pointer_to(context: Any, builder: Any, kind: Any, a: Any, index: Any) -> Any:
    """Where a[index] lies, in an intrinsic; kind: the type of a."""
    base = a if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, a).data
    return builder.gep(base, [index])


def _splat(builder: Any, vector: Any, scalar: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, _INT32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INT32, vector.count), None))


def _call(builder: Any, name: str, args: list[Any], result: Any, suffix: str) -> Any:
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{suffix}"), args)


def _suffix(vector: Any) -> str:
    return f"v{vector.count}f{32 if isinstance(vector.element, ir.FloatType) else 64}"


def compiled_or(python: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Use the intrinsic that is decorated, or its `python` twin where the compiler is off."""
    return lambda typed: python if config.DISABLE_JIT else intrinsic(typed)


@compiled_or(lambda a: a)
def pointer(typing: Any, a: Any) -> Any:
    """The address of the first number of an array, for functions of C."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return context.make_array(a)(context, builder, args[0]).data

    return types.CPointer(a.dtype)(a), emit


@compiled_or(lambda a: a.dtype.type(0))
def zero(typing: Any, a: Any) -> Any:
    """0 of an array's type."""
    return a.dtype(a), lambda context, builder, sig, args: context.get_constant(a.dtype, 0)


@compiled_or(lambda a, s: a.dtype.type(s))
def number(typing: Any, a: Any, s: Any) -> Any:
    """s as a number of an array's type."""
    return a.dtype(a, s), lambda context, builder, sig, args: context.cast(builder, args[1], s, a.dtype)


@compiled_or(lambda a: lanes_of(a.dtype))
def lanes(typing: Any, a: Any) -> Any:
    """How many numbers of an array's type a vector holds."""
    count = VectorType(a.dtype).lanes
    return types.intp(a), lambda context, builder, sig, args: context.get_constant(types.intp, count)


@compiled_or(lambda a, i: a[i])
def at(typing: Any, a: Any, i: Any) -> Any:
    """a[i], without a check of bounds and without wrapping a negative i around."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(pointer_to(context, builder, a, args[0], args[1]))

    return a.dtype(a, types.intp), emit


@compiled_or(lambda a, i: a[i])
def look(typing: Any, a: Any, i: Any) -> Any:
    """a[i] as it is in memory now: another thread may have written it since the kernel began."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load_atomic(
            pointer_to(context, builder, a, args[0], args[1]), "monotonic", a.dtype.bitwidth // 8
        )

    return a.dtype(a, types.intp), emit


@compiled_or(lambda a, i: None)
def prefetch(typing: Any, a: Any, i: Any) -> Any:
    """Ask for the line of memory with a[i], which is needed soon; nothing waits for it."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = builder.bitcast(pointer_to(context, builder, a, args[0], args[1]), ir.IntType(8).as_pointer())
        to_read, keep, data = _INT32(0), _INT32(3), _INT32(1)
        kind = ir.FunctionType(ir.VoidType(), [start.type, _INT32, _INT32, _INT32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [start, to_read, keep, data])
        return context.get_dummy_value()

    return types.void(a, types.intp), emit


def _loading(size: int) -> Any:
    def emit_load(typing: Any, a: Any, i: Any) -> Any:
        result = VectorType(a.dtype, size)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = pointer_to(context, builder, a, args[0], args[1])
            start = builder.bitcast(start, context.get_value_type(result).as_pointer())
            return builder.load(start, align=a.dtype.bitwidth // 8)

        return result(a, types.intp), emit

    return compiled_or(lambda a, i: a[i : i + size // a.dtype.itemsize].copy())(emit_load)


def _splatting(size: int) -> Any:
    def emit_splat(typing: Any, s: Any) -> Any:
        result = VectorType(s, size)
        return result(s), lambda context, builder, sig, args: _splat(builder, context.get_value_type(result), args[0])

    return compiled_or(lambda s: np.full(size // s.dtype.itemsize, s))(emit_splat)


@compiled_or(lambda v, a, i: a[i : i + len(v)].copy())
def load_like(typing: Any, v: Any, a: Any, i: Any) -> Any:
    """The vector that begins at a[i], with as many lanes as v."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = builder.bitcast(pointer_to(context, builder, a, args[1], args[2]), args[0].type.as_pointer())
        return builder.load(start, align=a.dtype.bitwidth // 8)

    return v(v, a, types.intp), emit


load, load_line = _loading(PANEL_BYTES), _loading(LINE_BYTES)
splat, splat_line = _splatting(PANEL_BYTES), _splatting(LINE_BYTES)


def _store(a: Any, i: int, v: Any) -> None:
    a[i : i + len(v)] = v


@compiled_or(_store)
def store(typing: Any, a: Any, i: Any, v: Any) -> Any:
    """Write vector v to a[i], a[i + 1], …"""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = pointer_to(context, builder, a, args[0], args[1])
        builder.store(args[2], builder.bitcast(start, args[2].type.as_pointer()), align=a.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(a, types.intp, v), emit


@compiled_or(lambda v, s: np.full_like(v, s))
def fill(typing: Any, v: Any, s: Any) -> Any:
    """A vector like v whose lanes all hold s."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0].type, context.cast(builder, args[1], sig.args[1], v.dtype))

    return v(v, s), emit


@compiled_or(lambda x, y, z: x * y + z)
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """x·y + z, rounded once."""
    return x(x, x, x), lambda context, builder, sig, args: _call(
        builder, "fma", list(args), args[0].type, _suffix(args[0].type)
    )


def _function(name: str, python: Callable[..., Any]) -> Any:
    def apply(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return _call(builder, name, list(args), args[0].type, _suffix(args[0].type))

        return x(x), emit

    return compiled_or(python)(apply)


sqrt, rint = _function("sqrt", np.sqrt), _function("rint", np.rint)


def _power_of_two(n: Any) -> Any:
    return np.ldexp(np.ones_like(n), np.nan_to_num(n).astype(np.int32))


@compiled_or(_power_of_two)
def power_of_two(typing: Any, n: Any) -> Any:
    """2ⁿ of whole numbers n, by their bits; n must lie in the range of the exponent."""
    _, bits, shift, bias = _FLOATS[n.dtype]

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = ir.VectorType(ir.IntType(bits), n.lanes)
        biased = builder.add(builder.fptosi(args[0], whole), ir.Constant(whole, [bias] * n.lanes))
        return builder.bitcast(builder.shl(biased, ir.Constant(whole, [shift] * n.lanes)), args[0].type)

    return n(n), emit


def _folded(together: Callable[[Any, Any, Any], Any], python: Callable[..., Any]) -> Any:
    """Halves are put together until one number is left: the same tree on every processor."""

    def fold(typing: Any, v: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            value, count = args[0], v.lanes
            while count > 1:
                count //= 2
                undefined, kind = ir.Constant(value.type, ir.Undefined), ir.VectorType(_INT32, count)
                halves = (ir.Constant(kind, list(range(start, start + count))) for start in (0, count))
                value = together(builder, *(builder.shuffle_vector(value, undefined, half) for half in halves))
            return builder.extract_element(value, _INT32(0))

        return v.dtype(v), emit

    return compiled_or(python)(fold)


def _larger(builder: Any, old: Any, new: Any) -> Any:
    wins = builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("uno", new, new))
    return builder.select(wins, new, old)


total = _folded(lambda builder, x, y: builder.fadd(x, y), np.sum)
largest = _folded(_larger, np.max)


@compiled_or(lambda v, n, other: np.where(np.arange(len(v)) < n, v, other))
def first_of(typing: Any, v: Any, n: Any, other: Any) -> Any:
    """v in its first n lanes, `other` in those behind them."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = ir.VectorType(_INT32, v.lanes)
        limit = _splat(builder, whole, builder.trunc(args[1], _INT32))
        kept = builder.icmp_signed("<", ir.Constant(whole, list(range(v.lanes))), limit)
        return builder.select(kept, args[0], args[2])

    return v(v, types.intp, v), emit


def _choice(sign: str, python: Callable[..., Any]) -> Any:
    def where(typing: Any, c: Any, x: Any, y: Any) -> Any:
        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            holds = builder.fcmp_ordered(sign, args[0], ir.Constant(args[0].type, None))
            return builder.select(holds, args[1], args[2])

        return c(c, c, c), emit

    return compiled_or(python)(where)


where_positive = _choice(">", lambda c, x, y: np.where(c > 0, x, y))
where_negative = _choice("<", lambda c, x, y: np.where(c < 0, x, y))


def _operator(symbol: Callable[..., Any], instruction: str) -> None:
    @infer_global(symbol)
    class _Typed(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            x, y = args
            return signature(x, x, x) if isinstance(x, VectorType) and x == y else None

    @lower_builtin(symbol, VectorType, VectorType)
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _operator(_symbol, _instruction)


# -- lines of 64 bytes, and the largest of several numbers, with the reference's rules for NaN and ties


@compiled_or(lambda a: LINE_BYTES // a.dtype.itemsize)
def line(typing: Any, a: Any) -> Any:
    """How many numbers of an array's type a line of 64 bytes holds."""
    count = VectorType(a.dtype, LINE_BYTES).lanes
    return types.intp(a), lambda context, builder, sig, args: context.get_constant(types.intp, count)


@compiled_or(np.maximum)
def larger(typing: Any, x: Any, y: Any) -> Any:
    """max(x, y), lane by lane; a NaN in y wins, and of two equal numbers x."""

    return x(x, x), lambda context, builder, sig, args: _larger(builder, *args)


def _where_won(x: Any, z: Any, g: Any, other: Any) -> Any:
    return np.where((x == z) | (x != x), g, other)


@compiled_or(_where_won)
def where_won(typing: Any, x: Any, z: Any, g: Any, other: Any) -> Any:
    """g where x is the largest number z or a NaN, else `other`."""

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
