"""How kernels become one program: linked as they are, optimized and made machine code once, with their entry point.

Numba by itself optimizes every function with all that it calls, makes machine code of it, and does the same again in
each caller: with a hundred functions six deep most of the time goes into code that nothing runs.  A kernel is only ever
called by another kernel, so it needs none of that, nor a wrapper that Python could call.
"""

import ctypes
from types import MethodType
from typing import Any

import llvmlite.binding as llvm
from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

_NO_CALL = ctypes.cast(ctypes.pythonapi.PyObject_Call, ctypes.c_void_p).value  # who calls a kernel gets a TypeError


class LinkedLibrary(JITCodeLibrary):
    """The intermediate code of a kernel and of what it calls."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Add the code of the kernel itself."""
        self._final_module.link_in(llvm.parse_assembly(str(ir_module)))

    def finalize(self) -> None:
        """Link, and leave all else to who calls it."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


def _without_code(context: Any, library: Any, fndesc: Any, env: Any) -> Any:
    """What stands for a kernel where Numba expects its address."""
    return _dynfunc.make_function(fndesc.lookup_module(), fndesc.qualname, "", _NO_CALL, env, (library,))


class LinkedCompiler(Compiler):
    """Numba's pipeline for a kernel, which ends before optimization."""

    def __init__(self, typingctx: Any, targetctx: Any, *args: Any) -> None:
        super().__init__(typingctx, targetctx, *args)
        self.state.flags.no_cpython_wrapper = self.state.flags.no_cfunc_wrapper = True
        self.state.library = LinkedLibrary(self.state.targetctx.codegen(), "kernel")
        self.state.targetctx.get_executable = MethodType(_without_code, self.state.targetctx)
