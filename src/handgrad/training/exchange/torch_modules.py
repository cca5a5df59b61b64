"""A PyTorch module whose layers stand in a row as a network of handgrad, with its weights.

`torch_graph` says which modules are called in which order; here each of them becomes a layer.

    Linear                      dense        weight (n_out, n_in) is transposed
    Conv2d                      conv         the same shapes
    BatchNorm1d, BatchNorm2d    batch-norm   another ε is added to the running variance
    MaxPool2d, AvgPool2d        max-pool, average-pool
    AdaptiveAvgPool2d           average-pool, where its windows are equal
    Dropout, Flatten, ReLU, LeakyReLU(0.01), Sigmoid, Tanh, Softmax, LogSoftmax, Identity

CrossEntropyLoss has the softmax within, and so has handgrad's cross-entropy: a module that ends with a Linear stays so.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.names import shown
from handgrad.network.windows import Pair
from handgrad.training.exchange.chain import OTHER_ACTIVATION, Chain, leaky, of_shape, same_padding
from handgrad.training.exchange.given_arrays import META
from handgrad.training.exchange.imported import ImportedNetwork
from handgrad.training.requirements import check_installed

SOURCE = "PyTorch's module"
OF_HOOKS = {"WeightNorm": "remove_weight_norm", "SpectralNorm": "remove_spectral_norm"}  # what takes them away
OWN = "torch.nn.modules."  # where PyTorch's own modules are
RECURRENT = "handgrad has no recurrent layers; it has dense layers and convolutions"
IMAGES = "handgrad has convolution and pooling of images alone (Conv2d, MaxPool2d, AvgPool2d)"
NORM = "handgrad has BatchNorm1d and BatchNorm2d; train it there with one of these"
QUANTIZED = "is quantized; give the module as it was before that, with its weights in float32"
ATTENTION = "handgrad has no attention"
INSTEAD = {  # what handgrad lacks -> why, and what would do instead
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), RECURRENT),
    **dict.fromkeys(
        (
            "Conv1d",
            "Conv3d",
            "ConvTranspose2d",
            "MaxPool1d",
            "AvgPool1d",
            "AdaptiveMaxPool2d",
            "MaxUnpool2d",
            "LPPool2d",
        ),
        IMAGES,
    ),
    **dict.fromkeys(("LayerNorm", "GroupNorm", "InstanceNorm2d", "BatchNorm3d", "RMSNorm", "LocalResponseNorm"), NORM),
    **dict.fromkeys(("MultiheadAttention", "TransformerEncoderLayer", "Transformer"), ATTENTION),
    **dict.fromkeys(
        (
            "GELU",
            "ELU",
            "SELU",
            "CELU",
            "SiLU",
            "Mish",
            "ReLU6",
            "Hardtanh",
            "Hardswish",
            "Softplus",
            "Softsign",
            "PReLU",
        ),
        f"handgrad has no such activation; {OTHER_ACTIVATION}",
    ),
    **dict.fromkeys(
        ("Dropout2d", "AlphaDropout", "FeatureAlphaDropout"), "handgrad drops single units; take nn.Dropout there"
    ),
    **dict.fromkeys(("Embedding", "EmbeddingBag"), "handgrad has no embeddings; its inputs are numbers or images"),
    "Unflatten": "give the examples as images (n, channels, rows, cols) and leave it out",
}


def from_torch(module: Any, *, input_shape: Any = None) -> ImportedNetwork:
    """The network and the weights of a PyTorch module whose layers stand in a row.

    module: an `nn.Sequential` (nested ones too), or a module whose `forward` calls layers one after the other, which
    torch.fx finds out by running it on a placeholder.  input_shape: of one example, (channels, rows, cols) or
    (columns,); needed where the first layer is none of nn.Linear.

    `.table` is the [network] table of a setting, `.model` gives what the module gives in `eval()`, to the rounding of
    float32.  Raises InputError with every layer that handgrad lacks, and what would do instead.
    """
    check_installed("torch", "from_torch", "'handgrad[torch]'", "give a state_dict to hg.import_model")
    from torch import nn
    from torch.nn.utils import parametrize

    from handgrad.training.exchange.torch_graph import calls

    if not isinstance(module, nn.Module):
        raise InputError(
            f"module must be a torch.nn.Module; got {shown(module)}. Weights alone (a state_dict, a .pt file) are read "
            "by hg.import_model(weights, setting)"
        )
    own = type(module).__module__.startswith(OWN) and not isinstance(module, nn.Sequential)
    if own or parametrize.is_parametrized(module):
        module = nn.Sequential(module)  # one layer by itself
    chain = Chain(SOURCE, of_shape(input_shape, "from_torch"))
    for name, one in calls(module, chain):
        take = LAYERS.get(type(one).__name__) if type(one).__module__.startswith(OWN) else None
        if why := _lacks_numbers(one, name):
            chain.refuse(name, why, lost=True)
        elif take is None:
            why = INSTEAD.get(type(one).__name__, "handgrad has no such layer")
            why = QUANTIZED if ".quantized." in type(one).__module__ else why
            chain.refuse(f"{name} ({type(one).__name__})", why, lost=type(one).__name__ not in SAME_SHAPE)
        elif one._forward_hooks or one._forward_pre_hooks:
            kinds = {type(hook).__name__ for hook in (*one._forward_hooks.values(), *one._forward_pre_hooks.values())}
            remedy = "; ".join(f"torch.nn.utils.{OF_HOOKS[kind]}(layer)" for kind in sorted(kinds) if kind in OF_HOOKS)
            how = f": {remedy}" if remedy else ""
            chain.refuse(name, f"has hooks, which can change its numbers; remove them there{how}", lost=True)
        else:
            take(chain, f"{name} ({type(one).__name__})", one)
    if any(not w.requires_grad for w in module.parameters()):
        chain.note("weights that are frozen there (requires_grad=False) are trained here")
    return chain.finished(weights=True)


SAME_SHAPE = {name for name, why in INSTEAD.items() if "no such activation" in why or "single units" in why} | {
    "LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm", "LocalResponseNorm",
}  # fmt: skip


def _lacks_numbers(one: Any, name: str) -> str:
    """Why a layer has no weights that could be taken, and what would do; empty where it has them."""
    from torch.nn.utils import parametrize

    if any(type(w).__name__.startswith("Uninitialized") for w in one.parameters()):
        return "is lazy and has no weights yet; call the module once there"
    if any(w.is_meta for w in (*one.parameters(), *one.buffers())):
        return META
    if not parametrize.is_parametrized(one):
        return ""
    remove = (f"torch.nn.utils.parametrize.remove_parametrizations(layer, {key!r})" for key in one.parametrizations)
    return (
        "makes its weights anew at each call, as weight_norm and spectral_norm do; make them plain there: "
        + "; ".join(remove)
    )


def _numbers(tensor: Any) -> np.ndarray | None:
    """A tensor as NumPy's array; half precision as float32."""
    if tensor is None:
        return None
    tensor = tensor.detach().cpu()
    return np.array((tensor if str(tensor.dtype) in ("torch.float32", "torch.float64") else tensor.float()).numpy())


