"""A Keras model whose layers stand in a row as a network of handgrad, with its weights; Keras need not be installed.

`keras_graph` says which layers there are; here each of them becomes a layer.

    Dense                       dense        kernel (n_in, n_out); after Flatten its rows go from (rows, cols, channels)
                                             to (channels, rows, cols)
    Conv2D                      conv         kernel (rows, cols, c_in, c_out) becomes (c_out, c_in, rows, cols)
    BatchNormalization          batch-norm   another ε is added to the running variance
    MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, Dropout, Flatten, Activation, ReLU, LeakyReLU(0.01), Softmax
    Reshape to one channel      nothing, at the beginning: gray pictures have their channel here
    Rescaling                   the scaling of the model, at the beginning; [data] scale in a study

padding = "same" is `pad` where both sides of a picture get as many zeros.  What the model is made of is read as JSON,
so that nothing is executed: a Lambda layer or a class of somebody's own is refused by name.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from handgrad.data.scaling import Scaling
from handgrad.errors import InputError, NetworkError, WeightsError
from handgrad.foreign import as_path, reading
from handgrad.names import shown
from handgrad.network.arrays import Arrays
from handgrad.network.windows import Pair
from handgrad.training.exchange.chain import OTHER_ACTIVATION, Chain, leaky, of_shape, same_padding
from handgrad.training.exchange.imported import ImportedNetwork
from handgrad.training.exchange.keras_graph import LIBRARIES, Config, class_of, layers_of, weights_of
from handgrad.training.exchange.keras_weights import KERAS_EPS
from handgrad.training.forms import KERAS, form_of
from handgrad.training.keras_files import read_keras

SOURCE = "Keras's model"
FORM = "the description of a Keras model"
CHANNELS = ("Conv2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "Flatten")
RECURRENT = "handgrad has no recurrent layers; it has dense layers and convolutions"
NORM = "handgrad has BatchNormalization alone; train it there with that one"
AHEAD = "change the data before: handgrad takes what is in its files, scaled by [data] scale"
INSTEAD = {  # what handgrad lacks -> why, and what would do instead
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "Bidirectional", "TimeDistributed"), RECURRENT),
    **dict.fromkeys(
        ("Conv1D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling1D", "ZeroPadding2D",
         "GlobalMaxPooling2D", "UpSampling2D", "Cropping2D"),
        "handgrad has Conv2D with padding, MaxPooling2D, AveragePooling2D and GlobalAveragePooling2D",
    ),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization"), NORM),
    **dict.fromkeys(("ELU", "PReLU"), f"handgrad has no such activation; {OTHER_ACTIVATION}"),
    **dict.fromkeys(
        ("SpatialDropout2D", "AlphaDropout", "GaussianDropout", "GaussianNoise"),
        "handgrad drops single units; take Dropout there",
    ),
    **dict.fromkeys(("Embedding", "MultiHeadAttention", "Attention"), "handgrad has no embeddings and no attention"),
    **dict.fromkeys(("Normalization", "Resizing", "RandomFlip", "RandomRotation", "RandomZoom", "Permute"), AHEAD),
    "Lambda": "it runs code of somebody's own, which is not read; write the layers that it stands for",
}  # fmt: skip
ACTIVATIONS = {
    None: "identity", "linear": "identity", "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "softmax": "softmax",
    "log_softmax": "log-softmax",
}  # fmt: skip
KERAS_SLOPE = 0.2  # of activation = "leaky_relu" (keras/src/activations/activations.py)


def from_keras(model: Any, *, input_shape: Any = None) -> ImportedNetwork:
    """The network of a Keras model whose layers stand in a row, with its weights.

    model: a Sequential (nested ones too) or a functional model that is a row, or the path of a `.keras` or `.h5` file
    of one, which is read without Keras.  input_shape: of one example as handgrad has it, (channels, rows, cols) or
    (columns,), where the model does not say it.

    `.table` is the [network] table of a setting, `.model` predicts what the model predicts, to the rounding of float32.
    Raises InputError with every layer that handgrad lacks, and what would do instead.
    """
    if isinstance(model, str | os.PathLike):
        source, description, weights = _of_file(model)
    elif not hasattr(model, "get_config") or not hasattr(model, "layers"):
        raise InputError(f"model must be a Keras model, or the path of a .keras or .h5 file; got {shown(model)}")
    else:
        source = SOURCE
        with reading(source, NetworkError, FORM, "build it there as a Sequential"):
            description = {"class_name": class_of(model), "config": model.get_config()}
            weights = weights_of(model, description)
    with reading(source, NetworkError, FORM, "save it there again: model.save(path)"):
        return _taken(Chain(source, of_shape(input_shape, "from_keras")), description, weights)


def _of_file(model: Any) -> tuple[str, Config, Arrays]:
    path = as_path(model, "model")
    with reading(path, WeightsError, "a Keras file", "it may be cut off: copy or save it again"):
        form = form_of(path)
    if form != KERAS:
        raise WeightsError(f"{path}: is no file of a Keras model (.keras, .h5); weights are read by hg.import_model")
    description, arrays, _ = read_keras(path)
    if description is None:
        raise WeightsError(
            f"{path}: holds weights alone and says no layers; give it to hg.import_model(path, setting), whose setting "
            "says them, or save the whole model there: model.save(path)"
        )
    return str(path), description, arrays


def _taken(chain: Chain, description: Config, weights: Arrays) -> ImportedNetwork:
    chain.ask = "input_shape=(channels, rows, cols) or (columns,), such as (1, 28, 28)"
    for layer in layers_of(description, chain):
        config = layer["config"]
        name, kind = f"{config.get('name')} ({layer['class_name']})", layer["class_name"]
        prefix = f"{config.get('name')}/"
        own = {key.removeprefix(prefix): w for key, w in weights.items() if key.startswith(prefix)}
        if not str(layer.get("module") or "keras").startswith(LIBRARIES):
            chain.refuse(name, "is of a class of somebody's own, which is not run; take a layer of Keras", lost=True)
        elif kind not in LAYERS:
            lost = "no such activation" not in INSTEAD.get(kind, "") and not kind.endswith(("Dropout", "Noise"))
            chain.refuse(name, INSTEAD.get(kind, "handgrad has no such layer"), lost=lost)
        elif kind in CHANNELS and config.get("data_format", "channels_last") != "channels_last":
            chain.refuse(name, "data_format = 'channels_first'; build it there with channels last", lost=True)
        else:
            if config.get("trainable") is False and own:
                chain.note("layers that are frozen there (trainable=False) are trained here")
            if any(value for key, value in config.items() if key.endswith(("_regularizer", "_constraint"))):
                chain.note("regularizers and constraints of layers are not taken; L2 is training.weight_decay here")
            LAYERS[kind](chain, name, config, own)
    return chain.finished(weights=bool(weights))


# -- layers


def _activation(chain: Chain, name: str, activation: Any) -> None:
    """By its name; what Keras describes by a table is a function of somebody's own, or a layer."""
    if isinstance(activation, Mapping):
        name_there = activation.get("config")
        activation = f"{name_there if isinstance(name_there, str) else activation.get('class_name')} of its own"
    if activation == "leaky_relu":
        leaky(name, KERAS_SLOPE, chain)
    elif activation not in ACTIVATIONS:
        chain.refuse(name, f"has the activation {shown(activation)}, which is not there yet; {OTHER_ACTIVATION}")
    else:
        chain.activation(name, ACTIVATIONS[activation])


