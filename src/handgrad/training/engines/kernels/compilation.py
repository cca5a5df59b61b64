"""Compiling: once, shown when it takes time, kept on disk, and safe when several processes start at once.

The entry points are compiled for float32 or float64 on first use.  The machine code is kept in the user's cache under
a key of everything it depends on: the text of all kernels, the versions of Numba and NumPy, the processor.  A lock
lets one process compile while the others wait for it and then load; where the folder cannot be written, the code
lives as long as the process.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numba
from numba import njit, types
from numba.core import caching

from handgrad.training.engines.kernels import entry, image_entry
from handgrad.training.engines.kernels.deferred import Late
from handgrad.training.engines.kernels.image_passes import ImageWork
from handgrad.training.engines.kernels.passes import Inputs, Work
from handgrad.training.engines.kernels.products import Columns, Sparse
from handgrad.training.engines.kernels.singly import Window
from handgrad.training.engines.kernels.updates import Memory, Past
from handgrad.training.engines.kernels.vectors import TARGET


@cache
def source_key() -> str:
    """The key of the machine code: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    versions = (sys.version, numba.__version__, importlib.metadata.version("numpy"))
    digest.update(repr((versions, TARGET)).encode())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where the machine code is kept: NUMBA_CACHE_DIR if it is set, else the user's cache."""
    from pooch import os_cache

    root = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(root) / "handgrad" if root else Path(os_cache("handgrad"))) / f"kernels-{source_key()}"


class _Locator(caching._CacheLocator):
    """Numba's question where to keep the code of a function, and what its text was."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._folder = cache_folder()

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return source_key()

    def get_disambiguator(self) -> None:
        return None

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_Locator":
        locator = cls(py_func, py_file)
        locator.ensure_cache_path()
        return locator


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes: ClassVar = [_Locator]


class _Cache(caching.FunctionCache):
    _impl_class = _Implementation


def _array(dtype: Any, *, mutable: bool = True) -> Any:
    return types.Array(dtype, 1, "C", readonly=not mutable)


def _signatures(number: Any) -> dict[str, Any]:
    """The argument types of the entry points for one type of number."""
    flat, whole, real = _array(number), _array(types.int64), _array(types.float64)
    pixels = _array(types.uint16)

    def group(kind: Any, *parts: Any) -> Any:
        return types.BaseTuple.from_types(parts, kind)

    sparse = group(Sparse, whole, pixels, flat)
    inputs = group(Inputs, sparse, _array(number, mutable=False), whole)
    columns = group(Columns, whole, pixels, flat)
    late = group(Late, whole, whole, whole, group(Past, real, real, real, real, real, whole))
    work = group(Work, flat, flat, flat, flat, flat, columns, group(Window, flat, flat, flat, flat, flat), late)
    memory = group(Memory, flat, flat, flat, flat)
    images = group(ImageWork, flat, whole, flat, flat, flat, flat, flat, whole)
    examples = _array(number, mutable=False)
    curve = _array(types.float32)
    return {
        "train": (
            whole, whole, real, memory, work, inputs, flat, whole, real, types.int64, types.int64, flat, curve,
        ),
        "score": (whole, whole, memory, work, inputs, flat, whole, flat, whole, flat),
        "train_images": (
            whole, whole, real, memory, images, examples, whole, flat, whole, real, types.int64, types.int64, flat,
            curve,
        ),
        "score_images": (whole, whole, memory, images, examples, whole, flat, whole, flat, whole, flat),
    }  # fmt: skip


@cache
def entry_point(name: str, dtype: str) -> Callable[..., Any]:
    """The entry point of that name, compiled for that type of number."""
    function = getattr(image_entry if name.endswith("_images") else entry, name)
    if numba.config.DISABLE_JIT:
        return function
    signature = _signatures(types.float32 if dtype == "float32" else types.float64)[name]
    dispatcher = njit(error_model="numpy")(function.py_func)
    try:
        dispatcher._cache = _Cache(function.py_func)
    except (OSError, RuntimeError):  # the cache cannot be written
        dispatcher.compile(signature)
        return dispatcher
    with _lock():
        dispatcher.compile(signature)
    dispatcher.disable_compile()
    return dispatcher


def _lock() -> Any:
    from filelock import FileLock

    return FileLock(cache_folder() / "lock")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


ENTRY_POINTS = {"dense": ("train", "score"), "images": ("train_images", "score_images")}


@cache
def prepare(dtype: str, network: str, say: Callable[[str], None] = _say) -> None:
    """Compile the kernels for that type of number and kind of network (of ENTRY_POINTS), or load them.

    `say` hears one line before anything is compiled.
    """
    marker = cache_folder() / f"{dtype}.{network}"
    if not numba.config.DISABLE_JIT and not marker.exists():
        what, long = ("kernels for networks of images", "half") if network == "images" else ("kernels", "a quarter of")
        say(f"handgrad: compiling the {dtype} {what} for this processor, once; this takes about {long} a minute")
    for name in ENTRY_POINTS[network]:
        entry_point(name, dtype)
    if not numba.config.DISABLE_JIT:
        with contextlib.suppress(OSError):
            marker.touch()
