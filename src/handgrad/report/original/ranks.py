"""The rank that an original says a row has, best or worst of its table, and whether it has it here.

It agrees where no row that is not said to have this rank is better (worse) here, or none by more than the interval
shows by which a published number is judged (`compared.interval`).  What diverged ranks last.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.summary import SettingSummary, Summary, lower_is_better
from handgrad.report.original.compared import ONE_RUN, Compared, interval
from handgrad.study.published.items import SettingsTable
from handgrad.study.published.numbers import Published


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
        inside, why, came = _judge(row, rows, measure, sign)
        if summary.made_with:
            inside, why = None, f"not judged: made with {summary.made_with}"
        runs = len(row.setting.runs) if row.setting else 0
        said = Published(None, word=row.said)
        found.append(
            Compared(item.number, source.label, measure, said, row.sample, runs, inside=inside, why=why, came=came)
        )
    return found


def _value(setting: SettingSummary | None, sample: Sample, sign: float) -> float | None:
    if sample.mean is not None:
        return sign * sample.mean
    return -math.inf if setting is not None and setting.count("diverged") else None


def _judge(row: _Standing, rows: Sequence[_Standing], measure: str, sign: float) -> tuple[bool | None, str, str]:
    """(agrees, why not judged, what came here) of a row that is said to be best, or worst."""
    values = [other.value for other in rows if other.value is not None]
    others = [(other.value, other.sample.n) for other in rows if other.value is not None and other.said != row.said]
    if row.setting is None:
        return None, "not run here", ""
    if row.value is None or not others:
        return None, "no run has ended", ""
    came = f"number {1 + sum(value > row.value for value in values)} of {len(values)}"
    best = row.said == "best"
    rival, n = (max if best else min)(others)
    if row.value == rival or (row.value > rival) is best:
        return (None, ONE_RUN, came) if row.sample.n == 1 and math.isfinite(rival) else (True, "", came)
    if not math.isfinite(row.value) or not math.isfinite(rival):
        return False, "", came
    ends = interval(row.sample, measure, n)  # both are ours, on the same examples
    if ends is None:
        return None, ONE_RUN, came
    close = ends[0] <= sign * rival <= ends[1]
    return close, "", f"{came}, within noise" if close else came
