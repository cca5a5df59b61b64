"""Whether an engine can run on this machine, told before anything starts."""

import importlib.util

from handgrad.errors import InputError

DEVICES = ("cpu", "cuda")


def check_available(engine: str, device: str) -> None:
    """Raise InputError where the engine's library or the device is missing here; it says what to install or set.

    >>> check_available("array", "cpu")
    """
    if engine != "torch":
        return
    if importlib.util.find_spec("torch") is None:
        raise InputError(
            "training.engine = 'torch' needs PyTorch, which is not installed here; "
            "pip install 'handgrad[torch]', or set training.engine = \"array\""
        )
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                "training.device = 'cuda' needs an NVIDIA GPU and a PyTorch built for it; this PyTorch "
                f'({torch.__version__}) finds none; set training.device = "cpu"'
            )
