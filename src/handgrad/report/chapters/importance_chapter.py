"""The chapter "Hyperparameter importance": sentences, shares, effects, pairs, and what more settings would find."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from handgrad.report.chapters.chapter import (
    Block,
    Chapter,
    FigureBlock,
    Heading,
    TableBlock,
    Text,
    Verdicts,
    with_sources,
)
from handgrad.report.figures.axis_shapes import AxisPanels
from handgrad.report.figures.hyperparameter_figures import (
    effect_figure,
    heat_map_figure,
    parallel_figure,
    slice_figure,
)
from handgrad.report.figures.importance_figures import expected_best_figure, importance_figure
from handgrad.report.findings.axis_scales import is_number
from handgrad.report.findings.effect_sentences import effect_verdict
from handgrad.report.findings.effects import phase_effects
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import Importance, Shares, among
from handgrad.report.findings.importance_sentences import (
    expected_best_verdict,
    forgiveness_verdicts,
    importance_verdicts,
)
from handgrad.report.findings.studied_axes import StudiedAxes
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.tables.findings_tables import effects_table
from handgrad.report.tables.importance_tables import shares_table, working_table
from handgrad.study.published.items import slug

MOST_PAIRS = 6  # heat maps of a phase
FOLDED = 12  # rows from which a table of shares is folded
MOST_VALUES = 24  # of an axis of names that has a panel or a heat map: more are a ranking


def importance_chapter(summary: Summary, found: Iterable[Importance]) -> Chapter | None:
    """What matters, phase by phase; None where nothing varies, or names alone, of which the ranking says it all."""
    found = [one for one in found if not _is_ranking(one.studied)]
    if not found:
        return None
    several = len(summary.phases) > 1
    blocks: list[Block] = []
    for one in found:
        phase = summary.phases[one.phase]
        if several:
            blocks.append(Heading(f"Phase {one.phase + 1}: {phase.name}"))
        own = _phase(one, phase, summary.ddof, f"-{one.phase + 1}" if several else "")
        blocks += [with_sources(block, phase) for block in own]
    alone = all(len(one.studied.axes) == 1 for one in found)
    names = dict.fromkeys(one.studied.names[path] for one in found for path in one.studied.axes)
    title = f"What {next(iter(names))} does" if len(names) == 1 else "What each hyperparameter does"
    return Chapter("hyperparameters", title if alone else "Hyperparameter importance", tuple(blocks), "Hyperparameters")


def _phase(found: Importance, phase: PhaseSummary, ddof: int, suffix: str) -> Iterator[Block]:
    studied = found.studied
    frame, axes, metric, names = studied.frame, studied.axes, studied.metric, studied.names
    of = f" of phase {found.phase + 1}" if suffix else ""
    if said := importance_verdicts(found):
        yield Verdicts(tuple(said))
    if len(axes) > 1:
        lost = found.working is not None
        if found.working is not None:
            title = f"Shares of the variance among the {among(found)}{of}"
            yield from _shares(found.working, studied, f"importance-working{suffix}", title, working=True)
        if found.shares is not None:
            title = f"Shares of the variance{' among all settings' * lost}{of}"
            yield from _shares(found.shares, studied, f"importance{suffix}", title, folded=lost)
    if not len(frame):
        return
    listed = [path for path in axes if _is_shown(studied, path)]
    if listed and (figure := _along(found, listed, suffix)) is not None:
        yield FigureBlock(figure)
    if effects := phase_effects(phase, ddof):
        yield Verdicts(tuple(effect_verdict(one, names) for one in effects))
        title = f"The effect of each hyperparameter over all others{of}"
        yield TableBlock(effects_table(effects, names, ddof, f"effects{suffix}", title), folded=True)
    if forgiving := forgiveness_verdicts(found):
        yield Verdicts(tuple(forgiving))
    if (table := working_table(found, f"working-values{suffix}", f"Values that work{of}")) is not None:
        yield TableBlock(table, folded=True)
    yield from _pairs(found, listed, suffix)
    if len(axes) > 2 or (studied.is_drawn and len(axes) > 1):
        every = parallel_figure(frame, axes, metric, f"parallel-coordinates{suffix}", names, studied.scales)
        if every is not None:
            yield FigureBlock(every)
    if said := expected_best_verdict(found):
        yield Verdicts(tuple(said))
    if studied.is_drawn:
        yield FigureBlock(expected_best_figure(found.best, metric, f"expected-best{suffix}", studied.history))


def _along(found: Importance, listed: Sequence[str], suffix: str) -> AxisPanels | None:
    """The effects of listed settings; the slices of drawn ones, and of those that have no effects."""
    one = found.studied
    if not one.is_drawn:
        effects = effect_figure(
            one.frame, one.axes, one.metric, f"effects{suffix}", one.names, shown_axes=listed, overlap=one.overlap
        )
        if effects is not None:
            return effects
    forest = found.shares if isinstance(found.shares, ForestShares) else None
    return slice_figure(
        one.frame, one.axes, one.metric, f"slices{suffix}", forest, one.names, one.scales, shown_axes=listed
    )


def _is_ranking(studied: StudiedAxes) -> bool:
    """Whether the settings are the values of one axis of names: their effects are the ranking."""
    return len(studied.axes) == 1 and not all(map(is_number, studied.frame[studied.axes[0]].tolist()))


def _is_shown(studied: StudiedAxes, path: str) -> bool:
    """Whether the values of an axis can be told apart in a figure: numbers, or few names."""
    values = set(studied.frame[path].tolist())
    return len(values) > 1 and (all(map(is_number, values)) or len(values) <= MOST_VALUES)


def _shares(
    shares: Shares, studied: StudiedAxes, name: str, title: str, *, working: bool = False, folded: bool = False
) -> Iterator[Block]:
    """Figure and table of shares, and what is not in them."""
    yield FigureBlock(importance_figure(shares, studied.metric, name, working=working))
    table = shares_table(shares, studied.metric, name, title)
    yield TableBlock(table, folded=folded or len(table.rows) >= FOLDED)
    notes = [f"Left out: {text}." for text in shares.left_out]
    if not isinstance(shares, ForestShares):
        notes += [f"{text[:1].upper()}{text[1:]}." for text in shares.refused]
    if notes:
        yield Text(" ".join(notes))


def _pairs(found: Importance, listed: Sequence[str], suffix: str) -> Iterator[Block]:
    """A heat map for each pair of axes; of many pairs, those with the largest shares."""
    studied = found.studied
    names = studied.names
    crossed = [pair for pair in combinations(listed, 2) if _is_crossed(studied, pair)]
    pairs = sorted(crossed, key=lambda pair: -_weight(found, [names[path] for path in pair]))
    values = {path: len(set(studied.frame[path].tolist())) for path in listed}
    for pair in pairs[:MOST_PAIRS]:
        y, x = sorted(pair, key=values.__getitem__)
        name = f"heat-map{suffix}" if len(pairs) == 1 else f"heat-map{suffix}-{slug(names[x])}-{slug(names[y])}"
        figure = heat_map_figure(studied.frame, x, y, studied.metric, name, names, studied.scales)
        if figure is not None:
            yield FigureBlock(figure)
    if len(pairs) > MOST_PAIRS:
        yield Text(
            f"Heat maps of {MOST_PAIRS} of {len(pairs)} pairs, those with the largest shares; any other is a figure of "
            "kind heat-map with its x and y."
        )


def _is_crossed(studied: StudiedAxes, pair: Sequence[str]) -> bool:
    """Whether both were varied together: of one factor at a time there is a row and a column, and no more."""
    if studied.is_drawn:
        return True
    x, y = (studied.frame[path].tolist() for path in pair)
    return len(set(zip(x, y, strict=True))) > len(set(x)) + len(set(y)) - 1


def _weight(found: Importance, pair: Sequence[str]) -> float:
    """What both axes and their interaction have of the variance."""
    shares = found.working or found.shares
    if shares is None:
        return 0.0
    listed = shares.shares
    return sum(max(one.share, 0.0) for one in listed if one.axes and set(one.axes) <= set(pair))
