"""The chapter "The original, item by item": every table and figure of the original under its own number."""

from collections.abc import Iterator

from handgrad.report.chapters.blocks import Block, Chapter, Facts, Heading, TableBlock, Text, Verdicts
from handgrad.report.chapters.figures import asked_figure
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.summary import Summary
from handgrad.report.original.compared import RULE, Compared, shown_published, shown_values
from handgrad.report.original.numbers import with_unit
from handgrad.report.original.reproduction import ItemResult, Reproduction
from handgrad.report.original.table import judged_cell
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.published import items as originals


def original_chapter(found: Reproduction, summary: Summary, sources: Sources) -> Chapter:
    """Readings and errors first, then every item, then every number."""
    original = found.original
    rows = [
        ("reproduced", (original.title,)),
        ("published", (original.source,) if original.source else ()),
        ("assumed readings", original.readings),
        ("where the original errs", original.errors),
        (_inside_of(found), () if found.made_with else tuple(_inside(found))),
    ]
    blocks: list[Block] = [Facts(tuple((term, lines) for term, lines in rows if lines))]
    if found.numbers:
        blocks.append(Text(_unjudged(found) if found.made_with else RULE))
    for item in found.items:
        blocks += _item(item, summary, sources)
    if found.numbers:
        blocks += [Heading("Every published number"), TableBlock(every_number(found), folded=True)]
    return Chapter("original", "The original, item by item", tuple(blocks), "The original")


def _inside_of(found: Reproduction) -> str:
    said = any(number.published.said for number in found.numbers)
    return "numbers inside and statements that agree" if said else "numbers inside"


def _inside(found: Reproduction) -> Iterator[str]:
    """Item by item, how many numbers lie inside."""
    for result in found.items:
        judged = [number for number in result.numbers if number.inside is not None]
        if judged:
            inside = sum(number.inside is True for number in judged)
            yield f"{result.item.number}: {inside} of {len(judged)}"


def _unjudged(found: Reproduction) -> str:
    return (
        f"Made with {found.made_with}. Its numbers stand beside the published ones to show the form; nothing is judged "
        "by them."
    )


def _item(result: ItemResult, summary: Summary, sources: Sources) -> Iterator[Block]:
    item = result.item
    heading, number = f"{item.number}: {item.title}", named(item)
    if isinstance(item, originals.Figure):
        yield from asked_figure(item, heading, result.shown, summary, sources, named(item))
        if result.table is not None:
            yield TableBlock(result.table, number=f"Beside {item.number}")
    elif result.table is not None:
        yield Heading(heading)
        yield TableBlock(result.table, number=number)
    if result.verdicts:
        yield Verdicts(result.verdicts)


def named(item: originals.Item) -> str:
    """What a caption calls an item."""
    return f"{item.number}, added to those of the original" if item.ours else f"{item.number} of the original"


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
