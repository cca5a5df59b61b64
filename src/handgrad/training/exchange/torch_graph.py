"""In which order a PyTorch module calls its layers, found out by torch.fx.

fx runs `forward` once on a placeholder that writes down what is done with it.  Functions (`F.relu`, `torch.flatten`,
`x.view(-1, 784)`) become the modules that do the same.  Nothing is guessed: a forward that branches, decides by values,
or does something else in training than in use is refused with the place.
"""

import inspect
import math
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from handgrad.errors import HandgradError, InputError
from handgrad.names import listed, shown
from handgrad.training.exchange.chain import Chain

if TYPE_CHECKING:
    from torch import fx, nn

ROW = "layers here stand in a row, each takes what the one before it gives"
POOL = ("kernel_size", "stride", "padding")
FUNCTIONS: dict[str, tuple[str, tuple[str, ...]]] = {  # -> (module, names of the arguments after x)
    "relu": ("ReLU", ("inplace",)),
    "relu_": ("ReLU", ()),
    "sigmoid": ("Sigmoid", ()),
    "tanh": ("Tanh", ()),
    "leaky_relu": ("LeakyReLU", ("negative_slope", "inplace")),
    "softmax": ("Softmax", ("dim",)),
    "log_softmax": ("LogSoftmax", ("dim",)),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
    "max_pool2d": ("MaxPool2d", (*POOL, "dilation", "ceil_mode", "return_indices")),
    "avg_pool2d": ("AvgPool2d", (*POOL, "ceil_mode", "count_include_pad", "divisor_override")),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",)),
}
OF_LIBRARY = ("torch", "torch.nn.functional", "torch._C._nn")


def calls(module: "nn.Module", chain: Chain) -> "Iterator[tuple[str, nn.Module]]":
    """(name, module) of every layer in the order of the calls; what stands in no row is refused in `chain`."""
    in_training, in_use = _traced(module, True), _traced(module, False)
    if [(n.op, str(n.target)) for n in in_training] != [(n.op, str(n.target)) for n in in_use]:
        chain.refuse("forward", "does something else in training than in use (model.train(), model.eval())", lost=True)
        return
    current: fx.Node | None = None
    batch: set[fx.Node] = set()  # nodes that are n, the number of examples
    used: set[int] = set()
    for node, other in zip(in_training, in_use, strict=True):
        if node.op == "placeholder" and current is None:
            current = node
            continue
        if node.op == "placeholder" and node.args:
            continue  # an argument with a default
        if _is_size(node, current, batch) or (node.op == "get_attr" and node.users):
            continue
        inputs = [one for one in node.all_input_nodes if one not in batch]
        if current is None or inputs != [current] or node.op == "placeholder":
            what = listed(one.name for one in inputs) or "nothing"
            chain.refuse(str(node.name), f"takes {what}, not what the layer before it gives; {ROW}", lost=True)
            return
        current = node
        if node.op == "output":
            if node.args[0] is not inputs[0]:
                chain.refuse("forward", "gives more than one array", lost=True)
            return
        found = _module(node, other, module, chain)
        if found is None:
            return
        if id(found) in used and any(True for _ in found.parameters()):
            chain.refuse(str(node.name), "is called twice with the same weights; a layer here has its own", lost=True)
            return
        used.add(id(found))
        yield str(node.target if node.op == "call_module" else node.name), found


