"""Ranks: whether a row that an original says is best or worst is so here, and how alike both orders of rows are.

A rank agrees where no row that is not said to have it is better (worse) here, or none by more than the interval by
which a published number is judged (`judge.interval`).  What diverged ranks last.  Orders are compared by Kendall's τ-b.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.measures import METRICS, lower_is_better
from handgrad.report.findings.statistics import Sample, kendall_tau_b
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.reproduced.item_table import ItemTable
from handgrad.report.reproduced.judge import ONE_RUN, Compared, interval, word
from handgrad.study.published.numbers import UNSTABLE, Published
from handgrad.study.published.published_tables import SettingsTable


@dataclass(frozen=True)
class _Standing:
    """A row here.  value: larger is better, -inf where all of its runs diverged, None where none has ended."""

    setting: SettingSummary | None
    sample: Sample
    said: str | None
    value: float | None


def ranks_of(
    summary: Summary, item: SettingsTable, settings: Sequence[SettingSummary | None], samples: Sequence[Sample]
) -> list[Compared | None]:
    """One for every row, None where nothing is said of its rank; `samples`: ours of the measure that ranks."""
    measure = item.ranked_by or ""
    sign = -1.0 if lower_is_better(measure) else 1.0
    rows = [
        _Standing(setting, sample, row.rank, _value(setting, sample, sign))
        for row, setting, sample in zip(item.rows, settings, samples, strict=True)
    ]
    found: list[Compared | None] = []
    for source, row in zip(item.rows, rows, strict=True):
        if row.said is None:
            found.append(None)
            continue
        inside, why, outcome = _judge(row, rows, measure, sign)
        if summary.made_with:
            inside, why = None, f"not judged: made with {summary.made_with}"
        runs = len(row.setting.runs) if row.setting else 0
        said = Published(None, word=row.said)
        found.append(
            Compared(item.number, source.label, measure, said, row.sample, runs, None, None, inside, why, outcome)
        )
    return found


def _value(setting: SettingSummary | None, sample: Sample, sign: float) -> float | None:
    if sample.mean is not None:
        return sign * sample.mean
    return -math.inf if setting is not None and setting.count("diverged") else None


def _judge(row: _Standing, rows: Sequence[_Standing], measure: str, sign: float) -> tuple[bool | None, str, str]:
    """(agrees, why not judged, outcome) of a row that is said to be best, or worst."""
    values = [other.value for other in rows if other.value is not None]
    others = [(other.value, other.sample.n) for other in rows if other.value is not None and other.said != row.said]
    if row.setting is None:
        return None, "not run here", ""
    if row.value is None or not others:
        return None, "no run has ended", ""
    outcome = f"number {1 + sum(value > row.value for value in values)} of {len(values)}"
    best = row.said == "best"
    rival, n = (max if best else min)(others)
    if row.value == rival or (row.value > rival) is best:
        return (None, ONE_RUN, outcome) if row.sample.n == 1 and math.isfinite(rival) else (True, "", outcome)
    if not math.isfinite(row.value) or not math.isfinite(rival):
        return False, "", outcome
    ends = interval(row.sample, measure, n)  # both are ours, on the same examples
    if ends is None:
        return None, ONE_RUN, outcome
    close = ends[0] <= sign * rival <= ends[1]
    return close, "", f"{outcome}, within noise" if close else outcome


@dataclass(frozen=True)
class RankAgreement:
    """How two rankings of a table's rows compare.  tau: Kendall's τ-b, None where one side ranks nothing.

    place: where the best of theirs stands in ours, from 1.
    """

    measure: str
    n: int
    tau: float | None
    their_best: tuple[str, ...]
    our_best: tuple[str, ...]
    place: int
    losses: tuple[str, ...] = ()  # where the measure is a loss, the kinds of it among the rows

    @property
    def same_best(self) -> bool:
        """Whether a row that is best in theirs is best in ours."""
        return bool(set(self.their_best) & set(self.our_best))


def rankings_of(item: SettingsTable, made: ItemTable) -> list[RankAgreement]:
    """For each accuracy and loss published of three rows or more: their order in both.  What diverged ranks last.

    Rows of which the original says no more than that they learn, or their rank, are not among them.
    """
    found = []
    for measure in dict.fromkeys(column.show for column in item.columns):
        if measure not in METRICS:
            continue
        rows = [number for number in made.numbers if number.measure == measure and _ranks(number, made)]
        sign = -1.0 if lower_is_better(measure) else 1.0
        theirs = [-math.inf if one.published.value is None else sign * one.published.value for one in rows]
        if len(rows) < 3 or max(theirs) == -math.inf:
            continue
        ours = [-math.inf if one.values.mean is None else sign * one.values.mean for one in rows]
        best = [i for i, value in enumerate(theirs) if value == max(theirs)]
        found.append(
            RankAgreement(
                measure=measure,
                n=len(rows),
                tau=kendall_tau_b(theirs, ours),
                their_best=tuple(rows[i].row for i in best),
                our_best=tuple(rows[i].row for i, value in enumerate(ours) if value == max(ours)),
                place=1 + min(sum(other > ours[i] for other in ours) for i in best),
                losses=_kinds(rows, made) if METRICS[measure].measure.name == "loss" else (),
            )
        )
    return found


def _ranks(number: Compared, made: ItemTable) -> bool:
    """Whether both sides say where it stands: a number or that it exploded there, and an end here."""
    if number.published.word not in ("", *UNSTABLE):
        return False
    setting = made.settings[number.row]
    return bool(number.values.n) or (setting is not None and bool(setting.count("diverged")))


def _kinds(rows: Sequence[Compared], made: ItemTable) -> tuple[str, ...]:
    settings = [setting for row in rows if (setting := made.settings[row.row]) is not None]
    return tuple(sorted({str(setting.setting.get("training", {}).get("loss")) for setting in settings}))


def ranking_verdict(ranking: RankAgreement) -> Verdict:
    """The ranking in a sentence."""
    text = f"Ranking by {word(ranking.measure)} over {ranking.n} rows"
    if ranking.tau is not None:
        text += f": Kendall's τ-b = {'−' if ranking.tau < 0 else ''}{abs(ranking.tau):.2f}"
    if len(ranking.losses) > 1:
        text += f" (of different kinds, {', '.join(ranking.losses)}, which cannot be compared with each other)"
    theirs, ours = ", ".join(ranking.their_best), ", ".join(ranking.our_best)
    if ranking.same_best:
        return Verdict("good", f"{text}; the best is the same ({theirs}).")
    return Verdict(
        "note", f"{text}; the original's best ({theirs}) is number {ranking.place} here, where {ours} leads."
    )
