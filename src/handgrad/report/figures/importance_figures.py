"""Which axes matter, and what more settings would find, as figures of what was found.

importance_figure        shares of variance, of a grid or of a forest
expected_best_figure     the expected best against the number of settings, and the search's own course
"""

from collections.abc import Sequence

import numpy as np

from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.report.figures.axis_shapes import ImportanceRow, Importances
from handgrad.report.figures.palette import line_style
from handgrad.report.figures.shapes import Curves, Line, Panel
from handgrad.report.findings.expected_best import ExpectedBest, best_so_far
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.findings.wording import plural

ROWS = 12  # of importances
LEAST = 0.01  # the share of a pair that is shown beside single axes


def importance_figure(
    found: VarianceShares | ForestShares, metric: str, name: str, *, working: bool = False
) -> Importances:
    """A bar for each axis and pair, largest first; of a grid also what seeds and noise have.

    working: whether these are the settings of which no run was lost.
    """
    word = METRICS[metric].word
    among = " among settings of which no run was lost" if working else ""
    title = f"Hyperparameter importance for {word}{among}"
    if isinstance(found, ForestShares):
        shown_shares = [one for one in found.shares if len(one.axes) == 1 or one.share >= LEAST][:ROWS]
        rows = tuple(
            ImportanceRow(one.name, one.share, one.interval.low, one.interval.high, len(one.axes) == 1, one.per_tree)
            for one in shown_shares
        )
        caption = (
            f"Shares of the variance of {word} over the space{among}, of each hyperparameter and (paler) of what two "
            f"do together beyond that: fANOVA of a random forest on {plural(found.settings, 'setting')} "
            f"({plural(found.runs, 'run')}; R² out of bag {found.r2:.2f}), by pairs of trees grown on different "
            "settings, which have no noise in common. Whiskers: 95 % intervals by a bootstrap over settings. Circles: "
            "the shares per tree (Hutter et al. 2014), into which noise enters; pairs from 1 % on."
        )
        return Importances(name, title, caption, "share of the variance", rows, "per tree")
    of_noise = [one for one in found.shares if one.kind in ("seeds", "noise")]
    chosen = [*found.effects[:ROWS], *(one for one in found.shares if one.kind == "rest"), *of_noise]
    rows = tuple(
        ImportanceRow(
            one.name,
            one.share,
            one.interval.low if one.interval else None,
            one.interval.high if one.interval else None,
            one.kind == "main",
        )
        for one in chosen
    )
    left = len(found.effects) - ROWS
    more = f" The {ROWS} largest of {len(found.effects)} effects." if left > 0 else ""
    caption = (
        f"Shares of the variance of a run's {word}{among} (ω², unbiased: 0 in the mean for what does nothing), of each "
        f"hyperparameter and (paler) of what two do together beyond that; {plural(found.cells, 'setting')} × "
        f"{found.counted}. Whiskers: 95 % intervals.{more}"
    )
    return Importances(name, title, caption, "share of the variance", rows)


def expected_best_figure(
    found: ExpectedBest | None, metric: str, name: str, history: Sequence[float] | None = None
) -> Curves:
    """The expected best by the number of settings tried, with its band; history: values in the order of the search.

    found: None of settings that are no independent draws, of which the history alone is shown.
    """
    if found is None:
        return _history_figure(metric, name, history or ())
    word = METRICS[metric].word
    low = np.where(np.isfinite(found.low), found.low, np.nan)
    high = np.where(np.isfinite(found.high), found.high, np.nan)
    n = found.n.astype(np.float64)
    lines = [
        Line("expected best", n, found.mean, low, high, line_style(0)),
        Line("median best", n, found.median, style=line_style(2)),
    ]
    if history is not None:
        lines.append(_course(history, metric))
    panel = Panel("", "settings tried", word, tuple(lines), percent=is_fraction(metric))
    caption = (
        f"Best {word} against the number of settings tried. Expected best: the mean of the best over all choices of "
        f"n of the {plural(found.settings, 'setting')} (unbiased); band: its 95 % confidence band, for all n at "
        "once. Median best: half of all searches find less."
    )
    if history is not None:
        caption += " Best so far: this search, in the order in which its settings were tried."
    return Curves(name, f"Best {word} by the number of settings", caption, (panel,), columns=1)


def _course(history: Sequence[float], metric: str) -> Line:
    """The best so far."""
    course = best_so_far(history, lower_is_better=lower_is_better(metric))
    there = np.isfinite(course)
    return Line("best so far", np.arange(1.0, len(course) + 1)[there], course[there], style=line_style(1))


def _history_figure(metric: str, name: str, history: Sequence[float]) -> Curves:
    word = METRICS[metric].word
    panel = Panel("", "settings tried", word, (_course(history, metric),), percent=is_fraction(metric))
    caption = (
        f"Best {word} of the settings that came to their end, in the order in which settings were tried. These are no "
        "independent draws, so that nothing is said of what another search would find."
    )
    return Curves(name, f"Best {word} by the number of settings", caption, (panel,), columns=1)
