"""Activations: one example on its way through a trained network, layer by layer, to the outputs.

Every number is that of the reference passes in inference: dropout is off, batch norm has its running statistics.
"""

import numpy as np

from handgrad.network import passes
from handgrad.report.figures.chosen_examples import one_example
from handgrad.report.figures.data_shapes import MOST_OUTPUTS, Activations, LayerOutputs
from handgrad.report.figures.network_figures import visible
from handgrad.report.figures.request import Request
from handgrad.study.published.data_options import ActivationsOptions

MAPS, UNITS = 32, 256  # of a layer, shown at most
UNCHANGED = ("flatten", "dropout")  # in inference: their outputs are those of the layer before


def make_activations(request: Request[ActivationsOptions]) -> Activations | None:
    """The activations of a chosen example in the network of a run, as a study asks for them."""
    run, options = request.run(request.options.seed), request.options
    if run is None or run.status == "diverged":
        return None
    record = request.sources.record(run.id)
    record = record.model_copy(update={"params": request.sources.params(run.id)})
    if record.dataset.scaler is None:  # of an earlier version
        return None
    model = record.model
    model.check_weights()
    part, example = one_example(request, record, options.part, options.chosen, model.scaled)
    x = example.x.astype(model.dtype)
    network = model.network
    with np.errstate(all="ignore"):  # activations that overflow are seen
        trace = passes.forward(network, record.params, x)
    outputs = model.per_class(np.asarray(trace.output, dtype=np.float64)).ravel()
    outputs = np.exp(outputs) if network.output == "log-softmax" else outputs
    what = "probability" if network.output in ("softmax", "log-softmax") else "output"
    last = len(network.layers) - 1
    layers = tuple(
        _outputs(f"{i + 1}. {text}", np.asarray(trace.a[i][0], dtype=np.float64))
        for i, (layer, text) in enumerate(zip(network.layers, network.describe(), strict=True))
        if i < last and layer.kind not in UNCHANGED
    )
    picture = visible(model.scaler.undo(example.x))
    names = record.dataset.feature_names or [f"feature {i + 1}" for i in range(x[0].size)]
    inputs = None if picture is not None else _outputs("the example, scaled", x[0].astype(np.float64).ravel())
    actual, predicted = int(example.y[0]), int(np.argmax(np.nan_to_num(outputs, nan=-np.inf)))
    classes = model.classes
    k = len(classes)
    few = f" Drawn: the {MOST_OUTPUTS} largest of {k} outputs, and the actual one." if k > MOST_OUTPUTS else ""
    other = "" if actual == predicted else f", of {classes[actual]} {outputs[actual]:.3g}"
    orange = "" if actual == predicted else "orange bar, "
    caption = (
        f"{request.who(run)}. The {part} example with index {int(example.index[0])}: its class is {classes[actual]} "
        f"(blue bar), the network says {classes[predicted]} ({orange}{what} {outputs[predicted]:.3g}{other}). Below it "
        "what every layer makes of it, after its activation: blue is positive, orange negative, white 0, full colour ± "
        f"the number above the layer. The number beside a row is that of its first unit or map.{few}"
    )
    return Activations(
        request.name,
        f"Activations of one {part} example",
        caption,
        None if picture is None else picture[0],
        inputs,
        tuple(names),
        layers,
        outputs,
        what,
        actual,
        classes,
    )


def _outputs(label: str, values: np.ndarray) -> LayerOutputs:
    """The first maps or units of a layer; label: its layer in words."""
    values = values if values.ndim == 3 and values[0].size > 1 else values.ravel()
    most = MAPS if values.ndim == 3 else UNITS
    finite = np.abs(values[np.isfinite(values)])
    limit = float(finite.max()) if finite.size else 0.0
    return LayerOutputs(label, values[:most], len(values), limit or 1.0)
