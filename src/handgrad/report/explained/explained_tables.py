"""The tables of an explanation: readings in their order, readings × rows for each rung, and what was left out."""

from handgrad.measures import is_fraction
from handgrad.report.findings.statistics import sample
from handgrad.report.reproduced.judge import shown_published, shown_values
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.explain.ladder import shown_share
from handgrad.study.explain.rung_results import Explained, RungResult, cell_key
from handgrad.study.explain.space import Reading
from handgrad.study.rules.ranked_readings import ReadingFit
from handgrad.study.rules.row_fits import LEVEL
from handgrad.training.run_keys import RunKey

FAR = 0.01  # a published number as far off as this or further has so small a probability under a reading
NATS = 2  # decimals of differences of log likelihoods


def order_table(explained: Explained, rung: RungResult, name: str, most: int | None = None) -> Table:
    """The readings of a rung, best first: how many departures, how far behind in nats, how probable.

    most: only the best so many (None: all).
    """
    fits = rung.ranking.readings[:most]
    columns = (
        Column("reading", ("reading", "number")),
        Column("departures", numeric=True),
        Column("log likelihood", numeric=True),
        Column("behind the best", ("nats_behind",), numeric=True),
        Column("weight", numeric=True),
        Column("numbers that fit", ("fit", "of"), numeric=True),
        Column("p of the table", ("p",), numeric=True),
        Column("told apart from the best", ("told_apart",)),
    )
    best = fits[0].log_posterior if fits else 0.0
    rows = []
    for fit in fits:
        reading = explained.readings[int(fit.name)]
        fitting, of = fitting_numbers(fit)
        behind = best - fit.log_posterior
        rows.append(
            Row(
                (
                    Cell(reading.name, (reading.name, reading.number), bold=fit is fits[0]),
                    cell(reading.departures),
                    cell(fit.log_likelihood, f"{fit.log_likelihood:.{NATS}f}".replace("-", "−")),
                    cell(behind, f"{behind:.{NATS}f}"),
                    cell(fit.weight, f"{100 * fit.weight:.1f} %" if fit.weight >= 0.0005 else "< 0.05 %"),
                    Cell(f"{fitting} of {of}", (fitting, of)),
                    cell(fit.p, _p(fit.p)),
                    cell(int(fit.group > 0), "yes" if fit.group else "no"),
                ),
                shaded=fit.group == 0,
            )
        )
    caption = (
        "Best first, by log likelihood and a prior: each departure from the file is half as probable, and all readings "
        "of so many departures share that. Weight: the probability among these readings, if one of them is right. p of "
        "the table: that all rows together are so far off (Mahalanobis' distance). A number fits where "
        "something at least as far off as what is published has a probability of "
        f"{FAR:g} or more under the reading. Shaded: not told apart from the best."
    )
    return Table(name, f"{_best(most, rung)} of {rung.name}", caption, columns, tuple(rows))


def _best(most: int | None, rung: RungResult) -> str:
    """What a title calls the readings of a table."""
    return "Readings" if most is None or most >= len(rung.readings) else f"The {most} best readings"


def fitting_numbers(fit: ReadingFit) -> tuple[int, int]:
    """(published numbers that a reading explains, those that it was tried on)."""
    return sum(one.p >= FAR for one in fit.cells.values()), len(fit.cells)


def readings_by_rows(explained: Explained, rung: RungResult, ddof: int, name: str, most: int | None = None) -> Table:
    """What every reading of a rung gave for every published number; the published ones in the first row.

    most: only the best so many readings (None: all).
    """
    keys = [(row, measure) for row in rung.rows for measure in explained.rows[row].numbers]
    columns = [Column("reading", ("reading", "number"))]
    cells = [Cell("published", ("published", None), bold=True)]
    several = len({measure for _, measure in keys}) > 1
    for row, measure in keys:
        own = explained.rows[row]
        published = own.numbers[measure]
        heading = own.key + (f": {measure}" if several else "")
        columns.append(Column(heading, tuple(f"{heading}{end}" for end in ("", " std", " p")), numeric=True))
        text = shown_published(published, published.digits)
        cells.append(Cell(text, (published.value, published.spread, None), bold=True))
    rows = [Row(tuple(cells), total=True)]
    for fit in rung.ranking.readings[:most]:
        reading = explained.readings[int(fit.name)]
        cells = [Cell(reading.name, (reading.name, reading.number), bold=fit is rung.ranking.readings[0])]
        for row, measure in keys:
            cells.append(_result(explained, rung, reading, fit, row, measure, ddof))
        rows.append(Row(tuple(cells), shaded=fit.group == 0))
    what = "whole runs" if rung.share >= 1 else f"runs of about {shown_share(rung.share)} of the work"
    caption = (
        f"By {what}; mean ± standard deviation (ddof {ddof}) over the seeds, one run where there is no deviation. "
        f"Marked with ≠: published numbers so far off have a probability below {FAR:g} under the reading."
    )
    if rung.share < 1:
        caption += " What cheaper runs differ by from whole ones is allowed for."
    return Table(name, f"{_best(most, rung)} × rows, {rung.name}", caption, tuple(columns), tuple(rows))


def _result(
    explained: Explained, rung: RungResult, reading: Reading, fit: ReadingFit, row: int, measure: str, ddof: int
) -> Cell:
    values = rung.values.get((reading.number, row, measure))
    found = fit.cells.get(cell_key(row, measure))
    if values is None or found is None:
        return Cell("", (None, None, None))
    published = explained.rows[row].numbers[measure]
    there: dict[RunKey, float] = {seed: value for seed, value in enumerate(values) if value is not None}
    own = sample(there, ddof)
    ours = reading.measured.get(measure, measure)
    text = (
        shown_values(own, ours, published.scale, max(published.digits, 3 if is_fraction(ours) else 0)) if there else ""
    )
    lost = len(values) - len(there)
    text += f"{', ' * bool(text)}{lost} diverged" if lost else ""
    return Cell(text + (" ≠" if found.p < FAR else ""), (own.mean, own.std, found.p))


def unexplained_table(rung: RungResult, name: str) -> Table:
    """For every published number: how probable it is under the best reading, and how many readings explain it."""
    columns = (
        Column("row"),
        Column("p, best reading", ("p",), numeric=True),
        Column("p, Holm over the rows", ("p_holm",), numeric=True),
        Column("readings that explain it", ("explained_by",), numeric=True),
    )
    rows = []
    for key, found in rung.ranking.rows.items():
        rows.append(
            Row(
                (
                    cell(key),
                    cell(found.p, "–" if found.p is None else _p(found.p)),
                    cell(found.adjusted, "–" if found.adjusted is None else _p(found.adjusted)),
                    cell(len(found.explained_by)),
                )
            )
        )
    caption = (
        "p: two-sided probability, under the best reading, of a number at least as far off as the published one. A row "
        f"that no reading explains has p < {LEVEL:g} after Holm's correction under every reading."
    )
    return Table(name, "How well every row is explained", caption, columns, tuple(rows))


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def left_out_table(explained: Explained, name: str) -> Table:
    """Readings that were not run, and why."""
    rows = tuple(Row((cell(what), cell(why))) for what, why in explained.left_out)
    caption = "Alternatives that fit no row, readings whose parts do not go together, and those that come to the same."
    return Table(name, "Readings that were not run", caption, (Column("reading"), Column("why")), rows)
