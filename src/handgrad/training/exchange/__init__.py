"""Exchange: trained networks to other programs, and networks and weights that were made elsewhere to handgrad.

    export_model(record.model, "model.onnx")       by the path's ending: .onnx, .pt, .safetensors, .npz
    import_model("lenet.pt", setting)              .pt, .safetensors, .npz, .keras, .h5; arrays by name, or a list
    from_torch(module), from_keras, from_sklearn   the network itself (`exchange.torch_modules`, …)

    .onnx                 the whole network, scaling included, for inference (`exchange.onnx`)
    .pt, .safetensors     a PyTorch state_dict (`exchange.state_dict`)
    .keras, .h5           Keras's arrays (`exchange.keras_weights`)
    .npz                  handgrad's names and shapes; a student's W1, b1, W2, … too (`exchange.named_arrays`)

No file executes anything when it is read (`training.pytorch`), and its content says what it is, not its name.
"""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.datasets import Dataset, split
from handgrad.errors import WeightsError
from handgrad.foreign import as_path, reading
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network
from handgrad.network.network_section import build
from handgrad.training.exchange.given_arrays import WHERE, arrays_given
from handgrad.training.exchange.imported import ImportedNetwork
from handgrad.training.exchange.keras_weights import are_keras, configs_of, from_keras_arrays
from handgrad.training.exchange.layouts import laid_out
from handgrad.training.exchange.named_arrays import from_arrays
from handgrad.training.exchange.state_dict import from_state_dict, is_state_dict, sequential, to_state_dict
from handgrad.training.forms import KERAS, form_of
from handgrad.training.given import checked_data, model_of
from handgrad.training.keras_files import read_keras
from handgrad.training.model import Model
from handgrad.training.record import Record
from handgrad.training.requirements import check_installed
from handgrad.training.run import Setting
from handgrad.training.weights import (
    check_names,
    check_numbers,
    check_shapes,
    read_arrays,
    save_weights,
    write_weights,
)

PYTORCH = (".pt", ".pth")
WRITTEN = (".onnx", *PYTORCH, ".safetensors", ".npz")
HDF5 = (".keras", ".h5", ".hdf5")
READ = (*PYTORCH, ".safetensors", ".npz", *HDF5)
TORCH_LOAD = "load({}, weights_only=True)"

Weights = str | os.PathLike[str] | ImportedNetwork | Mapping[str, Any] | Sequence[Any]


def export_model(model: Model | Record, path: str | os.PathLike[str], *, scaling: bool = True) -> str:
    """Write a trained network for other programs; the ending of `path` says how.  -> the Python that loads it there.

    scaling: an .onnx file takes examples as the data has them and scales them itself; False: they come scaled.  The
    other forms hold weights alone, so scaling is always left to whoever loads them.  Written whole or not at all.
    Raises WeightsError for another ending, or where it cannot be written; InputError where a library is missing.
    """
    model = model_of(model)
    path = as_path(path, "path", WeightsError)
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
    weights: Weights,
    setting: Setting | Mapping[str, Any],
    *,
    data: Dataset | None = None,
    layout: str | None = None,
) -> Model:
    """Weights from elsewhere in the network of `setting`, with the scaling of its data: ready to predict and evaluate.

    weights: a file (a PyTorch state_dict, .pt, .pth, .safetensors; Keras's .keras, .h5; an .npz; any weights of
    handgrad), what `from_torch`, `from_keras` or `from_sklearn` gave, a state_dict or other arrays by name, or a list
    [W1, b1, W2, …].  setting: as for `train`; it says the layers, which data, and how examples are scaled.
    data: a `Dataset` to use instead of loading it.  layout: "handgrad", "torch" or "keras" (`exchange.layouts`), where
    neither shapes nor names say it.
    Raises WeightsError, all that does not fit at once: which layer, what the file has, what the network needs.
    """
    source = weights if isinstance(weights, ImportedNetwork | Mapping | list | tuple) else _path(weights)
    setting = Setting.checked(setting)
    data = checked_data(data, setting)
    parts = split(data, setting.data)
    network = build(setting.network, parts.shape, parts.n_classes, parts.task)
    read = read_params(source, network, layout=layout)
    with np.errstate(over="ignore"):  # what overflows is looked for
        params = {name: w.astype(setting.training.dtype) for name, w in read.items()}
    check_numbers(params, f"{source if isinstance(source, Path) else WHERE}, as {setting.training.dtype}")
    return Model(
        network,
        params,
        parts.classes,
        parts.scaler,
        parts.value_range,
        parts.feature_names,
        parts.brightness,
        task=parts.task,
        target_scaler=parts.target_scaler,
    )


def _path(weights: Any) -> Path:
    return as_path(weights, "weights", WeightsError)


def read_params(source: Path | Any, network: Network, *, layout: str | None = None) -> Arrays:
    """The parameters of `network` from weights, whoever made them; names and shapes become handgrad's."""
    configs: Mapping[str, Mapping[str, Any]] = {}
    if isinstance(source, ImportedNetwork):
        return source.params_for(network, "weights")
    if isinstance(source, Path):
        where = str(source)
        if source.suffix not in READ:
            raise WeightsError(f"{where}: unknown ending {source.suffix!r}; weights are read from {', '.join(READ)}")
        form = form_of(source) if source.is_file() else None
        if form == KERAS:
            described, arrays, ordered = read_keras(source)
            with reading(source, WeightsError, "a Keras file", "save it there again: model.save(path)"):
                configs = configs_of(described)
        else:
            arrays, ordered = read_arrays(source)
    else:
        where, arrays, ordered = WHERE, arrays_given(source), True
    if arrays.keys() & network.parameter_shapes.keys():
        if layout is None:
            check_shapes(arrays, network.parameter_shapes, where)
            params = arrays
        else:
            check_names(arrays, network.parameter_shapes, where)
            own = {name: (name, arrays[name]) for name in network.parameter_shapes}
            params = laid_out(network, own, layout=layout, said=None, where=where)
    elif are_keras(arrays):
        params = from_keras_arrays(network, arrays, where=where, ordered=ordered, layout=layout, configs=configs)
    else:
        read = from_state_dict if is_state_dict(arrays) else from_arrays
        params = read(network, arrays, where=where, ordered=ordered, layout=layout)
    check_numbers(params, where)
    return params


def _save_torch(path: Path, state: Arrays) -> None:
    check_installed("torch", f"{path}: writing a {path.suffix} file", "'handgrad[torch]'", "export to .safetensors")
    import torch

    content = io.BytesIO()
    torch.save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()}, content)
    write_weights(path, content.getvalue())
