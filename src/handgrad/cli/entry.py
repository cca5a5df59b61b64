"""The command `handgrad`, from its first moment to its exit code; everything heavy is imported under its eyes.

Exit codes: 0 fine, 1 some runs failed, 2 bad input, 70 an error in handgrad itself, 130 interrupted.
"""

import atexit
import gc
import os
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from types import FrameType
from typing import Any

from handgrad.errors import CrampedWarning, HandgradError, InputError
from handgrad.limits import check_limits, reached
from handgrad.terminal import SafeStream, open_standard_streams, safe_streams, say

BAD_INPUT, DEFECT, INTERRUPTED = 2, 70, 130
PATIENCE = 5.0  # seconds for a command to put things in order after Ctrl-C
CONTINUES = "interrupted; the same command continues from there"
SAFE = "nothing finished is lost, and the same command goes on"
USUAL_FORM = warnings.formatwarning
READERLESS = (BrokenPipeError, ConnectionError)  # handgrad … | head: whoever closes the pipe wants no more


def main() -> None:
    """The command line; every error becomes one message and its exit code."""
    interrupts = Interrupts()
    code = DEFECT
    warnings.formatwarning = _in_a_line  # type: ignore[assignment]
    atexit.register(gc.freeze)  # or Python looks for cycles in all that is left: half a second after 1,000 runs
    try:
        interrupts.begin()
        open_standard_streams()
        with safe_streams() as (out, err):
            code = _ended(interrupts, out)
            out.flush()
            code = _told(code, out, err)
    except KeyboardInterrupt:  # between two lines of this function
        code = INTERRUPTED
    finally:
        interrupts.end()
    if interrupts.heard is not None:
        os._exit(code)  # at once: a kernel that is still at work must not see its machine code go
    if code:
        sys.exit(code)


def _in_a_line(message: Warning | str, category: type[Warning], *where: Any) -> str:
    """What Python prints of a warning: of ours without the file and line that it comes from."""
    return f"handgrad: {message}\n" if issubclass(category, CrampedWarning) else USUAL_FORM(message, category, *where)


def _ended(interrupts: "Interrupts", out: SafeStream) -> int:
    """Do what the command line says -> the exit code."""
    try:
        try:
            check_limits()
            from handgrad.cli.app import call

            return call()
        except (Exception, SystemExit) as error:
            if interrupts.heard is not None and getattr(error, "code", None) != 0:  # a library made this of it
                raise KeyboardInterrupt from error
            raise
    except KeyboardInterrupt:
        say(f"handgrad: {CONTINUES}")
        return INTERRUPTED
    except HandgradError as error:
        out.flush()
        say(f"handgrad: {error}")
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DEFECT if end.code else 0
    except Exception as error:
        out.flush()
        scarce = reached(error)
        if scarce is not None:
            say(f"handgrad: {InputError(f'{scarce}. Raise the limit or free some; {SAFE}')}")
            return BAD_INPUT
        say(f"handgrad: {_of_defect(error)}")
        return DEFECT


def _told(code: int, out: SafeStream, err: SafeStream) -> int:
    """The exit code, when what was printed may not have arrived."""
    if out.lost is None or isinstance(out.lost, READERLESS) or out.lost.strerror is None:
        return code
    from handgrad.cli.app import writes_results

    say(f"handgrad: standard output cannot be written ({out.lost.strerror}): what it should show is cut short")
    return code if code or writes_results() else BAD_INPUT


def _of_defect(error: BaseException) -> str:
    """The message about an error that nobody foresaw; its traceback goes into a file, or is shown where asked for."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    about = f"this is a defect of handgrad, not of your input ({what}); please report it"
    if os.environ.get("HANDGRAD_DEBUG"):
        return f"{about}; {SAFE}\n{text}"
    try:
        number, path = tempfile.mkstemp(prefix="handgrad-error-", suffix=".txt")
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"handgrad {' '.join(sys.argv[1:])}\n{text}")
    except OSError:
        return f"{about}; {SAFE}\n{text}"
    return f"{about}, with {path}. HANDGRAD_DEBUG=1 shows it here. {SAFE[0].upper()}{SAFE[1:]}"


class Interrupts:
    """Ctrl-C: the first one ends the command, those after it are waited out while it puts things in order.

    After `PATIENCE`, or `end_at_once`, one more ends it at once, which costs nothing either: its workers follow it.
    """

    def __init__(self) -> None:
        self.heard: float | None = None
        self.patience = PATIENCE
        self._before: Any = None
        self._hook = sys.unraisablehook

    def begin(self) -> None:
        """Listen, unless this process was told not to (a background job of a shell)."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._listen)
            sys.unraisablehook = self._swallowed

    def end(self) -> None:
        """As it was before; when the command was interrupted it is ending, and hears nothing more."""
        if sys.unraisablehook == self._swallowed:
            sys.unraisablehook = self._hook
            signal.signal(signal.SIGINT, signal.SIG_IGN if self.heard is not None else self._before)

    def _listen(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.heard is None:
            self.heard = now
            raise KeyboardInterrupt
        if now - self.heard > self.patience:
            with suppress(OSError):  # print could be at work at this moment
                os.write(2, f"handgrad: {CONTINUES}\n".encode())
            os._exit(INTERRUPTED)

    def _swallowed(self, told: Any) -> None:
        """Python drops what is raised where nobody can catch it, in `__del__` for one: so it is raised again."""
        if told.exc_type is not KeyboardInterrupt:
            self._hook(told)
            return
        import _thread

        self.heard = None
        threading.Timer(0.05, _thread.interrupt_main).start()


def end_at_once() -> None:
    """After an interrupt: everything is in order, and one more may end the command at any moment."""
    listening = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    if isinstance(listening, Interrupts):
        listening.patience = 0.0
