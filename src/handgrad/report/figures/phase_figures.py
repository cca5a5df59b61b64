"""The figures that every phase of a report has: the ranking, curves by epoch, and the training loss of every step.

A setting keeps its colour and dashes in all figures of its phase.  Up to twelve settings are told apart; of more, the
best eight are, and the others are grey lines of context.
"""

from dataclasses import replace

from handgrad.measures import METRICS, PARTS, is_fraction
from handgrad.report.figures.epochs import epochs, small_multiples
from handgrad.report.figures.palette import CONTEXT, LINES, line_style
from handgrad.report.figures.request import Options, Request, Sources
from handgrad.report.figures.shapes import Curves, Ranking, RankingRow
from handgrad.report.figures.steps import step_loss
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.report.findings.wording import setting_name
from handgrad.study.published.figure_options import EpochsOptions, SmallMultiplesOptions, StepLossOptions

BEST = 8  # so many of more than twelve settings are told apart
RANKED = 40


def ranking(phase: PhaseSummary, name: str) -> Ranking | None:
    """Every setting's seeds, mean and interval on the measure that chose the winner, best first."""
    rows, undecided = [], {setting.label for setting in phase.tied}
    for setting in phase.ranked[:RANKED]:
        values = setting.samples[phase.metric]
        rows.append(
            RankingRow(
                label=setting_name(setting, phase.axes),
                points=dict(values.values),
                mean=values.mean,
                low=values.interval.low if values.interval else None,
                high=values.interval.high if values.interval else None,
                best=setting.label == phase.winner,
                tied=setting.label in undecided,
                note=_noted(setting),
            )
        )
    if not any(row.points for row in rows):
        return None
    word = METRICS[phase.metric].word
    left_out = f" The best {RANKED} of {len(phase.settings)} settings." if len(phase.settings) > RANKED else ""
    stopped = " Those that the search stopped short are not tested and never shaded." if phase.stopped else ""
    test, bar = "paired t-test on shared seeds", "95 % t interval"
    if phase.folded:
        test, bar = "corrected resampled t-test on folds", "95 % t interval, corrected for folds that share examples,"
    caption = (
        f"{word.capitalize()} of every setting, best first. Circles: {phase.over}; diamond: their mean; bar: {bar} "
        f"of the mean (none below two {phase.over.split()[0]}; where all agree, the exact binomial one; it may run off "
        "the axis, and covers less where some runs collapsed). Shaded: the best, and all of which it is undecided "
        f"whether they are behind ({test}, Holm's correction over all pairs).{stopped}{left_out}"
    )
    return Ranking(name, f"Settings by {word}", caption, word, tuple(rows), percent=is_fraction(phase.metric))


def _noted(setting: SettingSummary) -> str:
    """How many of its runs diverged, and how many collapsed beside others that did not."""
    counts = {"diverged": setting.count("diverged"), "collapsed": setting.collapsed}
    return ", ".join(f"{n} of {len(setting.runs)} {what}" for what, n in counts.items() if n)


def epoch_curves(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """Accuracy and loss by epoch, training beside validation (and test where it was measured), a line per setting."""
    figure = epochs(_request(phase, name, sources, EpochsOptions(parts=tuple(PARTS))))
    if figure is None or len(phase.settings) <= LINES:
        return figure
    many = f"The best {BEST} of {len(phase.settings)} settings in colour, the others in grey."
    return replace(figure, caption=figure.caption.replace("A line per setting.", many))


def beside_baseline(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """Each setting beside the baseline, in a phase that has one and more settings than lines can tell apart."""
    baseline = next((setting for setting in phase.settings if not setting.axes), None)
    if baseline is None or len(phase.settings) <= LINES:
        return None
    shown = {setting_name(setting, phase.axes): setting for setting in phase.settings}
    options = SmallMultiplesOptions(parts=("train", "validation"), baseline=setting_name(baseline, phase.axes))
    return small_multiples(Request(name, shown, sources, options, phase.metric))


def phase_step_loss(phase: PhaseSummary, name: str, sources: Sources) -> Curves | None:
    """The training loss of every step, cleaned: one run per setting, of the settings that are told apart."""
    request = _request(phase, name, sources, StepLossOptions())
    told = {label: setting for label, setting in request.shown.items() if request.styles.get(label) != CONTEXT}
    figure = step_loss(replace(request, shown=told))
    if figure is None or len(told) == len(phase.settings):
        return figure
    return replace(figure, caption=f"{figure.caption} The best {BEST} of {len(phase.settings)} settings.")


def _request(phase: PhaseSummary, name: str, sources: Sources, options: Options) -> Request[Options]:
    """All settings of a phase, in the order of the plan; of many, the best first and with the styles of their rank."""
    many = len(phase.settings) > LINES
    shown = {setting_name(setting, phase.axes): setting for setting in (phase.ranked if many else phase.settings)}
    styles = {label: line_style(i) if i < BEST else CONTEXT for i, label in enumerate(shown)} if many else {}
    return Request(name, shown, sources, options, phase.metric, styles)
