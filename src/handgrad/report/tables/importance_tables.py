"""Tables of hyperparameters: shares of the variance, and which values work."""

from handgrad.decimals import significant
from handgrad.measures import METRICS
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import Importance, Shares
from handgrad.report.findings.importance_sentences import ends_of, percent_of
from handgrad.report.findings.intervals import Interval
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.findings.wording import amount, number, plural
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import shown


def shares_table(shares: Shares, metric: str, name: str, title: str) -> Table:
    """One row per axis and pair, largest first; of a grid also what seeds and noise have."""
    word = METRICS[metric].word
    return (
        _of_forest(shares, word, name, title)
        if isinstance(shares, ForestShares)
        else _of_grid(shares, word, name, title)
    )


def _of_grid(shares: VarianceShares, word: str, name: str, title: str) -> Table:
    columns = (
        Column("term", ("term", "kind")),
        Column("share", ("share", "variance"), numeric=True),
        Column("95 % interval", ("low", "high"), numeric=True),
        Column("degrees of freedom", ("df",), numeric=True),
    )
    rows = tuple(
        Row(
            (
                Cell(one.name, (one.name, one.kind)),
                Cell(percent_of(one.share), (one.share, one.variance)),
                _interval(one.interval),
                cell(one.df),
            )
        )
        for one in shares.shares
    )
    caption = (
        f"Of the variance of a run's {word}: ω², unbiased, 0 in the mean for what does nothing; the CSV has "
        f"them as computed, which may be below 0. {plural(shares.cells, 'setting')} × {shares.counted}. "
        "Intervals: generalized pivots. Rows of two hyperparameters: what they do together beyond what each does alone."
    )
    return Table(name, title, caption, columns, rows)


def _of_forest(shares: ForestShares, word: str, name: str, title: str) -> Table:
    columns = (
        Column("term", ("term", "kind")),
        Column("share", ("share",), numeric=True),
        Column("95 % interval", ("low", "high"), numeric=True),
        Column("per tree", ("per_tree", "per_tree_sd"), numeric=True),
    )
    rows = [
        Row(
            (
                Cell(one.name, (one.name, "main" if len(one.axes) == 1 else "interaction")),
                Cell(percent_of(one.share), (one.share,)),
                _interval(one.interval),
                Cell(
                    f"{percent_of(one.per_tree).removesuffix(' %')} ± {percent_of(one.per_tree_sd)}",
                    (one.per_tree, one.per_tree_sd),
                ),
            )
        )
        for one in shares.shares
    ]
    rest = Cell("all other interactions", ("all other interactions", "rest"))
    rows.append(Row((rest, Cell(percent_of(shares.rest), (shares.rest,)), _interval(None), Cell("–", (None, None)))))
    caption = (
        f"Of the variance of {word} over the space: fANOVA of a random forest on "
        f"{plural(shares.settings, 'setting')} ({plural(shares.runs, 'run')}; R² out of bag {shares.r2:.2f}), by pairs "
        "of trees grown on different settings, which have no noise in common; the CSV has them as computed, which may "
        "be below 0. Intervals: bootstrap over settings. Per tree: as Hutter et al. 2014, mean ± standard deviation "
        "over trees; noise enters into them. Rows of two hyperparameters: what they do together beyond "
        "what each does alone."
    )
    return Table(name, title, caption, columns, tuple(rows))


def _interval(one: Interval | None) -> Cell:
    if one is None:
        return Cell("–", (None, None))
    return Cell(ends_of(one.low, one.high), (one.low, one.high))


HOW = {
    "profile": "others at their best",
    "slice": "others as in the best",
    "draws": "of the draws that work",
}


def working_table(found: Importance, name: str, title: str) -> Table | None:
    """One row per range of values that work; None where no axis has numbers."""
    one, names, metric = found.forgiveness, found.studied.names, found.studied.metric
    if one is None or not one.ranges:
        return None
    columns = (
        Column("hyperparameter", ("axis",)),
        Column("taken", ("how",)),
        Column("works from", ("low",), numeric=True),
        Column("to", ("high",), numeric=True),
        Column("factor", ("factor", "factor_at_most"), numeric=True),
        Column("does not work at", ("below", "above"), numeric=True),
        Column("values", ("values", "tried"), numeric=True),
    )
    rows = []
    for each in one.ranges:
        outside = [_value(value) for value in (each.below, each.above) if value is not None]
        factor = "–" if each.factor is None else f"{each.factor:.3g}"
        factor += "" if each.most is None or each.most == each.factor else f" (less than {each.most:.3g})"
        rows.append(
            Row(
                (
                    cell(names[each.axis]),
                    Cell(HOW[each.how], (each.how,)),
                    cell(each.low, _value(each.low)),
                    cell(each.high, _value(each.high)),
                    Cell(factor, (each.factor, each.most)),
                    Cell(", ".join(outside) or "no value tried", (each.below, each.above)),
                    Cell(f"{each.values} of {each.tried}", (each.values, each.tried)),
                )
            )
        )
    caption = (
        f"Values around the best with which settings come within {amount(one.margin, metric)} of it "
        f"({number(one.best, metric)}): with the other hyperparameters at their best for each value, or as in the best "
        f"setting; of draws, the ends of those that work. The margin is {found.margin_is}. The true ends lie between "
        "the last value that works and the next that does not; the factor in brackets is of the latter."
    )
    return Table(name, title, caption, columns, tuple(rows))


def _value(value: object) -> str:
    return significant(value, 3) if isinstance(value, float) else shown(value)
