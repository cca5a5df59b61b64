"""Feature maps: what the filters of the first convolution make of the sample images.

They are computed from the record, its weights and the samples that the results folder keeps, with the reference passes.
"""

from collections.abc import Mapping

import numpy as np

from handgrad.network import passes
from handgrad.report.figures.figure import Pictures
from handgrad.training.record import Record

IMAGES, FILTERS = 4, 8  # shown at most


def feature_maps(
    record: Record,
    params: Mapping[str, np.ndarray],
    images: np.ndarray | None,
    who: str,
    name: str = "feature-maps",
) -> Pictures | None:
    """A row of maps for each of the first samples, after batch norm if it follows; None without convolution or images.

    images: (n, channels, rows, cols) in the data's own numbers.
    """
    layers = record.network.layers
    first = next((i for i, text in enumerate(layers) if text.startswith("conv ")), None)
    labels = record.samples.labels if record.samples else []
    if first is None or images is None or not len(images) or len(labels) < len(images[:IMAGES]):
        return None
    model = record.model_copy(update={"params": dict(params)}).model
    if images.shape[1:] != model.network.input_shape:
        return None
    x = model.scaler.apply(images[:IMAGES]).astype(next(iter(params.values())).dtype)
    last = first + (model.network.layers[first + 1].kind == "batch-norm")
    shown = " and ".join(repr(text) for text in layers[first : last + 1])
    with np.errstate(all="ignore"):  # weights of a run that diverged
        maps = passes.forward(model.network, params, x).a[last].astype(np.float64)  # (n, filters, rows, cols)
    n_filters = maps.shape[1]
    maps = maps[:, :FILTERS]
    finite = np.abs(maps[np.isfinite(maps)])
    limit = float(finite.max()) if finite.size else 0.0
    of = f"the first {FILTERS} of {n_filters} filters" if n_filters > FILTERS else f"all {n_filters} filters"
    caption = (
        f"{who}. What {shown} make of the first {len(maps)} samples (a row each, with the actual class), {of}, "
        f"after its activation. One scale: blue is positive, orange negative, white 0, full colour ±{limit:.3g}."
    )
    classes = model.classes
    titles = tuple(f"{classes[label]}, filter {j + 1}" for label in labels[: len(maps)] for j in range(maps.shape[1]))
    pictures = np.nan_to_num(maps.reshape(-1, *maps.shape[2:]))
    return Pictures(
        name, "Feature maps of the first convolution", caption, pictures, titles, limit or 1.0, maps.shape[1]
    )
