"""The variance of an accuracy, source by source."""

from collections.abc import Callable

from handgrad.measures import METRICS
from handgrad.report.findings.noise import BONETT, EXAMPLES, Noise, PointEstimate
from handgrad.report.findings.noise_sentences import points, source_word
from handgrad.report.tables.table import Cell, Column, Row, Table, cell

HOW = (
    "V = s² of the runs that vary this source and leave the others as they are; of the finite {part} set p(1 − p)/m, "
    "m other examples in its place."
)
LESS = " Of the split the part that drawing {m:,} of {pool:,} examples makes, p(1 − p)/m·(1 − m/N), is taken off."
INTERVALS = (
    " Intervals are of 95 %: Bonett (2006) from {n} runs on, χ² below; those of shares and of the split by draws from "
    "these distributions. After Bouthillier et al. (2021)."
)


def noise_table(noise: Noise, name: str, title: str) -> Table:
    """A row for each source, one for their sum, and one for the runs that vary all of them together."""
    columns = (
        Column("drawn anew"),
        Column("n", numeric=True),
        Column("standard deviation, points", ("variance",), numeric=True),
        Column("95 % interval", ("variance_low", "variance_high"), numeric=True),
        Column("share of variance %", ("share",), numeric=True),
        Column("95 % interval (share)", ("share_low", "share_high"), numeric=True),
    )
    rows = []
    most = max(noise.parts, key=lambda part: part.variance.value)
    for part in noise.parts:
        n = cell(None) if part.source == EXAMPLES else cell(part.n)
        shares = (_percent(part.share.value), _ends(part.share, _percent))
        lead = cell(source_word(noise, part.source), bold=part is most)
        rows.append(Row((lead, n, *_spread(part.variance), cell(part.share.value, shares[0]), shares[1])))
    total = PointEstimate(noise.total)
    rows.append(Row((cell("sum"), cell(None), *_spread(total), cell(1.0, "100"), Cell("–", (None, None))), total=True))
    if (found := noise.together) is not None:
        lead = cell("all but the finite set, together" if noise.pool is None else "all together")
        last = (cell(found.n), *_spread(found.variance), cell(None), Cell("–", (None, None)))
        rows.append(Row((lead, *last), total=True))
    return Table(name, title, _caption(noise), columns, tuple(rows))


def _caption(noise: Noise) -> str:
    metric = METRICS[noise.metric]
    text = f"{metric.word.capitalize()} of setting {noise.label}, p = {100 * noise.p:.2f} %. "
    text += HOW.format(part=metric.part.word)
    if noise.pool is not None:
        text += LESS.format(m=noise.m, pool=noise.pool)
    return text + INTERVALS.format(n=BONETT)


def _spread(variance: PointEstimate) -> tuple[Cell, Cell]:
    """The standard deviation as people read it; the variance for programs."""
    root = variance.root()
    interval = _ends(root, points)
    return cell(variance.value, points(root.value)), Cell(interval.text, (variance.low, variance.high))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _ends(one: PointEstimate, text: Callable[[float], str]) -> Cell:
    if one.low is None or one.high is None:
        return Cell("–", (None, None))
    return Cell(f"{text(one.low)} to {text(one.high)}", (one.low, one.high))
