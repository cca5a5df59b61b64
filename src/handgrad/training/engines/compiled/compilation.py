"""Compiling: once, said when it takes time, kept on disk, and safe when several processes start at once.

The entry points are compiled for float32 or float64 on first use.  The machine code is kept in the user's cache under
a key of everything that it depends on: the text of the kernels, the numbers they take from the reference, the versions
of Numba and NumPy, the processor.  A lock lets one process compile while the others wait for it and then load.  A file
of it that is damaged is made again; where it cannot be written, the code lives as long as the process.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numba
from numba import types
from numba.core import serialize
from numba.core.compiler import CompileResult

from handgrad import files
from handgrad.network.activations import LEAKY_SLOPE
from handgrad.network.batch_norm import EPS, MOMENTUM
from handgrad.terminal import say
from handgrad.training import twins
from handgrad.training.engines.compiled.calling import beside
from handgrad.training.engines.compiled.kernels import entry_points
from handgrad.training.engines.compiled.kernels.dense.dense_passes import DenseInputs, DenseWork
from handgrad.training.engines.compiled.kernels.dense.lazy_updates import LateRows
from handgrad.training.engines.compiled.kernels.dense.windows import Window
from handgrad.training.engines.compiled.kernels.images.image_passes import ImageInputs, ImageWork
from handgrad.training.engines.compiled.kernels.linking import program
from handgrad.training.engines.compiled.kernels.products import Columns, Sparse
from handgrad.training.engines.compiled.kernels.updates import Memory, PastSteps
from handgrad.training.engines.compiled.kernels.vectors import TARGET
from handgrad.training.environment import without_collection

SOURCE = Path(__file__).parent
PARTS = ("kernels/**/*.py", "compilation.py")  # of SOURCE: what the machine code is made of
PATIENCE = 300.0  # seconds that a process waits for another one to compile
NUMBERS = {"float32": types.float32, "float64": types.float64}


class EntryPoints(NamedTuple):
    """The entry points for one kind of training, and what is said while they are compiled."""

    train: str
    score: str
    what: str
    duration: str


ENTRY_POINTS = {
    "dense": EntryPoints("train", "score", "kernels", "6 seconds"),
    "small-batches": EntryPoints("train_in_windows", "score", "kernels for small batches", "6 seconds"),
    "images": EntryPoints("train_images", "score_images", "kernels for networks of images", "12 seconds"),
}


@cache
def source_key() -> str:
    """The key of the machine code: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for part in PARTS for path in SOURCE.glob(part)):
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    versions = (sys.version, numba.__version__, importlib.metadata.version("numpy"))
    codes = [[(name, twin.code) for name, twin in table.items()] for table in twins.TABLES.values()]
    slips = twins.BIAS_GRADIENTS, twins.DERIVATIVES
    digest.update(repr((versions, TARGET, LEAKY_SLOPE, EPS, MOMENTUM, codes, *slips)).encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where the machine code is kept: NUMBA_CACHE_DIR if it is set, else the user's cache."""
    from pooch import os_cache

    root = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(root) / "handgrad" if root else Path(os_cache("handgrad"))) / f"kernels-{source_key()}"


