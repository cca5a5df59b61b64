"""Sentences about a search: what stopping saved, what it may have cost, and when the best was found."""

from collections.abc import Sequence

from handgrad.measures import METRICS
from handgrad.report.findings.search_facts import ENDED, LOST, STOPPED, SearchFacts
from handgrad.report.findings.stopping import PAIRS, RankCorrelation, RungFacts, StoppingCost
from handgrad.report.findings.summary import PhaseSummary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import amount, enumerated, number, plural

FEW = 10  # settings behind a line, below which a probability is rather too large (measured: docs/report.md)
LEAST = 1e-4  # of an accuracy, 0.01 points: no bound is said to be smaller
LIKELY = 0.2  # a probability from which a sentence is a warning
NO_DECISIONS = (
    "The decisions of this search are not in the folder (decisions/), so what it stopped, and when, cannot be shown."
)
NO_TIMES = (
    "No timeline: these records do not say when their runs were trained. They were written by an earlier version; runs "
    "that are trained from now on say it."
)


def search_verdicts(phase: PhaseSummary, cost: StoppingCost | str, found: Sequence[RungFacts]) -> list[Verdict]:
    """What can be said of the search of a phase; cost, found: of `stopping`."""
    facts = phase.search
    assert facts is not None
    said = []
    if facts.asha is not None:
        if not facts.is_decided:
            return [Verdict("note", NO_DECISIONS)]
        said += [saved(facts), *stopping_verdicts(facts, cost, found)]
    said += when_found(phase)
    return said


def brief_verdicts(phase: PhaseSummary, cost: StoppingCost | str) -> list[Verdict]:
    """The two that a terminal shows."""
    facts = phase.search
    assert facts is not None
    if facts.asha is not None and facts.is_decided:
        return [saved(facts), cost_verdict(facts, cost, brief=True)]
    return when_found(phase)


def saved(facts: SearchFacts) -> Verdict:
    """How many settings were stopped, and the share of the work that this saved."""
    stopped, ended, lost = (facts.count(state) for state in (STOPPED, ENDED, LOST))
    share = 1 - facts.trained / facts.whole if facts.whole else 0.0
    trained, whole = facts.seconds
    of_time = f" (about {100 * (1 - trained / whole):.0f} % of the time)" if whole > 0 else ""
    rule = "" if facts.asha is None or facts.asha.rule == "promote" else f', rule "{facts.asha.rule}"'
    others = f"; {plural(lost, 'setting')} diverged or failed" if lost else ""
    so_far = "" if facts.is_over else " so far"
    return Verdict(
        "note",
        f"[asha]{rule} stopped {stopped} of {plural(len(facts.trials), 'setting')} short{so_far} and let {ended} train "
        f"to the end{others}. Runs trained {facts.trained:,} of {facts.whole:,} epochs: {100 * share:.0f} % of the "
        f"work was saved{of_time}.",
    )


def probability_text(p: float) -> str:
    """A probability from a simulation.

    >>> probability_text(0.034), probability_text(0.001), probability_text(0.999)
    ('about 3 %', 'below 1 %', 'above 99 %')
    """
    return "below 1 %" if p < 0.01 else "above 99 %" if p > 0.99 else f"about {100 * p:.0f} %"


