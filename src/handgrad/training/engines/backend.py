"""Where the arrays of the reference engine live: the library that computes with them, and its device.

    numpy   the processor
    torch   the processor or an NVIDIA GPU, PyTorch's arrays without its autograd
    cupy    an NVIDIA GPU

`handgrad.network` and `optimizers.step` are the same code for all of them (array_api_compat).  This is all that knows
more of a library than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import to_device

from handgrad.network.arrays import Array


@dataclass(frozen=True)
class Backend:
    """xp: the library, as array_api_compat has it; device: in that library's words."""

    xp: Any
    device: Any

    @property
    def is_numpy(self) -> bool:
        return str(self.xp.__name__).endswith("numpy")

    def to_device(self, array: np.ndarray) -> Array:
        """A NumPy array here; elsewhere than in NumPy a copy."""
        return array if self.is_numpy else self.xp.asarray(array, device=self.device, copy=True)

    def to_numpy(self, array: Array) -> np.ndarray:
        """An array from here as NumPy's; waits until it is computed."""
        return np.asarray(to_device(array, "cpu"))

    def stack_to_numpy(self, numbers: Sequence[Array]) -> np.ndarray:
        """n arrays of one shape, such as () of a loss, as one NumPy array (n, *shape); waits once."""
        return np.asarray(numbers) if self.is_numpy else self.to_numpy(self.xp.stack(list(numbers)))


def backend_of(arrays: str, device: str) -> Backend:
    """The backend of `training.arrays` on `training.device`; raises ImportError where the library is missing."""
    if arrays == "torch":
        import array_api_compat.torch

        return Backend(array_api_compat.torch, device)
    if arrays == "cupy":
        import array_api_compat.cupy

        return Backend(array_api_compat.cupy, None)  # the GPU that CuPy takes: the first
    import array_api_compat.numpy

    return Backend(array_api_compat.numpy, "cpu")
