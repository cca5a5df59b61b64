"""A progress bar below the cell of a notebook, for `hg.train` and `hg.run_study` where nobody else listens.

A kernel shows it by IPython, which is there in every notebook; it needs no widgets.  Nothing is shown anywhere else,
nor by what is over within a second.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

from handgrad.measures import MAIN_MEASURES, VALIDATION
from handgrad.study.execution.events import Event, Observer, silent
from handgrad.training.loop import EpochEnd
from handgrad.training.loop import Observer as EpochObserver

FIRST, BETWEEN = 1.0, 0.25  # seconds before the first showing, and from one to the next


def notebook_display() -> Any:
    """A place below the cell of a notebook, whose `update({"text/html": …}, raw=True)` shows something; None elsewhere.

    A terminal of IPython is no notebook: it has no kernel.
    """
    ipython = sys.modules.get("IPython")  # whoever is in a notebook has it loaded
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    return import_module("IPython.display").DisplayHandle()


class _Bar:
    """A bar and a line of text, which is written again a few times a second at most."""

    def __init__(self, place: Any) -> None:
        self.place, self.began, self.shown = place, time.monotonic(), 0.0
        self.share, self.text = 0.0, ""

    def show(self, share: float, text: str) -> None:
        self.share, self.text = share, text
        now = time.monotonic()
        if now - self.began >= FIRST and now - self.shown >= BETWEEN:
            self._write(f'<progress value="{share:.4f}" max="1"></progress> {escape(text)}{escape(self._left(now))}')

    def end(self, how: str) -> None:
        """The last line, where anything was shown."""
        if self.shown:
            self._write(escape(f"{self.text}, {time.monotonic() - self.began:.0f} s{how}"))

    def _left(self, now: float) -> str:
        past = now - self.began
        return f", {past:.0f} s" + (f", about {past * (1 / self.share - 1):.0f} s left" if self.share > 0.02 else "")

    def _write(self, content: str) -> None:
        first, self.shown = not self.shown, time.monotonic()
        (self.place.display if first else self.place.update)({"text/html": content, "text/plain": self.text}, raw=True)


@contextmanager
def _bar() -> Iterator[_Bar | None]:
    place = notebook_display()
    bar = None if place is None else _Bar(place)
    try:
        yield bar
    except BaseException as error:
        if bar is not None:
            bar.end(", interrupted" if isinstance(error, KeyboardInterrupt) else ", stopped by an error")
        raise
    if bar is not None:
        bar.end("")


@contextmanager
def watched_study(observer: Observer | None) -> Iterator[Observer]:
    """The observer, or where there is none a bar in a notebook."""
    if observer is not None:
        yield observer
        return
    with _bar() as bar:
        if bar is None:
            yield silent
            return
        lost = {"diverged": 0, "failed": 0}

        def show(event: Event) -> None:
            if event.kind == "run finished" and event.status in lost:
                lost[event.status] += 1
            if event.total:
                counts = "".join(f", {count} {status}" for status, count in lost.items() if count)
                text = f"{event.phase + ': ' if event.phase else ''}{event.finished:,} of {event.runs:,} runs{counts}"
                bar.show(event.work / event.total, text)

        yield show


SHOWN = [VALIDATION.metric(name) for name in (*MAIN_MEASURES.values(), "loss")]


@contextmanager
def watched_run() -> Iterator[tuple[EpochObserver, ...]]:
    """What watches one run: a bar in a notebook, nothing elsewhere."""
    with _bar() as bar:
        if bar is None:
            yield ()
            return

        def show(end: EpochEnd) -> None:
            scores = "".join(f", {name} {end.metrics[name]:.4f}" for name in SHOWN if name in end.metrics)
            bar.show(end.epoch / max(end.epochs, 1), f"epoch {end.epoch:,} of {end.epochs:,}{scores}")

        yield (show,)
