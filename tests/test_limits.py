"""Limits of a shell: one message before anything is loaded, and the reason where something runs into one later."""

import errno
import os
import subprocess
import sys

import pytest

from handgrad import limits


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("-v 200000", "a process may have 195 MB of memory here (ulimit -v 200000); handgrad needs at least 1024 MB"),
        ("-v 800000", "a process may have 781 MB of memory here"),
        ("-n 8", "a process may have 8 files open here (ulimit -n 8); handgrad needs at least 32"),
        ("-n 16", "Raise the limit (ulimit -n 1024), then give the same command; nothing was begun"),
    ],
)
def test_too_little_is_said_at_once(tmp_path, limit, words):
    """A library would hang in its import, or end in a traceback."""
    line = [sys.executable, "-m", "handgrad.cli", "run", "quickstart", "--jobs", "2"]
    done = subprocess.run(
        ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", *line],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            MemoryError("Unable to allocate 7.45 GiB for an array"),
            "there is not enough memory (Unable to allocate 7.45",
        ),
        (MemoryError(), "there is not enough memory (MemoryError)"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "too many files are open at once ([Errno 24] Too many open"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "no more processes or threads can be started ("),
        (ImportError("libx.so: failed to map segment from shared object"), "there is not enough memory (libx.so: fail"),
        (RuntimeError("can't start new thread"), "there is not enough memory (can't start new thread)"),
    ],
)
def test_an_error_that_means_a_limit_says_which(error, words):
    assert limits.reached(error).startswith(words)


@pytest.mark.parametrize(
    "error", [ValueError("shapes"), OSError(errno.ENOENT, "x"), ImportError("no module"), EOFError()]
)
def test_other_errors_mean_no_limit(error):
    assert limits.reached(error) is None


def test_no_more_workers_than_may_have_their_pipes_open(monkeypatch):
    for files, expected in ((None, 8), (1024, 8), (48, 4), (32, 1), (10, 1)):
        monkeypatch.setattr(limits, "_limit", lambda name, files=files: files)
        assert limits.workers_at_most(8) == expected
