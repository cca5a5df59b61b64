"""Commands of past work: list, compare, clean.  What they print stands beside them."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from handgrad.cli.options import Json, print_json
from handgrad.errors import InputError

if TYPE_CHECKING:
    from handgrad.report.past.past_studies import PastStudy
    from handgrad.report.past.study_comparison import KeyDifference, StudyComparison
    from handgrad.study.folder.left_behind import LeftRun

MOST_ROWS = 50  # of settings that two studies have
LONGEST = 40  # signs of a value that differs; --json has all of it
MOST_RUNS = 20  # that are named before they are removed

commands = typer.Typer()


@commands.command("list", epilog="Example:  handgrad list results")
def list_studies(
    folder: Annotated[Path, Argument(metavar="DIR", help="Folder of results folders.")] = Path("results"),
    page: Annotated[bool, Option("--page", help="Write DIR/index.html as well, with links to every report.")] = False,
    json: Json = False,
) -> None:
    """List the studies whose results are here: state, runs, best setting, age and size, newest first."""
    from handgrad.report.past.index_page import write_index
    from handgrad.report.past.past_studies import read_studies

    studies = read_studies(folder)
    written = write_index(folder, studies) if page else None
    if json:
        print_json([study.data() for study in studies])
        return
    _print_studies(folder, studies)
    if written is not None:
        print(f"\nPage: {written}")


@commands.command(epilog="Example:  handgrad compare results/before results/after")
def compare(
    first: Annotated[Path, Argument(metavar="A", help="Results folder of a study.")],
    second: Annotated[Path, Argument(metavar="B", help="Results folder of another.")],
    json: Json = False,
) -> None:
    """Say in what two studies differ: settings, data, and results of the settings that both have."""
    from handgrad.report.past.study_comparison import compare_folders

    found = compare_folders(first, second)
    if json:
        print_json(found.to_json())
    else:
        _print_comparison(found)


@commands.command(epilog="Example:  handgrad clean results/quickstart")
def clean(
    folder: Annotated[Path, Argument(metavar="DIR", help="Results folder of a study that is finished.")],
    yes: Annotated[bool, Option("--yes", help="Remove without asking.")] = False,
    json: Json = False,
) -> None:
    """Remove runs that the study of a folder does not list, left by studies before it was changed; asks first."""
    from handgrad.files import size_text
    from handgrad.names import plural
    from handgrad.study.folder.left_behind import left_behind, remove_runs

    found = left_behind(folder)
    if not json:
        _print_left(folder, found)
    if found and not yes:
        what, them = plural(len(found), "run"), "it" if len(found) == 1 else "them"
        if json or not sys.stdin.isatty():
            raise InputError(
                f"{folder}: {what} would be removed, and nobody can be asked here; say --yes to remove {them}"
            )
        if not typer.confirm(f"Remove {them}?", err=True):
            print("Nothing was removed.")
            return
    removed = remove_runs(folder, found) if found else []
    if json:
        print_json({"folder": str(folder), "removed": [vars(run) for run in removed]})
    elif removed:
        print(f"Removed {plural(len(removed), 'run')}, {size_text(sum(run.bytes for run in removed))}.")


def _print_studies(folder: Path, studies: "list[PastStudy]") -> None:
    from handgrad.cli import console
    from handgrad.files import size_text
    from handgrad.report.past.past_studies import age

    def name(study: "PastStudy") -> str:
        where = study.folder.relative_to(folder).as_posix() if study.folder != folder else study.folder.name
        return where if where == study.name else f"{where} ({study.name})"

    metrics = {study.metric for study in studies if study.mean is not None}
    shared = metrics.pop() if len(metrics) == 1 else None
    headings = ("study", "state", "runs", "best", shared or "result", *([] if shared else ["of"]), "written", "size")
    rows = [
        (
            name(study),
            study.state,
            study.runs,
            study.best or "–",
            study.value,
            *([] if shared else [study.metric or "" if study.mean is not None else ""]),
            age(time.time() - study.written),
            size_text(study.bytes),
        )
        for study in studies
    ]
    console.print_table(headings, rows, numeric=[2, 4, len(headings) - 2, len(headings) - 1])
    for study in studies:
        if study.problem:
            console.print_line(f"{study.state}: {study.problem}")


def _print_comparison(found: "StudyComparison") -> None:
    from handgrad.cli import console
    from handgrad.report.past.comparison_sentences import compared_table, comparison_sentences

    for letter, folder, study in zip("AB", found.folders, found.studies, strict=True):
        console.out.print(f"{letter}  {folder}: {study.title}", markup=False)
    _print_differences("Settings that differ", found.settings)
    _print_differences("Data that differ", found.data)
    table = compared_table(found)
    if table.rows:
        console.print_of_report(replace(table, rows=table.rows[:MOST_ROWS]))
        if (more := len(table.rows) - MOST_ROWS) > 0:
            console.out.print(f"… and {more:,} more settings; --json lists them all", markup=False)
        console.print_line(table.caption)
    print()
    for text in comparison_sentences(found):
        console.print_line(text)


def _print_differences(title: str, found: "tuple[KeyDifference, ...]") -> None:
    from handgrad.cli import console
    from handgrad.names import short
    from handgrad.report.past.comparison_sentences import folded

    console.out.print(f"\n[bold]{title}[/bold]" if found else f"\n{title}: none")
    if found:
        console.print_table(
            ("key", "A", "B"),
            [(one.key, *(short(text, LONGEST) for text in (one.first, one.second))) for one in folded(found)],
        )


def _print_left(folder: Path, found: "list[LeftRun]") -> None:
    from handgrad.cli import console
    from handgrad.files import size_text
    from handgrad.names import plural
    from handgrad.study.folder.disk import short_length

    if not found:
        print(f"{folder}: nothing to remove; the study lists every run in it.")
        return
    print(f"{folder} holds {plural(len(found), 'run')} that its study does not list:")
    signs = short_length(run.id for run in found)
    console.print_table(
        ("run", "size"), [(run.id[:signs], size_text(run.bytes)) for run in found[:MOST_RUNS]], numeric=[1]
    )
    if (more := len(found) - MOST_RUNS) > 0:
        print(f"… and {more:,} more")
    print(
        f"They take {size_text(sum(run.bytes for run in found))}. Earlier studies of this folder left them; to run one "
        "of those again trains them again. The reports that are kept in earlier-1, earlier-2, … stay."
    )
