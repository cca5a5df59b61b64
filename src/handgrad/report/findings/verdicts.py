"""Verdicts: short sentences that say what the numbers of a study show, and what they leave undecided.

diverged        where it happened: epoch, step, layer
collapsed       a run that predicts one class for everything; its accuracy is that class's share
selection       on what the winner was chosen; choosing on the test set is stamped
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.measures import (
    DEFAULT_METRIC,
    MEASURES,
    METRICS,
    TEST,
    VALIDATION,
    is_fraction,
    is_proportion,
    on_part,
)
from handgrad.report.findings.against_best import BOTH
from handgrad.report.findings.intervals import binomial_standard_error, exact_binomial_interval
from handgrad.report.findings.run_facts import folds_of
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary, rank
from handgrad.report.findings.wording import (
    enumerated,
    holds_for,
    number,
    plural,
    setting_name,
    settings_named,
    spread,
    troubles,
)
from handgrad.study.changes import at_path
from handgrad.training.record_facts import DatasetFacts


@dataclass(frozen=True)
class Verdict:
    """A sentence and its kind: "good", "note", "warning" or "slip", which chooses its mark; or "method", how the others
    came about, which the page shows on request."""

    kind: str
    text: str


def slip_verdicts(settings: Sequence[SettingSummary]) -> list[Verdict]:
    """The slips that were switched on, and the settings that they change; empty where there is none."""
    users: dict[str, list[str]] = {}
    for setting in settings:
        for text in setting.slips:
            users.setdefault(text, []).append(setting.label)
    return [
        Verdict("slip", f"Wrong on purpose ({settings_named(labels)}, training.slips): {text}.")
        for text, labels in users.items()
    ]


def slips_noted(settings: Sequence[SettingSummary]) -> str:
    """For a caption: which settings have which slips; empty where there is none.  The top says what each does."""
    users: dict[tuple[str, ...], list[str]] = {}
    for setting in settings:
        if setting.slips:
            users.setdefault(tuple(text.partition(":")[0] for text in setting.slips), []).append(setting.label)
    groups = [f"{settings_named(labels)} ({enumerated(names)})" for names, labels in users.items()]
    return f"With slips, stated at the top of the report: {'; '.join(groups)}." if groups else ""


def selection(summary: Summary, metric: str) -> list[Verdict]:
    """The part of the data and the metric by which winners were chosen; nothing where there was no choice."""
    if not any(phase.best is not None and len(phase.settings) > 1 and not phase.apart for phase in summary.phases):
        return []
    if METRICS[metric].part is TEST:
        text = (
            f"Winners were chosen by {METRICS[metric].word} (select_on_test = true). The test numbers of a winner "
            "are therefore too good: they no longer estimate how it does on new data."
        )
        return [Verdict("warning", text)]
    folded = any(phase.folded for phase in summary.phases)
    what = f"the mean over {summary.phases[0].over} of " if folded or len(summary.seeds) > 1 else ""
    return [Verdict("method", f"Winners were chosen by {what}{METRICS[metric].word}; the test set had no say.")]


def validation_choice(phases: Sequence[PhaseSummary]) -> list[Verdict]:
    """Where winners were chosen on the test set: what validation would have chosen in each phase.

    Settings without a validation part are left out, as the one may be that a phase starts from.
    """
    found, blind = [], []
    for phase in phases:
        if METRICS[phase.metric].part is not TEST or phase.best is None or len(phase.settings) < 2:
            continue
        metric = on_part(phase.metric, VALIDATION)
        seen = [s for s in phase.settings if s.samples[phase.metric].n and s.samples[metric].n]
        if len(seen) < 2:
            blind.append(phase.name)
            continue
        ours = min(seen, key=lambda setting: rank(setting, phase.metric))
        other = min(seen, key=lambda setting: rank(setting, metric))
        where = f"Phase {phase.name}: " if len(phases) > 1 else ""
        some = len(seen) < sum(bool(setting.samples[phase.metric].n) for setting in phase.settings)
        among = f" among the {len(seen):,} settings that have a validation part" if some else ""
        if other is ours:
            text = f"{where}{METRICS[metric].word} would have chosen the same setting ({other.label}){among}."
            found.append(Verdict("note", text))
            continue
        by_test, by_validation = (setting.samples[phase.metric].mean for setting in (ours, other))
        text = f"{where}{METRICS[metric].word} would have chosen setting {setting_name(other, phase.axes)}{among}"
        if by_test is not None and by_validation is not None:
            lower, higher = number(by_validation, phase.metric), number(by_test, phase.metric)
            text += f": {METRICS[phase.metric].word} {lower} instead of {higher}"
        found.append(Verdict("note", f"{text}."))
    if blind:
        where = f" in {', '.join(blind)}" if found else ""
        text = f"There is no validation part{where}: nothing but the test set was there to choose by."
        found.append(Verdict("note", text))
    return [Verdict(verdict.kind, verdict.text[0].upper() + verdict.text[1:]) for verdict in found]


def trouble_verdicts(phase: PhaseSummary) -> list[Verdict]:
    """A sentence for every setting in which something went wrong; with many, the first twelve and a count."""
    found = []
    for setting in phase.settings:
        if setting.earlier:
            continue
        phrases = troubles(setting)
        if phrases:
            found.append(Verdict("warning", f"{setting_name(setting, phase.axes)} — {'; '.join(phrases)}."))
    if len(found) > 12:
        rest = len(found) - 12
        found = [*found[:12], Verdict("warning", f"… and {plural(rest, 'more setting')} with trouble: see the table.")]
    return found


def without_value_verdicts(summary: Summary, metric: str) -> list[Verdict]:
    """How many runs diverged and failed, and in which numbers these are."""
    found = []
    if count := sum(run.status == "diverged" for run in summary.runs):
        it, enter = ("it is", "enters") if count == 1 else ("they are", "enter")
        each, counts_as = (
            "it" if count == 1 else "each",
            "guessing" if is_fraction(metric) else "three times the worst loss",
        )
        text = f"{plural(count, 'run')} diverged: {it} in the table of runs and {enter} no mean"
        text += f"; in differences from the best {each} counts as {counts_as}."
        found.append(Verdict("warning", text))
    if count := sum(run.status == "failed" for run in summary.runs):
        it, enter = ("it is", "enters") if count == 1 else ("they are", "enter")
        found.append(
            Verdict("warning", f"{plural(count, 'run')} failed: {it} in the table of runs and {enter} no number.")
        )
    return found


SMALL, TINY = 200, 30  # examples: below, one of them is more than half a point, and more than three points


def conditional(summary: Summary) -> list[Verdict]:
    """With several seeds: intervals hold for one set of examples, and how much other examples would change."""
    best, phase = summary.winner, summary.leading
    if best is None or phase is None or best.samples[phase.metric].n < 2:
        return []
    n = best.examples(phase.metric)
    if n is None:
        return []
    part = METRICS[phase.metric].part
    examples = plural(n, f"{part.name} example")
    over = holds_for(phase.settings, phase.metric)
    if any(part.name in run.drawn for run in best.runs):
        return [Verdict("method", f"Intervals hold for {over}: each seed has {examples} of its own.")]
    if phase.folded and part is VALIDATION:
        text = f"Intervals hold for {over}: they are over {best.counted}, scored on {examples} in all."
        return [Verdict("method", text)]
    found = phase.conclusions
    if found is not None and found.noise == BOTH and len(found.against) > 1:
        both = holds_for(phase.settings, phase.metric, examples=True)
        text = (
            f"The interval of one setting holds for {over} ({examples}); that of a difference from the best for {both}."
        )
    else:
        text = f"Intervals hold for {over} ({examples})."
    main = part.metric(best.main_measure)
    accuracy = best.samples[main].mean if is_proportion(main) else None
    if accuracy is not None:
        text += f" {_noise(accuracy, n)}"
    return [Verdict("method", text)]


def _noise(accuracy: float, n: int) -> str:
    error = binomial_standard_error(accuracy, n)
    if error:
        return (
            f"On {'another one' if n == 1 else f'{n:,} others'} an accuracy like the best's has a standard error of "
            f"{100 * error:.2f} points (binomial)."
        )
    ends = exact_binomial_interval(accuracy, n)
    low, high = 100 * ends.low, 100 * ends.high
    seen = f"{100 * accuracy:g} % of {plural(n, 'example')}"
    return f"{seen} leaves room for {low:.2f} to {high:.2f} % on others (95 %, exact binomial)."


def small_parts(summary: Summary) -> list[Verdict]:
    """How many points one example is, in validation and test parts of fewer than two hundred.

    Where winners are chosen by balanced accuracy, also what an example of the class with the fewest is: of n in one of
    k classes, 1/(k·n).
    """
    found = []
    metric = summary.phases[-1].metric if summary.phases else DEFAULT_METRIC
    folded = any(phase.folded for phase in summary.phases)
    for part in (VALIDATION, TEST):
        of_folds = " in all folds together" if folded and part is VALIDATION else ""
        loss = part.metric("loss")
        counts = {n: setting for setting in summary.settings if (n := setting.examples(loss))}
        n = min(counts, default=SMALL)
        if n < SMALL and not is_proportion(part.metric(counts[n].main_measure)):
            chosen = METRICS[metric].measure
            word = MEASURES[counts[n].main_measure].word if chosen.name == "loss" else chosen.word
            text = f"{plural(n, f'{part.name} example')}{of_folds}: {word} depends much on which these are."
            found.append(Verdict("warning" if n < TINY else "note", text))
        elif n == 1:
            text = (
                f"1 example cannot be a {part.name} part: its accuracy is 0 or 100 %, whatever the network has learnt."
            )
            found.append(Verdict("warning", text))
        elif n < SMALL:
            text = f"One of {n} {part.name} examples{of_folds} is {_points(1 / n)} of accuracy"
            if METRICS[metric].measure.name == "balanced_accuracy" and not of_folds:
                text += _rarest(counts[n].dataset, part.name)
            found.append(Verdict("warning" if n < TINY else "note", f"{text}."))
    return found


def early_stopping_verdicts(summary: Summary) -> list[Verdict]:
    """That validation numbers are too good where early stopping chose the epoch by them, of folds in each its own."""
    stops = [one for one in summary.settings if at_path(one.setting, "training.early_stopping")]
    if not any(one.records for one in stops):
        return []
    some = "" if len(stops) == len(summary.settings) else f" (in {len(stops):,} of {len(summary.settings):,} settings)"
    where = "the part that validates in its own fold" if any(folds_of(one.setting) for one in stops) else "validation"
    text = (
        f"Early stopping{some} keeps the epoch of a run that does best on {where}, and the run is scored on the same "
        "examples: its validation numbers are a little too good."
    )
    return [Verdict("note", text)]


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _rarest(data: DatasetFacts | None, part: str) -> str:
    """What one example of the class with the fewest examples is of balanced accuracy."""
    table = data.label_table.get(part, []) if data is not None else []
    there = [(n, label) for n, label in zip(table, data.classes if data else (), strict=False) if n]
    if not there:
        return ""
    n, label = min(there, key=lambda pair: pair[0])
    of = "the only one" if n == 1 else f"one of the {n}"
    return f", and {of} of class {label} is {_points(1 / (n * len(there)))} of balanced accuracy"


def test_set_verdicts(best: SettingSummary, phase: PhaseSummary) -> list[Verdict]:
    """The winner's test accuracy, and the noise of a finite test set."""
    metric = TEST.metric(best.main_measure)
    values, n = best.samples[metric], best.examples(metric)
    if values.mean is None:
        return []
    word = "" if is_proportion(metric) else f"{MEASURES[best.main_measure].word} "
    text = f"On the test set: {word}{spread(values, metric)}."
    if not is_proportion(metric):
        return [Verdict("note", text)]
    chosen_by = on_part(phase.metric, TEST)
    if chosen_by != metric and is_fraction(chosen_by) and best.samples[chosen_by].n:
        text = f"On the test set: {METRICS[chosen_by].measure.word} {spread(best.samples[chosen_by], chosen_by)}, "
        text += f"accuracy {spread(values, metric)}."
    if n:
        error = binomial_standard_error(values.mean, n)
        text += (
            f" A test set of {plural(n, 'example')} alone makes one accuracy uncertain by a standard error of "
            f"{100 * error:.2f} points (binomial)."
            if error
            else f" {_noise(values.mean, n)}"
        )
        rivals = [s for s in phase.ranked if s is not best and s.stopped == best.stopped]
        rival = next((s for s in rivals if s.samples[metric].mean is not None), None)
        if rival is not None:
            gap = round((values.mean - (rival.samples[metric].mean or 0.0)) * n)
            apart = (
                f"gets {abs(gap):,} {'fewer' if gap > 0 else 'more'} right" if gap else "is less than one example apart"
            )
            text += f" On average the runner-up ({rival.label}) {apart}."
    return [Verdict("note", text)]
