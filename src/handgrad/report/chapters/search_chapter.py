"""The chapter of a search: what stopping saved and may have cost, its history, its rungs, and who trained what when."""

from collections.abc import Iterator

from handgrad.report.chapters.chapter import Block, Chapter, FigureBlock, Heading, TableBlock, Text, Verdicts
from handgrad.report.figures.search_figures import history_figure, rungs_figure, timeline_figure
from handgrad.report.findings.search_sentences import NO_TIMES, search_verdicts
from handgrad.report.findings.stopping import cost_of, rungs
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.findings.timeline_facts import timeline_facts
from handgrad.report.findings.wording import setting_name
from handgrad.report.tables.search_tables import rungs_table
from handgrad.study.published.search_options import SearchHistoryOptions


def search_chapter(summary: Summary) -> Chapter | None:
    """The searches of a study, phase by phase, and its timeline; None where nothing was drawn or stopped."""
    several = len(summary.phases) > 1
    blocks: list[Block] = []
    for position, phase in enumerate(summary.phases):
        if phase.search is not None:
            if several:
                blocks.append(Heading(f"Phase {position + 1}: {phase.name}"))
            blocks += _phase(phase, f"-{position + 1}" if several else "", f" of phase {position + 1}" * several)
    if not blocks:
        return None
    if (figure := timeline_block(summary)) is not None:
        blocks.append(figure)
    elif any(setting.trained for setting in summary.settings):
        blocks.append(Text(NO_TIMES))
    return Chapter("search", "The search", tuple(blocks), "Search")


def timeline_block(summary: Summary, least: int = 1) -> FigureBlock | None:
    """The timeline of a whole study; None where records do not say it, or fewer workers than `least` trained."""
    facts = timeline_facts(summary.settings)
    if facts is None or facts.workers < least:
        return None
    searches = [phase.search for phase in summary.phases if phase.search is not None]
    return FigureBlock(timeline_figure("timeline", facts, summary.settings, searches))


def _phase(phase: PhaseSummary, suffix: str, of: str) -> Iterator[Block]:
    facts = phase.search
    assert facts is not None
    cost = cost_of(facts)
    found = rungs(facts.trials, facts.metric, phase.winner if facts.is_over else None, cost)
    if said := search_verdicts(phase, cost, found):
        yield Verdicts(tuple(said))
    names = {setting_name(setting, phase.axes): setting for setting in phase.settings}
    history = history_figure(f"search-history{suffix}", names, facts, phase.metric, SearchHistoryOptions())
    if history is not None:
        yield FigureBlock(history)
    if facts.is_decided and found:
        yield TableBlock(rungs_table(facts, found, cost, f"rungs{suffix}", f"Rungs of the search{of}"))
        figure = rungs_figure(f"rungs{suffix}", facts.trials, facts.metric, cost)
        if figure is not None:
            yield FigureBlock(figure)