def _dense(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    W, b = own.get("kernel"), own.get("bias")
    if config.get("lora_rank") or config.get("quantization_config"):
        chain.refuse(name, "is quantized or has LoRA; save it there without", lost=True)
        return
    if W is not None:
        W = _by_channel(chain, W)
    chain.dense(name, None if W is None else W.shape[0], config["units"], W, b, bias=config.get("use_bias", True))
    chain.pictures = None
    _activation(chain, name, config.get("activation"))


def _by_channel(chain: Chain, array: np.ndarray) -> np.ndarray:
    """The rows of an array that go with flattened pictures, from (rows, cols, channels) to (channels, rows, cols)."""
    if chain.pictures is None or len(array) != int(np.prod(chain.pictures)):
        return array
    channels, rows, cols = chain.pictures
    by_pixel = array.reshape(rows, cols, channels, *array.shape[1:])
    return np.moveaxis(by_pixel, 2, 0).reshape(array.shape)


def _conv(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    size, stride = _pair(config["kernel_size"]), _pair(config.get("strides", 1))
    wrong = [
        f"{key} = {config[key]}, here 1"
        for key in ("dilation_rate", "groups")
        if config.get(key, 1) not in (1, [1, 1], (1, 1))
    ]
    pad = _padding(chain, config, size, stride, wrong)
    if wrong:
        chain.refuse(name, "; ".join(wrong), lost=True)
        return
    W = own.get("kernel")
    W = None if W is None else W.transpose(3, 2, 0, 1)
    chain.conv(name, config["filters"], (size, stride, pad), W, own.get("bias"), bias=config.get("use_bias", True))
    _activation(chain, name, config.get("activation"))


def _padding(chain: Chain, config: Config, size: Pair, stride: Pair, wrong: list[str]) -> Pair:
    if config.get("padding", "valid") != "same" or chain.shape is None or len(chain.shape) != 3:
        if config.get("padding", "valid") not in ("same", "valid"):
            wrong.append(f"padding = {config['padding']!r}")
        return 0, 0
    image = chain.shape[1:]
    rows, cols = (same_padding(n, k, s) for n, k, s in zip(image, size, stride, strict=True))
    if rows is None or cols is None:
        wrong.append(
            f"padding = 'same' of {size[0]}x{size[1]} windows with stride {stride[0]}x{stride[1]} on images of "
            f"{image[0]}x{image[1]} puts more zeros on one side than on the other; here both get as many"
        )
    return rows or 0, cols or 0


def _batch_norm(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    axis = config.get("axis", -1)
    axis = axis[0] if isinstance(axis, list | tuple) else axis
    if chain.shape is not None and axis not in (-1, len(chain.shape)):
        chain.refuse(name, f"axis = {axis}; here the mean is of each channel, the last axis")
        return
    if config.get("renorm"):
        chain.refuse(name, "renorm = True; here batch norm is the plain one")
        return
    if not config.get("scale", True) or not config.get("center", True):
        chain.note("batch norm without γ or β has them here, which begin at 1 and 0 and are learnt")
    arrays: Arrays = {}
    if own:
        k = own["moving_mean"].shape
        arrays = {
            "gamma": own.get("gamma", np.ones(k, np.float32)),
            "beta": own.get("beta", np.zeros(k, np.float32)),
            "mean": own["moving_mean"],
            "variance": own["moving_variance"],
        }
    arrays = {letter: _by_channel(chain, array) for letter, array in arrays.items()}
    chain.batch_norm(name, arrays, eps=config.get("epsilon", KERAS_EPS), momentum=1 - config.get("momentum", 0.99))


def _pool(kind: str) -> Callable[[Chain, str, Config, Arrays], None]:
    def take(chain: Chain, name: str, config: Config, own: Arrays) -> None:
        size = _pair(config.get("pool_size", 2))
        stride = _pair(config.get("strides") or size)
        wrong: list[str] = []
        if _padding(chain, config, size, stride, wrong) != (0, 0) or wrong:
            chain.refuse(name, "padding = 'same' adds zeros here, which pools in handgrad do not have", lost=True)
        else:
            chain.pool(name, kind, size, stride)

    return take


def _mean_of_pictures(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    size = chain.shape[1:] if chain.shape is not None and len(chain.shape) == 3 else (1, 1)
    chain.pool(name, "average-pool", (size[0], size[1]), (size[0], size[1]))
    if config.get("keepdims"):
        return
    chain.flatten(name)


def _dropout(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    if config.get("noise_shape"):
        chain.refuse(name, "noise_shape is given; here every unit is dropped by itself")
    else:
        chain.dropout(name, config["rate"])


def _flatten(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    if chain.shape is not None and len(chain.shape) == 3:
        chain.pictures = chain.shape
    chain.flatten(name)


def _relu(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    if config.get("max_value") is not None or config.get("threshold"):
        chain.refuse(name, "has max_value or threshold; here relu is max(0, z)")
    else:
        leaky(name, float(config.get("negative_slope") or 0), chain)


def _leaky_relu(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    leaky(name, float(config.get("negative_slope", config.get("alpha", 0.3))), chain)


def _softmax(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    if config.get("axis", -1) not in (-1, 1, [-1]):
        chain.refuse(name, f"axis = {config['axis']}; here it is over the units of an example")
    else:
        chain.activation(name, "softmax")


def _reshape(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    """Rows of numbers or (rows, cols) to gray pictures, at the beginning."""
    shape = tuple(config["target_shape"])
    gray = (1, *shape[:2]) if len(shape) in (2, 3) and shape[2:] in ((), (1,)) and min(shape) > 0 else None
    known = chain.shape is None or int(np.prod(chain.shape)) == int(np.prod(shape))
    if chain.layers or chain.lost or gray is None or not known:
        chain.refuse(name, f"to {shape}; here only rows become gray pictures, before every layer", lost=True)
    else:
        chain.input_shape = chain.shape = gray


def _rescaling(chain: Chain, name: str, config: Config, own: Arrays) -> None:
    """y = scale·x + offset = (x − (−offset/scale)) / (1/scale)."""
    scale, offset = config["scale"], config.get("offset", 0.0)
    if chain.layers or not all(isinstance(n, int | float) for n in (scale, offset)) or not scale:
        chain.refuse(name, "scales between layers, or each column by itself; scale the data before")
        return
    formula = f"{scale:g}·x" + (f" + {offset:g}" if offset else "")
    chain.scaler = Scaling(-offset / scale, 1 / scale, False, formula)
    chain.note(f"the model scales its examples by itself ({formula}); in a study that is data.scale")


def _pair(value: Any) -> Pair:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


LAYERS: dict[str, Callable[[Chain, str, Config, Arrays], None]] = {
    "Dense": _dense,
    "Conv2D": _conv,
    "BatchNormalization": _batch_norm,
    "MaxPooling2D": _pool("max-pool"),
    "AveragePooling2D": _pool("average-pool"),
    "GlobalAveragePooling2D": _mean_of_pictures,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Activation": lambda chain, name, config, own: _activation(chain, name, config["activation"]),
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "Softmax": _softmax,
    "Reshape": _reshape,
    "Rescaling": _rescaling,
}
