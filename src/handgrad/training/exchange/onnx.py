"""ONNX: the network as a graph that other programs run, for inference.

    input   "x"       (n, *shape) float32, n of any size: examples as the data has them (pixels 0..255, columns in
                      their own units), which the graph scales first; or scaled already, where scaling is left out
    output  "output"  (n, k) float32: what the last activation gives

Parameters are float32.  Dropout is off and leaves no trace; batch norm has its running statistics.  Classes, layers and
scaling are in the file's metadata.  Operators of opset 17 (2022), so that older runtimes read it.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from handgrad import __version__
from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.network.activations import LEAKY_SLOPE
from handgrad.network.batch_norm import EPS
from handgrad.training.model import Model
from handgrad.training.requirements import check_installed
from handgrad.training.support import check_exported

Names = dict[str, str]  # of the values of a layer's parameters, by letter
OPSET = 17
IR_VERSION = 8  # the file format that came with it

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {  # operator and its attributes
    "identity": ("Identity", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky-relu": ("LeakyRelu", {"alpha": LEAKY_SLOPE}),
    "softmax": ("Softmax", {"axis": -1}),
    "log-softmax": ("LogSoftmax", {"axis": -1}),
}


def to_onnx(model: Model, *, scaling: bool = True) -> bytes:
    """The file's bytes.  scaling: the graph scales its input, and brings targets that are numbers back to their units.

    Raises InputError where the library onnx is missing, or the format has no operator for a layer or an activation.
    """
    words: dict[str, Iterable[str]] = {"activation": ACTIVATIONS, "layer": LAYERS}
    check_exported(model.network.layers, words, "ONNX export", "export to .safetensors or .npz")
    check_installed("onnx", "writing an .onnx file", "'handgrad[onnx]'", "export to .safetensors or .npz")
    import onnx

    graph = _Graph()
    at = graph.scaled("x", model.scaler) if scaling else "x"
    network = model.network
    for i, layer in enumerate(network.layers):
        own = {letter: graph.constant(name, model.params[name]) for letter, name in network.parameter_names[i].items()}
        at = graph.layer(layer, own, at, flat=len(network.input_shapes[i]) == 1)
        if layer.activation != "identity":
            operator, attributes = ACTIVATIONS[layer.activation]
            at = graph.add(operator, at, **attributes)
    if scaling and model.target_scaler != AS_IT_IS:  # targets in the units of the data
        at = graph.add("Mul", at, graph.constant("target_divide", model.target_scaler.divide))
        at = graph.add("Add", at, graph.constant("target_shift", model.target_scaler.shift))
    graph.add("Identity", at, to="output")
    float32 = onnx.TensorProto.FLOAT
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "handgrad",
            [onnx.helper.make_tensor_value_info("x", float32, ["n", *network.input_shape])],
            [onnx.helper.make_tensor_value_info("output", float32, ["n", *network.shapes[-1]])],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="handgrad",
        producer_version=__version__,
    )
    facts = {
        "classes": json.dumps(model.classes),
        "layers": json.dumps(network.describe()),
        "scaling": model.scaler.formula,
        "input": "unscaled" if scaling else "scaled",
    }
    onnx.helper.set_model_props(made, facts)
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString())


class _Graph:
    """Nodes and constants as they are added; every value has a name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """A node; -> the name of its output."""
        import onnx

        output = to or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """A float32 array under a name."""
        import onnx

        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def scaled(self, x: str, scaler: Scaling) -> str:
        """`Scaling.apply`, operation by operation."""
        if scaler.fill is not None:
            x = self.add("Where", self.add("IsNaN", x), self.constant("fill", scaler.fill), x)
        if scaler.shift != 0:
            x = self.add("Sub", x, self.constant("shift", scaler.shift))
        if scaler.divide != 1:
            x = self.add("Div", x, self.constant("divide", scaler.divide))
        if scaler.symmetric:
            x = self.add("Mul", x, self.constant("two", 2.0))
            x = self.add("Sub", x, self.constant("one", 1.0))
        return x

    def layer(self, layer: Any, own: dict[str, str], x: str, *, flat: bool) -> str:
        """x → z of one layer.  flat: whether x is rows of numbers."""
        return LAYERS[layer.kind](self, layer, own, x, flat)


def _dense(graph: _Graph, layer: Any, own: Names, x: str, flat: bool) -> str:
    return graph.add("Gemm", x if flat else graph.add("Flatten", x), own["W"], own["b"])


def _conv(graph: _Graph, layer: Any, own: Names, x: str, flat: bool) -> str:
    windows = {"kernel_shape": layer.size, "strides": layer.stride, "pads": (*layer.pad, *layer.pad)}
    return graph.add("Conv", x, own["W"], own["b"], **windows)


def _batch_norm(graph: _Graph, layer: Any, own: Names, x: str, flat: bool) -> str:
    statistics = (own["gamma"], own["beta"], own["mean"], own["variance"])
    return graph.add("BatchNormalization", x, *statistics, epsilon=EPS)


LAYERS: dict[str, Callable[[_Graph, Any, Names, str, bool], str]] = {
    "dense": _dense,
    "conv": _conv,
    "batch-norm": _batch_norm,
    "flatten": lambda graph, layer, own, x, flat: graph.add("Flatten", x),
    "dropout": lambda graph, layer, own, x, flat: x,
    "max-pool": lambda graph, layer, own, x, flat: graph.add(
        "MaxPool", x, kernel_shape=layer.size, strides=layer.stride
    ),
    "average-pool": lambda graph, layer, own, x, flat: graph.add(
        "AveragePool", x, kernel_shape=layer.size, strides=layer.stride
    ),
}