def _pair(value: Any) -> Pair:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


def _linear(chain: Chain, name: str, one: Any) -> None:
    W, b = _numbers(one.weight), _numbers(one.bias)
    assert W is not None
    chain.dense(name, one.in_features, one.out_features, W.T, b, bias=b is not None)


def _conv(chain: Chain, name: str, one: Any) -> None:
    size, stride = _pair(one.kernel_size), _pair(one.stride)
    wrong = [
        f"{what} = {value!r}, here {ours}"
        for what, value, ours in (
            ("dilation", one.dilation, 1), ("groups", one.groups, 1), ("padding_mode", one.padding_mode, "'zeros'"),
        )
        if value not in (ours, (1, 1), "zeros")
    ]  # fmt: skip
    pad: tuple[Any, Any] = (0, 0)
    if one.padding == "same":
        pad = (same_padding(size[0], size[0], 1), same_padding(size[1], size[1], 1))
        if None in pad:
            wrong.append(f"padding = 'same' of {size[0]}x{size[1]} filters differs on two sides; take odd sizes there")
    elif one.padding != "valid":
        pad = _pair(one.padding)
    if wrong:
        chain.refuse(name, "; ".join(wrong), lost=True)
        return
    b = _numbers(one.bias)
    chain.conv(name, one.out_channels, (size, stride, pad), _numbers(one.weight), b, bias=b is not None)


