"""Verdicts on finite parts: what a validation or test set of so many examples can say, and what it cannot.

Seeds are one noise, examples the other: intervals and p of a study are over seeds, all scored on the same examples.
"""

from handgrad.measures import METRICS, TEST, VALIDATION
from handgrad.report.findings.intervals import binomial_standard_error, exact_binomial_interval
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import plural, spread

SMALL, TINY = 100, 30  # examples: below, one of them is worth more than a point, and more than three


def conditional(summary: Summary) -> list[Verdict]:
    """On which examples intervals and p rest, and what others would change; where there are several seeds."""
    best, phase = summary.winner, summary.last
    if best is None or phase is None or best.samples[phase.metric].n < 2:
        return []
    n = best.examples(phase.metric)
    if n is None:
        return []
    part = METRICS[phase.metric].part
    examples = plural(n, f"{part.name} example")
    text = (
        f"Intervals and p are over seeds, on one set of {examples}: they speak of other seeds, not of other examples."
    )
    accuracy = best.samples[part.metric("accuracy")].mean
    if accuracy is not None:
        text += f" {_noise(accuracy, n)}"
    return [Verdict("note", text)]


def _noise(accuracy: float, n: int) -> str:
    error = binomial_standard_error(accuracy, n)
    if error:
        return (
            f"On {n:,} others an accuracy like the best's has a standard error of {100 * error:.2f} points (binomial)."
        )
    ends = exact_binomial_interval(accuracy, n)
    low, high = 100 * ends.low, 100 * ends.high
    return f"{100 * accuracy:g} % of {n:,} leaves room for {low:.2f} to {high:.2f} % on others (95 %, exact binomial)."


def small_parts(summary: Summary) -> list[Verdict]:
    """What one example is worth, where a part has few."""
    found = []
    for part in (VALIDATION, TEST):
        counts = [setting.count_of(part) for setting in summary.settings]
        n = min((count for count in counts if count), default=SMALL)
        if n == 1:
            text = (
                f"1 example cannot be a {part.name} part: its accuracy is 0 or 100 %, whatever the network has learnt."
            )
            found.append(Verdict("warning", text))
        elif n < SMALL:
            text = f"The {part.name} part has {n} examples: one of them is worth {100 / n:.1f} points of accuracy."
            found.append(Verdict("warning" if n < TINY else "note", text))
    return found


def test_set_verdicts(best: SettingSummary, phase: PhaseSummary) -> list[Verdict]:
    """What the winner does on the test set, and the noise that a finite test set adds."""
    values = best.samples["test_accuracy"]
    n = best.examples("test_accuracy")
    if values.mean is None:
        return []
    text = f"On the test set: {spread(values, 'test_accuracy')}."
    if n:
        error = binomial_standard_error(values.mean, n)
        text += (
            f" A test set of {n:,} examples alone makes one accuracy uncertain by a standard error of "
            f"{100 * error:.2f} points (binomial)."
            if error
            else f" {_noise(values.mean, n)}"
        )
        rivals = [s for s in phase.ranked if s is not best and s.stopped == best.stopped]
        rival = next((s for s in rivals if s.samples["test_accuracy"].mean is not None), None)
        if rival is not None:
            gap = round((values.mean - (rival.samples["test_accuracy"].mean or 0.0)) * n)
            apart = f"gets {abs(gap):,} {'fewer' if gap > 0 else 'more'} right" if gap else "is less than one apart"
            text += f" On average the runner-up ({rival.label}) {apart}."
    return [Verdict("note", text)]
