"""Following a study that a command runs: its progress in the terminal, its report in a browser, and Ctrl-C."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from handgrad.cli import console
from handgrad.cli.entry import end_at_once
from handgrad.cli.study_display import StudyDisplay
from handgrad.errors import HandgradError, is_interrupt
from handgrad.names import plural
from handgrad.study.execution.events import Event

if TYPE_CHECKING:
    from handgrad.report.live.watching import Watcher

MOST_REPORTED = 1000  # runs whose report is made after an interrupt: it takes seconds


class Followed:
    """An observer for `run_study`: shows the study in the terminal, and starts its watcher where there is one."""

    def __init__(self, folder: Path, display: StudyDisplay, watcher: "Watcher | None") -> None:
        self.folder, self.display, self.watcher = folder, display, watcher
        self.begun = self.over = False

    def __call__(self, event: Event) -> None:
        self.display(event)
        if event.kind == "planned":  # plan.json is there
            self.begun = True
            if self.watcher is not None:
                self.watcher.start(self.folder)

    def close(self) -> None:
        """The study has ended: take the bar away."""
        self.over = True
        self.display.__exit__()


@contextmanager
def following(folder: Path, metric: str | None, watcher: "Watcher | None" = None) -> Iterator[Followed]:
    """Follow the study of a results folder within the block, and call `Followed.close` at its end.

    metric: by which the best so far is told (`StudyDisplay`).  After Ctrl-C it is said how far the study is, and a
    report of that is made.
    """
    with StudyDisplay(metric) as display:
        followed = Followed(folder, display, watcher)
        try:
            yield followed
        except (KeyboardInterrupt, Exception) as error:
            if not is_interrupt(error):
                raise
            display.__exit__()
            if followed.begun and not followed.over:
                _tell_how_far(folder)
            raise KeyboardInterrupt from error
    if watcher is not None:
        watcher.end()


def _tell_how_far(folder: Path) -> None:
    """After an interrupt: how many runs are done and left, and a report of what is known."""
    from handgrad.report.build import write_report
    from handgrad.study import Results
    from handgrad.study.folder.so_far import so_far

    try:
        found = so_far(Results.open(folder))
        begun = f", {len(found.begun):,} of which had begun" if found.begun else ""
        done = f"{found.ended:,} of {plural(found.planned, 'run')} {'is' if found.ended == 1 else 'are'} done"
        console.say(f"{done}, {found.planned - found.ended:,} left{begun}")
        if not found.ended:
            return
        if found.ended > MOST_REPORTED:
            console.say(f"a report of them takes a while: handgrad report {shlex.quote(str(folder))}")
            return
        end_at_once()
        console.say("making a report of what is known so far; Ctrl-C ends this at once")
        page = write_report(folder, formats=()).page
        console.say(f"report so far, without pictures for print: {page}")
    except HandgradError as error:
        console.say(f"there is no report so far: {error}")
