"""Verdicts: short sentences that say what the numbers allow, and no more.

diverged        where it happened: epoch, step, layer
collapsed       a run that predicts one class for everything; its accuracy is that class's share
undecided       fewer than six shared seeds, or no difference found
selection       on what the winner was chosen; choosing on the test set is stamped
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.report.findings.happened import setting_verdicts
from handgrad.report.findings.naming import setting_name
from handgrad.report.findings.statistics import LEVEL, SIGN_FLIP_SEEDS, binomial_standard_error
from handgrad.report.findings.summary import (
    WORDS,
    PhaseSummary,
    SettingSummary,
    Summary,
    rank,
)
from handgrad.report.findings.wording import listed, number, plural, spread


@dataclass(frozen=True)
class Verdict:
    """A sentence and its kind: "good", "note" or "warning", which chooses its mark."""

    kind: str
    text: str


def selection(summary: Summary, metric: str) -> Verdict:
    """On what winners were chosen."""
    if metric.startswith("test"):
        return Verdict(
            "warning",
            f"Winners were chosen by {WORDS[metric]} (select_on_test = true). The test numbers of a winner "
            "are therefore too good: they no longer estimate how it does on new data.",
        )
    what = "the mean over seeds of " if len(summary.seeds) > 1 else ""
    return Verdict("note", f"Winners were chosen by {what}{WORDS[metric]}; the test set had no say.")


def validation_choice(phases: Sequence[PhaseSummary]) -> list[Verdict]:
    """Where winners were chosen on the test set: what validation would have chosen in each phase.

    Settings without a validation part are left out, as the one may be that a phase starts from.
    """
    found, blind = [], []
    for phase in phases:
        if not phase.metric.startswith("test") or phase.best is None or len(phase.settings) < 2:
            continue
        metric = phase.metric.replace("test", "val")
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
            text = f"{where}{WORDS[metric]} would have chosen the same setting ({other.label}){among}."
            found.append(Verdict("note", text))
            continue
        by_test, by_validation = (setting.samples[phase.metric].mean for setting in (ours, other))
        text = f"{where}{WORDS[metric]} would have chosen setting {setting_name(other, phase.axes)}{among}"
        if by_test is not None and by_validation is not None:
            lower, higher = number(by_validation, phase.metric), number(by_test, phase.metric)
            text += f": {WORDS[phase.metric]} {lower} instead of {higher}"
        found.append(Verdict("note", f"{text}."))
    if blind:
        where = f" in {', '.join(blind)}" if found else ""
        text = f"There is no validation part{where}: nothing but the test set was there to choose by."
        found.append(Verdict("note", text))
    return [Verdict(verdict.kind, verdict.text[0].upper() + verdict.text[1:]) for verdict in found]


def phase_verdicts(phase: PhaseSummary, *, brief: bool = False) -> list[Verdict]:
    """Who won a phase, and how sure that is; `brief` where the reasons were given before."""
    best = phase.best
    word = WORDS[phase.metric]
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
        sentences += _certainty(phase, best, brief)
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


def _certainty(phase: PhaseSummary, best: SettingSummary, brief: bool) -> list[Verdict]:
    """Undecided, tied or established: what the shared seeds can say about the best setting's lead."""
    compared = [s for s in phase.settings if s.comparison is not None and s.comparison.n]
    if not compared:
        return []
    n = min(setting.comparison.n for setting in compared if setting.comparison)
    if n < 2:
        return [
            Verdict(
                "warning",
                "Undecided: with one seed there is no spread, and nothing tells a better setting from a luckier one. "
                f"{SIGN_FLIP_SEEDS} seeds are needed for a verdict.",
            )
        ]
    tied = phase.tied
    found = []
    if n < SIGN_FLIP_SEEDS and brief:
        found.append(Verdict("warning", f"Undecided: {n} shared seeds, {SIGN_FLIP_SEEDS} are needed."))
    elif n < SIGN_FLIP_SEEDS:
        least = 2 / 2**n
        found.append(
            Verdict(
                "warning",
                f"Undecided: with {n} shared seeds no sign-flip test can reach p < {LEVEL:g} (the smallest "
                f"possible is {least:.3g}); {SIGN_FLIP_SEEDS} seeds are needed. The paired t-test below "
                "assumes that differences between seeds are normally distributed.",
            )
        )
    who = listed([setting.label for setting in tied])
    if tied:
        many = len(tied) > 1
        found.append(
            Verdict(
                "note",
                f"Tied with the best: {'settings' if many else 'setting'} {who} "
                f"(paired t-test on {n} shared seeds, Holm's correction over {len(compared)}, p ≥ {LEVEL:g}).",
            )
        )
    else:
        many = len(compared) > 1
        which = "that came to their end" if phase.stopped else ""
        others = f"all {len(compared)} others {which}".rstrip() + " are" if many else f"setting {compared[0].label} is"
        correction = ", Holm's correction" if many else ""
        text = f"{others} behind the best (paired t-test on {n} shared seeds{correction}, p < {LEVEL:g})."
        if n >= SIGN_FLIP_SEEDS:
            found.append(Verdict("good", text[0].upper() + text[1:]))
        else:
            found.append(Verdict("note", f"Normal differences assumed, {text}"))
    return found


def trouble(phase: PhaseSummary) -> list[Verdict]:
    """A sentence for every setting in which something went wrong; with many, the first twelve and a count."""
    found = []
    for setting in phase.settings:
        if setting.earlier:
            continue
        phrases = setting_verdicts(setting)
        if phrases:
            found.append(Verdict("warning", f"{setting_name(setting, phase.axes)} — {'; '.join(phrases)}."))
    if len(found) > 12:
        rest = len(found) - 12
        found = [*found[:12], Verdict("warning", f"… and {rest} more settings with trouble: see the table.")]
    return found


def test_set_verdicts(best: SettingSummary, phase: PhaseSummary) -> list[Verdict]:
    """What the winner does on the test set, and the noise that a finite test set adds."""
    values = best.samples["test_accuracy"]
    n = best.facts("data").get("counts", {}).get("test")
    if values.mean is None:
        return []
    text = f"On the test set: {spread(values, 'test_accuracy')}."
    if n:
        error = binomial_standard_error(values.mean, n)
        text += (
            f" A test set of {n:,} examples alone makes one accuracy uncertain by a standard error of "
            f"{100 * error:.2f} points (binomial)."
        )
        rivals = [s for s in phase.ranked if s is not best and s.stopped == best.stopped]
        rival = next((s for s in rivals if s.samples["test_accuracy"].mean is not None), None)
        if rival is not None:
            gap = round((values.mean - (rival.samples["test_accuracy"].mean or 0.0)) * n)
            apart = f"gets {abs(gap):,} {'fewer' if gap > 0 else 'more'} right" if gap else "is less than one apart"
            text += f" On average the runner-up ({rival.label}) {apart}."
    return [Verdict("note", text)]
