"""Whether an engine can run here, and whether it can take a network: told before anything starts."""

import importlib.util
from collections.abc import Sequence

from handgrad.errors import InputError
from handgrad.network.layer import Layer
from handgrad.network.layers import Dense, Dropout

DEVICES = ("cpu", "cuda")
LIBRARIES = {"torch": "PyTorch", "onnx": "the library onnx"}  # as they are called


def check_installed(library: str, what: str, extra: str, otherwise: str) -> None:
    """Raise InputError where a library of an extra is missing: what needs it, how to install it, what to do without.

    >>> check_installed("numpy", "counting", "numbers", "use your fingers")
    """
    if importlib.util.find_spec(library) is None:
        raise InputError(
            f"{what} needs {LIBRARIES.get(library, library)}, which is not installed here; "
            f"pip install 'handgrad[{extra}]', or {otherwise}"
        )


def check_available(engine: str, device: str) -> None:
    """Raise InputError where the engine's library or the device is missing here; it says what to install or set.

    >>> check_available("array", "cpu")
    """
    if engine != "torch":
        return
    check_installed("torch", "training.engine = 'torch'", "torch", 'set training.engine = "array"')
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                "training.device = 'cuda' needs an NVIDIA GPU and a PyTorch built for it; this PyTorch "
                f'({torch.__version__}) finds none; set training.device = "cpu"'
            )


def unsupported(layers: Sequence[Layer]) -> str | None:
    """Why the compiled engine cannot take these layers, or None.

    >>> unsupported([Dropout(0.5), Dropout(0.5), Dense(10, "softmax")])
    "engine = 'compiled' takes no two dropout layers in a row; merge them, or set engine = 'array'"
    """
    for before, layer in zip((None, *layers[:-1]), layers, strict=True):
        if not isinstance(layer, Dense | Dropout):
            return f"engine = 'compiled' has no layer '{layer}'; set engine = 'array'"
        if isinstance(layer, Dropout) and isinstance(before, Dropout):
            return "engine = 'compiled' takes no two dropout layers in a row; merge them, or set engine = 'array'"
    return None
