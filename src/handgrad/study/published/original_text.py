"""What an original says of its own numbers beside its tables, as data, so that both can be compared.

    [original.text]
    chosen    = [{ item = "Table 3", row = "6", column = "test μ", where = "l. 167" }]
    drawn     = [{ item = "Trials", key = "training.optimizer.lr", log_uniform = [1e-4, 1e-1] }]
    captions  = [{ item = "Figure 3", rows = ["1", "5", "7"], says = { training.optimizer.lr = 0.01 } }]
    values    = [{ what = "epochs of the CNN", said = { "l. 118" = 100, "Fig. 6" = 10 } }]
    measured  = [{ item = "Trials", column = "Loss", says = "val_loss" }]

The checks that compare them are in report/reproduced/checks/.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from handgrad.names import unknown
from handgrad.sections import Section, is_whole, one_of, optional, text
from handgrad.study.changes import changes_of
from handgrad.study.published.numbers import MEASURES, TIMES, WHOLE
from handgrad.study.rules.samplers import DISTRIBUTIONS

if TYPE_CHECKING:
    from handgrad.study.published.items import Original, References

SCORES = tuple(name for name in MEASURES if name not in (*TIMES, *WHOLE))  # accuracies and losses


def _distribution(kind: str) -> Any:
    def check(given: Any) -> tuple[float, float]:
        if problem := DISTRIBUTIONS[kind].problem(given):
            raise ValueError(problem.removeprefix(f"{kind} "))
        return (float(given[0]), float(given[1]))

    return BeforeValidator(optional(check))


def _label(given: Any) -> str:
    return str(given) if is_whole(given) else text(given)


def _labels(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise ValueError('must be a list of rows, as in ["1", "5"]')
    return tuple(map(_label, given))


def _keys(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given:
        raise ValueError("must be a table of keys, as in { training.optimizer.lr = 0.01 }")
    return changes_of(given)


def _said(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping) or len(given) < 2:
        raise ValueError(
            'must be a table of two or more places and what each says, as in { "l. 118" = 100, "Fig. 6" = 10 }'
        )
    return {str(place): value for place, value in given.items()}


Words = Annotated[str, BeforeValidator(text)]
Place = Annotated[str | None, BeforeValidator(optional(text))]
ScoreName = Annotated[str, BeforeValidator(one_of(SCORES, "accuracy or loss"))]


class ChosenRow(Section):
    """The row of a table that the original goes on with, and the head of the column by which it says to choose it."""

    item: Words
    row: Annotated[str, BeforeValidator(_label)]
    column: Words
    where: Place = None


class DrawnRange(Section):
    """The range that the original says a key of every row of a table was drawn from: one of the two."""

    item: Words
    key: Words
    uniform: Annotated[tuple[float, float] | None, _distribution("uniform")] = None
    log_uniform: Annotated[tuple[float, float] | None, _distribution("log_uniform")] = None
    where: Place = None


class SaidCaption(Section):
    """What the caption of a figure or table says of rows of a table of settings."""

    item: Words
    rows: Annotated[tuple[str, ...], BeforeValidator(_labels)]
    says: Annotated[dict[str, Any], BeforeValidator(_keys)]
    where: Place = None


class SaidValues(Section):
    """What the original says of one thing in several places: place -> value."""

    what: Words
    said: Annotated[dict[str, Any], BeforeValidator(_said)]


class SaidMeasure(Section):
    """What the original says that a column of a table is, where the column is compared with another measure here."""

    item: Words
    column: Words
    says: ScoreName
    where: Place = None


class OriginalText(Section):
    """[original.text]: what the original says of its own numbers."""

    chosen: tuple[ChosenRow, ...] = ()
    drawn: tuple[DrawnRange, ...] = ()
    captions: tuple[SaidCaption, ...] = ()
    values: tuple[SaidValues, ...] = ()
    measured: tuple[SaidMeasure, ...] = ()

    def problems(self, original: "Original", refs: "References") -> list[str]:
        """What of it fits no item, row, column or key of the original."""
        found: list[str] = []
        tables = {table.number: table for table in original.table}
        items = [item.number for item in original.items]
        for name, one, place in self._entries():
            known = items if name == "captions" else tables
            if one.item not in known:
                found.append(f"{place}.item is an " + unknown(one.item, known, "item of the original"))
                continue
            table = tables.get(one.item)
            if isinstance(one, ChosenRow):
                labels = [row.label for row in getattr(table, "rows", ()) if hasattr(row, "label")]
                found += [] if one.row in labels else [f"{place}.row is an " + unknown(one.row, labels, "row")]
            if isinstance(one, ChosenRow | SaidMeasure):
                heads = [column.head for column in getattr(table, "columns", ()) if column.show in SCORES]
                if one.column not in heads:
                    found.append(
                        f"{place}.column is an " + unknown(one.column, heads, "column of accuracies or losses")
                    )
            if isinstance(one, SaidCaption):
                strange = [row for row in one.rows if row not in refs.labels]
                found += [f"{place}.rows has an " + unknown(row, refs.labels, "row") for row in strange]
                found += refs.show_problems((f"{place}.says", key) for key in one.says)
            if isinstance(one, DrawnRange):
                found += refs.show_problems([(f"{place}.key", one.key)])
                if (one.uniform is None) is (one.log_uniform is None):
                    found.append(f"{place} must have uniform or log_uniform, one of the two")
        return found

    def _entries(self) -> list[tuple[str, Any, str]]:
        """(list, entry, what messages call it) of all that are of an item."""
        return [
            (name, one, f"original.text.{name} {position}")
            for name in ("chosen", "drawn", "captions", "measured")
            for position, one in enumerate(getattr(self, name), start=1)
        ]


TEXT_LISTS: dict[str, type[Section]] = {
    "chosen": ChosenRow,
    "drawn": DrawnRange,
    "captions": SaidCaption,
    "values": SaidValues,
    "measured": SaidMeasure,
}
