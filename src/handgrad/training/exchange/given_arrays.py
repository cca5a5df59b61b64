"""Arrays of somebody's own as arrays by name: a dict, a state_dict, a list [W1, b1, W2, b2] or [(W1, b1), …]."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad.errors import WeightsError
from handgrad.names import shown
from handgrad.network.arrays import Arrays

WHERE = "the arrays that were given"
WANTED = "weights must be arrays by name, such as {'W1': W1, 'b1': b1}, or a list of them, as in [W1, b1, W2, b2]"
META = (  # of a tensor of PyTorch
    "is on the device 'meta', which holds no numbers; make room and load its weights there: "
    "module.to_empty(device='cpu'), then module.load_state_dict(…)"
)


def arrays_given(weights: Any) -> Arrays:
    """A dict as it is; of a list W1, b1, W2, … where its arrays are in turn weights and biases, else by their places.

    >>> list(arrays_given([np.ones((3, 2)), np.ones(2), np.ones((2, 1)), np.ones((1, 1))]))
    ['W1', 'b1', 'W2', 'b2']
    """
    if isinstance(weights, Mapping):
        return {str(name): _array(one, f"{name}") for name, one in weights.items()}
    if not isinstance(weights, list | tuple) or not weights:
        raise WeightsError(f"{WANTED}; got {shown(weights)}")
    if all(isinstance(one, list | tuple) and len(one) == 2 and np.ndim(one[0]) > 1 for one in weights):
        weights = [array for pair in weights for array in pair]
    arrays = [_array(one, f"array {i + 1}") for i, one in enumerate(weights)]
    pairs = list(zip(arrays[::2], arrays[1::2], strict=False))
    if len(arrays) % 2 == 0 and all(_is_bias(b, W) for W, b in pairs):
        return {f"{letter}{i}": one for i, pair in enumerate(pairs, 1) for letter, one in zip("Wb", pair, strict=True)}
    return {f"array {i + 1}": one for i, one in enumerate(arrays)}


def _is_bias(b: np.ndarray, W: np.ndarray) -> bool:
    """Whether b can be the bias of W: as many numbers as one axis of W is long, in one row or column."""
    ends = (W.shape[0], W.shape[-1]) if W.ndim > 1 else ()
    return b.size in ends and max(b.shape, default=0) == b.size


def _array(value: Any, name: str) -> np.ndarray:
    try:
        if hasattr(value, "detach"):  # a tensor of PyTorch
            if value.is_meta is True:
                raise WeightsError(f"{name} {META}")
            value = value.detach().cpu()
            value = value.float() if str(value.dtype) in ("torch.bfloat16", "torch.float16") else value
        array = np.asarray(value)
    except WeightsError:
        raise
    except Exception:  # whatever an object of somebody's own does
        raise WeightsError(f"{WANTED}; {name} is {shown(value)}") from None
    if array.dtype.kind not in "biuf" or not array.ndim:
        if array.dtype.kind in "iu" and name.endswith("num_batches_tracked"):
            return array
        raise WeightsError(f"{WANTED}; {name} is {shown(value)}")
    return array
