"""Figures for print by other processes, while this one makes the rest of a report.

    parent  -- figure, folder, formats, options -->  worker
            <-- whether it drew them --

Nothing depends on the workers.  What one did not draw, the parent draws: a figure whose shape a fresh process does not
know or draws in another way, one that failed or that something warned of, whatever a worker had that died or was
stopped, and all that none has begun when the parent has nothing else to do.  So errors and warnings are those of a
report without workers.
"""

import gc
import pickle
import threading
import warnings
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any, NamedTuple, Self

from handgrad import limits
from handgrad.errors import InputError
from handgrad.report.drawing.canvas import print_paths, save_prints
from handgrad.report.drawing.lettering import lettered, with_matplotlib
from handgrad.report.figures.shapes import FigureData
from handgrad.study.published.figure_options import FigureShape, figure_shape
from handgrad.study.published.print_options import PrintOptions
from handgrad.study.runners.processes import (
    GUARD,
    UNGUARDED,
    belong_to_parent,
    started,
)

PATIENCE = 30.0  # seconds without news of any worker, when nothing else is left to do; a figure takes one
UNHEARD = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # Python shows none of them


class _Print(NamedTuple):
    """A figure, and where its files go."""

    figure: FigureData
    folder: Path
    formats: tuple[str, ...]
    options: PrintOptions

    def save(self) -> None:
        frozen = gc.get_freeze_count()
        if not frozen:
            gc.freeze()  # what was there before is not gone through
        try:
            save_prints(self.figure, self.folder, self.formats, self.options)
            gc.collect(0)  # a drawing is a web of cycles, and a report is made `without_collection`
        finally:
            if not frozen:
                gc.unfreeze()

    def packed(self) -> bytes | None:
        """For a worker, with what draws the figure and its fonts here; None where the figure cannot be sent."""
        try:
            return pickle.dumps((self, *self.drawn_with()))
        except Exception:  # of a shape from outside: whatever its class raises, or that nothing draws it
            return None

    def drawn_with(self) -> tuple[FigureShape, tuple[str, ...]]:
        """What must be the same in a worker: the functions that show the shape, and the fonts of the figure."""
        families = lettered(self.figure, self.options.font).families
        return figure_shape(type(self.figure).__name__), families


class Prints:
    """Saves figures for print, each at once, or with the help of so many workers until `finish`."""

    def __init__(self, workers: int = 0) -> None:
        self._waiting: deque[tuple[_Print, bytes]] = deque()
        self._left: deque[_Print] = deque()  # by workers
        self._news = threading.Condition()
        self._over = False
        self._helpers: list[_Helper] = []
        with suppress(OSError, RuntimeError):  # no more processes, files or memory: those that are there do it
            for _ in range(limits.workers_at_most(workers) if workers else 0):
                self._helpers.append(helper := _Helper())
                threading.Thread(target=self._serve, args=(helper,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._news:
            self._over = True
            self._waiting.clear()
            self._news.notify_all()
        for helper in self._helpers:
            helper.process.kill()  # it has drawn all that it was given, or that is no longer wanted
            helper.process.join()

    def save(self, figure: FigureData, folder: Path, formats: Iterable[str], options: PrintOptions) -> list[Path]:
        """As `save_prints`; with workers, the files are there after `finish`."""
        one = _Print(figure, folder, tuple(formats), options)
        if not self._helpers:
            one.save()
        elif one.formats:
            content = one.packed()
            with self._news:
                if content is None:
                    self._left.append(one)
                else:
                    self._waiting.append((one, content))
                    self._news.notify()
        return print_paths(figure, folder, one.formats)

    def finish(self) -> None:
        """Return when all is drawn.  Raises what the drawing of a figure raises, and InputError for a script that
        starts processes and has no guard."""
        while one := self._next():
            one.save()
        if any(helper.unguarded for helper in self._helpers):
            raise InputError(f"a worker process cannot start: it runs the script that started it. There, {GUARD}")

    def _next(self) -> _Print | None:
        """What the parent draws next, the newest first, since workers begin with the oldest; None when all is drawn."""
        with self._news:
            while True:
                if self._waiting:
                    return self._waiting.pop()[0]
                if self._left:
                    return self._left.popleft()
                busy = [helper for helper in self._helpers if helper.busy]
                if not busy:
                    return None
                if not self._news.wait(PATIENCE):
                    for helper in busy:
                        helper.process.kill()  # stopped, or too slow: what it had is drawn here

    def _serve(self, helper: "_Helper") -> None:
        """Hand what waits to a worker, one figure at a time, as long as it lives."""
        alive = helper.answer() is not None
        while alive:
            with self._news:
                self._news.wait_for(lambda: self._over or self._waiting)
                if self._over:
                    return
                one, content = self._waiting.popleft()
                helper.busy = True
            answer = helper.draw(content)
            alive = answer is not None
            with self._news:
                if not answer:
                    self._left.append(one)
                helper.busy = False
                self._news.notify_all()


class _Helper:
    """A worker process, seen from the parent.  busy: whether it draws."""

    def __init__(self) -> None:
        self.process, self.pipe = started(_work, "handgrad-prints")
        self.busy = False

    @property
    def unguarded(self) -> bool:
        """Whether it ended since it ran the script that started it."""
        return bool(self.process.exitcode == UNGUARDED)

    def draw(self, content: bytes) -> bool | None:
        """Whether it drew a figure; None where it died."""
        try:
            self.pipe.send_bytes(content)
        except OSError:
            return None
        return self.answer()

    def answer(self) -> bool | None:
        """What it says next; None where it died."""
        try:
            return bool(self.pipe.recv())
        except (EOFError, OSError):
            return None


def _work(pipe: "connection.Connection[Any, Any]", main: bool) -> None:
    """What a worker does: it draws what comes from the pipe, until it is killed or the parent is no more."""
    belong_to_parent(main)
    with_matplotlib()
    import matplotlib.figure  # noqa: F401  # before it says that it is ready

    with suppress(EOFError, OSError):
        pipe.send(True)
        while True:
            pipe.send(_drawn(pipe.recv_bytes()))


def _drawn(content: bytes) -> bool:
    """Draw a figure as the parent would, or say that this was not possible."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for category in UNHEARD:
                warnings.simplefilter("ignore", category)
            one, *drawn_with = pickle.loads(content)
            if one.drawn_with() != tuple(drawn_with):
                return False
            one.save()
            return True
    except Exception:  # the parent meets it as well, and says it
        return False
