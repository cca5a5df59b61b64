"""Verdicts: short sentences that say what the numbers of a study show, and what they leave undecided.

diverged        where it happened: epoch, step, layer
collapsed       a run that predicts one class for everything; its accuracy is that class's share
behind          by the one verdict of its comparison with the best; of all others it is undecided
selection       on what the winner was chosen; choosing on the test set is stamped
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handgrad.measures import METRICS, TEST, VALIDATION, on_part
from handgrad.report.findings.intervals import binomial_standard_error, exact_binomial_interval
from handgrad.report.findings.statistics import LEVEL, SIGN_FLIP_SEEDS, Comparison
from handgrad.report.findings.summary import (
    PhaseSummary,
    SettingSummary,
    Summary,
    rank,
)
from handgrad.report.findings.wording import enumerated, number, plural, setting_name, settings_named, spread, troubles


@dataclass(frozen=True)
class Verdict:
    """A sentence and its kind: "good", "note", "warning" or "slip", which chooses its mark."""

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


def selection(summary: Summary, metric: str) -> Verdict:
    """The part of the data and the metric by which winners were chosen."""
    if METRICS[metric].part is TEST:
        return Verdict(
            "warning",
            f"Winners were chosen by {METRICS[metric].word} (select_on_test = true). The test numbers of a winner "
            "are therefore too good: they no longer estimate how it does on new data.",
        )
    folded = any(phase.folded for phase in summary.phases)
    what = f"the mean over {summary.phases[0].over} of " if folded or len(summary.seeds) > 1 else ""
    return Verdict("note", f"Winners were chosen by {what}{METRICS[metric].word}; the test set had no say.")


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
        among = f" among the {len(seen)} settings that have a validation part" if some else ""
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


def phase_verdicts(phase: PhaseSummary, *, brief: bool = False) -> list[Verdict]:
    """The winner of a phase and how certain it is; `brief` leaves out the reasons, which the headline gives."""
    best = phase.best
    word = METRICS[phase.metric].word
    if best is not None and not best.samples[phase.metric].n:
        return [Verdict("note", f"Nothing was chosen: no run has a {word}.")]
    if best is None:
        unfinished = sum(setting.unfinished for setting in phase.settings)
        reason = f"{plural(unfinished, 'run')} not finished" if unfinished else "no run of it came to a finite end"
        return [Verdict("warning", f"No winner yet: {reason}.")]
    sentences = []
    if len(phase.settings) > 1:
        values = spread(best.samples[phase.metric], phase.metric)
        text = f"Setting {setting_name(best, phase.axes)} is best by {word}: {values}."
        sentences.append(Verdict("good", text))
        sentences += _certainty(phase, brief)
    else:
        text = f"{word.capitalize()} {spread(best.samples[phase.metric], phase.metric)}."
        sentences.append(Verdict("good", text))
    pruned = sum(setting.count("pruned") > 0 for setting in phase.settings)
    if pruned:
        others = "the others" if not best.stopped else "those that went furthest"
        text = (
            f"The search stopped {pruned} of {len(phase.settings)} settings early; their numbers are those of their "
            f"last epoch. The best is chosen among {others}, and compared with them alone."
        )
        sentences.append(Verdict("note", text))
    unfinished = sum(setting.unfinished for setting in phase.settings)
    if unfinished:
        sentences.append(Verdict("warning", f"{plural(unfinished, 'run')} not finished; the ranking may still change."))
    return sentences


def _certainty(phase: PhaseSummary, brief: bool) -> list[Verdict]:
    """Which settings are behind the best and which are undecided, by `Comparison.decided`; then by which test."""
    found = {setting.label: setting.comparison for setting in phase.compared if setting.comparison is not None}
    if not found:
        return []
    tested = [comparison for comparison in found.values() if comparison.adjusted_p is not None]
    if not tested:
        return [
            Verdict(
                "warning",
                "Undecided: with one fold there is no spread, and nothing tells a better setting from a luckier one."
                if phase.folded
                else "Undecided: with one seed there is no spread, and nothing tells a better setting from a luckier "
                f"one. Two seeds show a spread, {SIGN_FLIP_SEEDS} let a test decide that assumes no normal "
                "distribution.",
            )
        ]
    ns = sorted({comparison.n for comparison in tested})
    few = ns[0] < SIGN_FLIP_SEEDS and not tested[0].folds
    behind = [label for label, comparison in found.items() if comparison.decided]
    undecided = [label for label, comparison in found.items() if not comparison.decided]
    said = []
    if undecided:
        what = "which are not shown to be" if len(undecided) > 1 else "which is not shown to be"
        text = f"Undecided: {settings_named(undecided)}, {what} behind the best; that is not the same as equal."
        said.append(Verdict("warning" if few else "note", text))
    if behind:
        said.append(Verdict("note" if few else "good", f"Behind the best: {settings_named(behind)} (p < {LEVEL:g})."))
    if not brief:
        said += [*_striped(phase, behind), *_against_signs(found), *_ahead(found), _test(tested, ns)]
    return said


def _test(tested: Sequence[Comparison], ns: Sequence[int]) -> Verdict:
    """The test, the number of seeds and the assumption it makes."""
    seeds = f"{ns[0]}" if len(ns) == 1 else f"{ns[0]} to {ns[-1]}"
    folds, several = tested[0].folds, tested[0].seeds > 1
    text = f"Corrected resampled t-test on {tested[0].counted}" if folds else f"Paired t-test on {seeds} shared seeds"
    if (pairs := tested[0].pairs) > 1:
        text += f", Holm's correction over all {pairs:,} pairs of settings, as the best was chosen on the same numbers"
    if folds:
        return Verdict(
            "note",
            f"{text}. Folds share training examples: the variance of a mean difference is s²·(1/folds + "
            "validation/training examples) of fold means (Nadeau and Bengio 2003)"
            + (" + s²/seeds of seed means." if several else "; with one seed nothing is said of other seeds."),
        )
    if ns[0] >= SIGN_FLIP_SEEDS:
        return Verdict("note", f"{text}; behind is said where a sign-flip test has p < {LEVEL:g} too.")
    return Verdict(
        "note",
        f"{text}. It assumes that differences between seeds are normally distributed: with {ns[0]} shared seeds no "
        f"sign-flip test, which does not, can reach p < {LEVEL:g} (the smallest possible is {2 / 2 ** ns[0]:.3g}; "
        f"{SIGN_FLIP_SEEDS} seeds are needed).",
    )


def _striped(phase: PhaseSummary, behind: Sequence[str]) -> list[Verdict]:
    """Settings that rank below one that is behind, and are undecided themselves: why that is no contradiction."""
    ranked = [s.label for s in phase.ranked if s.comparison is not None and not s.comparison.ahead]
    known = set(behind)
    first = next((place for place, label in enumerate(ranked) if label in known), len(ranked))
    odd = [label for label in ranked[first:] if label not in known]
    if not odd:
        return []
    rank, its = ("ranks", "its") if len(odd) == 1 else ("rank", "their")
    stay = "stays" if len(odd) == 1 else "stay"
    unit = "run" if any(s.comparison is not None and s.comparison.folds for s in phase.settings) else "seed"
    text = f"{settings_named(odd)} {rank} below one that is behind and {stay} undecided: {its} "
    text += f"distance from the best varies more from {unit} to {unit}, or fewer {unit}s show it."
    return [Verdict("note", text[0].upper() + text[1:])]


def _against_signs(found: Mapping[str, Comparison]) -> list[Verdict]:
    odd = [label for label, comparison in found.items() if comparison.against_signs]
    if not odd:
        return []
    text = f"Of {settings_named(odd)} the paired t-test alone would say that it is behind; the sign-flip test does not."
    return [Verdict("note", text.replace("that it is", "that they are") if len(odd) > 1 else text)]


def _ahead(found: Mapping[str, Comparison]) -> list[Verdict]:
    """Settings that are better than the best on the runs that both have, and miss runs."""
    odd = [label for label, comparison in found.items() if comparison.ahead]
    if not odd:
        return []
    is_, ranks, its = ("is", "ranks", "its") if len(odd) == 1 else ("are", "rank", "their")
    text = f"{settings_named(odd)} {is_} better than the best on the runs that both have, and {ranks} below it because "
    return [Verdict("warning", f"{text[0].upper()}{text[1:]}of {its} missing runs.")]


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
        found = [*found[:12], Verdict("warning", f"… and {rest} more settings with trouble: see the table.")]
    return found


SMALL, TINY = 100, 30  # examples: below, one of them is worth more than a point, and more than three


def conditional(summary: Summary) -> list[Verdict]:
    """With several seeds: intervals and p hold for one set of examples, and how much other examples would change."""
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
    if phase.folded and part is VALIDATION:
        return [Verdict("note", f"Intervals and p are over {best.counted}, scored on {examples} in all.")]
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
    """How many points one example is worth, in parts of fewer than a hundred."""
    found = []
    folded = any(phase.folded for phase in summary.phases)
    for part in (VALIDATION, TEST):
        of_folds = " in all folds together" if folded and part is VALIDATION else ""
        counts = [setting.examples(part.metric("accuracy")) for setting in summary.settings]
        n = min((count for count in counts if count), default=SMALL)
        if n == 1:
            text = (
                f"1 example cannot be a {part.name} part: its accuracy is 0 or 100 %, whatever the network has learnt."
            )
            found.append(Verdict("warning", text))
        elif n < SMALL:
            text = f"The {part.name} part has {n} examples{of_folds}: one of them is worth {100 / n:.1f} points of "
            text += "accuracy."
            found.append(Verdict("warning" if n < TINY else "note", text))
    return found


def test_set_verdicts(best: SettingSummary, phase: PhaseSummary) -> list[Verdict]:
    """The winner's test accuracy, and the noise of a finite test set."""
    metric = TEST.metric("accuracy")
    values, n = best.samples[metric], best.examples(metric)
    if values.mean is None:
        return []
    text = f"On the test set: {spread(values, metric)}."
    if n:
        error = binomial_standard_error(values.mean, n)
        text += (
            f" A test set of {n:,} examples alone makes one accuracy uncertain by a standard error of "
            f"{100 * error:.2f} points (binomial)."
            if error
            else f" {_noise(values.mean, n)}"
        )
        rivals = [s for s in phase.ranked if s is not best and s.stopped == best.stopped]
        rival = next((s for s in rivals if s.samples[metric].mean is not None), None)
        if rival is not None:
            gap = round((values.mean - (rival.samples[metric].mean or 0.0)) * n)
            apart = f"gets {abs(gap):,} {'fewer' if gap > 0 else 'more'} right" if gap else "is less than one apart"
            text += f" On average the runner-up ({rival.label}) {apart}."
    return [Verdict("note", text)]
