"""The statements of an original, judged: each with the claim in plain words, the ruling of the runs, and a table.

judged_statements(summary, …)  ->  a JudgedStatement for each, in order
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.measures import DEFAULT_METRIC
from handgrad.names import short
from handgrad.report.findings.curve_measures import LoadEpochs
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import axis_names, enumerated, plural
from handgrad.report.reproduced.item_table import NOT_RUN, setting_at
from handgrad.report.reproduced.judge import word
from handgrad.report.reproduced.rulings import (
    CONTRADICTED,
    HOLDS,
    ONE_RUN,
    UNDECIDED,
    UNJUDGED,
    Claimed,
    Ruling,
    unjudged,
)
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import is_path, shown
from handgrad.study.published.figure_options import load as load_function
from handgrad.study.published.items import WINNER
from handgrad.study.published.statements import CLAIMS, Statement

NAMED = 3  # contradicted statements that the top of the page names
SHORT = 60  # letters of a quotation there


@dataclass(frozen=True)
class JudgedStatement:
    """A statement, what it claims in plain words, and what the runs say of it."""

    statement: Statement
    claim: str
    ruling: Ruling

    @property
    def quoted(self) -> str:
        """Its words in quotation marks, or as they are where they are not the original's own.

        >>> from handgrad.study.published.statements import Statement
        >>> said = Statement(says="as good as SGD", where="l. 1", claim="learns")
        >>> JudgedStatement(said, "", unjudged("")).quoted
        '“as good as SGD”'
        """
        return f"“{self.statement.says}”" if self.statement.verbatim else f"in substance: {self.statement.says}"

    def data(self) -> dict[str, Any]:
        """As reproduction.json has it: accuracies are fractions."""
        return {
            "says": self.statement.says,
            "verbatim": self.statement.verbatim,
            "where": self.statement.where,
            "claim": self.claim,
            "verdict": self.ruling.verdict,
            "here": self.ruling.here,
            "how": self.ruling.how,
            "n": self.ruling.n,
            "difference": self.ruling.difference,
            "low": self.ruling.low,
            "high": self.ruling.high,
        }


def judged_statements(summary: Summary, curves: LoadEpochs, diagnostics: LoadEpochs) -> list[JudgedStatement]:
    """Every statement of the original; curves, diagnostics: id of a run -> its curves by epoch, its diagnostics."""
    refs = summary.refs
    if refs is None or refs.original is None:
        return []
    found = []
    for given in refs.original.statement:
        assert isinstance(given, Statement)
        statement = given
        if given.along is not None:
            statement = given.model_copy(update={"along": refs.shown(given.along)})
        found.append(JudgedStatement(given, _claim(statement), _ruling(summary, statement, curves, diagnostics)))
    return found


def _ruling(summary: Summary, statement: Statement, curves: LoadEpochs, diagnostics: LoadEpochs) -> Ruling:
    if not statement.run:
        return unjudged(NOT_RUN)
    ours, theirs = (_settings(summary, statement, named) for named in (statement.setting, statement.than))
    if ours is None or theirs is None:
        return unjudged(NOT_RUN)
    phases = [phase for phase in summary.phases if phase.name in statement.phase]
    claimed = Claimed(
        statement=statement,
        ours=ours,
        theirs=theirs,
        axes=tuple(dict.fromkeys(axis for phase in phases for axis in phase.axes)),
        metric=statement.measure or (phases[0].metric if phases else DEFAULT_METRIC),
        load=curves,
        diagnostics=diagnostics,
        ddof=summary.ddof,
    )
    ruling: Ruling = load_function(CLAIMS[statement.claim].judge)(claimed)
    if summary.made_with:
        return Ruling(UNJUDGED, ruling.here, f"not judged: made with {summary.made_with}", ruling.n)
    return ruling


def _settings(summary: Summary, statement: Statement, named: Sequence[Any] | None) -> tuple[SettingSummary, ...] | None:
    """The settings that are meant, each once; None where one of them is not run here or nothing has won yet."""
    assert summary.refs is not None
    found = [setting_at(summary, there) for there in statement.settings_of(named, summary.refs)]
    if not found or any(setting is None for setting in found):
        return None
    return tuple({setting.label: setting for setting in found if setting is not None}.values())


def _claim(statement: Statement) -> str:
    """What is claimed, in plain words."""
    claim = CLAIMS[statement.claim]
    text = f"{_names(statement, statement.setting)}: {claim.about}"
    if statement.along is not None:
        along = statement.along
        text += f" {word(along) if word(along) != along or not is_path(along) else axis_names([along])[along]}"
    if claim.than == "needed" or statement.than is not None:
        text += f"{'' if claim.than == 'needed' else ' beside'} {_names(statement, statement.than)}"
    if statement.level is not None:
        text += f", level {shown(statement.level)}"
    if statement.measure is not None:
        text += f", {word(statement.measure)}"
    return text


def _names(statement: Statement, references: Sequence[Any] | None) -> str:
    if references is None:
        return f"all settings of {enumerated(statement.phase)}"
    return enumerated([_name(reference) for reference in references])


def _name(reference: Any) -> str:
    if isinstance(reference, Mapping):
        names = axis_names(list(reference))
        return ", ".join(f"{names[path]} {shown(value)}" for path, value in reference.items())
    return "the winner" if reference == WINNER else str(reference)


CAPTION = (
    "A statement holds here, or is contradicted here, where runs decide: a paired t-test on shared seeds, p < 0.05, "
    "from six seeds on the sign-flip test too, each by itself. Not separated: neither is shown, which is not the same "
    "as equal; “as good as” holds where the 95 % interval lies within the margin. One run shows no spread: then "
    "only how runs ended is judged, and whether the noise of the examples alone would explain a difference."
)


def statements_table(found: Sequence[JudgedStatement]) -> Table:
    """One row for each statement."""
    columns = (
        Column("the original says", ("where", "says")),
        Column("claim"),
        Column("verdict"),
        Column("here"),
        Column("judged by", ("how", "n", "difference", "low", "high")),
    )
    rows = []
    for one in found:
        ruling, note = one.ruling, one.statement.note
        rows.append(
            Row(
                (
                    Cell(f"{one.statement.where}: {one.quoted}", (one.statement.where, one.statement.says)),
                    cell(one.claim, f"{one.claim} ({note})" if note else one.claim),
                    cell(ruling.verdict, bold=ruling.verdict in (HOLDS, CONTRADICTED)),
                    cell(ruling.here or None),
                    Cell(ruling.how, (ruling.how, ruling.n, ruling.difference, ruling.low, ruling.high)),
                )
            )
        )
    return Table("statements", "What the original says in words, and what the runs say", CAPTION, columns, tuple(rows))


def statement_verdicts(found: Sequence[JudgedStatement]) -> list[Verdict]:
    """For the top of the page: how many statements hold, and the first that are contradicted."""
    if not found:
        return []
    counts = Counter(one.ruling.verdict for one in found)
    said = {
        HOLDS: ("holds here", "hold here"),
        CONTRADICTED: ("is contradicted here", "are contradicted here"),
        UNDECIDED: ("is not separated", "are not separated"),
    }
    parts = [f"{n} {words[n > 1]}" for verdict, words in said.items() if (n := counts[verdict])]
    if counts[UNJUDGED]:
        single = sum(one.ruling.verdict == UNJUDGED and one.ruling.how.startswith(ONE_RUN) for one in found)
        why = f" ({single} by one run of each)" if single else ""
        parts.append(f"{counts[UNJUDGED]} cannot be judged{why}")
    text = f"Of {plural(len(found), 'statement')} in words {enumerated(parts)}."
    against = [one for one in found if one.ruling.verdict == CONTRADICTED]
    if not against:
        return [Verdict("note", text)]
    named = "; ".join(
        f"{short(one.quoted, SHORT)} ({one.statement.where}): {one.ruling.here}" for one in against[:NAMED]
    )
    return [Verdict("note", text), Verdict("warning", f"Contradicted here: {named}.")]
