"""The figures that every phase of a report has: the ranking, curves by epoch, and the training loss of every step.

A setting keeps its colour and dashes in all figures of its phase.  Up to twelve settings are told apart; of more, the
best eight are, and the others are grey lines of context.
"""

from dataclasses import replace

from handgrad.measures import METRICS, PARTS, is_fraction
from handgrad.report.figures.epochs import epochs, small_multiples
from handgrad.report.figures.palette import CONTEXT, LINES, line_style
from handgrad.report.figures.rate_range import has_range_test, lr_range
from handgrad.report.figures.request import Options, Request, Sources
from handgrad.report.figures.row_shapes import Ranking, RankingRow
from handgrad.report.figures.shapes import Curves
from handgrad.report.figures.steps import step_loss
from handgrad.report.findings.conclusions import Conclusions
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.report.findings.wording import plural, sentence, setting_name, signed
from handgrad.report.tables.conclusion_tables import not_behind
from handgrad.study.published.curve_options import (
    EpochsOptions,
    RateRangeOptions,
    SmallMultiplesOptions,
    StepLossOptions,
)
from handgrad.study.published.option_values import MEASURES

BEST = 8  # so many of more than twelve settings are told apart
RANKED = 40


def ranking(phase: PhaseSummary, name: str) -> Ranking | None:
    """Every setting's seeds and mean on the measure that chose the winner, and its interval against the best."""
    found = phase.conclusions if len(phase.settings) > 1 else None
    best = phase.best.samples[phase.metric].mean if phase.best and found else None
    rows = [_row(setting, phase, found, best) for setting in phase.ranked[:RANKED]]
    if not any(row.points for row in rows):
        return None
    word = METRICS[phase.metric].word
    caption = f"{sentence(word)} of every setting, best first. Circles: {phase.over}; diamond: their mean"
    if found is None or best is None:
        caption += f"; bar: 95 % interval of the mean (none below two {phase.unit}s)."
    elif found.tested:
        caption += (
            "; line: the best; bar: simultaneous 95 % interval of the difference from it, drawn from the line. "
            "A bar that does not reach the line is behind"
        )
        if found.margin is not None:
            margin = signed(found.margin, phase.metric).removeprefix("+")
            caption += f"; one inside the grey band, ± {margin}, is equivalent"
        caption += ", where all that rank below, or above, are too. Shaded: all that are not behind."
    else:
        caption += (
            f"; line: the best. No {phase.unit} shows a spread, so there are no intervals: no setting is separated."
        )
    if found is not None and phase.stopped:
        caption += " Those that the search stopped short are not compared and never shaded."
    if len(phase.settings) > RANKED:
        caption += f" The best {RANKED} of {len(phase.settings):,} settings."
    figure = Ranking(
        name,
        f"Settings by {word}",
        caption,
        word,
        tuple(rows),
        percent=is_fraction(phase.metric),
        best_at=best,
        margin=found.margin if found and found.tested else None,
    )
    return replace(figure, caption=caption + _of_the_axis(figure))


def _of_the_axis(figure: Ranking) -> str:
    """Where the axis begins, and what goes on beyond it."""
    low, high = figure.ends
    text = " The axis does not begin at 0." if low > 0 or high < 0 else ""
    if n := figure.beyond:
        text += f" {plural(n, 'setting')} beyond the axis, too far from the others to be seen beside them."
    return text + " An arrow at an end: the bar, or a circle, goes on beyond the axis." * bool(figure.cuts)


def _row(setting: SettingSummary, phase: PhaseSummary, found: Conclusions | None, best: float | None) -> RankingRow:
    values = setting.samples[phase.metric]
    low, high = (values.interval.low, values.interval.high) if values.interval and found is None else (None, None)
    one = found.against.get(setting.label) if found else None
    if one is not None and best is not None and one.low is not None and one.high is not None:
        low, high = best + one.low, best + one.high
    run_ids = {run.key: run.id for run in setting.runs}
    return RankingRow(
        label=setting_name(setting, phase.axes),
        points=dict(values.values),
        mean=values.mean,
        low=low,
        high=high,
        best=setting.label == phase.winner,
        shaded=found is not None and not_behind(found, setting.label),
        word=one.word if one else "not compared" if found else "",
        note=_noted(setting),
        runs=tuple(run_ids[key] for key in values.values),
    )


def _noted(setting: SettingSummary) -> str:
    """How many of its runs diverged, and how many collapsed beside others that did not."""
    counts = {"diverged": setting.count("diverged"), "collapsed": setting.collapsed}
    return ", ".join(f"{n} of {len(setting.runs)} {what}" for what, n in counts.items() if n)


def epoch_curves(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """Accuracy, loss and what chose the winner by epoch, training beside validation (and test where it was measured), a
    line per setting."""
    measures = {METRICS[phase.metric].measure.name, phase.main_measure, "loss"}
    shown = tuple(measure for measure in MEASURES if measure in measures)
    figure = epochs(_request(phase, name, sources, EpochsOptions(measures=shown, parts=tuple(PARTS))))
    if figure is None or len(phase.settings) <= LINES:
        return figure
    many = f"The best {BEST} of {len(phase.settings):,} settings in colour, the others in grey."
    return replace(figure, caption=figure.caption.replace("A line per setting.", many))


def beside_baseline(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """Each setting beside the baseline, in a phase that has one and more settings than lines can tell apart."""
    baseline = next((setting for setting in phase.settings if not setting.axes), None)
    if baseline is None or len(phase.settings) <= LINES:
        return None
    shown = {setting_name(setting, phase.axes): setting for setting in phase.settings}
    measure = METRICS[phase.metric].measure.name if is_fraction(phase.metric) else phase.main_measure
    name_of = setting_name(baseline, phase.axes)
    options = SmallMultiplesOptions(measure=measure, parts=("train", "validation"), baseline=name_of)
    return small_multiples(Request(name, shown, sources, options, phase.metric))


def phase_step_loss(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """The training loss of every step, cleaned: one run per setting, of the settings that are told apart."""
    request = _request(phase, name, sources, StepLossOptions())
    told = {label: setting for label, setting in request.shown.items() if request.styles.get(label) != CONTEXT}
    figure = step_loss(replace(request, shown=told))
    if figure is None or len(told) == len(phase.settings):
        return figure
    return replace(figure, caption=f"{figure.caption} The best {BEST} of {len(phase.settings):,} settings.")


def phase_lr_range(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """The loss against the learning rate, of the settings that are told apart; None where none has a range test."""
    request = _request(phase, name, sources, RateRangeOptions())
    told = {label: setting for label, setting in request.shown.items() if request.styles.get(label) != CONTEXT}
    return lr_range(replace(request, shown=told)) if any(map(has_range_test, told.values())) else None


def _request(phase: PhaseSummary, name: str, sources: Sources, options: Options) -> Request[Options]:
    """All settings of a phase, in the order of the plan; of many, the best first and with the styles of their rank."""
    many = len(phase.settings) > LINES
    shown = {setting_name(setting, phase.axes): setting for setting in (phase.ranked if many else phase.settings)}
    styles = {label: line_style(i) if i < BEST else CONTEXT for i, label in enumerate(shown)} if many else {}
    return Request(name, shown, sources, options, phase.metric, styles)
