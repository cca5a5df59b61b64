"""What stands in a report, in which order: chapters of blocks, made from a summary and the files of a few runs.

To add something to reports, add a block (`blocks`) to a chapter of `results`, `figures`, `original` or
`conditions`.
"""

from collections.abc import Iterator

from handgrad.report.chapters.blocks import Chapter
from handgrad.report.chapters.conditions import data_chapter, environment, formulas
from handgrad.report.chapters.figures import figures_chapter
from handgrad.report.chapters.original import original_chapter
from handgrad.report.chapters.results import phase_chapter, studied, times, winner_chapter
from handgrad.report.figures.sources import Sources
from handgrad.report.findings.summary import Summary
from handgrad.report.original.reproduction import reproduce


def chapters(summary: Summary, sources: Sources) -> Iterator[Chapter]:
    """The chapters in order; each is made when it is asked for."""
    yield studied(summary)
    found = reproduce(summary)
    if found is not None:
        yield original_chapter(found, summary, sources)
    for position, phase in enumerate(summary.phases):
        yield phase_chapter(summary, phase, position, sources)
    asked = figures_chapter(summary, sources)
    if asked is not None:
        yield asked
    if summary.winner is not None and summary.last is not None:
        yield winner_chapter(summary.last, summary.winner, sources)
    yield times(summary)
    yield data_chapter(summary)
    yield formulas(summary)
    yield environment(summary)
