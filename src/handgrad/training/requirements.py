"""Whether an engine can run here: told before anything starts."""

import importlib.metadata
import importlib.util
import os
from functools import cache

from handgrad.errors import InputError

DEVICES = ("cpu", "cuda")
ARRAYS = ("auto", "numpy", "torch", "cupy")
LIBRARIES = {
    "torch": "PyTorch",
    "jax": "JAX",
    "cupy": "CuPy",
    "onnx": "the library onnx",
    "h5py": "the library h5py",
    "optuna": "Optuna",
    "tensorboard": "TensorBoard",
    "mlflow": "MLflow",
    "wandb": "Weights & Biases",
}  # as they are called


GPU_JAX = "'handgrad[jax]' 'jax[cuda13]'"  # or cuda12, for an older driver


@cache
def jax_sees(device: str) -> bool:
    """Whether JAX is installed and finds such a device."""
    if importlib.util.find_spec("jax") is None:
        return False
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # whoever only looks takes no memory
    import jax

    try:
        return bool(jax.devices(device))
    except RuntimeError:
        return False


def check_installed(library: str, what: str, install: str, otherwise: str) -> None:
    """Raise InputError where a library is missing: what needs it, what to install, what to do without.

    >>> check_installed("numpy", "counting", "numpy", "use your fingers")
    """
    if importlib.util.find_spec(library) is None:
        raise InputError(
            f"{what} needs {LIBRARIES.get(library, library)}, which is not installed here; "
            f"pip install {install}, or {otherwise}"
        )


def check_available(engine: str, device: str, arrays: str = "auto") -> None:
    """Raise InputError where a library or the device that was chosen is missing here; it says what to install or set.

    >>> check_available("array", "cpu")
    """
    cpu = 'set training.device = "cpu"'
    if engine == "torch":
        check_installed("torch", "training.engine = 'torch'", "'handgrad[torch]'", 'set training.engine = "array"')
    elif engine == "jax":
        which = "'handgrad[jax]'" if device == "cpu" else GPU_JAX
        check_installed("jax", "training.engine = 'jax'", which, 'set training.engine = "auto"')
        if device != "cpu" and not jax_sees(device):
            raise InputError(
                f"training.device = {device!r} needs an NVIDIA GPU and a JAX built for it; this JAX "
                f"({importlib.metadata.version('jax')}) finds none; pip install {GPU_JAX}, or {cpu}"
            )
        return
    elif arrays == "cupy":
        # its wheels are named by the version of CUDA, so no extra can name them
        check_installed("cupy", "training.arrays = 'cupy'", "cupy-cuda12x", 'set training.arrays = "torch"')
        _check_cupy(cpu)
        return
    elif arrays == "torch":
        check_installed("torch", "training.arrays = 'torch'", "'handgrad[torch]'", cpu)
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                "training.device = 'cuda' needs an NVIDIA GPU and a PyTorch built for it; this PyTorch "
                f"({torch.__version__}) finds none; {cpu}"
            )


def _check_cupy(otherwise: str) -> None:
    import cupy

    try:
        found = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:  # no driver
        found = 0
    if not found:
        raise InputError(
            f"training.arrays = 'cupy' needs an NVIDIA GPU; this CuPy ({cupy.__version__}) finds none; {otherwise}"
        )