def cost_verdict(facts: SearchFacts, cost: StoppingCost | str, *, brief: bool = False) -> Verdict:
    """The probability that a setting that was stopped would have been better than the best."""
    if facts.count(STOPPED) == 0:
        return Verdict("note", "No setting was stopped, so that nothing was lost by it.")
    if not facts.is_over:
        return Verdict("note", "What that may cost is said when the search is over.")
    if isinstance(cost, str):
        return Verdict("note", f"Whether one that was stopped would have won cannot be known: {cost}.")
    word = METRICS[facts.metric].word
    who = "the one that was" if cost.stopped == 1 else f"one of the {cost.stopped} that were"
    text = (
        f"The probability that {who} stopped{'' if cost.is_end else ' before'} would have been better at epoch "
        f"{cost.epoch} than the best there ({word} {number(cost.best, facts.metric)}) is "
        f"{probability_text(cost.probability)}; with 95 % probability no more than "
        f"{amount(cost.loss, facts.metric, LEAST)} were lost."
    )
    if min(cost.pairs) < FEW and cost.probability >= 0.01:
        text += f" As few as {min(cost.pairs)} settings tell of it: it is rather too large than too small."
    if not cost.is_end:
        end = facts.trials[0].levels[-1]
        text += f" Whether it would have won at epoch {end} cannot be known: fewer than {PAIRS} settings went further."
    if not brief:
        text += (
            f" Method: a line from each level to the next through the settings that went on (n = "
            f"{enumerated([str(n) for n in cost.pairs])}) trains the others on, 2,000 times; assumed is that the line "
            "holds for those that were stopped as well, which were worse."
        )
    return Verdict("warning" if cost.probability >= LIKELY else "note", text)


def stopping_verdicts(facts: SearchFacts, cost: StoppingCost | str, found: Sequence[RungFacts]) -> list[Verdict]:
    """The cost, and how well the first rung foretold the end."""
    said = [cost_verdict(facts, cost)]
    told = next((rung for rung in found if rung.foretold is not None), None)
    if told is not None and told.foretold is not None:
        said.append(
            Verdict(
                "note",
                f"Among the {told.foretold.n} settings that went on to the end, {METRICS[facts.metric].word} at epoch "
                f"{told.epoch} and at the end have the rank correlation {correlation_text(told.foretold)}. Those that "
                "were stopped are not in it, and are worse: over all it may be another.",
            )
        )
    elif facts.count(STOPPED):
        n = facts.count(ENDED)
        said.append(
            Verdict(
                "note",
                f"How well a rung foretells the end is not known: {plural(n, 'setting')} came to it, and a rank "
                "correlation needs three with different values.",
            )
        )
    winner = max(found, key=lambda rung: (rung.winner_rank or 0) / rung.reached, default=None)
    if winner is not None and (winner.winner_rank or 1) > 1:
        said.append(
            Verdict(
                "note",
                f"The setting that won was number {winner.winner_rank} of {winner.reached} at epoch "
                f"{winner.epoch}: a rule that lets fewer go on would have lost it.",
            )
        )
    return said


def correlation_text(found: RankCorrelation) -> str:
    """A rank correlation with its interval.

    >>> correlation_text(RankCorrelation(0.8, 10, (0.3, 0.95)))
    '0.80 (95 % interval 0.30 to 0.95, n = 10)'
    """
    ends = "" if found.interval is None else f"95 % interval {found.interval[0]:.2f} to {found.interval[1]:.2f}, "
    return f"{found.rho:.2f} ({ends}n = {found.n})".replace("-", "−")


def when_found(phase: PhaseSummary) -> list[Verdict]:
    """Which of the settings was the best, and how much of the work came after it."""
    facts = phase.search
    if facts is None or phase.winner is None or len(facts.trials) < 2:
        return []
    best = next((trial for trial in facts.trials if trial.label == phase.winner), None)
    if best is None:
        text = f"No setting of the search is better than the one that it started from, {phase.winner}."
        return [Verdict("note", text)]
    after, order = len(facts.trials) - best.number, "begun" if facts.is_decided else "drawn"
    later = (
        "it was the last" if not after
        else f"the {plural(after, 'setting')} after it brought nothing better"
    )  # fmt: skip
    share = f", when {100 * best.spent / facts.trained:.0f} % of the epochs were trained" if facts.is_decided else ""
    return [
        Verdict(
            "note",
            f"The best, setting {best.label}, was number {best.number} of {len(facts.trials)} that were {order}"
            f"{share}; {later}.",
        )
    ]
