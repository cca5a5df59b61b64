"""Commands of studies: run, plan, report, studies.

Commands parse, call public functions and print.  Everything heavy is imported inside the command that needs it.
"""

import json as json_format
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from handgrad.cli.options import Json, Overrides, port_number, print_json, real_number, whole_number
from handgrad.errors import InputError
from handgrad.names import plural

if TYPE_CHECKING:
    from handgrad.report.live.watching import Watcher
    from handgrad.study.published.print_options import PrintOptions

commands = typer.Typer()

StudyName = Annotated[str, Argument(metavar="STUDY", help="A ready-made study (see: handgrad studies) or a TOML file.")]
Out = Annotated[Path | None, Option("--out", metavar="DIR", help="Results folder.  [default: results/STUDY]")]
Quick = Annotated[bool, Option("--quick", help="The study's own small version: every item, in minutes.")]
Port = Annotated[
    int | None, Option("--port", metavar="N", parser=port_number, help="Port of 127.0.0.1.  [default: a free one]")
]
Browser = Annotated[bool, Option("--open", help="Open the page in a browser.")]
Watch = Annotated[bool, Option("--watch", help="Serve the report meanwhile, on this machine alone.")]
Phases = Annotated[
    list[str] | None,
    Option("--phase", metavar="NAME", help="Only this phase, with those it comes after; may be given again."),
]
Jobs = Annotated[
    int | None, Option("--jobs", metavar="N", parser=whole_number, help="Runs at a time.  [default: one per core]")
]
RunnerName = Annotated[
    str | None, Option("--runner", metavar="NAME", help="serial, processes or ray.  [default: processes]")
]
Address = Annotated[
    str | None, Option("--address", metavar="HOST:PORT", help="Ray cluster.  [default: RAY_ADDRESS, or one made here]")
]
CpusPerRun = Annotated[
    float | None,
    Option("--cpus-per-run", metavar="X", parser=real_number, help="What a run asks of a Ray cluster.  [default: 1]"),
]


@commands.command(epilog="Example:  handgrad run quickstart --jobs 2 training.epochs=5")
def run(
    study: StudyName,
    overrides: Overrides = None,
    out: Out = None,
    jobs: Jobs = None,
    runner: RunnerName = None,
    address: Address = None,
    cpus_per_run: CpusPerRun = None,
    phase: Phases = None,
    quick: Quick = False,
    watch: Watch = False,
    port: Port = None,
    browser: Browser = False,
    json: Json = False,
) -> None:
    """Train every run of a study that is not finished yet and write its report; the same command continues it."""
    from handgrad.cli import console
    from handgrad.cli.following import following
    from handgrad.report.drawing.lettering import check_fonts
    from handgrad.study import run_study
    from handgrad.study.published.print_options import AS_USUAL
    from handgrad.study.reading.loading import read_study
    from handgrad.study.rules.select import metric_of

    chosen = read_study(study, overrides or (), quick=quick, data_on_disk=True)
    check_fonts(AS_USUAL, chosen)
    folder = out or chosen.default_out
    watcher = _watcher(watch, port, browser)
    metric = metric_of(chosen.spec.select_by, chosen.spec.select_on_test)
    with following(folder, metric, watcher) as observer:
        results = run_study(
            chosen,
            folder,
            jobs=jobs,
            observer=observer,
            runner=runner,
            address=address,
            cpus_per_run=cpus_per_run,
            phases=phase or (),
        )
        observer.close()
        _report(results.folder, json=json, jobs=jobs)
    if results.failed():
        console.say(f"{plural(results.failed(), 'run')} failed; the report says why, and the same command tries again")
        raise typer.Exit(1)


def _watcher(watch: bool, port: int | None, browser: bool) -> "Watcher | None":
    """What serves the report of a study meanwhile, where it is asked for."""
    from handgrad.cli import console
    from handgrad.report.live.watching import Watcher

    if watch:
        watcher = Watcher(port or 0, browser, console.say)
        watcher.check()
        return watcher
    if port is not None or browser:
        raise InputError("--port and --open are for --watch, which serves the report while the study runs; add it")
    return None


