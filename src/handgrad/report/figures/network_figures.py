"""Figures of one trained network: confusion matrix, first-layer weights, feature maps, predictions, mistakes.

record: that of the run that is shown;  who: its setting and seed, for the caption.  Feature maps are
computed from the record, its weights and the sample images of the results folder, by the reference passes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.names import lookup, plural
from handgrad.network import passes
from handgrad.report.figures.request import Request
from handgrad.report.figures.shapes import CELLS, Matrix, Mistakes, Pictures, Predictions
from handgrad.report.findings.wording import percent
from handgrad.study.published.network_options import (
    ConfusionOptions,
    MistakesOptions,
    PredictionsOptions,
    TemplatesOptions,
)
from handgrad.training.mistakes import of_part
from handgrad.training.record import Record

SHOWN = 64  # pictures of weights


def confusion(
    record: Record, who: str, name: str = "confusion", *, part: str = "auto", show: str = "both"
) -> Matrix | None:
    """The confusion matrix of a part ("auto": of the test set, or of the validation set where there is no test set).

    show: what stands in its cells, count, percent (of the row) or both.
    """
    parts = ("test", "validation") if part == "auto" else (part,)
    part = next((part for part in parts if record.confusion.get(part)), "")
    if not part:
        return None
    counts = np.asarray(record.confusion[part], dtype=np.int64)
    total, right = int(counts.sum()), int(np.trace(counts))
    caption = (
        f"{who}, {part} set: {right:,} of {total:,} right ({percent(right / max(total, 1))}). Rows: actual class, "
        f"columns: predicted class; {lookup(CELLS, show, 'content of cells')}."
    )
    return Matrix(name, f"Confusion matrix ({part} set)", caption, tuple(record.dataset.classes), counts, show)


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


def weights(
    record: Record,
    params: Mapping[str, np.ndarray],
    who: str,
    name: str = "weights",
    *,
    units: int = SHOWN,
    columns: int = 8,
) -> Pictures | None:
    """The weights from all inputs to each unit of the first layer, or its filters; None where there are no pictures.

    The first `units` of them, in `columns` columns (fewer where they are few).
    """
    shape = image_shape(record.dataset.shape)
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
    images = images[:units].transpose(0, 2, 3, 1)  # (n, rows, cols, channels)
    colour = images.shape[-1] == 3
    images = images if colour else images[..., 0]
    finite = np.abs(images[np.isfinite(images)])
    limit = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    classes = tuple(record.dataset.classes)
    linear = len(params) <= 2 and n == len(classes)  # no hidden layer: a template for every class
    word = "filter" if filters else "unit"
    labels = classes if linear else tuple(f"{word} {i + 1}" for i in range(len(images)))
    how = (
        f"grey is 0, brighter and darker are up to ±{limit:.3g} in each colour"
        if colour
        else f"blue is positive, orange negative, white 0, full colour ±{limit:.3g}"
    )
    of = f"The first {units} of {n:,} {word}s" if n > units else f"All {n} {word}s"
    what = (
        f"the weights that move over the image, {first.shape[2]}x{first.shape[3]} pixels"
        if filters
        else "the weights from every pixel"
    )
    caption = f"{who}. {of} of the first layer: {what}, one scale for all pictures ({how})."
    columns = min(columns, math.ceil(math.sqrt(len(images)))) if not linear else min(columns, 5)
    title = "First-layer filters" if filters else "First-layer weights"
    return Pictures(name, title, caption, np.nan_to_num(images), labels, limit or 1.0, columns)


def first_weights(params: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The weights of the first layer that has any."""
    return next((params[name] for name in ("conv1.W", "dense1.W") if name in params), None)


WHEN = {
    "before": ("with its initial weights", "Predictions before training"),
    "after": ("after training", "Predictions after training"),
    "both": ("with its initial weights and after training", "Predictions before and after training"),
}


def predictions(
    record: Record,
    images: np.ndarray | None,
    who: str,
    name: str = "predictions",
    *,
    when: str = "both",
    examples: int | None = None,
) -> Predictions | None:
    """The classes predicted for sample images before training, after it, or both; for the first `examples` of them.

    images: (n, channels, rows, cols), scaled as they were learnt from, or None where the inputs are no pictures.
    """
    samples = record.samples
    labels = samples.labels[:examples] if samples else []
    wanted = ("before", "after") if when == "both" else (when,)
    if samples is None or not labels or not any(getattr(samples, one) for one in wanted):
        return None
    if record.dataset.task is not None:
        return None  # no classes are told
    classes, n = record.dataset.classes, len(labels)
    said = {one: _named(record, getattr(samples, one) if one in wanted else None, n) for one in ("before", "after")}
    actual = tuple(classes[label] for label in labels if isinstance(label, int))
    counts = [
        f"{sum(a == b for a, b in zip(said[one], actual, strict=True))} of {n} right {one} training"
        for one in wanted
        if any(said[one])
    ]
    how, title = lookup(WHEN, when, "time of predictions")
    which = f"{plural(n, 'example')} of the {samples.source} part"
    which = f"{which}, drawn at random" if samples.drawn else f"The first {which}"
    caption = f"{who}. {which}: the actual class, and what the network predicted {how} ({', '.join(counts)})."
    pictures = None if images is None or len(images) < n else visible(images[:n])
    index = tuple(samples.index)[:n]
    return Predictions(name, title, caption, pictures, index, actual, said["before"], said["after"], tuple(classes))


def _named(record: Record, outputs: Any, n: int) -> tuple[str, ...]:
    return tuple(record.classes_of(outputs[:n])) if outputs else ("",) * n


