"""The examples that figures show: those that a results folder keeps, the mistakes of a run, or those of its data.

A report has nothing but the folder; `hg.figure` may load the data as well (`Sources.split`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import Dataset, Part, Split, load, split
from handgrad.errors import DataError, InputError
from handgrad.report.figures.request import Request
from handgrad.sections import given
from handgrad.study.folder.kept_examples import MOST, part_named
from handgrad.training.mistakes import of_part
from handgrad.training.record import Record

KEEP = "run the study again, which keeps what its figures show; or make the figure where the data is, by hg.figure"


def loading(data: Dataset | None) -> Callable[[Record], Split]:
    """A function that makes the split of a run again, from `data` or from the data set that the run names, once."""
    if data is not None:
        given(data, Dataset, "data", "Leave it out to load that of the run")
    made: dict[str, Split] = {}

    def of(record: Record) -> Split:
        key = record.dataset.key or record.id
        if key not in made:
            made[key] = whole_split(record, data)
        return made[key]

    return of


def whole_split(record: Record, data: Dataset | None) -> Split:
    """The split that a run learnt from, made again from its data.  data: a data set to take instead of loading it.

    Raises InputError where it cannot be loaded, or is other data than the run learnt from.
    """
    section = DataSection.given(record.setting["data"])
    try:
        found = load(section) if data is None else data
    except DataError as error:
        raise InputError(
            f"the figure shows examples that are not kept with the results, and their data cannot be loaded: {error}; "
            "or give the data set: data=hg.load_data(…)"
        ) from None
    if found.checksum != record.dataset.checksum:
        raise InputError(
            f"data must be what the run learnt from, {record.dataset.name} with the checksum "
            f"{record.dataset.checksum[:16]}; got {found.name} with {found.checksum[:16]}"
        )
    return split(found, section)


def examples_of_part(request: Request[Any], label: str, record: Record, part: str) -> tuple[str, Part]:
    """(the part, its examples that can be shown) of a run;  part: "auto" is test, else validation, else train.

    Raises InputError where the data has no such part, or none of it is at hand.
    """
    name = _part_of(record, part)
    found = request.sources.examples(label, record.id).get(name)
    few = found is None or len(found) < min(MOST, record.dataset.counts[name])  # as an earlier version kept them
    if found is None or (few and request.sources.split is not None):
        found = _loaded(request, record, f"examples of the {name} part are").parts[name]
    return name, found


def one_example(
    request: Request[Any], record: Record, part: str, chosen: int | str, scaled: Callable[[np.ndarray], np.ndarray]
) -> tuple[str, Part]:
    """(the part, the example alone).

    chosen: its index, "sample" or "mistake";  scaled: makes of pictures what the network takes.
    Raises InputError where there is none, or it is not at hand.
    """
    if chosen == "mistake":
        name = _part_of(record, part)
        return name, _first_mistake(request, record, name, scaled)
    name, index = (_part_of(record, part), chosen) if isinstance(chosen, int) else _first_sample(record, part)
    kept = request.sources.examples(request.only.label, record.id).get(name)
    found = None if kept is None else _at(kept, index)
    if found is not None:
        return name, found
    whole = _loaded(request, record, f"example {index} of the {name} part, if it has one, is")
    if (found := _at(whole.parts[name], index)) is None:
        raise InputError(index_refused(whole, name, index))
    return name, found


def index_refused(split: Split, part: str, index: int) -> str:
    """Why a part has no example of this index; empty where it has."""
    name = part_named(split.parts, part)
    own = split.parts.get(name)
    if own is None or _at(own, index) is not None:
        return ""
    others = [one for one, examples in split.parts.items() if _at(examples, index) is not None]
    if others:
        where = others[0]
        return f'options.example is {index}, which is in the {where} part, not in {name}: options.part = "{where}"'
    return (
        f"options.example must be the index of an example of the {name} part, as in the CSV of predictions and "
        f"mistakes; got {index}. It counts the data set's {own.source} examples from 0; {len(own):,} of them are in "
        f"the part, from {int(own.index.min())} to {int(own.index.max())}"
    )


def _at(part: Part, index: int) -> Part | None:
    """The example of this index alone; None where it is not in the part."""
    at = np.flatnonzero(part.index == index)
    return Part(part.x[at], part.y[at], part.index[at], part.source) if len(at) else None


def _first_sample(record: Record, part: str) -> tuple[str, int]:
    """(part, index) of the first example whose predictions are recorded."""
    samples = record.samples
    if samples is None or not samples.index:
        raise InputError("the record has no sample; give the index of an example: options.example")
    if part not in ("auto", samples.source):
        raise InputError(
            f"options.part is {part}, and samples are of the {samples.source} part; give the index of an example: "
            "options.example"
        )
    return samples.source, samples.index[0]


def _part_of(record: Record, part: str) -> str:
    counts = {name: n for name, n in record.dataset.counts.items() if n}
    name = part_named(counts, part) if counts else part
    if name not in counts:
        raise InputError(f"options.part is {part}, and the data has no {part} part")
    return name


def _loaded(request: Request[Any], record: Record, what: str) -> Split:
    if request.sources.split is None:
        raise InputError(f"{what} not kept in the results folder; {KEEP}")
    return request.sources.split(record)


def _first_mistake(
    request: Request[Any], record: Record, part: str, scaled: Callable[[np.ndarray], np.ndarray]
) -> Part:
    """The most confident mistake, of the pictures that a record has of its mistakes."""
    found = of_part(request.sources.mistakes(record.id), part)
    if not len(found.get("index", ())):
        raise InputError(
            f"the record has no picture of a mistake on the {part} part; give the index of an example: options.example"
        )
    return Part(scaled(found["images"][:1]), found["actual"][:1], found["index"][:1], str(found["source"]))
