"""How kernels become one program: linked as they are, optimized and made machine code once, with their entry point.

Numba by itself optimizes every function with all that it calls, makes machine code of it, and does the same again in
each caller: with a hundred functions six deep most of the time goes into code that nothing runs.  A kernel is only ever
called by another kernel, so it needs none of that, nor a wrapper that Python could call.  Nor is it compiled again for
every constant among its arguments, nor searched for what no kernel has (closures, generators, expressions of arrays).
"""

import ctypes
from collections.abc import Callable
from types import MethodType
from typing import Any

import llvmlite.binding as llvm
from numba import _dynfunc, config, njit, types
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import PassManager

OPTIONS = {"error_model": "numpy", "_nrt": False}  # of Numba; _nrt: kernels make no arrays, so none are counted
_NO_CALL = ctypes.cast(ctypes.pythonapi.PyObject_Call, ctypes.c_void_p).value  # who calls a kernel gets a TypeError
PASSES = (  # of Numba, in its order
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,
    untyped_passes.InlineInlinables,
    untyped_passes.DeadBranchPrune,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
    typed_passes.AnnotateTypes,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)


class LinkedLibrary(JITCodeLibrary):
    """The intermediate code of a kernel, without that of what it calls."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Add the code of the kernel."""
        self._final_module.link_in(llvm.parse_assembly(str(ir_module)))

    def finalize(self) -> None:
        """Leave all else to the program."""
        self._finalized = True


class ProgramLibrary(JITCodeLibrary):
    """The code of an entry point and of all kernels that it comes to."""

    def finalize(self) -> None:
        """Link, optimize and make machine code."""
        found: dict[Any, None] = {}
        for library in self._linking_libraries:
            _collect(library, found)
        self._linking_libraries: list[Any] = list(found)
        super().finalize()

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout  # and no more: the whole program is optimized later

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == llvm.Linkage.linkonce_odr:  # kernels: nobody else calls them, so LLVM may
                function.linkage = llvm.Linkage.internal  # move them to where they are called
        manager, builder = self._codegen._module_pass_manager()  # not the cheap one before it, for counts of references
        manager.run(self._final_module, builder)


def _collect(library: Any, found: dict[Any, None]) -> None:
    """List a library, then what it calls: the linker leaves out what nothing before it calls."""
    if library not in found:
        found[library] = None
        if isinstance(library, LinkedLibrary):
            for called in library._linking_libraries:
                _collect(called, found)


def _without_code(context: Any, library: Any, fndesc: Any, env: Any) -> Any:
    """What stands for a kernel where Numba expects its address."""
    return _dynfunc.make_function(fndesc.lookup_module(), fndesc.qualname, "", _NO_CALL, env, (library,))


class ProgramCompiler(Compiler):
    """Numba's pipeline for an entry point, with the passes that kernels need."""

    def __init__(self, typingctx: Any, targetctx: Any, *args: Any) -> None:
        super().__init__(typingctx, targetctx, *args)
        self.state.library = ProgramLibrary(self.state.targetctx.codegen(), "program")
        self.state.library.enable_object_caching()

    def define_pipelines(self) -> list[PassManager]:
        """One, of PASSES."""
        pipeline = PassManager("kernel")
        for each in PASSES:
            pipeline.add_pass(each, each.__name__)
        pipeline.finalize()
        return [pipeline]


class LinkedCompiler(ProgramCompiler):
    """The same for a kernel; it ends before optimization."""

    def __init__(self, typingctx: Any, targetctx: Any, *args: Any) -> None:
        super().__init__(typingctx, targetctx, *args)
        self.state.flags.no_cpython_wrapper = self.state.flags.no_cfunc_wrapper = True
        self.state.library = LinkedLibrary(self.state.targetctx.codegen(), "kernel")
        self.state.targetctx.get_executable = MethodType(_without_code, self.state.targetctx)


def linked(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make kernels: functions that become part of a program.  options: those of `numba.njit`."""
    compiler = njit(pipeline_class=LinkedCompiler, **OPTIONS, **options)

    def kernel_of(function: Callable[..., Any]) -> Any:
        kernel: Any = compiler(function)
        if not config.DISABLE_JIT:
            fold = kernel._compiler.fold_argument_types

            def without_constants(args: Any, kws: Any) -> Any:
                """The types of the arguments; a constant has the type of any number."""
                signature, folded = fold(args, kws)
                return signature, tuple(types.unliteral(kind) for kind in folded)

            kernel._compiler.fold_argument_types = without_constants
        return kernel

    return kernel_of


# makes an entry point, which Python calls; nogil: other threads run meanwhile
program = njit(pipeline_class=ProgramCompiler, nogil=True, no_cfunc_wrapper=True, **OPTIONS)
