"""The chapter "Figures": those that the study file asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from handgrad.errors import InputError
from handgrad.report.chapters.blocks import Block, Chapter, FigureBlock, Heading, Text
from handgrad.report.figures.kinds import make_figure
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.original.table import found, shown_in
from handgrad.study.published.items import Drawing


def figures_chapter(summary: Summary, sources: Sources) -> Chapter | None:
    """Every [[figure]] in the order of the file; None where there is none."""
    asked = summary.places.study.spec.figure if summary.places is not None else ()
    blocks: list[Block] = []
    for item in asked:
        named: dict[str, SettingSummary | None] = {}
        for reference in item.references:
            named |= found(summary, reference, item.phase)
        blocks += asked_figure(item, item.title, shown_in(item, named), summary, sources)
    return Chapter("figures", "Figures that the study asks for", tuple(blocks), "Figures") if blocks else None


def asked_figure(
    item: Drawing,
    heading: str,
    shown: Mapping[str, SettingSummary],
    summary: Summary,
    sources: Sources,
    number: str = "",
) -> Iterator[Block]:
    """The figure, or why there is none."""
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
        yield FigureBlock(replace(figure, caption=caption), number)
