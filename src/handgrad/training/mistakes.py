"""Mistakes: the examples of a part that a trained network takes for another class with the most confidence.

For each part that is scored at the end but training, up to 25 of them, the most confident first:

    validation.index        (n,)  where the example stands in the data set's arrays of `validation.source`
    validation.actual       (n,)  its class
    validation.predicted    (n,)  the class of the largest output
    validation.confidence   (n,)  that output; where the output layer gives log-probabilities, the probability
    validation.images       (n, *shape)  the picture in the values of the data set: uint8 where these are bytes

Only of pictures: a row of a table shows nothing by itself.
"""

from collections.abc import Mapping

import numpy as np

from handgrad.data.contents import Part, Split
from handgrad.data.scaling import Scaling
from handgrad.network import passes
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network

MOST = 25
ROUNDING = 0.01  # of a pixel, by which scaling and back may be off


def are_pictures(split: Split) -> bool:
    """Whether examples are pictures: (channels, rows, cols)."""
    return len(split.shape) == 3


def mistakes_of(
    network: Network, params: Arrays, part: Part, predicted: np.ndarray, scaler: Scaling, dtype: str
) -> Arrays:
    """The most confident mistakes among the examples of a part.  predicted: the class (n,) that each was taken for."""
    wrong = np.flatnonzero(predicted != part.y)
    outputs = np.empty((0, network.n_outputs))
    if len(wrong):
        outputs = np.asarray(passes.predict(network, params, part.x[wrong].astype(dtype)), dtype=np.float64)
    if network.n_outputs == 1:  # of the class that is told, as far as its output is from the other's
        low = 0.0 if network.output == "sigmoid" else -1.0
        outputs = np.concatenate([1 + low - outputs, outputs], axis=1)
    confidence = outputs[np.arange(len(wrong)), predicted[wrong]]
    if network.output == "log-softmax":
        confidence = np.exp(confidence)
    worst = np.argsort(-confidence, kind="stable")[:MOST]  # of equals the first
    chosen = wrong[worst]
    return {
        "source": np.array(part.source),
        "index": part.index[chosen],
        "actual": part.y[chosen],
        "predicted": np.asarray(predicted)[chosen],
        "confidence": confidence[worst],
        "images": unscaled(part.x[chosen], scaler),
    }


def unscaled(x: np.ndarray, scaler: Scaling) -> np.ndarray:
    """Scaled pictures in the values of their data set: x · divide + shift, as uint8 where these are whole bytes.

    >>> unscaled(np.float32([[-1.0, 1.0]]), Scaling(0.0, 255.0, True, "2 x / 255 − 1"))
    array([[  0, 255]], dtype=uint8)
    """
    raw = scaler.undo(x)
    whole = np.rint(raw)
    is_bytes = bool((np.abs(raw - whole) < ROUNDING).all() and (whole >= 0).all() and (whole <= 255).all())
    return whole.astype(np.uint8) if is_bytes else raw.astype(np.float32)


def of_part(mistakes: Mapping[str, np.ndarray], part: str) -> Arrays:
    """The arrays of one part, by the second half of their names; empty where there are none."""
    return {name.removeprefix(f"{part}."): array for name, array in mistakes.items() if name.startswith(f"{part}.")}
