"""Which axis of a study matters, how forgiving its space is, and what more settings would find: all of it at once.

    importance_of(studied)   Importance: shares of variance, of all settings and of those that work, or why none
    importances(summary)     one for each phase in which something varies

Settings that were listed have the shares of a grid (`variance_shares`); those that are no grid, and drawn ones, those
of a forest (`forest_shares`).  Where runs were lost, a learning rate that is too large has nearly all of the variance,
and which axis matters elsewhere is asked again of the settings in which none did.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handgrad.errors import InputError
from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.report.findings.axis_scales import LOST
from handgrad.report.findings.expected_best import ExpectedBest, expected_best
from handgrad.report.findings.forest_shares import ForestShares, forest_shares
from handgrad.report.findings.studied_axes import StudiedAxes, studied_in
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.findings.variance_shares import VarianceShares, variance_shares, without_lost
from handgrad.report.findings.within_margin import Forgiveness, within_margin
from handgrad.report.findings.wording import enumerated, plural

if TYPE_CHECKING:
    from pandas import DataFrame

Shares = VarianceShares | ForestShares


@dataclass(frozen=True, eq=False)
class Importance:
    """phase: its place in the study, from 0;  shares: None where `refusal` says why not.

    working: the same of the settings of which no run was lost, where runs were, `working_refusal`: why not;  lost:
    settings in which runs did;  forgiveness: None where nothing has a result or no margin is known, margin_is: where
    that margin is from;  best: of independent draws, `best_refusal`: why a study that draws has none.
    """

    studied: StudiedAxes
    phase: int = 0
    shares: Shares | None = None
    refusal: str = ""
    working: Shares | None = None
    working_refusal: str = ""
    lost: int = 0
    forgiveness: Forgiveness | None = None
    margin_is: str = ""
    best: ExpectedBest | None = None
    best_refusal: str = ""


def importances(summary: Summary) -> list[Importance]:
    """What matters in each phase in which something varies; settings work within the margin of its conclusions."""
    found = [(number, phase, studied_in(phase)) for number, phase in enumerate(summary.phases)]
    return [importance_of(one, number, *_margin(phase)) for number, phase, one in found if one.axes]


def _margin(phase: PhaseSummary) -> tuple[float | None, str]:
    """The margin within which settings are equivalent, and where it is from; None where there is none, as of a loss."""
    found = phase.conclusions
    if found is None or found.margin is None:
        return None, ""
    if found.given:
        return found.margin, "that of the study (conclusions.margin)"
    return found.margin, f"1.96 standard errors of an accuracy on {found.examples or 0:,} examples"


def importance_of(studied: StudiedAxes, phase: int = 0, margin: float | None = None, margin_is: str = "") -> Importance:
    """All of it for the axes of a phase; what cannot be said is a sentence, never an error."""
    if not len(studied.frame):
        return Importance(studied, phase, refusal=_nothing(studied))
    if all(studied.frame[LOST]):
        return Importance(studied, phase, refusal="every run was lost")
    shares, refusal = _asked(studied, studied.frame)
    fallen, working, working_refusal = 0, None, ""
    left = without_lost(studied.frame, studied.axes)
    if len(left) < len(studied.frame):
        fallen = _settings_in(studied.frame, studied.axes) - _settings_in(left, studied.axes)
        working, working_refusal = _asked(studied, left)
    best, best_refusal = best_of(studied)
    forgiving = None
    if margin is not None:
        down = lower_is_better(studied.metric)
        forgiving = within_margin(
            studied.frame, studied.axes, margin, lower_is_better=down, random=studied.is_drawn, without=studied.without
        )
        if not studied.is_independent:  # the interval is of independent draws
            forgiving = replace(forgiving, interval=None)
    return Importance(
        studied, phase, shares, refusal, working, working_refusal, fallen, forgiving, margin_is, best, best_refusal
    )


def shares_of(studied: StudiedAxes, frame: "DataFrame") -> Shares:
    """The shares of listed settings by their grid, of all others by a forest; frame: all rows of `studied`, or some.

    Raises InputError where neither says anything.
    """
    names = studied.names
    if not studied.is_drawn:
        try:
            return variance_shares(frame, studied.axes, names=names, overlap=studied.overlap)
        except InputError as no_grid:
            try:
                return forest_shares(frame, studied.axes, names=names)
            except InputError:
                raise no_grid from None
    return forest_shares(frame, studied.axes, names=names, scales=studied.scales_in(frame))


def _asked(studied: StudiedAxes, frame: "DataFrame") -> tuple[Shares | None, str]:
    """(the shares, "") or (None, why there are none); of one axis nothing is asked."""
    if len(studied.axes) < 2 and not studied.is_drawn:
        return None, ""
    try:
        if not len(frame):
            raise InputError("runs of every setting were lost")
        return shares_of(studied, frame), ""
    except InputError as error:
        return None, str(error) if len(studied.axes) > 1 else ""


def _settings_in(frame: "DataFrame", axes: Sequence[str]) -> int:
    return len(set(zip(*(frame[axis].tolist() for axis in axes), strict=True)))


def _nothing(studied: StudiedAxes) -> str:
    if studied.without:
        return f"every run of {plural(studied.without, 'setting')} diverged"
    return "no run has a result yet"


def best_of(studied: StudiedAxes) -> tuple[ExpectedBest | None, str]:
    """The expected best of independent draws; why there is none of others; nothing of settings that were listed."""
    if not studied.is_drawn or not studied.tried:
        return None, ""
    if studied.stopped:
        return None, (
            f"The search stopped {studied.stopped} of {plural(studied.settings, 'setting')} short: what these would "
            "have come to is not known, so that the expected best of fewer settings is not either"
        )
    if not studied.is_independent:
        return None, (
            f"The sampler {studied.sampler!r} does not draw settings independently, so that the expected best of fewer "
            "settings cannot be computed"
        )
    fraction = is_fraction(studied.metric)
    if studied.without and not fraction:
        return None, (
            f"Every run of {plural(studied.without, 'setting')} diverged and has no {METRICS[studied.metric].word}, so "
            "that the expected best of fewer settings cannot be computed"
        )
    values = [0.0 if math.isnan(value) else value for value in studied.tried]
    bounds = (0.0, 1.0 if fraction else math.inf)
    return expected_best(values, lower_is_better=lower_is_better(studied.metric), bounds=bounds), ""


def share_rows(shares: Shares) -> list[dict[str, object]]:
    """Each share as numbers under names, for frames."""
    rows: list[dict[str, object]] = []
    if isinstance(shares, ForestShares):
        whole: dict[str, object] = {"r2": shares.r2, "n": shares.settings, "runs": shares.runs}
        for one in shares.shares:
            kind, ends = "main" if len(one.axes) == 1 else "interaction", one.interval
            row = {"method": "forest", "term": one.name, "kind": kind, "share": one.share}
            rows.append({**row, "low": ends.low, "high": ends.high, "per_tree": one.per_tree, **whole})
        rest = {"method": "forest", "term": "all other interactions", "kind": "rest", "share": shares.rest}
        return [*rows, {**rest, "low": None, "high": None, "per_tree": None, **whole}]
    for part in shares.shares:
        low, high = (part.interval.low, part.interval.high) if part.interval else (None, None)
        row = {
            "method": "variance",
            "term": part.name,
            "kind": part.kind,
            "share": part.share,
            "low": low,
            "high": high,
        }
        rows.append({**row, "per_tree": None, "r2": None, "n": shares.cells, "runs": shares.runs})
    return rows


def with_result(studied: StudiedAxes) -> int:
    """How many settings have a value."""
    return _settings_in(studied.frame, studied.axes)


def among(found: Importance) -> str:
    """Of which settings `working` speaks, in words."""
    return f"{plural(with_result(found.studied) - found.lost, 'setting')} of which no run was lost"


def axes_named(studied: StudiedAxes) -> str:
    """The axes in words."""
    return enumerated([studied.names[path] for path in studied.axes])
