"""Watching a study: its report is served while it runs, and the server ends with it."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from handgrad.errors import InputError
from handgrad.report.live.live_report import LiveReport
from handgrad.report.live.live_server import LiveServer, serving
from handgrad.study.folder.results_folder import Results
from handgrad.study.runners.processes import no_interrupt, one_thread_each

EVERY = 0.5  # seconds from one look at the folder to the next
NOBODY = 3.0  # seconds after which a page that does not ask any more has been closed
LATEST = 15.0  # seconds for pages to fetch the last report
FIRST = 15.0  # seconds from the beginning in which the page can be opened, though the study ends before

Say = Callable[[str], None]


def watch(folder: Path, *, port: int = 0, browser: bool = False, stay: bool = True, say: Say = print) -> None:
    """Serve the report of a results folder on 127.0.0.1 until its study is over and every page has the last one.

    port: 0 for a free one;  browser: open the page in the user's browser;  stay: serve a study that was over before, up
    to an interrupt;  say: hears where the page is, and at the end where the report is.
    Raises ResultsError where there are no results, InputError where the port cannot be used.
    """
    state = Results.open(folder).state
    report = LiveReport(folder)
    with serving(report, port) as server:
        say(f"Watching {folder} at {server.url}")
        before = state != "running"  # over before anybody looked
        if before and stay:
            say(f"Its study is not running ({state}): nothing more comes. Ctrl-C ends this server")
        if browser:
            _show(server.url, say)
        began = time.monotonic()
        while True:
            report.look()
            server.stays = before = before and stay and report.snapshot.over
            if report.snapshot.over and not before:
                break
            time.sleep(EVERY)
        first = began + FIRST if stay else began
        if not server.was_asked and time.monotonic() < first:
            say(f"It was over before its page was opened, which stays there for {FIRST:.0f} s")
        say(report.snapshot.message)
        _wait_for_pages(server, first)


def _wait_for_pages(server: LiveServer, first: float) -> None:
    """Wait until the pages that are open have the last report; where none was yet, until the time `first` for one."""
    over = time.monotonic()
    while (now := time.monotonic()) - over < LATEST:
        if not server.was_asked and now < first:
            over = now
        elif now - max(server.asked, over) > NOBODY:  # no page is open, or all know that it is over
            return
        time.sleep(EVERY / 2)


def _show(url: str, say: Say) -> None:
    import webbrowser

    if not webbrowser.open(url):
        say("no browser could be opened; open the address above in one")


class Watcher:
    """Watches a study from a process of its own, so that whatever happens there is nothing to the study.

    `start` it when plan.json is written, and `end` it when the report is there.
    """

    def __init__(self, port: int, browser: bool, say: Say) -> None:
        self.port, self.browser, self.say = port, browser, say
        self._process: Any = None

    def check(self) -> None:
        """Raise InputError where the port cannot be used."""
        with serving(LiveReport(Path()), self.port):
            pass

    def start(self, folder: Path) -> None:
        """Begin to serve, once."""
        if self._process is not None:
            return
        context = get_context("spawn")
        heard, told = context.Pipe(duplex=False)
        self._process = context.Process(target=_watch_beside, args=(folder, self.port, self.browser, told), daemon=True)
        with one_thread_each(), no_interrupt():
            self._process.start()
        told.close()
        threading.Thread(target=self._listen, args=(heard,), daemon=True).start()

    def _listen(self, heard: Any) -> None:
        try:
            while True:
                self.say(heard.recv())
        except (EOFError, OSError):
            pass

    def end(self) -> None:
        """Wait until the pages that are open have the last report, or Ctrl-C: the study is over, and only this ends."""
        if self._process is None:
            return
        try:
            self._process.join(LATEST + NOBODY)
        except KeyboardInterrupt:
            pass
        finally:
            if self._process.is_alive():
                self._process.terminate()


def _watch_beside(folder: Path, port: int, browser: bool, told: Any) -> None:
    """What the process does: it ends with the study, and leaves interrupts to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def say(text: str) -> None:
        with suppress(OSError):  # the study was killed: its pages get the last report all the same
            told.send(text)

    try:
        watch(folder, port=port, browser=browser, stay=False, say=say)
    except InputError as error:
        say(str(error))
