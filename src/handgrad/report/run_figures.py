"""Figures of one trained network: its confusion matrix, its first layer's weights, its predictions.

The network shown is that of the winning setting's best run; the captions name its seed.  `record`: its record.json.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.report.figures import Matrix, Pictures, Predictions

Record = Mapping[str, Any]

SHOWN = 64  # pictures of weights
PARTS = {"test": "test", "validation": "validation"}


def confusion(record: Record, who: str, name: str = "confusion") -> Matrix | None:
    """The confusion matrix on the test set, or on the validation set where there is no test set."""
    matrices = record.get("confusion") or {}
    part = next((part for part in PARTS if matrices.get(part)), None)
    if part is None:
        return None
    counts = np.asarray(matrices[part], dtype=np.int64)
    total, right = int(counts.sum()), int(np.trace(counts))
    caption = (
        f"{who}, {part} set: {right:,} of {total:,} right. Rows: actual class, columns: predicted class; each "
        "cell shows the count and its percentage of the row, by which it is shaded."
    )
    classes = tuple(map(str, _data(record).get("classes", range(len(counts)))))
    return Matrix(name, f"Confusion matrix ({part} set)", caption, classes, counts)


def _data(record: Record) -> Mapping[str, Any]:
    return record.get("data") or {}


def image_shape(shape: Sequence[int]) -> tuple[int, int, int] | None:
    """(channels, rows, cols) where the inputs are pictures; None where they are rows of a table.

    >>> image_shape([1, 8, 8]), image_shape([28, 28]), image_shape([13])
    ((1, 8, 8), (1, 28, 28), None)
    """
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape[1:]) < 2:
        return None
    return int(shape[0]), int(shape[1]), int(shape[2])


def weights(record: Record, params: Mapping[str, np.ndarray], who: str, name: str = "weights") -> Pictures | None:
    """The weights from all inputs to each unit of the first layer, or its filters; None where there are no pictures."""
    shape = image_shape(_data(record).get("shape", ()))
    first = first_weights(params)
    if shape is None or first is None:
        return None
    filters = first.ndim == 4 and first.shape[1] in (1, 3)
    if filters:
        images = first.astype(np.float64)
    elif first.ndim == 2 and first.shape[0] == math.prod(shape):
        images = first.T.reshape(-1, *shape).astype(np.float64)
    else:
        return None
    n = len(images)
    images = images[:SHOWN].transpose(0, 2, 3, 1)  # (n, rows, cols, channels)
    colour = images.shape[-1] == 3
    images = images if colour else images[..., 0]
    finite = np.abs(images[np.isfinite(images)])
    limit = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    classes = tuple(map(str, _data(record).get("classes", ())))
    linear = len(params) <= 2 and n == len(classes)  # no hidden layer: a template for every class
    word = "filter" if filters else "unit"
    labels = classes if linear else tuple(f"{word} {i + 1}" for i in range(len(images)))
    how = (
        f"grey is 0, brighter and darker are up to ±{limit:.3g} in each colour"
        if colour
        else f"blue is positive, orange negative, white 0, full colour ±{limit:.3g}"
    )
    of = f"The first {SHOWN} of {n:,} {word}s" if n > SHOWN else f"All {n} {word}s"
    what = (
        f"the weights that move over the image, {first.shape[2]}x{first.shape[3]} pixels"
        if filters
        else "the weights from every pixel"
    )
    caption = f"{who}. {of} of the first layer: {what}, one scale for all pictures ({how})."
    columns = min(8, math.ceil(math.sqrt(len(images)))) if not linear else 5
    title = "First-layer filters" if filters else "First-layer weights"
    return Pictures(name, title, caption, np.nan_to_num(images), labels, limit or 1.0, columns)


def first_weights(params: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The weights that the inputs meet first."""
    return next((params[name] for name in ("conv1.W", "dense1.W") if name in params), None)


def predictions(record: Record, images: np.ndarray | None, who: str, name: str = "predictions") -> Predictions | None:
    """What the network said to sample images before and after training.

    images: (n, channels, rows, cols) in the data's own numbers, or None where the inputs are no pictures.
    """
    samples = record.get("samples") or {}
    labels = samples.get("labels") or []
    if not labels or not (samples.get("before") or samples.get("after")):
        return None
    classes = [str(c) for c in _data(record).get("classes", ())]
    before, after = (_named(samples.get(when), classes, len(labels)) for when in ("before", "after"))
    actual = tuple(classes[label] for label in labels)
    right = sum(said == true for said, true in zip(after, actual, strict=True))
    caption = (
        f"{who}. The first {len(labels)} examples of the {samples.get('source', '')} part: the actual class, and what "
        f"the network predicted with its initial weights and after training ({right} of {len(labels)} right)."
    )
    pictures = None if images is None or len(images) < len(labels) else visible(images[: len(labels)])
    index = tuple(int(i) for i in samples.get("index", range(len(labels))))
    return Predictions(name, "Predictions before and after training", caption, pictures, index, actual, before, after)


def _named(outputs: Any, classes: Sequence[str], n: int) -> tuple[str, ...]:
    if not outputs:
        return ("",) * n
    return tuple(classes[int(np.argmax(row))] if np.isfinite(row).all() else "" for row in np.asarray(outputs, float))


def visible(images: np.ndarray) -> np.ndarray | None:
    """(n, channels, rows, cols) -> (n, rows, cols[, 3]) in [0, 1]; None where these are no pictures."""
    shape = image_shape(images.shape[1:])
    if shape is None:
        return None
    pictures = images.reshape(-1, *shape).astype(np.float64).transpose(0, 2, 3, 1)
    low, high = float(pictures.min()), float(pictures.max())
    pictures = (pictures - low) / ((high - low) or 1.0)
    return pictures if shape[0] == 3 else pictures[..., 0]
