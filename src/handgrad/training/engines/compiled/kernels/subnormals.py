"""Numbers below the smallest normal one (1e-38 in float32, 1e-308 in float64) count as 0 while a network is trained.

What an optimizer remembers of a weight without a gradient, of a dead unit say, fades into such numbers and stays there,
and arithmetic on them is slow: they made Adam take 1.7 times as long.  NaN and infinity are as they always are.
"""

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from handgrad.training.engines.compiled.kernels.vectors import compiled_or

X86 = platform.machine().lower() in ("x86_64", "amd64")
_INT32 = ir.IntType(32)
FLUSH = 0x8040  # of the control register MXCSR: results that are subnormal become 0, operands that are count as 0


@compiled_or(lambda: 0)
def flush_subnormals(typing: Any) -> Any:
    """From here on this thread takes subnormal numbers as 0 -> what `restore` needs.  Processors other than x86 are
    left as they are."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if not X86:
            return context.get_constant(types.int32, 0)
        before = _control(builder, "st")
        flushing = builder.or_(builder.load(before), _INT32(FLUSH))
        _control(builder, "ld", flushing)
        return builder.load(before)

    return types.int32(), emit


@compiled_or(lambda before: None)
def restore(typing: Any, before: Any) -> Any:
    """Back to how numbers were taken before."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if X86:
            _control(builder, "ld", args[0])
        return context.get_dummy_value()

    return types.void(before), emit


def _control(builder: Any, way: str, value: Any = None) -> Any:
    """Store (st) or load (ld) the control register of the floating-point unit -> where its value lies."""
    place = cgutils.alloca_once(builder, _INT32)
    if value is not None:
        builder.store(value, place)
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{way}mxcsr")
    builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])
    return place
