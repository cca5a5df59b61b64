"""Examples that a results folder keeps for figures, so that a report needs no data: they lie beside the sample images.

    of two features        up to `MOST` examples of every part, drawn at random: decision regions are shown with them
    named by a [[figure]]  those that figures of the kind activations ask for by their index

In data/<key>-samples.npz, scaled as they were learnt from: "<part>.x" (n, *shape), "<part>.y" (n,), "<part>.index" (n,)
and "<part>.source".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.data.datasets import Part, Split
from handgrad.network.arrays import Arrays
from handgrad.streams import stream
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.published.data_options import ActivationsOptions
from handgrad.study.published.figure_options import FIGURES

MOST = 1000  # of each part, of data of two features
PLANE = "plane"  # the word for these

Asked = tuple[str, int]  # (part or "auto", index)


def asked_examples(spec: StudySpec) -> tuple[Asked, ...]:
    """The examples that figures of a study name by their index."""
    found: dict[Asked, None] = {}
    for item in (*spec.figure, *(spec.original.figure if spec.original is not None else ())):
        options, _ = FIGURES[item.kind].options.read(dict(item.options))
        if isinstance(options, ActivationsOptions) and isinstance(options.chosen, int):
            found[options.part, options.chosen] = None
    return tuple(found)


def wanted(shape: Sequence[int], asked: Iterable[Asked]) -> list[str]:
    """What is kept of data with examples of this shape, in words for its JSON.

    >>> wanted((2,), ()), wanted((1, 28, 28), [("test", 17)])
    (['plane'], ['test 17'])
    """
    return [PLANE] * is_plane(shape) + [f"{part} {index}" for part, index in asked]


def is_plane(shape: Sequence[int]) -> bool:
    """Whether an example is a point of the plane: two numbers."""
    return tuple(shape) == (2,)


def part_named(parts: Iterable[str], part: str) -> str:
    """The part that "auto" means: test where there is one, else validation, else train.

    >>> part_named(["train", "validation"], "auto")
    'validation'
    """
    return [*parts][-1] if part == "auto" else part


def kept_examples(split: Split, asked: Iterable[Asked]) -> Arrays:
    """The arrays that are kept of a split; an index that is not in the part is left out."""
    places: dict[str, set[int]] = {}
    for name, part in split.parts.items():
        if is_plane(split.shape):
            order = stream(0, "shown", len(part)).permutation(len(part))
            places[name] = set(order[:MOST].tolist())
    for name, index in asked:
        name = part_named(split.parts, name)
        if name in split.parts:
            places.setdefault(name, set()).update(np.flatnonzero(split.parts[name].index == index).tolist())
    arrays: Arrays = {}
    for name, chosen in places.items():
        part, at = split.parts[name], np.array(sorted(chosen), dtype=np.int64)
        arrays |= {f"{name}.x": part.x[at], f"{name}.y": part.y[at], f"{name}.index": part.index[at]}
        arrays[f"{name}.source"] = np.array(part.source)
    return arrays


def kept_parts(found: Mapping[str, Any]) -> dict[str, Part]:
    """The examples of each part in what `store.read_data` gives, the sample images among them."""
    parts = {}
    for name in found["counts"]:
        if f"{name}.x" in found:
            x, y, index = (np.asarray(found[f"{name}.{array}"]) for array in ("x", "y", "index"))
            parts[name] = Part(x, y, index, str(found[f"{name}.source"]))
    name = found["samples"]
    x, y, index = (np.asarray(found[array]) for array in ("x", "y", "index"))
    if name in parts:
        held = parts[name]
        new = ~np.isin(index, held.index)
        x, y, index = (np.concatenate([a, b[new]]) for a, b in ((held.x, x), (held.y, y), (held.index, index)))
    parts[name] = Part(x, y, index, parts[name].source if name in parts else name)
    return parts
