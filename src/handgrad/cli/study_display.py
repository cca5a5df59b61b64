"""The progress of a study: on a terminal a bar, the last epochs of its running runs and its best setting so far below
it; a plain line per run elsewhere."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from handgrad.cli import console
from handgrad.measures import MAIN_MEASURES, METRICS, TEST, TRAIN, VALIDATION
from handgrad.names import plural
from handgrad.report.findings.wording import number
from handgrad.study.execution.events import Event
from handgrad.study.rules.select import Rank, RunSummary, rank_key
from handgrad.training.run_keys import key_word, run_key

MOST_LINES = 6  # of running runs
WIDE, BAR = 76, 30  # columns from which times stand beside the bar, and those of the bar itself


class StudyDisplay:
    """Shows a study while it runs.  metric: by which the best so far is told; None where no setting wins.

    An observer for `run_study`; use it as a context manager, so that the bar is taken away at the end.
    """

    def __init__(self, metric: str | None, terminal: Console = console.err) -> None:
        self.metric, self.terminal = metric, terminal
        self.bar: _Bar | None = None
        self.running: dict[str, Event] = {}  # id -> what was heard of it last
        self.ended: dict[str, dict[str, RunSummary]] = {}  # label of a setting -> its runs that have ended, by id
        self.found = 0  # runs that had ended before, and are not told of yet
        self.best: list[str] = []  # the best setting so far in words, from long to short
        self._ranks: dict[str, Rank] = {}

    def __enter__(self) -> Self:
        if self.terminal.is_terminal:
            self.bar = _Bar(self)
            self.bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, event: Event) -> None:
        if event.kind == "note":
            console.say(f"note: {event.text}")
        elif event.kind in ("run started", "run finished", "study finished"):
            self._tell_found(event)
        elif event.kind == "phase started" and self.bar is None:
            console.say(f"phase: {event.phase}")
        elif event.kind == "run found":
            self.found += 1
        if event.kind == "run finished" and (self.bar is None or event.status != "done"):
            console.say(_run_line(event))
        if self.bar is not None:
            self._take(event)
            if event.total:
                self.bar.show(event)

    def _tell_found(self, event: Event) -> None:
        """How many runs had ended before: once no more are looked for, as those of later phases are found late."""
        if self.found:
            console.say(f"finished from before: {self.found} of {plural(event.runs, 'run')}")
            self.found = 0

    def _take(self, event: Event) -> None:
        if event.kind in ("run started", "epoch done"):
            before = self.running.get(event.run)
            if event.epoch or before is None:
                self.running[event.run] = event
            if event.epoch >= event.epochs > 0:  # its record is on the way
                del self.running[event.run]
        elif event.kind in ("run finished", "run found"):
            self.running.pop(event.run, None)
            summary = RunSummary(event.run, event.seed or 0, event.status, event.metrics, event.epochs)
            self._end(event.label, summary)
        elif event.kind in ("phase started", "phase finished"):
            self.running.clear()  # what a search paused there

    def _end(self, label: str, summary: RunSummary) -> None:
        runs = self.ended.setdefault(label, {})
        runs[summary.id] = summary
        if self.metric is not None and any(run.metrics.get(self.metric) is not None for run in runs.values()):
            self._ranks[label] = rank_key(list(runs.values()), self.metric)
            self.best = self._best_texts(self.metric)

    def lines(self, room: int) -> Iterator[str]:
        """The last epochs of the running runs, then the best so far; none is longer than `room` characters."""
        going = [event for event in list(self.running.values()) if event.epoch]  # another thread draws
        for event in going[:MOST_LINES]:
            yield _first_that_fits(_epoch_texts(event), room)
        if len(going) > MOST_LINES:
            yield _first_that_fits([f"  … and {len(going) - MOST_LINES} more runs"], room)
        if self.best:
            yield _first_that_fits(self.best, room)

    def _best_texts(self, metric: str) -> list[str]:
        """The best setting so far in words, from long to short; empty while there is none."""
        if not self._ranks:
            return []
        best = min(self._ranks, key=self._ranks.__getitem__)
        values = [value for run in self.ended[best].values() if (value := run.metrics.get(metric)) is not None]
        mean = number(sum(values) / len(values), metric)
        over = f" (mean of {len(values)} runs)" if len(values) > 1 else " (1 run)"
        word, short = METRICS[metric].word, METRICS[metric].measure.word
        return [
            f"  best so far: setting {best}, {word} {mean}{over}",
            f"  best so far: {best}, {word} {mean}{over}",
            f"  best so far: {best}, {short} {mean}",
            f"  best: {best}, {mean}",
        ]


class _Bar(Progress):
    """The bar, with the lines of its display below."""

    def __init__(self, display: StudyDisplay) -> None:
        self.display = display
        room = display.terminal.width
        columns: list[ProgressColumn] = [TextColumn("{task.description}"), BarColumn(BAR if room >= WIDE else None)]
        columns.append(TextColumn("{task.percentage:3.0f} %"))
        if room >= WIDE:
            columns += [TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn()]
        super().__init__(*columns, console=display.terminal, transient=True, expand=room < WIDE)
        self.phase = "planning"
        self.task = self.add_task(self.phase, total=None)

    def show(self, event: Event) -> None:
        """Bring the bar to where the study is."""
        self.phase = event.phase or self.phase  # what is told of the whole study names none
        text = f"{self.phase}: {event.finished} of {event.runs} runs"
        self.update(self.task, total=event.total, completed=event.work, description=text)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for line in self.display.lines(self.display.terminal.width):
            yield Text(line, "dim", no_wrap=True, overflow="ellipsis")


def _first_that_fits(texts: list[str], room: int) -> str:
    """The first text of at most `room` characters; the last one, cut, where none is so short."""
    return next((text for text in texts if len(text) <= room), texts[-1][: room - 1] + "…")


def _epoch_texts(event: Event) -> list[str]:
    """A run at the end of an epoch, from long to short."""
    part = next((one for one in (VALIDATION, TRAIN) if event.metrics.get(one.metric("loss")) is not None), TRAIN)
    scores = _scores(event.metrics, [part.metric(name) for name in ("loss", *MAIN_MEASURES.values())])
    run = key_word(run_key(event.seed or 0, event.fold))
    at, brief = f"epoch {event.epoch:,} of {event.epochs:,}", f"{event.epoch:,}/{event.epochs:,}"
    return [
        f"  setting {event.label}, {run}: {at}, {part.word} {', '.join(scores)}",
        f"  setting {event.label}, {run}: {at}, {', '.join(scores)}",
        f"  {event.label}, {run}: {brief}, {', '.join(scores)}",
        f"  {event.label}, {run}: {brief}, {scores[-1] if scores else ''}",
        f"  {event.label}: {brief} {scores[-1] if scores else ''}",
        f"  {event.label}: {' '.join(scores[-1].split()[-2:]) if scores else brief}",
    ]


def _scores(metrics: Mapping[str, float | None], names: Iterable[str]) -> list[str]:
    found = ((METRICS[name], metrics.get(name)) for name in names)
    return [f"{metric.measure.word} {number(value, metric.name)}" for metric, value in found if value is not None]


def _run_line(event: Event) -> str:
    names = [part.metric(name) for name in MAIN_MEASURES.values() for part in (VALIDATION, TEST)]
    scores = [f"{name} {event.metrics[name]:.4f}" for name in names if event.metrics.get(name) is not None]
    result = ", ".join([event.status, *scores])
    text = f": {event.text}" if event.text else ""
    place = str(event.finished).rjust(len(str(event.runs)))
    setting = event.label if event.name in ("", event.label) else f"{event.name} (label {event.label})"
    run = key_word(run_key(event.seed or 0, event.fold))
    return f"[{place}/{event.runs}] setting {setting}, {run}: {result} ({console.duration(event.seconds)}){text}"