@commands.command(epilog="Example:  handgrad plan quickstart --jobs 2")
def plan(
    study: StudyName,
    overrides: Overrides = None,
    out: Out = None,
    jobs: Jobs = None,
    phase: Phases = None,
    quick: Quick = False,
    json: Json = False,
) -> None:
    """List every run of a study, and what it takes in time, memory and disk; nothing is run, missing data is fetched"""
    from handgrad.cli import console
    from handgrad.report.drawing.lettering import check_fonts
    from handgrad.report.foreseen_time import report_time
    from handgrad.study import Plan, Results
    from handgrad.study.execution.choose_runner import jobs_for, open_runner
    from handgrad.study.folder.planned_rows import left_to_run, planned_rows
    from handgrad.study.planning.estimate import estimate
    from handgrad.study.published.print_options import AS_USUAL
    from handgrad.study.reading.loading import read_study
    from handgrad.study.runners.runner import cores

    chosen = read_study(study, overrides or (), quick=quick, data_on_disk=True)
    check_fonts(AS_USUAL, chosen)
    planned = Plan(chosen, only=phase or ())
    runner, notes = open_runner(jobs_for(planned, jobs))
    cost, (report_seconds, on) = estimate(planned, runner.workers), report_time(planned, min(jobs or cores(), cores()))
    folder = out or chosen.default_out
    cells = list(Results.open(folder).cells()) if (folder / "plan.json").exists() else []
    rows = planned_rows(planned, cost, cells)
    left = left_to_run(rows, cost)
    if json:
        totals = {"seconds": cost.seconds, "memory": cost.memory, "disk": cost.disk, "workers": cost.workers}
        totals["disk_kept"] = cost.kept
        totals |= {"report_seconds": report_seconds, "runs_left": left.runs, "seconds_left": left.seconds}
        print_json({"study": chosen.spec.name, "out": str(folder), **totals, "runs": rows})
        return
    for note in dict.fromkeys([*planned.notes, *notes]):
        console.say(f"note: {note}")
    console.print_plan(rows, cost, left, report_seconds, on)


@commands.command(epilog="Example:  handgrad explain eee543")
def explain(
    study: StudyName,
    overrides: Overrides = None,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="[default: results/STUDY-explained]")] = None,
    jobs: Jobs = None,
    runner: RunnerName = None,
    address: Address = None,
    cpus_per_run: CpusPerRun = None,
    only_plan: Annotated[bool, Option("--plan", help="Say how many readings and runs there are; run nothing.")] = False,
    watch: Watch = False,
    port: Port = None,
    browser: Browser = False,
    json: Json = False,
) -> None:
    """Find what explains the published numbers of a study: readings of what was left unsaid, and slips, are tried.

    Cheap runs come first, and the readings that are left run in full; the same command continues it (docs/explain.md).
    """
    from handgrad.cli import console
    from handgrad.cli.following import following
    from handgrad.report.drawing.lettering import check_fonts
    from handgrad.study import load_study
    from handgrad.study.explain.explain_plan import ExplainPlan
    from handgrad.study.explain.explain_study import explain_study, explained_folder
    from handgrad.study.published.print_options import AS_USUAL

    chosen = load_study(study, overrides or ())
    check_fonts(AS_USUAL, chosen)
    if only_plan:
        console.print_ladder(ExplainPlan(chosen), json=json)
        return
    folder = out or explained_folder(chosen)
    with following(folder, None, _watcher(watch, port, browser)) as observer:
        results = explain_study(
            chosen, folder, jobs=jobs, observer=observer, runner=runner, address=address, cpus_per_run=cpus_per_run
        )
        observer.close()
        _report(results.folder, json=json, jobs=jobs)
    if results.failed():
        console.say(f"{plural(results.failed(), 'run')} failed; the report says why, and the same command tries again")
        raise typer.Exit(1)


@commands.command(epilog="Example:  handgrad watch results/quickstart --open")
def watch(
    folder: Annotated[Path, Argument(metavar="DIR", help="Results folder of a study.")],
    port: Port = None,
    browser: Browser = False,
) -> None:
    """Serve the report of a study while it runs, on this machine alone, refreshed in the browser; ends with the study.

    The results are only read.
    """
    from handgrad.report.live.watching import watch as watch_study

    try:
        watch_study(folder, port=port or 0, browser=browser, say=lambda text: print(text, flush=True))
    except KeyboardInterrupt:
        print("The server has ended; the study is not touched by that.")


