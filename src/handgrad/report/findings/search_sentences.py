"""Sentences about a search: what stopping settings short saved and may have cost, and when the best was found.

A setting is stopped short, by its search;  a budget is spent, and what it does not pay for is not begun or does not go
on;  "early stopping" is that of a run by itself (`training.early_stopping`).
"""

from collections.abc import Sequence

from handgrad.measures import METRICS
from handgrad.report.findings.search_facts import ENDED, LOST, OPEN, STOPPED, SearchFacts
from handgrad.report.findings.stopping import DRAWS, PAIRS, RankCorrelation, RungFacts, StoppingCost
from handgrad.report.findings.summary import PhaseSummary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import amount, enumerated, number, plural

FEW = 10  # settings behind a line, below which a probability is rough (measured: docs/report.md)
LEAST = 1e-4  # of an accuracy, 0.01 points: no bound is said to be smaller
LIKELY = 0.2  # a probability from which a sentence is a warning
NO_DECISIONS = (
    "The decisions of this search are not in the folder (decisions/), so which settings it stopped short, and when, "
    "cannot be shown."
)
NO_TIMES = (
    "No timeline: these records do not say when their runs were trained. They were written by an earlier version; runs "
    "that are trained from now on say it."
)


def search_verdicts(phase: PhaseSummary, cost: StoppingCost | str, found: Sequence[RungFacts]) -> list[Verdict]:
    """What can be said of the search of a phase; cost, found: of `stopping`."""
    facts = phase.search
    assert facts is not None
    if facts.asha is not None and not facts.is_decided:
        return [Verdict("note", NO_DECISIONS)]
    if not facts.is_over:
        return [so_far(facts)]
    stopping = [] if facts.asha is None else [saved(facts), *stopping_verdicts(facts, cost, found)]
    return stopping + when_found(phase)


def brief_verdicts(phase: PhaseSummary, cost: StoppingCost | str) -> list[Verdict]:
    """The two that a terminal shows."""
    facts = phase.search
    assert facts is not None
    if facts.asha is None or not facts.is_decided or not facts.is_over:
        return search_verdicts(phase, cost, ())
    return [saved(facts), cost_verdict(facts, cost, brief=True)]


def so_far(facts: SearchFacts) -> Verdict:
    """Where a search stands that is not over: nothing is said yet of what it saved, or of the best."""
    ended, lost, others = facts.count(ENDED), facts.count(LOST), facts.count(STOPPED) + facts.count(OPEN)
    states = [f"{ended} trained to the end", f"{lost} diverged or failed" * (lost > 0),
              f"{others} waiting or on the way" * (others > 0)]  # fmt: skip
    where = enumerated(list(filter(None, states)))
    then = "" if facts.asha is None else " What stopping settings short saved and may have cost is said then."
    return Verdict(
        "note",
        f"The search is not over. Of {plural(len(facts.trials), 'setting')} so far {where}; their runs trained "
        f"{plural(facts.trained, 'epoch')}.{then}",
    )


def saved(facts: SearchFacts) -> Verdict:
    """How many settings were stopped short, by the rule or as the budget was spent, and the work that this saved."""
    stopped, ended, lost = (facts.count(state) for state in (STOPPED, ENDED, LOST))
    trained, whole = facts.seconds
    of_time = f" (about {100 * (1 - trained / whole):.0f} % of the time)" if whole > 0 else ""
    work = (
        f" Runs trained {facts.trained:,} of {facts.whole:,} epochs: {100 * (1 - facts.trained / facts.whole):.0f} % "
        f"of the work was saved{of_time}."
        if stopped and facts.whole
        else ""
    )
    rule = "" if facts.asha is None or facts.asha.rule == "promote" else f', rule "{facts.asha.rule}"'
    others = f"; {plural(lost, 'setting')} diverged or failed" if lost else ""
    begun = plural(len(facts.trials), "setting")
    unpaid = min(facts.unpaid, stopped)
    spent = [f"{unpaid} more did not go on"] * (unpaid > 0)
    spent += [f"{plural(facts.unbegun, 'setting')} {'was' if facts.unbegun == 1 else 'were'} not begun"] * (
        facts.unbegun > 0
    )
    budget = f" The budget was spent: {enumerated(spent)}." if spent else ""
    return Verdict(
        "note",
        f"[asha]{rule} stopped {stopped - unpaid} of {begun} short and let {ended} train to the end{others}.{budget}"
        f"{work}",
    )


def probability_text(p: float) -> str:
    """A probability from a simulation.

    >>> probability_text(0.034), probability_text(0.001), probability_text(0.999)
    ('about 3 %', 'below 1 %', 'above 99 %')
    """
    return "below 1 %" if p < 0.01 else "above 99 %" if p > 0.99 else f"about {100 * p:.0f} %"


def cost_verdict(facts: SearchFacts, cost: StoppingCost | str, *, brief: bool = False) -> Verdict:
    """The probability that a setting that was stopped short would have been better than the best."""
    if facts.count(STOPPED) == 0:
        return Verdict("note", "No setting was stopped short, so that nothing was lost by it.")
    if isinstance(cost, str):
        return Verdict("note", f"Whether one that was stopped short would have won cannot be known: {cost}.")
    lost = f"no more than {amount(cost.loss, facts.metric, LEAST)} were lost" if cost.loss else "nothing was lost"
    who = "the setting that was" if cost.stopped == 1 else f"the {cost.stopped} settings that were"
    before = "" if cost.is_end else f" before epoch {cost.epoch}"
    text = (
        f"Had {who} stopped short{before} gone the way of those that went on (n = "
        f"{enumerated([str(n) for n in cost.pairs])}), {'it' if cost.stopped == 1 else 'one of them'} would have been "
        f"better at epoch {cost.epoch} than the best there ({METRICS[facts.metric].word} "
        f"{number(cost.best, facts.metric)}) with probability {probability_text(cost.probability)}; with 95 % "
        f"probability {lost}. A setting that starts slowly and overtakes later is not foreseen."
    )
    if min(cost.pairs) < FEW and cost.probability >= 0.01:
        text += f" As few as {min(cost.pairs)} settings tell of it, so that it is rough."
    if not cost.is_end:
        end = facts.trials[0].levels[-1]
        text += f" What would have won at epoch {end} cannot be known: fewer than {PAIRS} settings went further."
    if not brief:
        text += (
            " Method: a line from each level to the next, drawn through the settings that went on, trains the others "
            f"on, {DRAWS:,} times; assumed is that it holds for those that were stopped short, which were worse."
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
                f"{told.epoch} and at the end have the rank correlation {correlation_text(told.foretold)}. Over all "
                "settings it may be another: those that were stopped short, which were worse, are not in it.",
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
    winner = max(found, key=lambda rung: (rung.winner_rank or 0) / max(rung.reached, 1), default=None)
    if winner is not None and (winner.winner_rank or 1) > 1:
        said.append(
            Verdict(
                "note",
                f"The setting that won was number {winner.winner_rank} of {winner.reached} at epoch {winner.epoch}: "
                f"had fewer than {winner.winner_rank} gone on from there, it would have been lost.",
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
        else f"the {'setting' if after == 1 else plural(after, 'setting')} after it brought nothing better"
    )  # fmt: skip
    share = (
        f", when {100 * best.spent / facts.trained:.0f} % of the epochs were trained"
        if facts.is_decided and facts.trained
        else ""
    )
    return [
        Verdict(
            "note",
            f"The best, setting {best.label}, was number {best.number:,} of {len(facts.trials):,} that were {order}"
            f"{share}; {later}.",
        )
    ]
