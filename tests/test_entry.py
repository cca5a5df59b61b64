"""The command from its first moment to its exit code: Ctrl-C, streams that fail, and errors that nobody foresaw."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from handgrad import cli
from handgrad.cli import entry
from tests.test_cli import TINY, finished, handgrad, here  # noqa: F401  (fixtures)

HANDGRAD = f"{shlex.quote(sys.executable)} -m handgrad.cli"
posix = pytest.mark.skipif(os.name != "posix", reason="shells, signals and devices of POSIX")


def shell(line, folder, **environment):
    """A line of bash, with `handgrad` in it -> what came of it."""
    return subprocess.run(
        ["bash", "-c", f"handgrad() {{ {HANDGRAD} \"$@\"; }}\n{line}"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=300, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def runs(folder):
    return len([path for path in folder.glob("results/tiny/runs/*") if path.is_dir()])


# -- streams


@posix
@pytest.mark.parametrize(
    "line",
    [
        "handgrad run tiny.toml --jobs 1 2>&1 | head -1; exit ${PIPESTATUS[0]}",
        "handgrad run tiny.toml --jobs 2 | head -c 1; exit ${PIPESTATUS[0]}",
        "handgrad run tiny.toml --jobs 1 >/dev/full 2>/dev/full",
        "handgrad run tiny.toml --jobs 2 >&- 2>&- <&-",
    ],
)
def test_no_print_ends_a_study(here, line):  # noqa: F811
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = shell(line, here)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert runs(here) == 4
    assert (here / "results/tiny/report/index.html").exists()


@posix
def test_a_result_that_cannot_be_shown_is_said(here):  # noqa: F811
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    for command, code in (("studies", 2), ("run tiny.toml --jobs 1", 0)):
        done = shell(f"handgrad {command} >/dev/full", here)
        assert done.returncode == code
        assert done.stderr.endswith(
            "handgrad: standard output cannot be written (No space left on device): what it should show is cut short\n"
        )


@posix
def test_a_reader_that_has_seen_enough_is_no_error(here):  # noqa: F811
    done = shell("handgrad studies | true; exit ${PIPESTATUS[0]}", here)
    assert (done.returncode, done.stderr) == (0, "")
    done = shell("handgrad trian 2>&-", here)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize(
    ("encoding", "command"),
    [
        ("ascii", "run tiny.toml --jobs 1"),
        ("latin-1:strict", "report results/tiny"),
        ("cp1252", "report results/tiny"),
        ("ascii", "run nö.toml"),
    ],
)
def test_terminals_that_lack_signs(finished, encoding, command):  # noqa: F811
    folder, _ = finished
    done = subprocess.run(
        [sys.executable, "-m", "handgrad.cli", *command.split()],
        cwd=folder, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, check=False,
    )  # fmt: skip
    text = (done.stdout + done.stderr).decode(encoding.partition(":")[0])
    assert "Traceback" not in text
    if "nö" in command:
        assert (done.returncode, "n?.toml: no such study" in text) == (2, True)
    else:
        assert done.returncode == 0
        assert ("+-" if encoding == "ascii" else "±") in text


@posix
def test_the_posix_locale(finished):  # noqa: F811
    folder, _ = finished
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = shell("handgrad report results/tiny", folder, **plain)
    assert done.returncode == 0, done.stderr
    assert "+-" in done.stdout


# -- errors that nobody foresaw


def raising(error):
    def defect(*args, **kwargs):
        raise error

    return defect


def test_a_defect_is_one_message_with_its_traceback_in_a_file(handgrad, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setattr("handgrad.study.ready_made", raising(ZeroDivisionError("by zero")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, err = handgrad("studies")
    (file,) = tmp_path.glob("handgrad-error-*.txt")
    assert (code, out) == (70, "")
    assert err == (
        "handgrad: this is a defect of handgrad, not of your input (ZeroDivisionError: by zero); please report it, "
        f"with {file}. HANDGRAD_DEBUG=1 shows it here. Nothing finished is lost, and the same command goes on\n"
    )
    assert "Traceback" in file.read_text("utf-8")
    assert "test_entry.py" in file.read_text("utf-8")
    monkeypatch.setenv("HANDGRAD_DEBUG", "1")
    code, _, err = handgrad("studies")
    assert code == 70
    assert err.rstrip().endswith("ZeroDivisionError: by zero")


@pytest.mark.parametrize("error", [EOFError("no data"), BrokenPipeError("inside"), RuntimeError("boom")])
def test_no_error_is_taken_for_something_else(handgrad, monkeypatch, tmp_path, error):  # noqa: F811
    """An EOFError was printed as "Aborted!", whatever it came from."""
    monkeypatch.setattr("handgrad.study.ready_made", raising(error))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, _, err = handgrad("studies")
    assert code == 70
    assert "Aborted" not in err
    assert f"not of your input ({type(error).__name__}: " in err


def test_too_little_memory_is_no_defect(handgrad, monkeypatch):  # noqa: F811
    monkeypatch.setattr("handgrad.study.ready_made", raising(MemoryError("Unable to allocate 3.64 TiB")))
    code, _, err = handgrad("studies")
    assert code == 2
    assert err.startswith("handgrad: there is not enough memory (Unable to allocate 3.64 TiB)")
    assert err.endswith("Raise the limit or free some; nothing finished is lost, and the same command goes on\n")


# -- Ctrl-C


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "handgrad.cli", *words],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def left_of(process):
    """Processes of its group, some moments later."""
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


ONE_LINE = "handgrad: interrupted; the same command continues from there\n"


STARTED = "from handgrad.cli import main; print('started', flush=True); main()"


@posix
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_at_any_moment_and_more_than_once(here, times):  # noqa: F811
    """From the moment on at which Python has started, until the command has ended."""
    (here / "tiny.toml").write_text(TINY.replace("epochs = 2", "epochs = 20000"))
    for seconds in (0.1, random.uniform(0.1, 6.0)):
        process = subprocess.Popen(
            [sys.executable, "-c", STARTED, "run", "tiny.toml", "--jobs", random.choice("12")],
            cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout.readline() == "started\n"  # how long that takes depends on what else the machine does
        time.sleep(seconds)
        for _ in range(times):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            time.sleep(random.uniform(0, 0.3))
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130, err
        assert err.endswith((ONE_LINE, "handgrad: interrupted; nothing was begun\n"))  # before anything was imported
        assert "Traceback" not in err
        assert not left_of(process)


@posix
@pytest.mark.parametrize("again", [False, True])
def test_ctrl_c_says_how_far_the_study_is_and_leaves_a_report(here, again):  # noqa: F811
    """Once more ends the making of that report at once."""
    process = start(here, "run", "tiny.toml", "seeds=100", "training.epochs=100", "--jobs", "1")
    while len(list(here.glob("results/tiny/runs/*/record.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    before = []
    for line in process.stderr:
        before.append(line)
        if " are done, " in line:
            break
    assert " are done, " in before[-1], "".join(before)
    lines = [before[-1], process.stderr.readline()]
    if again:
        process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=300)
    assert process.returncode == 130, rest
    said = re.match(r"(\d+) of 200 runs are done, (\d+) left(, 1 of which had begun)?\n", lines[0])
    done, left = map(int, said.group(1, 2))
    assert done == len(list(here.glob("results/tiny/runs/*/record.json")))
    assert done + left == 200
    assert lines[1] == "making a report of what is known so far; Ctrl-C ends this at once\n"
    assert rest.endswith(ONE_LINE)
    page = here / "results/tiny/report/index.html"
    assert ("report so far, without pictures for print: results/tiny/report/index.html" in rest) is not again
    assert page.exists() is not again
    said = f"Preliminary: the study was interrupted, {done} of 200 runs have ended"
    assert again or said in page.read_text("utf-8")


INTERRUPTED_WHILE_LOADING = """
import signal, sys
from numba.core.codegen import CPUCodeLibrary
from handgrad.cli import main
asked, seen, wanted = CPUCodeLibrary._object_getbuffer_hook.__func__, [], int(sys.argv[1])
def ask(cls, *arguments):
    seen.append(1)
    if len(seen) == wanted:
        signal.raise_signal(signal.SIGINT)
    return asked(cls, *arguments)
