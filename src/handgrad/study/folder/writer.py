"""The writer: records go to the disk while the next runs are already going on.

Forcing a file to the disk takes milliseconds of waiting, several files can wait together, and a small run takes no
longer than that.  At most `MOST` records wait; more make the study wait, so that memory does not grow.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from handgrad.study.folder.store import Store
from handgrad.study.rules.select import RunSummary
from handgrad.training.record import Record

MOST = 8
THREADS = 4

Tag = TypeVar("Tag")


class Writer(Generic[Tag]):
    """Saves records in the order in which they come; a `Tag` goes in with each and comes out when it is on the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="handgrad-writer")
        self._waiting: deque[tuple[Future[RunSummary], Tag]] = deque()

    def save(self, record: Record, tag: Tag) -> None:
        """Save a record; does not wait for it."""
        self._waiting.append((self._threads.submit(self._store.save, record), tag))

    def saved(self, *, all_of_them: bool = False) -> Iterator[tuple[RunSummary, Tag]]:
        """What is on the disk by now, or everything.  Raises ResultsError where a record could not be written."""
        while self._waiting:
            future, tag = self._waiting[0]
            if not (all_of_them or future.done() or len(self._waiting) > MOST):
                return
            summary = future.result()
            self._waiting.popleft()
            yield summary, tag

    def close(self) -> None:
        """Wait for what is being written."""
        self._threads.shutdown()
