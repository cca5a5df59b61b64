"""What an original says of its settings, against the settings in its own tables: ranges, captions, values."""

import math
from collections.abc import Iterator, Mapping, Sequence

from handgrad.report.findings.wording import enumerated
from handgrad.report.reproduced.checks.evidence import Evidence, Finding, RowEvidence
from handgrad.report.reproduced.number_tables import same
from handgrad.study.changes import axis_names, shown
from handgrad.study.published.original_text import DrawnRange, SaidCaption

RARE = 0.001  # the probability below which draws do not fit their range


def draws_that_do_not_fit(evidence: Evidence) -> Iterator[Finding]:
    """Published draws outside the range that is said, or all on one side of it as draws from it hardly ever are."""
    for said in evidence.text.drawn:
        table = evidence.table(said.item)
        draws = [row.keys.get(said.key) for row in table.rows] if table else []
        values = [float(value) for value in draws if isinstance(value, int | float) and not isinstance(value, bool)]
        if not values:
            continue
        low, high = said.log_uniform or said.uniform or (-math.inf, math.inf)
        kind = "log-uniform" if said.log_uniform else "uniform"
        where = f" ({said.where})" if said.where else ""
        begin = f"{said.item}: {said.key} is said to be {kind} between {low:g} and {high:g}{where}"
        numbers = {"key": said.key, "range": [low, high], "draws": len(values), "span": [min(values), max(values)]}
        outside = sum(not low <= value <= high for value in values)
        if outside:
            text = f"{begin}; {outside} of the {len(values)} published values lie outside of it."
            yield Finding(said.item, text, numbers)
            continue
        end, p = _rarer_end(said, values, low, high)
        if p < RARE:
            side = "at or below" if end >= max(values) else "at or above"
            yield Finding(
                said.item,
                f"{begin}; all {len(values)} published values lie {side} {end:g}, which draws from that range do with "
                f"a probability of {p:.0e}.",
                {**numbers, "end": end, "p": p},
            )


def _rarer_end(said: DrawnRange, values: list[float], low: float, high: float) -> tuple[float, float]:
    """(end, the probability that all draws lie on its side) of the side on which they are rarer.

    The end is the outermost draw, rounded outward to one digit; for n draws and F the distribution function, F(end)ⁿ
    below and (1 − F(end))ⁿ above.
    """
    top, bottom = _outward(max(values), up=True), _outward(min(values), up=False)
    n = len(values)
    below, above = share_below(said, min(top, high)) ** n, (1 - share_below(said, max(bottom, low))) ** n
    return (top, below) if below <= above else (bottom, above)


def share_below(said: DrawnRange, value: float) -> float:
    """The share of draws below a value inside the range.

    >>> round(share_below(DrawnRange(item="T", key="lr", log_uniform=(1e-4, 1e-1)), 1e-2), 4)
    0.6667
    """
    if said.log_uniform is not None:
        low, high = map(math.log, said.log_uniform)
        return (math.log(value) - low) / (high - low)
    assert said.uniform is not None
    low, high = said.uniform
    return (value - low) / (high - low)


def _outward(value: float, *, up: bool) -> float:
    """A value rounded to one significant digit, away from the other draws."""
    if not value:
        return value
    unit = 10.0 ** math.floor(math.log10(abs(value)))
    whole = round(value / unit, 9)
    return float(f"{(math.ceil(whole) if up else math.floor(whole)) * unit:.1g}")


def captions_that_contradict(evidence: Evidence) -> Iterator[Finding]:
    """Rows that have another value than their caption says, and the rows that it fits."""
    rows = {row.label: row for table in reversed(evidence.tables) if table.settings for row in table.rows}
    for said in evidence.text.captions:
        for label in said.rows:
            row = rows.get(label)
            wrong = {key: row.keys[key] for key, value in said.says.items() if row and _is_other(row.keys, key, value)}
            if row is None or not wrong:
                continue
            names = axis_names(list(said.says))
            claims = ", ".join(f"{names[key]} {shown(value)}" for key, value in said.says.items())
            has = ", ".join(f"{names[key]} {shown(value)}" for key, value in wrong.items())
            meant = [other.label for other in rows.values() if _fits(other, row, said)]
            last = f"; with it {rows_of(meant)} would fit" if meant else ""
            where = f" ({said.where})" if said.where else ""
            yield Finding(
                said.item,
                f"{said.item}: the caption{where} says {claims} of {rows_of(said.rows)}, but row {label} "
                f"has {has}{last}.",
                {"row": label, "says": dict(said.says), "has": wrong, "fit": meant},
            )


def rows_of(labels: Sequence[str]) -> str:
    """Rows in a sentence.

    >>> rows_of(["4"]), rows_of(["1", "4"])
    ('row 4', 'rows 1 and 4')
    """
    return f"{'row' if len(labels) == 1 else 'rows'} {enumerated(labels)}"


def _is_other(keys: Mapping[str, object], key: str, value: object) -> bool:
    return key in keys and not same(value, keys[key])


def _fits(other: RowEvidence, row: RowEvidence, said: SaidCaption) -> bool:
    """Whether a row has what the caption says, and all else like the row that has not."""
    if other is row or other.label in said.rows or other.keys.keys() != row.keys.keys():
        return False
    rest = [key for key in row.keys if key not in said.says]
    return all(not _is_other(other.keys, key, value) for key, value in said.says.items()) and all(
        other.keys[key] == row.keys[key] for key in rest
    )


def values_that_contradict(evidence: Evidence) -> Iterator[Finding]:
    """One thing that has several values in several places."""
    for said in evidence.text.values:
        places = list(said.said)
        if all(same(said.said[places[0]], said.said[place]) for place in places[1:]):
            continue
        listed = enumerated([f"{shown(value)} ({place})" for place, value in said.said.items()])
        yield Finding(enumerated(places), f"Contradiction: {said.what}: {listed}.", dict(said.said))