CPUCodeLibrary._object_getbuffer_hook = classmethod(ask)
sys.argv = ["handgrad", "run", "tiny.toml", "--jobs", "1"]
main()
"""


@posix
@pytest.mark.parametrize("time_of_asking", ["1", "3"])
def test_ctrl_c_while_machine_code_is_loaded(here, time_of_asking):  # noqa: F811
    """LLVM asks Python for the code; where Ctrl-C ended the answer, a kernel without an address was called."""
    command = [sys.executable, "-c", INTERRUPTED_WHILE_LOADING, time_of_asking]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False, start_new_session=True)
    assert (done.returncode, done.stderr.endswith(ONE_LINE)) == (130, True), done.stderr
    assert "Traceback" not in done.stderr


@posix
def test_what_swallows_an_interrupt_does_not_keep_it():
    """Python drops what is raised in `__del__`, with a traceback."""
    code = """
import signal, time
from handgrad.cli.entry import Interrupts
interrupts = Interrupts()
interrupts.begin()
class Deaf:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
try:
    Deaf()
    time.sleep(30)
    print("deaf")
except KeyboardInterrupt:
    print("heard")
interrupts.end()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_an_error_that_a_library_made_of_ctrl_c_is_ctrl_c(handgrad, monkeypatch):  # noqa: F811
    def interrupted(*args, **kwargs):
        entry_heard[0].heard = time.monotonic()
        raise ImportError("cannot import name 'x'")

    entry_heard = []
    begin = entry.Interrupts.begin
    monkeypatch.setattr(entry.Interrupts, "begin", lambda self: (entry_heard.append(self), begin(self))[1])
    monkeypatch.setattr("handgrad.study.ready_made", interrupted)
    left = []
    monkeypatch.setattr(entry.os, "_exit", left.append)
    before = signal.getsignal(signal.SIGINT)
    try:
        code, _, err = handgrad("studies")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, left) == (130, [130])
    assert err == ONE_LINE


def test_a_handler_of_somebody_else_is_left_alone(monkeypatch):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append(1))
    try:
        monkeypatch.setattr(sys, "argv", ["handgrad", "--version"])
        cli.main()
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [1]


# -- warnings of ours


def test_a_warning_of_ours_is_one_line_and_others_are_as_python_prints_them():
    code = (
        "import sys, warnings; from handgrad.cli import main; from handgrad.errors import CrampedWarning; "
        "sys.argv = ['handgrad', '--version']; main(); warnings.warn(CrampedWarning('ours')); warnings.warn('theirs')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    first, second, *_ = done.stderr.splitlines()
    assert first == "handgrad: ours"
    assert second == "<string>:1: UserWarning: theirs"


# -- the end


def test_at_its_end_python_looks_for_no_cycles():
    """It takes half a second after a study of 1,000 runs; what other libraries do at the end comes before."""
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print('frozen', gc.get_freeze_count() > 0)); "
        "from handgrad.cli import main; sys.argv = ['handgrad', '--version']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "frozen True"
