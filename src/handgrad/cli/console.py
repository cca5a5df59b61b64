"""What commands print: sentences, tables, records, what a study came to.

Colour follows the terminal and `NO_COLOR`.  Progress goes to standard error (`study_display`), results to standard
output.
"""

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from handgrad.cli.options import print_json
from handgrad.cli.wrapping import room_of, table_lines, wrapped
from handgrad.files import size_text
from handgrad.measures import TRAIN, part_of
from handgrad.names import plural

if TYPE_CHECKING:
    from handgrad.report.findings.importance import Importance
    from handgrad.report.findings.summary import Summary
    from handgrad.report.findings.verdicts import Verdict
    from handgrad.report.reproduced.reproduction import Reproduction
    from handgrad.report.tables.table import Table
    from handgrad.study.explain.explain_plan import ExplainPlan
    from handgrad.study.explain.rung_results import Explained
    from handgrad.study.folder.planned_rows import LeftToRun
    from handgrad.study.planning.estimate import Estimate
    from handgrad.training.record import Record

MOST_ROWS = 200  # of a plan
MOST_SETTINGS = 10  # of a phase with more than a table in the order of the plan holds
MOST_READINGS = 20  # of an explanation
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numeric: Collection[int] = (),
    bold: Collection[int] = (),
    names: int = 1,
) -> None:
    """A table as text, never cut; one wider than the terminal goes on below.

    numeric: columns aligned right;  bold: rows set in bold;  names: first columns that name a row, and are repeated.
    """
    texts = [[str(value) for value in row] for row in rows]
    for number, block in enumerate(table_lines(headings, texts, numeric, room_of(out), names)):
        if number:
            out.print()
        for row, line in block:
            out.print(Text(line, "bold" if row < 0 or row in bold else ""))


def print_line(text: str, style: str = "") -> None:
    """A sentence, wrapped to the terminal."""
    out.print(Text(wrapped(text, room_of(out)), style))


