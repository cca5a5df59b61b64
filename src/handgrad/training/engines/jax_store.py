"""Compiled programs, kept: once for a device, in memory and on disk, so that every process has the same machine code.

On a GPU XLA chooses some operations by timing them, so compiling again could mean other bits.  A program is therefore
compiled by one process, under a lock, and kept in the user's cache (or under JAX_COMPILATION_CACHE_DIR) under a key of
all that goes into it: its text, the versions of JAX and of the device, the options.  All later processes load it.

On a processor nothing is timed, and every process compiles for itself.  Nothing is kept there for another reason too:
of a program that shares kernels with one that the process compiled before, XLA (0.10.2) saves only the rest.
"""

import hashlib
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental import serialize_executable

from handgrad import files
from handgrad.errors import InputError

OPTIONS: dict[str, dict[str, str | bool]] = {
    "cpu": {"xla_cpu_multi_thread_eigen": False},  # one thread a worker
    "gpu": {},  # excluding operations that may be nondeterministic takes half of the speed: a group checks instead
}


def folder() -> Path:
    """Where programs are kept."""
    from pooch import os_cache

    return Path(os.environ.get("JAX_COMPILATION_CACHE_DIR") or os_cache("handgrad")) / "programs"


class KeptProgram:
    """A function as a program, compiled for each kind of arguments that it is called with.

    digest: of the machine code of the first of them, where it is kept; equal digests mean equal bits.
    """

    def __init__(self, function: Callable[..., Any], device: jax.Device) -> None:
        self._jitted = jax.jit(function)
        self._device = device
        self._programs: dict[Any, Any] = {}
        self.digest = ""

    def __call__(self, *arguments: Any) -> Any:
        leaves, tree = jax.tree.flatten(arguments)
        kind = tree, tuple((a.shape, a.dtype) for a in leaves)
        if kind not in self._programs:
            self._programs[kind] = self._program(arguments, str(tree))
        return self._programs[kind](*arguments)

    def _program(self, arguments: Any, names: str) -> Any:
        lowered = self._jitted.lower(*arguments)
        options = OPTIONS.get(self._device.platform, {})
        if self._device.platform == "cpu":
            return lowered.compile(compiler_options=options)
        from filelock import FileLock

        path = folder() / _key(names + lowered.as_text(), self._device, options)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                with suppress(Exception):  # a file that is missing or damaged, or of another driver: compiled again
                    if (kept := files.unstamped(path.read_bytes())) is not None:
                        return self._noted(serialize_executable.deserialize_and_load(*pickle.loads(kept)), kept)
                program = lowered.compile(compiler_options=options)
                kept = pickle.dumps(serialize_executable.serialize(program))
                files.write_whole(path, files.stamped(kept))
                return self._noted(program, kept)
        except OSError as error:
            raise InputError(
                f"{path.parent}: cannot be written ({error.strerror or error}), but on a GPU compiled programs are "
                "kept there, so that later processes compute the same bits; set JAX_COMPILATION_CACHE_DIR to a folder "
                "that can be written"
            ) from error

    def _noted(self, program: Any, kept: bytes) -> Any:
        self.digest = self.digest or hashlib.sha256(kept).hexdigest()[:10]
        return program


def _key(text: str, device: jax.Device, options: Any) -> str:
    versions = jax.__version__, version("jaxlib"), device.client.platform_version
    facts = [text, versions, device.platform, device.device_kind]
    return hashlib.sha256(repr([facts, sorted(options.items())]).encode()).hexdigest()[:24]
