"""The chapter "The original, item by item": every table and figure of the original under its own number."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from handgrad.report.blocks import Block, Chapter, Facts, FigureBlock, Heading, TableBlock, Text, Verdicts
from handgrad.report.compared import RULE, Compared, shown_published, shown_values
from handgrad.report.figures import Figure
from handgrad.report.item_numbers import with_unit
from handgrad.report.item_table import judged_cell
from handgrad.report.reproduction import ItemResult, Reproduction
from handgrad.report.tables import Cell, Column, Row, Table, cell
from handgrad.study import originals

Draw = Callable[[originals.Figure, ItemResult], Figure | None]


def original_chapter(found: Reproduction, draw: Draw) -> Chapter:
    """Readings and errors first, then every item, then every number; `draw` makes the figure of an item."""
    original = found.original
    rows = [
        ("reproduced", (original.title,)),
        ("published", (original.source,) if original.source else ()),
        ("assumed readings", original.readings),
        ("where the original errs", original.errors),
    ]
    blocks: list[Block] = [Facts(tuple((term, lines) for term, lines in rows if lines))]
    if found.numbers:
        blocks.append(Text(_quick_rule() if found.quick else RULE))
    for item in found.items:
        blocks += _item(item, draw)
    if found.numbers:
        blocks += [Heading("Every published number"), TableBlock(every_number(found), folded=True)]
    return Chapter("original", "The original, item by item", tuple(blocks), "The original")


def _quick_rule() -> str:
    return (
        "Made with --quick: a smaller study than the original's. Its numbers stand beside the published ones to show "
        "the form; nothing is judged by them."
    )


def _item(result: ItemResult, draw: Draw) -> Iterator[Block]:
    item = result.item
    if isinstance(item, originals.Figure):
        figure = draw(item, result) if result.shown else None
        if figure is None:
            yield Heading(f"{item.number}: {item.title}")
            why = "the records hold nothing of it yet" if result.shown else "not run here"
            yield Text(f"No figure: {why}.")
        else:
            caption = f"{figure.caption} {item.note}" if item.note else figure.caption
            yield FigureBlock(
                replace(figure, title=f"{item.number}: {item.title}", caption=caption), f"{item.number} of the original"
            )
        if result.table is not None:
            yield TableBlock(result.table, number=f"Beside {item.number}")
    else:
        yield Heading(f"{item.number}: {item.title}")
        assert result.table is not None
        yield TableBlock(result.table, number=f"{item.number} of the original")
    if result.verdicts:
        yield Verdicts(result.verdicts)


def every_number(found: Reproduction) -> Table:
    """One row for each published number of all items, those that stand in no table of their own included."""
    columns = (
        Column("item"),
        Column("row"),
        Column("measure"),
        Column("published", ("published", "published_std"), numeric=True),
        Column("reproduced", ("mean", "std", "n", "runs"), numeric=True),
        Column("difference", ("difference", "low", "high", "inside"), numeric=True),
        Column("not judged because", ("why",)),
    )
    caption = "Text in the original's units; in the CSV accuracies are fractions, times are seconds."
    rows = tuple(Row(_cells(number)) for number in found.numbers)
    return Table("reproduction", "Every published number beside what was reproduced", caption, columns, rows)


def _cells(number: Compared) -> tuple[Cell, ...]:
    given, values = number.published, number.values
    return (
        cell(number.item),
        cell(number.row),
        cell(with_unit(number)),
        Cell(shown_published(given, given.digits), (given.value, given.spread)),
        Cell(
            shown_values(values, number.measure, given.scale, given.digits),
            (values.mean, values.std, values.n, number.runs),
        ),
        judged_cell(number, given.digits),
        cell(number.why),
    )