class KeptCode:
    """The file that keeps one entry point's machine code, with the two methods that Numba's dispatcher calls.

    A checksum comes first and is compared before anything is unpickled: a file that is empty, cut, altered or of other
    code counts as none, and is written anew.  Where nothing can be read or written, nothing is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_whole(self) -> bool:
        """Whether there is code to load."""
        return self._content() is not None

    def _content(self) -> bytes | None:
        try:
            return files.unstamped(self.path.read_bytes())
        except OSError:
            return None

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The code for these types of arguments, or None."""
        target_context.refresh()
        content = self._content()
        if content is None:
            return None
        try:
            stamp, reduced = pickle.loads(content)
            return CompileResult._rebuild(target_context, *reduced) if stamp == _stamp(signature) else None
        except Exception:  # whole, but perhaps of another Numba: it can be made again in any case
            return None

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep the code, whole or not at all."""
        content = serialize.dumps((_stamp(signature), result._reduce()))
        with contextlib.suppress(OSError):  # read-only, full: the code lives as long as this process
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(self.path, files.stamped(content), forced=False)  # a cut file is no file


def _stamp(signature: Any) -> tuple[str, str]:
    return source_key(), str(signature)


def _array(dtype: Any, *, mutable: bool = True) -> Any:
    return types.Array(dtype, 1, "C", readonly=not mutable)


def _signatures(number: Any) -> dict[str, Any]:
    """The argument types of the entry points for one type of number."""
    flat, whole, real = _array(number), _array(types.int64), _array(types.float64)
    pixels = _array(types.uint16)

    def group(kind: Any, *parts: Any) -> Any:
        return types.BaseTuple.from_types(parts, kind)

    sparse = group(Sparse, whole, pixels, flat)
    columns = group(Columns, whole, whole, pixels, flat)
    window = group(Window, flat, flat, flat, flat, flat)
    late = group(LateRows, whole, whole, whole, group(PastSteps, real, real, real, real, real, whole))
    memory = group(Memory, flat, flat, flat, flat)
    examples = _array(number, mutable=False)
    kinds = {
        "": (
            group(DenseWork, flat, flat, flat, flat, flat, columns, window, late),
            group(DenseInputs, sparse, examples, whole, flat),
        ),
        "_images": (
            group(ImageWork, flat, whole, flat, flat, flat, flat, flat, whole),
            group(ImageInputs, examples, whole, flat),
        ),
    }
    found: dict[str, Any] = {}
    for kind, (work, inputs) in kinds.items():
        found["train" + kind] = (
            whole, whole, real, memory, work, inputs, flat, whole, real, types.int64, types.int64, flat,
            _array(types.float32),
        )  # fmt: skip
        found["score" + kind] = whole, whole, memory, work, inputs, flat, whole, types.int64, flat, whole, flat
    found["train_in_windows"] = found["train"]
    return found


@cache
def entry_point(name: str, dtype: str) -> Callable[..., Any]:
    """The entry point of that name, compiled for that type of number."""
    function = getattr(entry_points, name)
    if numba.config.DISABLE_JIT:
        return function
    signature = _signatures(NUMBERS[dtype])[name]
    dispatcher = program(function.py_func)
    dispatcher._cache = kept = _kept(name, dtype)

    def compile_or_load() -> None:
        # Numba makes millions of objects: to look for cycles among them takes a tenth of its time
        with contextlib.nullcontext() if kept.is_whole() else _alone(), without_collection():
            dispatcher.compile(signature)

    beside(compile_or_load)  # LLVM calls Python back, and where Ctrl-C cut that short, the code had no address
    dispatcher.disable_compile()
    return dispatcher


def _kept(name: str, dtype: str) -> KeptCode:
    return KeptCode(cache_folder() / f"{name}-{dtype}.nbc")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process compiles and the others wait for it, but not for ever: it may have been stopped."""
    from filelock import FileLock, Timeout

    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            cache_folder().mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(cache_folder() / "lock").acquire(timeout=PATIENCE))
        yield


@cache
def prepare(dtype: str, kind: str, tell: Callable[[str], None] = say, *, load: bool = True) -> None:
    """Compile the kernels for that type of number and kind of training (of ENTRY_POINTS), or load them.

    `tell` hears one line before anything is compiled.  load: False where other processes train, and load them then.
    """
    points = ENTRY_POINTS[kind]
    names = points.train, points.score
    kept = all(_kept(name, dtype).is_whole() for name in names)
    if kept and not load:
        return
    if not numba.config.DISABLE_JIT and not kept:
        tell(
            f"handgrad: compiling the {dtype} {points.what} for this processor, once; "
            f"this takes about {points.duration}"
        )
    for name in names:
        entry_point(name, dtype)
