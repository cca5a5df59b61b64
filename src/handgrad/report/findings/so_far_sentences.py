"""What a report says of a study that is not over: how far it is, and that its conclusions are preliminary."""

from collections.abc import Mapping

from handgrad.names import plural
from handgrad.report.findings.verdicts import Verdict
from handgrad.study.folder.so_far import BegunRun, SoFar

NAMED = 4  # runs that have begun that a sentence names


def so_far_verdicts(
    found: SoFar, names: Mapping[str, str], of: str = "the best setting and of differences"
) -> list[Verdict]:
    """That what follows is preliminary; empty where the study is over.

    names: label in the results folder -> name in the report, where they differ;  of: what the report speaks.
    """
    if found.over:
        return []
    change = f"and what is said here of {of} may still change."
    known = change if found.ended else "so nothing can be said yet."
    return [Verdict("warning", f"Preliminary: {how_far(found)}, {known}{_begun(found, names)}")]


def how_far(found: SoFar) -> str:
    """In half a sentence: "the study is running, 12 of 24 runs have ended".

    >>> how_far(SoFar("running", 12, 24, ()))
    'the study is running, 12 of 24 runs have ended'
    """
    state = {"running": "is running", "interrupted": "was interrupted"}.get(found.state, "is over")
    return f"the study {state}, {found.ended:,} of {plural(found.planned, 'run')} {_have(found.ended)} ended"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _begun(found: SoFar, names: Mapping[str, str]) -> str:
    """Which runs have begun, and what becomes of them."""
    runs = [_run(run, names) for run in found.begun]
    more = f"; and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    listed = f" ({'; '.join(runs[:NAMED])}{more})"
    count = plural(len(runs), "run")
    if found.state == "running":
        more_runs = f"{len(runs):,} more {'run has' if len(runs) == 1 else 'runs have'} begun"
        return f" {more_runs}{listed}." if runs else ""
    begun = f"; {count} that had begun{listed} {'goes' if len(runs) == 1 else 'go'} on from there" if runs else ""
    return f" The command that ran it continues it{begun}."


def _run(run: BegunRun, names: Mapping[str, str]) -> str:
    at = f" at epoch {run.epoch:,} of {run.epochs:,}" if run.epoch else ""
    return f"setting {names.get(run.label, run.label)}, {run.key}{at}"
