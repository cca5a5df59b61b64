"""The [explain] table of a study file: which published numbers to explain, and the readings among which to look.

    [explain]
    items = ["Table 3"]                 # of the original; all that hold numbers, if not given
    rows = ["10", "11", "12"]           # labels of rows; all, if not given
    departures = 2                      # a reading departs from the file in so many respects at most
    slips = "all"                       # or a list of names, or false for none; one of them at a time

    [explain.set]                       # where the file departs from the text: what the text says
    training.slips = []

    [explain.reading.loss]              # a respect, and what else may have been done in it, by name
    "half the sum" = { training.loss = "half-squared-error" }

    [explain.reading.measured]          # a column may hold another measure than its head says
    "training loss" = { measured = { val_loss = "train_loss" } }

A reading takes one alternative, or the file's own, in every respect.  Where none is listed the space is the usual one
(`explain.usual_alternatives`).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from handgrad.accepts import TEXT, accepts, either, list_of
from handgrad.errors import InputError
from handgrad.measures import METRICS, is_fraction
from handgrad.names import listed, lookup, short, shown, unknown, unknown_key
from handgrad.sections import Section, flag, optional, whole
from handgrad.study.changes import SECTIONS, changes_of, leaves
from handgrad.training.slips import SLIPS

MEASURED = "measured"  # the key of an alternative that changes no setting


@accepts(either(TEXT, {"type": "integer"}, list_of(either(TEXT, {"type": "integer"}), 1)))
def _texts(value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str | int) and not isinstance(value, bool) else value
    if not isinstance(given, list | tuple) or not given or not all(isinstance(one, str | int) for one in given):
        raise ValueError('must be a list of names, as in ["Table 3"]')
    return tuple(str(one) for one in given)


@accepts(lambda: either({"enum": ["all", False]}, list_of({"enum": list(SLIPS)})))
def _slips(value: Any) -> tuple[str, ...]:
    """Names of slips, in the order of their table."""
    if value == "all":
        return tuple(SLIPS)
    if value is False:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError('must be "all", false or a list of slips, as in ["bias-gradient-summed-over-units"]')
    for name in value:
        try:
            lookup(SLIPS, name, "slip")
        except InputError as error:
            raise ValueError(f"has an unknown entry: {error}") from None
    return tuple(name for name in SLIPS if name in value)


@accepts({"type": "object"})
def _set(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table of changes, as in [explain.set] training.slips = []; got {shown(value)}")
    if MEASURED in value:
        raise ValueError(f"changes settings; {MEASURED} belongs to a reading, as in [explain.reading.{MEASURED}]")
    if problem := _problem_of(value):
        raise ValueError(f"is a table that {problem}")
    return dict(value)


@accepts({"type": "object"})
def _readings(value: Any) -> dict[str, dict[str, Any]]:
    example = '[explain.reading.loss] "half the sum" = { training.loss = "half-squared-error" }'
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) and table for table in value.values()):
        raise ValueError(f"must hold a table of named alternatives for each respect, as in {example}")
    for respect, table in value.items():
        for name, change in table.items():
            where = f"{short(str(respect), 60)}.{shown(str(name), 60)}"
            if not isinstance(change, Mapping) or not change:
                raise ValueError(f"has {where}, which must be a table of changes, as in {example}")
            if problem := _problem_of(change):
                raise ValueError(f"has {where}, which {problem}")
    return {str(respect): dict(table) for respect, table in value.items()}


def _problem_of(change: Mapping[str, Any]) -> str | None:
    """What is wrong with the keys of an alternative, None if nothing is; its values are read with each setting."""
    measured = change.get(MEASURED, {})
    if not isinstance(measured, Mapping):
        return f'says measured = {shown(measured)}; write it as measured = {{ val_loss = "train_loss" }}'
    for name in [*measured, *measured.values()]:
        if name not in METRICS:
            return "names an " + unknown(str(name), METRICS, "measure")
    for theirs, ours in measured.items():
        if is_fraction(theirs) is not is_fraction(ours):
            return f"takes {theirs} for {ours}; an accuracy can only be another accuracy, and a loss another loss"
    for path, _ in leaves({key: value for key, value in change.items() if key != MEASURED}):
        if path.split(".")[0] not in SECTIONS:
            key = path.split(".")[0]
            return f"has {short(key)}, an {unknown_key(key, [*SECTIONS, MEASURED])}"
    slips = changes_of({key: value for key, value in change.items() if key != MEASURED}).get("training.slips", ())
    if not isinstance(slips, list | tuple) or not all(isinstance(name, str) for name in slips):
        return f'says training.slips = {shown(slips)}; write a list, as in ["bias-gradient-summed-over-units"]'
    for name in slips:
        if name not in SLIPS:
            return "names an " + unknown(name, SLIPS, "slip")
    return None


class ExplainSection(Section):
    """What `handgrad explain` is to explain, and by which readings.

    items, rows: None for all.  departures: None for no bound where readings are listed.  seeds: how many the last
    readings are run with, the first of the study's and further ones (None: those of the study).  slips: None for none
    where readings are listed, else for all.  usual: the usual alternatives as well as those that are listed.  set:
    changes of every row, from which readings depart.
    """

    items: Annotated[tuple[str, ...] | None, BeforeValidator(optional(_texts))] = None
    rows: Annotated[tuple[str, ...] | None, BeforeValidator(optional(_texts))] = None
    departures: Annotated[int | None, BeforeValidator(optional(whole("[1, 8]")))] = None
    seeds: Annotated[int | None, BeforeValidator(optional(whole("[1, 100]")))] = None
    slips: Annotated[tuple[str, ...] | None, BeforeValidator(optional(_slips))] = None
    usual: Annotated[bool, BeforeValidator(flag)] = False
    set: Annotated[dict[str, Any], BeforeValidator(_set)] = Field(default_factory=dict)
    reading: Annotated[dict[str, dict[str, Any]], BeforeValidator(_readings)] = Field(default_factory=dict)

    def alternatives(self) -> dict[str, dict[str, tuple[dict[str, Any], dict[str, str]]]]:
        """respect -> name -> (changes of a setting, published measure -> the measure that it may be)."""
        return {
            respect: {
                name: (
                    changes_of({key: value for key, value in change.items() if key != MEASURED}),
                    dict(change.get(MEASURED, {})),
                )
                for name, change in table.items()
            }
            for respect, table in self.reading.items()
        }

    def problems(self, items: Mapping[str, tuple[str, ...]]) -> list[str]:
        """What names no item or row of the original.  items: its items that hold numbers, with the labels of rows."""
        found = [
            "explain.items has an " + unknown(name, items, "item with published numbers")
            for name in self.items or ()
            if name not in items
        ]
        labels = list(dict.fromkeys(row for name, rows in items.items() if self._takes(name) for row in rows))
        for name in self.rows or () if not found else ():
            if name not in labels:
                found.append(f"explain.rows has an {unknown(name, labels, 'row')} of {listed(self.items or items)}")
        return found

    def _takes(self, item: str) -> bool:
        return self.items is None or item in self.items

    def takes(self, item: str, row: str) -> bool:
        """Whether a row of an item is to be explained."""
        return self._takes(item) and (self.rows is None or row in self.rows)