def _batch_norm(chain: Chain, name: str, one: Any) -> None:
    if one.running_mean is None or one.running_var is None:
        chain.refuse(name, "track_running_stats = False: it uses the statistics of each batch, here the running ones")
        return
    if one.momentum is None:
        chain.note("running statistics of batch norm take 0.1 of each batch here; there they are plain means")
    gamma, beta = _numbers(one.weight), _numbers(one.bias)
    k = one.num_features
    if gamma is None or beta is None:
        chain.note("batch norm without γ and β has them here, which begin at 1 and 0 and are learnt")
    if chain.input_shape is None and type(one).__name__ == "BatchNorm1d" and not chain.layers and not chain.lost:
        chain.input_shape = chain.shape = (k,)
    chain.batch_norm(
        name,
        {
            "gamma": np.ones(k, np.float32) if gamma is None else gamma,
            "beta": np.zeros(k, np.float32) if beta is None else beta,
            "mean": _numbers(one.running_mean),
            "variance": _numbers(one.running_var),
        },
        eps=one.eps,
        momentum=0.1 if one.momentum is None else one.momentum,
    )


def _pool(kind: str) -> Callable[[Chain, str, Any], None]:
    def take(chain: Chain, name: str, one: Any) -> None:
        wrong = [
            f"{what} = {value!r}, which pools here do not have"
            for what, value, none in (
                ("padding", one.padding, (0, (0, 0))),
                ("dilation", getattr(one, "dilation", 1), (1, (1, 1))),
                ("return_indices", getattr(one, "return_indices", False), (False,)),
                ("divisor_override", getattr(one, "divisor_override", None), (None,)),
            )
            if value not in none
        ]
        if wrong:
            chain.refuse(name, "; ".join(wrong), lost=True)
        else:
            chain.pool(name, kind, _pair(one.kernel_size), _pair(one.stride))

    return take


def _adaptive(chain: Chain, name: str, one: Any) -> None:
    """The mean of equal windows, where they are equal."""
    if chain.shape is None or len(chain.shape) != 3:
        chain.pool(name, "average-pool", (1, 1), (1, 1))  # says what is missing
        return
    image = chain.shape[1:]
    size = one.output_size if isinstance(one.output_size, tuple | list) else (one.output_size,) * 2
    wanted = [n if k is None else int(k) for n, k in zip(image, size, strict=True)]
    if any(n % k for n, k in zip(image, wanted, strict=True)):
        chain.refuse(
            name,
            f"images of {image[0]}x{image[1]} become {wanted[0]}x{wanted[1]} by unequal windows; here all are equal",
            lost=True,
        )
        return
    windows = (image[0] // wanted[0], image[1] // wanted[1])
    if windows != (1, 1):
        chain.pool(name, "average-pool", windows, windows)


def _dropout(chain: Chain, name: str, one: Any) -> None:
    chain.dropout(name, one.p)


def _flatten(chain: Chain, name: str, one: Any) -> None:
    if (one.start_dim, one.end_dim) not in ((1, -1), (1, 3), (-3, -1)):
        chain.refuse(
            name, f"start_dim = {one.start_dim}, end_dim = {one.end_dim}; here whole examples are flattened", lost=True
        )
    else:
        chain.flatten(name)


def _softmax(activation: str) -> Callable[[Chain, str, Any], None]:
    def take(chain: Chain, name: str, one: Any) -> None:
        if one.dim not in (1, -1):
            chain.refuse(name, f"dim = {one.dim}; here it is over the units of an example: dim=1")
        else:
            chain.activation(name, activation)

    return take


def _activation(activation: str) -> Callable[[Chain, str, Any], None]:
    return lambda chain, name, one: chain.activation(name, activation)


LAYERS: dict[str, Callable[[Chain, str, Any], None]] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "MaxPool2d": _pool("max-pool"),
    "AvgPool2d": _pool("average-pool"),
    "AdaptiveAvgPool2d": _adaptive,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Identity": _activation("identity"),
    "ReLU": _activation("relu"),
    "Sigmoid": _activation("sigmoid"),
    "Tanh": _activation("tanh"),
    "LeakyReLU": lambda chain, name, one: leaky(name, one.negative_slope, chain),
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log-softmax"),
}