def _traced(module: "nn.Module", training: bool) -> "list[fx.Node]":
    """The nodes of the graph; the module's modes are put back."""
    from torch import fx

    modes = [(one, one.training) for one in module.modules()]
    try:
        for one, _ in modes:
            one.training = training
        return list(fx.Tracer().trace(module).nodes)
    except (HandgradError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:  # of fx, or whatever the forward of somebody else raises
        why = shown(str(error), 160)[1:-1] or type(error).__name__
        raise InputError(
            f"PyTorch's module: forward cannot be followed ({why}); it must call "
            "layers one after the other, whatever the values are: write it as an nn.Sequential, or give its state_dict "
            "to hg.import_model(weights, setting)"
        ) from error
    finally:
        for one, mode in modes:
            one.training = mode


def _is_size(node: "fx.Node", current: "fx.Node | None", batch: "set[fx.Node]") -> bool:
    """Whether a node is a size of what is there (x.size(0), x.shape[0]); those that are n are put into `batch`."""
    from torch import fx

    if node.op == "call_method" and node.target == "size":
        if node.args[1:] == (0,):
            batch.add(node)
        return True
    if node.op == "call_function" and node.target is getattr and node.args[1] == "shape":
        return True
    if node.op == "call_function" and node.target is operator.getitem:
        owner = node.args[0]
        is_shape = isinstance(owner, fx.Node) and (owner.target in (getattr, "size"))
        if is_shape and node.args[1] == 0:
            batch.add(node)
        return is_shape
    return False


def _module(node: "fx.Node", in_use: "fx.Node", module: "nn.Module", chain: Chain) -> "nn.Module | None":
    """The module that a node calls, or one that does the same; None where there is none, which is refused."""
    from torch import fx, nn

    if node.op == "call_module":
        return module.get_submodule(str(node.target))
    target: Any = node.target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    own = node.op == "call_method" or getattr(target, "__module__", None) in OF_LIBRARY
    if own and name in ("view", "reshape"):
        return _viewed(node, chain)
    if own and name == "dropout":
        return _dropout(node, in_use, chain)
    if own and name in FUNCTIONS:
        kind, names = FUNCTIONS[name]
        given = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
        made = getattr(nn, kind)
        known = inspect.signature(made).parameters
        if name == "flatten":
            given.setdefault("start_dim", 0)
        strange = [
            key for key, value in given.items() if key not in known and key != "_stacklevel" and value is not None
        ]
        if not strange and not any(isinstance(value, fx.Node) for value in given.values()):
            same: nn.Module = made(**{key: value for key, value in given.items() if key in known})
            return same
    kinds = [kind for key, kind in vars(nn).items() if key.lower() == name.replace("_", "")] if own else []
    if kinds and name not in FUNCTIONS and len(node.all_input_nodes) == 1:
        try:
            lacking: nn.Module = kinds[0]()  # GELU, which is then refused with a reason
            return lacking
        except TypeError:  # it needs numbers
            pass
    chain.refuse(
        str(node.name), f"calls {name}, which is no layer that can be taken; use the modules of torch.nn", lost=True
    )
    return None


def _viewed(node: "fx.Node", chain: Chain) -> "nn.Module | None":
    """x.view(n, -1), x.view(-1, k): flattening."""
    from torch import fx, nn

    sizes = node.args[1] if len(node.args) == 2 and isinstance(node.args[1], tuple | list) else node.args[1:]
    first, second = (*sizes, None, None)[:2]
    length = None if chain.shape is None else math.prod(chain.shape)
    rows = isinstance(first, fx.Node) or first == -1
    if len(sizes) == 2 and rows and (second == -1 or (isinstance(second, int) and length in (None, second))):
        return nn.Flatten()
    chain.refuse(
        str(node.name),
        f"makes the shape {shown(tuple(sizes))}; here examples are flattened whole: x.flatten(1)",
        lost=True,
    )
    return None


def _dropout(node: "fx.Node", in_use: "fx.Node", chain: Chain) -> "nn.Module | None":
    """F.dropout(x, p, training=self.training)."""
    from torch import nn

    rate: dict[str, Any]
    training: dict[str, Any]
    rate, training = (
        dict(zip(("p", "training"), one.args[1:], strict=False)) | dict(one.kwargs) for one in (node, in_use)
    )
    if training.get("training", True):
        chain.refuse(str(node.name), "drops units in use as well; write F.dropout(x, p, training=self.training)")
        return nn.Identity()
    if not isinstance(p := rate.get("p", 0.5), int | float):
        chain.refuse(str(node.name), f"its p is {shown(p)}, which is no number")
        return nn.Identity()
    return nn.Dropout(p) if rate.get("training", True) else nn.Identity()
