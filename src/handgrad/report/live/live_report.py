"""The report of a study as it is at this moment, made again when its folder has changed.

It is made in a temporary folder and kept in memory: the results folder is only read.
"""

import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handgrad.errors import HandgradError
from handgrad.report.build import write_into
from handgrad.report.findings.so_far_sentences import how_far
from handgrad.report.findings.wording import sentence
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.so_far import SoFar

BETWEEN = 2.0  # seconds at least from the end of one making to the beginning of the next
KEPT = 3  # reports: a browser may still fetch the one that it was told of when the next is there
LOST = 20  # looks at a folder without results after which nothing is expected of it any more
SHARE = 0.2  # of one core that makes reports, at most: the rest is the study's

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Snapshot:
    """A report: its files by their path below report/.  version: counts up from 1; 0 is none yet.

    message: how far the study is, for a line above the page;  problem: why this report is not the newest;
    over: whether nothing more comes, as the study has ended or was interrupted.
    """

    version: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    message: str = "the report is being made"
    problem: str = ""
    over: bool = False

    def status(self) -> dict[str, Any]:
        """What a page asks for every second."""
        return {"version": self.version, "message": self.message, "problem": self.problem, "over": self.over}


class LiveReport:
    """The newest `snapshot` of a results folder.  `look` brings it up to date, and is called by one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = Snapshot()
        self._kept: tuple[Snapshot, ...] = ()
        self._stamp: Stamp | None = None
        self._rest_until = 0.0
        self._lost = 0  # looks in a row at which there were no results

    def look(self) -> bool:
        """Make the report again where something has changed and it is time to -> whether it was made.

        Raises nothing: what is wrong is the `problem` of the snapshot.
        """
        state = self._state()
        self._lost = 0 if state else self._lost + 1
        over = state != "running" if state else self._lost > LOST
        stamp = (*_stamp(self.folder), (str(state), 0, 0))
        if stamp == self._stamp or (time.monotonic() < self._rest_until and not over):
            return False
        began = time.process_time()
        self.snapshot = self._made(over)
        self._kept = (*self._kept[1 - KEPT :], self.snapshot)
        self._stamp = None if self.snapshot.problem and not over else stamp
        taken = time.process_time() - began
        self._rest_until = time.monotonic() + max(BETWEEN, taken * (1 / SHARE - 1))
        return True

    def at(self, version: str) -> Snapshot:
        """The report of this version, as a page asks for it; the newest where it is not kept, or none is named."""
        return next((one for one in self._kept if str(one.version) == version), self.snapshot)

    def _state(self) -> str | None:
        try:
            return Results.open(self.folder).state
        except HandgradError:
            return None

    def _made(self, over: bool) -> Snapshot:
        before = self.snapshot
        made = Path(tempfile.mkdtemp(prefix="handgrad-watch-"))
        try:
            report = write_into(Results.open(self.folder), made, ())
            files = {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}
        except Exception as error:  # a record may be replaced while it is read: the next look finds it whole
            message = before.message if before.version else "no report can be made yet"
            if self._lost > LOST:
                message = f"{self.folder} holds no results of a study any more: nothing more comes"
            problem = str(error) if isinstance(error, HandgradError) else f"{type(error).__name__}: {error}"
            return Snapshot(before.version, before.files, message, problem, over)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return Snapshot(before.version + 1, files, self._message(report.so_far), over=over)

    def _message(self, found: SoFar) -> str:
        text = sentence(how_far(found))
        if found.state == "running":
            going = len(found.begun)
            return f"{text}, {going:,} more {'has' if going == 1 else 'have'} begun" if going else text
        where = (self.folder / "report" / "index.html").resolve()
        if found.over:  # the command that ran it writes the report then
            return f"{text}. Its report{':' if where.exists() else ' goes to'} {where}"
        text += ". The command that ran it continues it. "
        if where.exists():
            return f"{text}Its report: {where}"
        return f"{text}A report of what is there: handgrad report {shlex.quote(str(self.folder))}"


def _stamp(folder: Path) -> Stamp:
    """What changes whenever the study has written something that a report shows."""
    found = []
    for pattern in ("plan.json", "decisions/*", "runs/*", "runs/*.partial/checkpoint.safetensors"):
        for path in sorted(folder.glob(pattern)):
            try:
                facts = path.stat()
            except OSError:  # gone since
                continue
            found.append((path.relative_to(folder).as_posix(), facts.st_mtime_ns, facts.st_size))
    return tuple(found)
