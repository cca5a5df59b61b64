"""A reproduction: for every item of an original its table, its compared numbers, rankings and verdicts.

reproduce(summary, curves, diagnostics)  ->  Reproduction: a result for every item of the original, in order
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.measures import METRICS
from handgrad.report.findings.curve_measures import LoadEpochs
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.reproduced.checks.evidence import evidence_of
from handgrad.report.reproduced.checks.original_checks import FoundError, find_errors
from handgrad.report.reproduced.item_table import ItemTable, compared_in, found, runs_behind, shown_in
from handgrad.report.reproduced.judge import RULE, Compared, digits_of
from handgrad.report.reproduced.judged_statements import JudgedStatement, judged_statements
from handgrad.report.reproduced.number_tables import numbers_table, predictions_table
from handgrad.report.reproduced.ranks import RankAgreement, ranking_verdict, rankings_of
from handgrad.report.reproduced.reproduction_verdicts import counted, rows_named, unstable
from handgrad.report.tables.table import Table
from handgrad.study.published.figure_options import load
from handgrad.study.published.items import Figure, Original, PublishedTable
from handgrad.study.published.numbers import published, units_of
from handgrad.study.published.published_tables import SettingsTable


@dataclass(frozen=True)
class ItemResult:
    """An item, its table (a figure's published facts; None where it has none) and what can be said of it.

    alone: the table's reproduced numbers in the original's columns.
    """

    item: PublishedTable | Figure
    table: Table | None
    numbers: tuple[Compared, ...]
    rankings: tuple[RankAgreement, ...]
    verdicts: tuple[Verdict, ...]
    shown: Mapping[str, SettingSummary]  # of a figure: name in the legend -> setting
    alone: Table | None = None


@dataclass(frozen=True)
class Reproduction:
    """An original, the result for each of its items, its statements, judged, and where it errs by the checks.

    made_with: what makes the study another than the original's; then nothing is judged.
    """

    original: Original
    items: tuple[ItemResult, ...]
    statements: tuple[JudgedStatement, ...] = ()
    made_with: str = ""
    errors: tuple[FoundError, ...] = ()

    @property
    def numbers(self) -> list[Compared]:
        """The published numbers of all items."""
        return [number for item in self.items for number in item.numbers]

    def count(self, inside: bool | None) -> int:
        """How many are inside (True), outside (False) or not judged (None)."""
        return sum(number.inside is inside for number in self.numbers)

    def data(self) -> dict[str, Any]:
        """As reproduction.json has it."""
        return {
            "original": self.original.title,
            "source": self.original.source,
            "made_with": self.made_with or None,
            "rule": RULE,
            "inside": self.count(True),
            "outside": self.count(False),
            "not_judged": self.count(None),
            "errors": [
                *(error.data() for error in self.errors),
                *({"check": None, "where": None, "text": text, "numbers": {}} for text in self.original.errors),
            ],
            "numbers": [number.data() for number in self.numbers],
            "rankings": [
                {
                    "item": item.item.number,
                    "measure": ranking.measure,
                    "rows": ranking.n,
                    "kendall_tau_b": ranking.tau,
                    "published_best": list(ranking.their_best),
                    "reproduced_best": list(ranking.our_best),
                    "same_best": ranking.same_best,
                }
                for item in self.items
                for ranking in item.rankings
            ],
            "statements": [one.data() for one in self.statements],
        }


def reproduce(summary: Summary, curves: LoadEpochs, diagnostics: LoadEpochs) -> Reproduction | None:
    """Every item of the original beside what this study has; None where the study reproduces nothing.

    curves, diagnostics: id of a run -> its curves by epoch, its diagnostics (of `Sources`).
    """
    if summary.refs is None or summary.refs.original is None:
        return None
    said: set[str] = set()  # settings whose instability was told
    items = [
        _figure(summary, item) if isinstance(item, Figure) else _table(summary, item, said)
        for item in summary.refs.original.items
    ]
    statements = tuple(judged_statements(summary, curves, diagnostics))
    errors = tuple(find_errors(evidence_of(summary.refs, summary)))
    return Reproduction(summary.refs.original, tuple(items), statements, summary.made_with, errors)


def _table(summary: Summary, item: PublishedTable, said: set[str]) -> ItemResult:
    made: ItemTable = load(type(item).maker)(summary, item)
    rankings: tuple[RankAgreement, ...] = ()
    if isinstance(item, SettingsTable) and not summary.made_with:
        rankings = tuple(rankings_of(item, made))
    verdicts = [*counted(made.numbers), *map(ranking_verdict, rankings), *made.verdicts]
    verdicts += _unstable(made, said)
    return ItemResult(item, made.table, made.numbers, rankings, tuple(verdicts), {}, made.alone)


def _unstable(made: ItemTable, said: set[str]) -> list[Verdict]:
    """What the means of a table hide, rows of which the same can be said together; `said`: settings told before."""
    rows: dict[str, list[str]] = {}
    if any(number.measure in METRICS for number in made.numbers):
        for label, setting in made.settings.items():
            if setting is not None and setting.label not in said:
                text = unstable(setting, made.numbers)
                if text is not None:
                    rows.setdefault(text, []).append(label)
                    said.add(setting.label)
    return [Verdict("warning", f"{rows_named(labels)}: {text}") for text, labels in rows.items()]


def _figure(summary: Summary, item: Figure) -> ItemResult:
    named: dict[str, SettingSummary | None] = {}
    for reference in item.references:
        named |= found(summary, reference, item.phase)
    further = runs_behind(summary, item.n)
    numbers, rows = [], []
    for name, measured in item.numbers(list(named) or ["not run"]).items():
        for measure, raw in measured.measures.items():
            one = published(raw, item.unit if item.unit in units_of(measure) else None)
            one = one.printed(digits_of([one], item.digits))
            number = compared_in(summary, item, name, measure, one, named.get(name))
            numbers.append(number)
            rows.append((number, ""))
    table = None
    if rows:
        table = numbers_table(
            summary, f"{item.file}-numbers", "Published beside reproduced", rows, further, named.values()
        )
    elif item.actual:
        table = predictions_table(summary, item, next(iter(named.values()), None))
    shown = shown_in(item, named)
    left_out = [name for name, setting in named.items() if setting is None]
    verdicts = [Verdict("note", f"Not run here: {', '.join(left_out)}.")] if left_out and shown else []
    return ItemResult(item, table, tuple(numbers), (), (*counted(numbers), *verdicts), shown)