@commands.command(epilog="Example:  handgrad report results/quickstart")
def report(
    folder: Annotated[Path, Argument(metavar="DIR", help="Results folder of a study, finished or not.")],
    form: Annotated[
        str | None, Option("--format", metavar="FORM", help="pdf: also report/main.pdf, by pdflatex.")
    ] = None,
    column: Annotated[
        str | None, Option("--column", metavar="NAME", help="Figures for a single (3.3 in) or double (7 in) column.")
    ] = None,
    width: Annotated[
        float | None, Option("--width", metavar="INCHES", parser=real_number, help="Width of figures for print.")
    ] = None,
    font_size: Annotated[
        float | None, Option("--font-size", metavar="POINTS", parser=real_number, help="Of their axis labels.")
    ] = None,
    font: Annotated[str | None, Option("--font", metavar="NAME", help="serif, or a font that is installed.")] = None,
    jobs: Annotated[
        int | None,
        Option(
            "--jobs", metavar="N", parser=whole_number, help="Processes that draw its figures.  [default: one per core]"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write the report again from the records alone: no data and no training needed."""
    from handgrad.report.drawing.lettering import check_fonts
    from handgrad.study.published.print_options import PrintOptions

    if form not in (None, "html", "pdf"):
        raise InputError(f"--format is html, which is written in any case, or pdf; got {form!r}")
    try:
        options = PrintOptions(column=column, width=width, font_size=font_size, font=font)
        check_fonts(options)
    except InputError as error:  # its lines begin with the keys
        keys = re.compile(r"^\w+", re.MULTILINE)
        raise InputError(keys.sub(lambda key: f"--{key[0].replace('_', '-')}", str(error))) from None
    _report(folder, json=json, jobs=jobs, pdf=form == "pdf", options=options)


def _report(
    folder: Path, *, json: bool, jobs: int | None, pdf: bool = False, options: "PrintOptions | None" = None
) -> None:
    from handgrad.cli import console
    from handgrad.report.build import write_report
    from handgrad.report.findings.so_far_sentences import so_far_verdicts
    from handgrad.study import Results
    from handgrad.study.published.print_options import PrintOptions

    report = write_report(
        folder, say=lambda text: console.say(f"note: {text}"), pdf=pdf, options=options or PrintOptions(), jobs=jobs
    )
    preliminary = {} if report.so_far.over else {"preliminary": report.so_far.data()}
    of = {} if report.explained is None else {"of": "readings"}
    for verdict in () if json else so_far_verdicts(report.so_far, report.summary.names, **of):
        console.print_line(verdict.text, "bold")
    if report.explained is not None:
        if json:
            print_json({"report": str(report.page), **preliminary, **report.explained.data()})
        else:
            console.print_explained(report.explained)
            print(f"\nReport: {report.page}")
            _print_article(report.page, pdf=pdf)
    elif json:
        results = Results.open(folder)
        print_json(
            {
                "report": str(report.page),
                **preliminary,
                "winner": report.summary.winner.label if report.summary.winner else None,
                "failed": results.failed(),
                "settings": json_format.loads(results.settings().to_json(orient="records")),
            }
        )
    else:
        console.print_summary(report.summary, report.reproduction, report.page.parent / "tables")
        console.print_search(report.summary)
        console.print_range_tests(report.range_tests)
        console.print_importance(report.summary, report.important)
        print(f"\nReport: {report.page}")
        _print_article(report.page, pdf=pdf)


def _print_article(page: Path, *, pdf: bool) -> None:
    if pdf:
        print(f"Article: {page.with_name('main.pdf')}")


@commands.command(epilog="Example:  handgrad studies")
def studies(json: Json = False) -> None:
    """List the ready-made studies."""
    from handgrad.cli import console
    from handgrad.study import Study, load_study, ready_made
    from handgrad.study.reading.setting_refs import SettingRefs

    def facts(study: Study) -> tuple[str, ...]:
        spec = study.spec
        return spec.name, str(SettingRefs(study).run_count), spec.takes or "", spec.title or ""

    rows = [facts(load_study(name)) for name in ready_made()]
    if json:
        print_json([dict(zip(("name", "runs", "takes", "about"), row, strict=True)) for row in rows])
    else:
        console.print_table(("study", "runs", "takes", "what"), rows)
