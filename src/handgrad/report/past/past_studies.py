"""The studies whose results lie in one folder: what each is, how far it came, and what its best setting is.

A folder with a plan.json or a study.toml is a results folder.  Of each only plan.json and the records of settings that
won are read, so a list of many studies is quick; the best is the one that the report names.  While a phase is not
over, all of its records are read, for its best so far.  What cannot be read is listed with what is wrong.
"""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handgrad.decimals import decimals, significant
from handgrad.errors import DamagedError, HandgradError, ResultsError
from handgrad.files import is_temporary
from handgrad.foreign import as_path, reading
from handgrad.measures import is_fraction
from handgrad.names import plural
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.wording import number, values_text
from handgrad.study.folder.disk import unreadable
from handgrad.study.folder.locks import REPORTING, WRITING
from handgrad.study.folder.plan_file import OVER
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.so_far import ended_runs, planned_runs

MARKS = ("plan.json", "study.toml")
MADE_AGAIN = ("report", WRITING, REPORTING)  # what says nothing of when a study was run
REMEDY = "run its study again: finished runs are kept"
DAMAGED, UNREADABLE = "damaged", "unreadable"


@dataclass(frozen=True)
class PastStudy:
    """A results folder.  name, title: of its study, and of one that cannot be read the name of the folder.

    state: running, done, failed, interrupted (`Results.state`), or "damaged" or "unreadable", with the `problem`.
    ended, planned: runs that came to an end, of those that the plan has by now; None where it cannot be read.
    best: the label of the setting that the report names best, None where there is none; axes: its values.
    mean, std, n: of `metric`, which the study chose by, over its runs.
    written: when plan.json, study.toml or a run was last written, seconds since 1970;  bytes: on disk, links left out.
    explains: whether it explains published numbers (docs/explain.md): readings are ranked there, and no setting wins.
    report: its page, None where there is none;  earlier: pages of studies that it has replaced.
    """

    folder: Path
    name: str
    title: str
    state: str
    written: float
    bytes: int
    ended: int | None = None
    planned: int | None = None
    best: str | None = None
    axes: Mapping[str, Any] = field(default_factory=dict)
    metric: str | None = None
    mean: float | None = None
    std: float | None = None
    n: int | None = None
    problem: str | None = None
    explains: bool = False
    report: Path | None = None
    earlier: tuple[Path, ...] = ()

    @property
    def value(self) -> str:
        """The measure of the best setting, with its deviation.

        >>> study = PastStudy(Path("a"), "a", "a", "done", 0, 0, metric="val_accuracy", mean=0.9667, std=0.0033, n=3)
        >>> study.value
        '96.67 ± 0.33 %'
        """
        if self.mean is None or self.metric is None:
            return "–"
        if self.std is None:
            return number(self.mean, self.metric)
        if is_fraction(self.metric):
            return f"{decimals(self.mean, shift=2)} ± {decimals(self.std, shift=2)} %"
        return f"{significant(self.mean)} ± {significant(self.std, 2)}"

    @property
    def runs(self) -> str:
        """How many of its runs have ended: "24 of 24"."""
        return "–" if self.ended is None or self.planned is None else f"{self.ended:,} of {self.planned:,}"

    @property
    def setting(self) -> str:
        """The values of its best setting: "hidden 128, lr 0.2"."""
        return values_text(self.axes)

    def data(self) -> dict[str, Any]:
        """What JSON and frames hold of it; `written` as text, in UTC."""
        found = {**vars(self), "axes": dict(self.axes)}
        found |= {"folder": str(self.folder), "report": None if self.report is None else str(self.report)}
        found |= {"earlier": [str(path) for path in self.earlier]}
        return found | {"written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.written))}


def read_studies(folder: str | os.PathLike[str]) -> list[PastStudy]:
    """The studies in a folder, or the one whose results folder it is, newest first.

    Raises ResultsError where there is no such folder, and where it holds no results.
    """
    folder = as_path(folder, "folder", ResultsError)
    example = "Give the folder that holds the results of studies, such as results; handgrad run STUDY makes some"
    try:
        here = [folder] if _is_results(folder) else [path for path in folder.iterdir() if _is_results(path)]
    except FileNotFoundError:
        raise ResultsError(f"{folder}: no such folder. {example}") from None
    except NotADirectoryError:
        raise ResultsError(f"{folder}: is a file. {example}") from None
    except OSError as error:
        raise unreadable(folder, error) from None
    if not here:
        raise ResultsError(f"{folder}: holds no results of a study (a folder with a plan.json). {example}")
    return sorted(map(read_study, here), key=lambda study: (-study.written, str(study.folder)))


def _is_results(path: Path) -> bool:
    return not is_temporary(path.name) and any((path / name).is_file() for name in MARKS)


def read_study(folder: Path) -> PastStudy:
    """One results folder.  Raises nothing: what is wrong with it is its `problem`."""
    written, size = _on_disk(folder)
    page = folder / "report" / "index.html"
    earlier = sorted(folder.glob("earlier-*/report/index.html"), key=lambda path: path.stat().st_mtime)
    name = folder.resolve().name
    found: dict[str, Any] = {"name": name, "title": name, "written": written, "bytes": size}
    found |= {"report": page if page.is_file() else None, "earlier": tuple(earlier)}
    try:
        with reading(folder, DamagedError, "the results of a study", REMEDY):
            if not (folder / "plan.json").exists():
                raise ResultsError(f"{folder}: has a study.toml and no plan.json; {REMEDY}")
            found |= _facts(Results.open(folder), found)
    except HandgradError as error:
        found["state"] = DAMAGED if isinstance(error, DamagedError) else UNREADABLE
        found["problem"] = str(error)
    return PastStudy(folder=folder, **found)


def _facts(results: Results, found: dict[str, Any]) -> dict[str, Any]:
    """What plan.json and a few records say; `found` has by then what was read before something was wrong."""
    found |= {"name": results.plan["study"], "title": results.plan["study"], "metric": results.plan["metric"]}
    found |= {"ended": ended_runs(results), "planned": planned_runs(results)}
    found |= {"title": results.spec.title or results.spec.name, "explains": "explain" in results.plan}
    if results.state == "done" and not found["ended"]:
        raise DamagedError(f"{results.folder}: none of its {plural(found['planned'], 'run')} is here; {REMEDY}")
    summary = summarize(results, only=_candidates(results))
    best, metric = summary.winner, results.plan["metric"]
    if best is not None:
        values = best.samples[metric]
        found |= {"best": best.label, "axes": best.all_axes, "mean": values.mean, "std": values.std, "n": values.n}
    return found | {"state": results.state}


def _candidates(results: Results) -> set[str]:
    """The settings whose records tell the best: the winners, and all of a phase that is not over."""
    if "explain" in results.plan:  # readings are ranked, and no setting wins
        return set()
    over = results.plan["state"] in OVER
    labels = {phase["winner"] for phase in results.plan["phases"]}
    for phase in results.plan["phases"]:
        if phase["winner"] is None and not over:
            labels |= {setting["label"] for setting in phase["settings"]} & results.planned.keys()
    return labels - {None}


def _on_disk(folder: Path) -> tuple[float, int]:
    """(when its study last wrote something, how many bytes it takes)."""
    written, size = 0.0, 0
    for where, entry in _files(folder):
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:  # gone by now
            continue
        size += found.st_size
        if where not in MADE_AGAIN and not where.startswith("earlier-"):
            written = max(written, found.st_mtime)
    return written, size


def _files(folder: Path, where: str = "") -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """(the folder or file at the top that it belongs to, the file) of every file; links are not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # may not be read: what is wrong is said where its plan is read
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), where or entry.name)
        elif not entry.is_symlink():
            yield where or entry.name, entry


def age(seconds: float) -> str:
    """How long ago, in one unit.

    >>> age(20), age(200), age(7300), age(3 * 86400), age(400 * 86400)
    ('now', '3 min', '2 h', '3 days', '13 months')
    """
    for most, unit, word in ((90, 0, "now"), (5400, 60, "min"), (129_600, 3600, "h"), (5_184_000, 86400, "days")):
        if seconds < most:
            return f"{round(seconds / unit)} {word}" if unit else word
    return f"{round(seconds / 2_629_800)} months"
