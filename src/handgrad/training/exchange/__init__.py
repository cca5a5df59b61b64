"""Exchange: trained networks to other programs, and weights that were trained elsewhere into a network of handgrad.

    export_model(record.model, "model.onnx")       by the path's ending: .onnx, .pt, .safetensors, .npz
    import_model("lenet.pt", setting)              .pt, .safetensors, .npz

    .onnx                 the whole network, scaling included, for inference (`exchange.onnx`)
    .pt, .safetensors     a PyTorch state_dict (`exchange.state_dict`)
    .npz                  handgrad's names and shapes; a student's W1, b1, W2, … are read as well (`exchange.foreign`)

No file executes anything when it is read: a .pt is read by PyTorch's `weights_only`.
"""

import io
import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.datasets import Dataset, load, split
from handgrad.errors import WeightsError
from handgrad.network.spec import Network, build
from handgrad.training.available import check_installed
from handgrad.training.exchange.foreign import from_arrays
from handgrad.training.exchange.state_dict import from_state_dict, is_state_dict, sequential, to_state_dict
from handgrad.training.model import Model
from handgrad.training.run import Setting
from handgrad.training.weights import Arrays, check_floats, check_shapes, read_arrays, save_weights, write_weights

PYTORCH = (".pt", ".pth")
WRITTEN = (".onnx", *PYTORCH, ".safetensors", ".npz")
READ = (*PYTORCH, ".safetensors", ".npz")
TORCH_LOAD = "load({}, weights_only=True)"
NESTED = ("state_dict", "model_state_dict", "model")  # where training scripts put the weights beside other things


def export_model(model: Model, path: str | os.PathLike[str], *, scaling: bool = True) -> str:
    """Write a trained network for other programs; the ending of `path` says how.  -> the Python that loads it there.

    scaling: an .onnx file takes examples as the data has them and scales them itself; False: they come scaled.  The
    other forms hold weights alone, so scaling is always left to whoever loads them.  Written whole or not at all.
    Raises WeightsError for another ending, or where it cannot be written; InputError where a library is missing.
    """
    path = Path(path)
    if path.suffix not in WRITTEN:
        raise WeightsError(f"{path}: unknown ending {path.suffix!r}; a network is exported as {', '.join(WRITTEN)}")
    if not scaling and path.suffix != ".onnx":
        raise WeightsError(f"{path}: holds weights alone, never their scaling; leaving it out is for .onnx")
    if path.suffix == ".onnx":
        from handgrad.training.exchange.onnx import to_onnx

        write_weights(path, to_onnx(model, scaling=scaling))
    elif path.suffix == ".npz":
        save_weights(path, model.params)
    elif path.suffix == ".safetensors":
        save_weights(path, to_state_dict(model.network, model.params))
    else:
        _save_torch(path, to_state_dict(model.network, model.params))
    return "\n".join(_to_load(model, path, scaling))


def _to_load(model: Model, path: Path, scaling: bool) -> list[str]:
    """Lines of Python."""
    name = str(path)
    shape = ", ".join(map(str, ("n", *model.network.input_shape)))
    scaled = f"scaled: {model.scaler.formula}" + (" (Model.scaler)" if isinstance(model.scaler.shift, tuple) else "")
    if path.suffix == ".onnx":
        values = "as the data has them" if scaling else scaled
        return [
            "import onnxruntime",
            f"session = onnxruntime.InferenceSession({name!r})",
            f'outputs = session.run(None, {{"x": x}})[0]  # x: ({shape}) float32, {values}',
        ]
    if path.suffix == ".npz":
        return ["import handgrad", f"params = handgrad.load_weights({name!r})  # inputs {scaled}"]
    reading = ("safetensors.torch", "load_file({})") if path.suffix == ".safetensors" else ("torch", TORCH_LOAD)
    return [
        f"import {reading[0]}",
        "from torch import nn",
        f"net = {sequential(model.network)}",
        f"net.load_state_dict({reading[0]}.{reading[1].format(repr(name))})",
        f"net.eval()  # x: ({shape}), {scaled}",
    ]


def import_model(
    path: str | os.PathLike[str], setting: Setting | Mapping[str, Any], *, data: Dataset | None = None
) -> Model:
    """Weights from elsewhere in the network of `setting`, with the scaling of its data: ready to predict and evaluate.

    path: a PyTorch state_dict (.pt, .pth, .safetensors), an .npz, or any weights of handgrad.  setting: as for `train`;
    it says the layers, which data, and how examples are scaled.  data: a `Dataset` to use instead of loading it.
    Raises WeightsError, all that does not fit at once: which layer, what the file has, what the network needs.
    """
    setting = Setting.checked(setting)
    data = load(setting.data) if data is None else data
    parts = split(data, setting.data)
    network = build(setting.network, parts.shape, parts.n_classes)
    params = {name: w.astype(setting.training.dtype) for name, w in read_params(Path(path), network).items()}
    return Model(network, params, parts.classes, parts.scaler, parts.value_range)


def read_params(path: Path, network: Network) -> Arrays:
    """The parameters of `network` from a file of weights, whoever wrote it; names and shapes become handgrad's."""
    if path.suffix not in READ:
        raise WeightsError(f"{path}: unknown ending {path.suffix!r}; weights are read from {', '.join(READ)}")
    arrays = _load_torch(path) if path.suffix in PYTORCH else read_arrays(path)
    if arrays.keys() & network.parameter_shapes.keys():
        check_floats(arrays, str(path))
        check_shapes(arrays, network.parameter_shapes, str(path))
        return arrays
    ordered = path.suffix != ".safetensors"  # which sorts its tensors
    read = from_state_dict if is_state_dict(arrays) else from_arrays
    params = read(network, arrays, where=str(path), ordered=ordered)
    check_floats(params, str(path))
    return params


def _save_torch(path: Path, state: Arrays) -> None:
    check_installed("torch", f"{path}: writing a {path.suffix} file", "'handgrad[torch]'", "export to .safetensors")
    import torch

    content = io.BytesIO()
    torch.save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()}, content)
    write_weights(path, content.getvalue())


def _load_torch(path: Path) -> Arrays:
    """A state_dict, or one within a dict of other things; PyTorch's restricted reader executes nothing."""
    check_installed(
        "torch", f"{path}: reading a {path.suffix} file", "'handgrad[torch]'", "save it there as .safetensors"
    )
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a file is unusual; what cannot be read raises
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path}: damaged, or holds more than weights (a whole module?), which could run code when it is read and "
            "is refused; save it there with torch.save(model.state_dict(), path)"
        ) from None
    except Exception:  # RuntimeError, KeyError, EOFError …: whatever a damaged file leads to
        raise WeightsError(f"{path}: not a whole PyTorch file; it may be cut off: copy or save it again") from None
    for key in NESTED if isinstance(found, dict) else ():
        found = found[key] if isinstance(found.get(key), dict) else found
    if not isinstance(found, dict) or not found or not all(isinstance(w, torch.Tensor) for w in found.values()):
        raise WeightsError(
            f"{path}: holds no state_dict (tensors by name); save it there with torch.save(model.state_dict(), path)"
        )
    return {str(name): _array(w) for name, w in found.items()}


def _array(tensor: Any) -> np.ndarray:
    """As NumPy holds it; half precision, which is for files, as float32."""
    tensor = tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor
    return np.asarray(tensor.detach().cpu().numpy())
