"""Where the arrays of the reference engine live: the library that computes with them, and its device.

    numpy   the processor
    torch   the processor or an NVIDIA GPU, PyTorch's arrays without its autograd
    cupy    an NVIDIA GPU

`handgrad.network` and `optimizers.step` are the same code for all of them (array_api_compat).  This is all that knows
more of a library than that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import to_device

from handgrad.network.activations import Array


@dataclass(frozen=True)
class Home:
    """xp: the library, as array_api_compat has it; device: in that library's words."""

    xp: Any
    device: Any

    @property
    def is_numpy(self) -> bool:
        return str(self.xp.__name__).endswith("numpy")

    def bring(self, array: np.ndarray) -> Array:
        """A NumPy array here; elsewhere than in NumPy a copy."""
        return array if self.is_numpy else self.xp.asarray(array, device=self.device, copy=True)

    def fetch(self, array: Array) -> np.ndarray:
        """An array from here as NumPy's; waits until it is computed."""
        return np.asarray(to_device(array, "cpu"))

    def fetch_numbers(self, numbers: Sequence[Array]) -> np.ndarray:
        """n arrays of one shape, such as () of a loss, as one NumPy array (n, *shape); waits once."""
        return np.asarray(numbers) if self.is_numpy else self.fetch(self.xp.stack(list(numbers)))

    def for_each(self, function: Callable[..., Any], shared: tuple[int, ...] = ()) -> Callable[..., Any]:
        """`function`, which is for one run, for many at once: an axis of runs first in all that it takes and returns.

        shared: the positional arguments that all runs have in common, which have no such axis.  What is returned lies
        in memory run after run, whatever was done before.  PyTorch alone can do it.
        """
        from torch.func import vmap

        def for_one(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
            return function(*arguments, **named)

        def for_all(*arguments: Any, **named: Any) -> Any:
            axes = tuple(None if i in shared else 0 for i in range(len(arguments)))
            return _in_rows(vmap(for_one, in_dims=(axes, 0))(arguments, named))

        return for_all


def _in_rows(found: Any) -> Any:
    """PyTorch's arrays in dicts and tuples, each with its last axis innermost in memory."""
    if isinstance(found, dict):
        return {name: _in_rows(one) for name, one in found.items()}
    return tuple(map(_in_rows, found)) if isinstance(found, tuple) else found.contiguous()


def home_of(arrays: str, device: str) -> Home:
    """The home of `training.arrays` on `training.device`; raises ImportError where the library is missing."""
    if arrays == "torch":
        import array_api_compat.torch

        return Home(array_api_compat.torch, device)
    if arrays == "cupy":
        import array_api_compat.cupy

        return Home(array_api_compat.cupy, None)  # the GPU that CuPy takes: the first
    import array_api_compat.numpy

    return Home(array_api_compat.numpy, "cpu")
