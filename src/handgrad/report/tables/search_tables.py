"""The table of a search: its rungs, and what was stopped at each."""

from collections.abc import Sequence

from handgrad.measures import METRICS, lower_is_better
from handgrad.report.findings.search_facts import ENDED, SearchFacts
from handgrad.report.findings.search_sentences import probability_text
from handgrad.report.findings.stopping import PAIRS, RankCorrelation, RungFacts, StoppingCost
from handgrad.report.findings.wording import number, plural
from handgrad.report.tables.table import Cell, Column, Row, Table, cell


def rungs_table(
    facts: SearchFacts, found: Sequence[RungFacts], cost: StoppingCost | str, name: str, title: str
) -> Table:
    """One row for each rung, by epoch, and one for the end."""
    metric = facts.metric
    columns = (
        Column("epoch", numeric=True),
        Column("reached", numeric=True),
        Column("went on", ("went_on",), numeric=True),
        Column("stopped short", ("stopped",), numeric=True),
        Column("lost", numeric=True),
        Column("best", numeric=True),
        Column("worst on", ("worst_on",), numeric=True),
        Column("winner's rank", ("winner_rank",), numeric=True),
        Column("rank correlation", ("rank_correlation", "low", "high", "n"), numeric=True),
        Column("probability", numeric=True),
    )
    rows = [Row(tuple(_cells(rung, metric))) for rung in found]
    ended = [t for t in facts.trials if t.state == ENDED]
    ends = sorted({trial.levels[-1] for trial in facts.trials})
    best = _best(facts)
    nothing = [Cell("", (None,))] * 3
    rows.append(
        Row(
            (
                cell(ends[-1], f"{' or '.join(map(str, ends))}, the end"),
                cell(len(ended)),
                *nothing,
                cell(best, None if best is None else number(best, metric)),
                *nothing[:2],
                Cell("", (None,) * 4),
                Cell("", (None,)),
            ),
            total=True,
        )
    )
    waiting = sum(rung.waiting for rung in found)
    judged = f"the mean over {facts.counted}" if facts.counted != "1 seed" else "one seed"
    caption = (
        f"Settings at each rung, judged by {METRICS[metric].word} there ({judged}). Lost: diverged or failed. Best, "
        "worst on: values there, of all and of those that went on. Rank correlation: Spearman's, of values at the rung "
        "with those at the end, among settings that came to it, with its 95 % interval (Fisher's z, Bonett and Wright "
        "2000; none below four). Probability: that one of those stopped short there would have been better "
        + (
            f"at epoch {cost.epoch} than the best there, as lines through the settings that went on foretell it "
            f"(at least {PAIRS} for each step; docs/report.md)."
            if isinstance(cost, StoppingCost)
            else f"than the best; it is not known: {cost}."
        )
    )
    if waiting:
        caption += f" {plural(waiting, 'setting')} waiting, or on the way."
    return Table(name, title, caption, columns, tuple(rows))


def _best(facts: SearchFacts) -> float | None:
    values = [t.values[-1] for t in facts.trials if t.state == ENDED and t.values]
    known = [value for value in values if value is not None]
    return (min if lower_is_better(facts.metric) else max)(known) if known else None


def _cells(rung: RungFacts, metric: str) -> list[Cell]:
    told = rung.foretold
    ends = (None, None) if told is None or told.interval is None else told.interval
    return [
        cell(rung.epoch),
        cell(rung.reached),
        cell(rung.went_on),
        cell(rung.stopped),
        cell(rung.lost),
        cell(rung.best, None if rung.best is None else number(rung.best, metric)),
        cell(rung.worst_on, None if rung.worst_on is None else number(rung.worst_on, metric)),
        cell(rung.winner_rank),
        Cell("–", (None,) * 4) if told is None else Cell(_short(told), (told.rho, *ends, told.n)),
        cell(rung.probability, None if rung.probability is None else probability_text(rung.probability)),
    ]


def _short(told: RankCorrelation) -> str:
    ends = "" if told.interval is None else f"{told.interval[0]:.2f} to {told.interval[1]:.2f}, "
    return f"{told.rho:.2f} ({ends}n = {told.n})".replace("-", "−")