def visible(images: np.ndarray) -> np.ndarray | None:
    """(n, channels, rows, cols) -> (n, rows, cols[, 3]) in [0, 1]; None where these are no pictures."""
    shape = image_shape(images.shape[1:])
    if shape is None:
        return None
    pictures = images.reshape(-1, *shape).astype(np.float64).transpose(0, 2, 3, 1)
    low, high = float(pictures.min()), float(pictures.max())
    pictures = (pictures - low) / ((high - low) or 1.0)
    return pictures if shape[0] == 3 else pictures[..., 0]


def mistakes(
    record: Record,
    arrays: Mapping[str, np.ndarray],
    who: str,
    name: str = "mistakes",
    *,
    part: str = "auto",
    examples: int | None = None,
    columns: int = 5,
) -> Mistakes | None:
    """The pictures of a part ("auto": as for the confusion matrix) that were taken for another class with the most
    confidence; None without pictures or mistakes."""
    wanted = ("test", "validation") if part == "auto" else (part,)
    part = next((one for one in wanted if f"{one}.index" in arrays), "")
    found = {key: array[:examples] for key, array in of_part(arrays, part).items() if array.ndim}
    pictures = visible(found["images"]) if part and len(found["index"]) else None
    if pictures is None:
        return None
    counts = np.asarray(record.confusion[part], dtype=np.int64)
    n, wrong = len(pictures), int(counts.sum() - np.trace(counts))
    classes = tuple(record.dataset.classes)
    sums = record.network.output in ("softmax", "log-softmax")
    of = f"{n} of the {wrong:,} mistakes" if wrong > n else f"All {n} mistakes" if n > 1 else "The only mistake"
    caption = (
        f"{who}. {of} on the {part} set, the most confident first: actual → predicted class, and the "
        f"{'probability' if sums else 'output'} of the predicted class. {_where(part, str(arrays[f'{part}.source']))}"
    )
    return Mistakes(
        name,
        f"Most confident mistakes ({part} set)",
        caption,
        pictures,
        tuple(found["index"].tolist()),
        tuple(classes[label] for label in found["actual"]),
        tuple(classes[label] for label in found["predicted"]),
        tuple(found["confidence"].tolist()),
        min(columns, n),
        classes,
    )


def _where(part: str, source: str) -> str:
    """What the numbers of pictures in the CSV file count.

    source: the examples of the data set ("train", "test", "validation") from which the part was taken.
    """
    of = f"its place in the {source} data"
    taken = "" if part == source else f", from which the {part} set was taken"
    return f"The index of a picture in the CSV file is {of}{taken}, counted from 0."


IMAGES, FILTERS = 4, 8  # shown at most


def feature_maps(
    record: Record,
    params: Mapping[str, np.ndarray],
    images: np.ndarray | None,
    who: str,
    name: str = "feature-maps",
) -> Pictures | None:
    """A row of maps for each of the first samples, after batch norm if it follows; None without convolution or images.

    images: (n, channels, rows, cols), scaled as the network takes them: so the results folder keeps them.
    """
    layers = record.network.layers
    first = next((i for i, text in enumerate(layers) if text.startswith("conv ")), None)
    labels = record.samples.labels if record.samples and record.dataset.task is None else []
    if first is None or images is None or not len(images) or len(labels) < len(images[:IMAGES]):
        return None
    model = record.model_copy(update={"params": dict(params)}).model
    if images.shape[1:] != model.network.input_shape:
        return None
    x = images[:IMAGES].astype(next(iter(params.values())).dtype)
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
        f"{who}. What {shown} make of the first {plural(len(maps), 'sample')} (a row each, with the actual class), "
        f"{of}, after its activation. One scale: blue is positive, orange negative, white 0, full colour ±{limit:.3g}."
    )
    classes = model.classes
    titles = tuple(
        f"{classes[int(str(label))]}, filter {j + 1}" for label in labels[: len(maps)] for j in range(maps.shape[1])
    )
    pictures = np.nan_to_num(maps.reshape(-1, *maps.shape[2:]))
    return Pictures(
        name, "Feature maps of the first convolution", caption, pictures, titles, limit or 1.0, maps.shape[1]
    )


def make_confusion(request: Request[ConfusionOptions]) -> Matrix | None:
    """A confusion matrix as a study asks for it."""
    run, options = request.run(request.options.seed), request.options
    if run is None:
        return None
    record = request.sources.record(run.id)
    return confusion(record, request.who(run), request.name, part=options.part, show=options.show)


def make_weights(request: Request[TemplatesOptions]) -> Pictures | None:
    """First-layer weights as a study asks for them."""
    run, options = request.run(request.options.seed), request.options
    if run is None:
        return None
    record, params = request.sources.record(run.id), request.sources.params(run.id)
    who = request.who(run)
    return weights(record, params, who, request.name, units=options.units, columns=options.columns)


def make_predictions(request: Request[PredictionsOptions]) -> Predictions | None:
    """Sample images with predictions as a study asks for them."""
    run, options = request.run(request.options.seed), request.options
    if run is None:
        return None
    record, images = request.sources.record(run.id), request.sources.images(request.only.label, run.id)
    who = request.who(run)
    return predictions(record, images, who, request.name, when=options.when, examples=options.examples)


def make_mistakes(request: Request[MistakesOptions]) -> Mistakes | None:
    """The most confident mistakes as a study asks for them."""
    run, options = request.run(request.options.seed), request.options
    if run is None:
        return None
    record, arrays = request.sources.record(run.id), request.sources.mistakes(run.id)
    who, few = request.who(run), {"examples": options.examples, "columns": options.columns}
    return mistakes(record, arrays, who, request.name, part=options.part, **few)
