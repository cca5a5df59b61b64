"""The array libraries that the network has to run on: every test that takes `library` runs on each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch


@dataclass(frozen=True)
class Library:
    """`array` makes an array of the library from a NumPy one; `numpy` goes back."""

    name: str
    array: Callable[[np.ndarray], Any]

    def numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def dtype(self, array: Any) -> str:
        return str(array.dtype).removeprefix("torch.")


@pytest.fixture(params=["numpy", "torch"])
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param, {"numpy": np.asarray, "torch": torch.asarray}[request.param])