def say(line: str) -> None:
    """One line about what is going on, to standard error."""
    err.print(Text(wrapped(line, room_of(err))))


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(0.42), duration(75), duration(3700)
    ('0.4 s', '1 min 15 s', '1 h 01 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def print_record(record: "Record") -> None:
    """The record of one run, as lines that people read."""
    from handgrad.study.toml import inline

    diverged, data, network, time = record.diverged, record.dataset, record.network, record.time
    counts = ", ".join(f"{n:,} {part}" for part, n in data.counts.items())
    lines: list[tuple[str, Any]] = [
        ("run", f"{record.id}, seed {record.seed}"),
        ("status", record.status),
        ("network", f"{', '.join(network.layers)} ({network.parameters:,} parameters)"),
        ("loss", network.loss_formula),
        ("L2", network.l2_formula),
        *(("slip", text) for text in network.slips),
        ("data", f"{data.name}, {counts}; {data.scaling}"),
        ("epochs", f"{record.epochs} ({record.steps:,} steps)"),
        ("time", f"{duration(time.training)} training, {duration(time.evaluation)} scoring"),
    ]
    if diverged:
        lines.append(("diverged", f"epoch {diverged.epoch}, step {diverged.step:,}, layer {diverged.layer}"))
        lines.append(("", diverged.reason))
    if record.error:
        lines.append(("error", record.error))
    scored, total = record.train_score.n if record.train_score else 0, data.counts.get("train", 0)
    for name, value in record.scores.items():
        partly = part_of(name) is TRAIN and 0 < scored < total
        of = f" (on {scored:,} of {total:,} training examples)" if partly else ""
        lines.append((name, "–" if value is None else f"{value:.4f}{of}"))
    for section, values in record.setting.items():
        given = {key: value for key, value in values.items() if value is not None}
        lines += [(f"{section}.{key}", one if isinstance(one, str) else inline(one)) for key, one in given.items()]
    width, room = max(len(name) for name, _ in lines), room_of(out)
    for name, value in lines:
        parts = [str(value)] if room is None else textwrap.wrap(str(value), max(room - width - 2, 30)) or [""]
        for number, part in enumerate(parts):
            text = f"{'' if number else name}".ljust(width) + f"  {part}"
            out.print(Text(text.rstrip(), "bold red" if name == "slip" else ""))


def print_of_report(table: "Table") -> None:
    """A table of the report with its title."""
    out.print(Text(f"\n{table.title}" if table.title else "", "bold"))
    numeric = [i for i, column in enumerate(table.columns) if column.numeric]
    best = [i for i, row in enumerate(table.rows) if any(cell.bold for cell in row.cells)]
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    print_table([column.heading for column in table.columns], rows, numeric=numeric, bold=best)


def print_summary(summary: "Summary", reproduction: "Reproduction | None", tables: Path) -> None:
    """The summary table of every phase (of many settings the best), what can be said of it, and how much of an original
    was reproduced.  tables: the folder with the whole ones."""
    from handgrad.report.findings.choice_sentences import choice_verdicts, leading_verdicts, other_choices_verdicts
    from handgrad.report.findings.conclusion_sentences import phase_verdicts
    from handgrad.report.findings.noise import noises
    from handgrad.report.findings.noise_sentences import noise_verdicts
    from handgrad.report.findings.scored_parts import scored_on
    from handgrad.report.findings.verdicts import (
        conditional,
        early_stopping_verdicts,
        slip_verdicts,
        small_parts,
    )
    from handgrad.report.reproduced.reproduction_verdicts import reproduction_verdicts
    from handgrad.report.tables.noise_table import noise_table
    from handgrad.report.tables.study_tables import IN_ORDER, phase_title, summary_table

    for number, phase in enumerate(summary.phases, start=1):
        table = summary_table(phase, summary.ddof, "summary", phase_title(summary, phase))
        shown = table.rows if len(table.rows) <= IN_ORDER else table.rows[:MOST_SETTINGS]
        print_of_report(replace(table, rows=shown))
        if more := len(table.rows) - len(shown):
            name = f"summary-{number}" if len(summary.phases) > 1 else "summary"
            print_line(f"… and {plural(more, 'more setting')}, worse than these: {tables / name}.csv")
        if where := scored_on(phase.settings):
            print_line(f"  Scored on {where}.")
        for verdict in phase_verdicts(phase, brief=phase is not summary.leading):
            print_line(f"  {verdict.text}")
        if phase is summary.leading:
            for verdict in choice_verdicts(phase):
                print_line(f"  {verdict.text}")
    for noise in noises(summary):
        if noise.parts:
            print_of_report(noise_table(noise, "noise", "Where noise comes from"))
        for verdict in noise_verdicts(noise):
            print_line(f"  {verdict.text}")
    for verdict in slip_verdicts(summary.settings):
        print_line(verdict.text, "bold red")
    examples = (*conditional(summary), *early_stopping_verdicts(summary), *small_parts(summary))
    for verdict in (*leading_verdicts(summary), *other_choices_verdicts(summary), *examples):
        print_line(verdict.text)
    if reproduction is not None:
        out.print(Text("\nThe original", "bold"))
        for verdict in reproduction_verdicts(reproduction):
            print_line(f"  {verdict.text}")


def print_search(summary: "Summary") -> None:
    """What each search saved and may have cost, or when its best was found."""
    from handgrad.report.findings.search_sentences import brief_verdicts
    from handgrad.report.findings.stopping import cost_of

    phases = [phase for phase in summary.phases if phase.search is not None]
    if phases:
        out.print(Text("\nThe search" if len(phases) == 1 else "\nThe searches", "bold"))
    for phase in phases:
        facts = phase.search
        assert facts is not None
        if len(phases) > 1:
            out.print(Text(f"  {phase.name}"))
        for verdict in brief_verdicts(phase, cost_of(facts)):
            print_line(f"  {verdict.text}")


def print_range_tests(verdicts: "Sequence[Verdict]") -> None:
    """Which learning rates the range tests give."""
    for verdict in verdicts:
        print_line(verdict.text)


def print_importance(summary: "Summary", important: "Sequence[Importance]") -> None:
    """Which hyperparameter matters, phase by phase."""
    from handgrad.report.findings.importance_sentences import headline_importance

    verdicts = headline_importance(summary, important)
    if verdicts:
        out.print(Text("\nHyperparameter importance", "bold"))
    for verdict in verdicts:
        print_line(f"  {verdict.text}")


def print_ladder(plan: "ExplainPlan", *, json: bool) -> None:
    """The rungs of an explanation before it runs: readings, rows, runs at most."""
    rows = []
    for rung in plan.ladder:
        on = len(plan.rows) if rung.final else len(plan.rows_at(rung.share))
        seeds = len(plan.seeds) if rung.final else 1
        readings = min(rung.at_most, len(plan.readings))
        in_full = on if rung.number == 1 and rung.share < 1 else 0  # of the file as it is written, beside the first
        rows.append((rung.name, readings, on, seeds, readings * on * seeds + in_full))
    headings = ("rung", "readings at most", "rows", "seeds", "runs at most")
    if json:
        print_json({"study": plan.study.spec.name, "rungs": [dict(zip(headings, row, strict=True)) for row in rows]})
        return
    for note in dict.fromkeys(plan.notes):
        say(f"note: {note}")
    print_table(headings, rows, numeric=[1, 2, 3, 4])


def print_explained(explained: "Explained") -> None:
    """The readings of the last rung, best first, and what can be said of them."""
    from handgrad.report.explained.explained_chapter import explained_verdicts
    from handgrad.report.explained.explained_tables import order_table

    if explained.rungs:
        table = order_table(explained, explained.rungs[-1], "readings", MOST_READINGS)
        out.print(Text(f"\n{table.title}", "bold"))
        rows = [[cell.text for cell in row.cells] for row in table.rows]
        numeric = [i for i, column in enumerate(table.columns) if column.numeric]
        print_table([column.heading for column in table.columns], rows, numeric=numeric, bold=[0])
    for verdict in explained_verdicts(explained):
        print_line(verdict.text, "bold red" if verdict.kind == "slip" else "")


def print_plan(
    rows: Sequence[Mapping[str, Any]], cost: "Estimate", left: "LeftToRun", report_seconds: float, on: int
) -> None:
    """Every run of a plan, then what those will take that are left, and the report, on so many cores."""
    from handgrad.study.changes import axis_names, shown
    from handgrad.study.folder.disk import short_length

    signs = short_length(row["id"] for row in rows if row["id"])

    def line(row: Mapping[str, Any]) -> Sequence[str]:
        names = axis_names(list(row["axes"]))
        what = ", ".join(f"{names[path]} {shown(value)}" for path, value in row["axes"].items())
        run_id = (row["id"] or "")[:signs] or (
            "when its start has won" if row["setting"].startswith("*_") else "when it is drawn"
        )
        runs = [str(row[name]) for name in keys]
        return row["phase"], row["setting"], *runs, run_id, row["state"], duration(row["seconds"]), what

    keys = ["fold", "seed"] if any(row["fold"] for row in rows) else ["seed"]
    headings = ("phase", "setting", *keys, "run", "state", "about", "what")
    print_table(
        headings,
        [line(row) for row in rows[:MOST_ROWS]],
        numeric=[*range(2, 2 + len(keys)), len(keys) + 4],
        names=2 + len(keys),
    )
    if len(rows) > MOST_ROWS:
        print_line(f"… and {plural(len(rows) - MOST_ROWS, 'more run')}; --json lists them all")
    runs = f"{'at most ' * (cost.epochs < cost.most)}{plural(len(rows), 'run')}"
    if (ended := len(rows) - left.runs) > 0:
        runs += f", {ended:,} ended and {left.runs:,} left,"
    print_line(f"\n{runs} with {plural(cost.workers, 'worker')}, measured on {cost.measured} of their shapes:")
    if cost.epochs < cost.most:
        rest = "a search stops settings short, or a budget does not pay for more"
        print_line(f"epochs  about {cost.epochs:,} of {cost.most:,}; {rest}")
    out.print(
        Text(
            f"time    about {duration(left.seconds)}, the start included"
            if left.runs
            else "time    nothing is left to run"
        )
    )
    where = "one core" if on == 1 else f"{on} cores"
    out.print(Text(f"report  about {duration(report_seconds)} more, at the end, on {where}"))
    out.print(Text(f"total   about {duration(left.seconds + report_seconds)}"))
    out.print(Text(f"memory  about {size_text(cost.memory)}"))
    for_now = f", {size_text(cost.kept)} of which stay" if cost.kept < 0.8 * cost.disk else ""
    out.print(Text(f"disk    about {size_text(cost.disk)}{for_now}"))
