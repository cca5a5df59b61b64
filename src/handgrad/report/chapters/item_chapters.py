"""The chapters of what a study file lists: the tables and figures of an original, and the study's own figures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from handgrad.errors import InputError
from handgrad.report.chapters.chapter import Block, Chapter, Facts, FigureBlock, Heading, TableBlock, Text, Verdicts
from handgrad.report.figures.request import Sources, make_figure
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.reproduced.item_table import found, judged_cell, shown_in
from handgrad.report.reproduced.judge import RULE, Compared, shown_published, shown_values
from handgrad.report.reproduced.judged_statements import statements_table
from handgrad.report.reproduced.number_tables import with_unit
from handgrad.report.reproduced.reproduction import ItemResult, Reproduction
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.published import items as originals
from handgrad.study.published.items import Drawing


def original_chapter(found: Reproduction, summary: Summary, sources: Sources) -> Chapter:
    """Readings and errors first, then every item, then every number."""
    original = found.original
    rows = [
        ("reproduced", (original.title,)),
        ("published", (original.source,) if original.source else ()),
        ("assumed readings", original.readings),
        ("where the original errs, found by checks", tuple(error.text for error in found.errors)),
        ("where the original errs, known by hand", original.errors),
        (_inside_of(found), () if found.made_with else tuple(_inside(found))),
    ]
    blocks: list[Block] = [Facts(tuple((term, lines) for term, lines in rows if lines))]
    if found.numbers:
        blocks.append(Text(_unjudged(found) if found.made_with else RULE))
    for item in found.items:
        blocks += _item(item, summary, sources)
    if found.statements:
        blocks += [Heading("What the original says in words"), TableBlock(statements_table(found.statements))]
    if found.numbers:
        blocks += [Heading("Every published number"), TableBlock(every_number(found), folded=True)]
    if summary.names:
        blocks += [Heading("Names of the settings"), TableBlock(names_table(summary), folded=True)]
    return Chapter("original", "The original, item by item", tuple(blocks), "The original")


def names_table(summary: Summary) -> Table:
    """What the settings are called here, as in the original, and their labels in the results folder."""
    caption = (
        "Settings are called here as the original calls them. In the results folder, in Python and on the command line "
        "they have the labels of the plan."
    )
    rows = tuple(Row((cell(name), cell(label))) for label, name in summary.names.items())
    columns = (Column("name here", ("name",)), Column("label in the results folder", ("label",)))
    return Table("names", "Names of the settings that differ from their labels", caption, columns, rows)


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
        yield from figure_blocks(item, heading, result.shown, summary, sources, named(item))
        if result.table is not None:
            yield TableBlock(result.table, number=f"Beside {item.number}")
    elif result.table is not None:
        yield Heading(heading)
        yield TableBlock(result.table, number=number, alone=result.alone)
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


def figures_chapter(summary: Summary, sources: Sources) -> Chapter | None:
    """Every [[figure]] in the order of the file; None where there is none."""
    own = summary.refs.study.spec.figure if summary.refs is not None else ()
    blocks: list[Block] = []
    for item in own:
        named: dict[str, SettingSummary | None] = {}
        for reference in item.references:
            named |= found(summary, reference, item.phase)
        blocks += figure_blocks(item, item.title, shown_in(item, named), summary, sources)
    return Chapter("figures", "Figures that the study asks for", tuple(blocks), "Figures") if blocks else None


def figure_blocks(
    item: Drawing,
    heading: str,
    shown: Mapping[str, SettingSummary],
    summary: Summary,
    sources: Sources,
    number: str = "",
) -> Iterator[Block]:
    """The figure, or a sentence that says why there is none."""
    figure, why = None, "its settings are not run here"
    if shown:
        try:
            figure = make_figure(item.kind, summary, shown, sources, item.options, name=item.file, title=heading)
            why = "the records hold nothing of it"
        except InputError as error:  # a seed or a setting that this smaller study does not have
            why = str(error)
    if figure is None:
        yield Heading(heading)
        yield Text(f"No figure: {why}.")
    else:
        caption = f"{figure.caption} {item.note}" if item.note else figure.caption
        yield FigureBlock(replace(figure, caption=caption), number, item.print_options)
