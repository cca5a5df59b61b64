"""Printing: any text, to any terminal, file or pipe, whether or not anybody can read it."""

import errno
import io
import os
import subprocess
import sys

import pytest

from handgrad.terminal import SafeStream, in_encoding, safe_streams, say

SIGNS = "67.7 ± 3.4 % – 2 × 3 ≥ 5… → −Σ σ \udcff ☂"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "67.7 +- 3.4 % - 2 x 3 >= 5... -> -sum sigma ? ?"),
        ("latin-1", "67.7 ± 3.4 % - 2 × 3 >= 5... -> -sum sigma ? ?"),
        ("cp1252", "67.7 ± 3.4 % – 2 × 3 >= 5… -> -sum sigma ? ?"),
        ("utf-8", "67.7 ± 3.4 % – 2 × 3 ≥ 5… → −Σ σ ? ☂"),
    ],
)
def test_signs_that_an_encoding_lacks_are_written_as_others(encoding, expected):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    SafeStream(stream).write(SIGNS)
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == expected
    assert in_encoding(SIGNS, encoding) == expected


class Full(io.StringIO):
    def write(self, text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_cannot_be_written_is_dropped_and_why_is_known():
    closed = io.StringIO()
    closed.close()
    for stream, why in ((Full(), "No space left on device"), (closed, None), (None, None)):
        lasts = SafeStream(stream)
        assert lasts.write("text") == 4
        lasts.flush()
        assert lasts.write("more") == 4
        assert lasts.isatty() is False
        assert (lasts.lost.strerror if lasts.lost else None) == why
        assert (lasts.lost is None) == (stream is None)


def test_everything_printed_goes_through_and_the_streams_come_back(capsys):
    before = sys.stdout, sys.stderr
    with safe_streams() as (out, err):
        print("one")
        assert sys.stdout is out
        assert sys.stderr is err
        assert not hasattr(out, "buffer")  # bytes would go past it
        say("two")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("one\n", "two\n")


def test_a_line_for_nobody_ends_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    say("unheard")
    monkeypatch.setattr(sys, "stderr", Full())
    say("unheard")


@pytest.mark.skipif(os.name != "posix", reason="standard streams that are closed are POSIX's")
def test_a_file_never_takes_the_place_of_a_closed_standard_stream(tmp_path):
    """What a library prints by itself would be written into it."""
    code = (
        "import os; from handgrad.terminal import open_standard_streams\n"
        f"open_standard_streams(); file = open({str(tmp_path / 'results')!r}, 'w'); os.write(2, b'a warning')\n"
        "assert file.fileno() > 2"
    )
    done = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" >&- 2>&- <&-', sys.executable, code], check=False)
    assert done.returncode == 0
    assert (tmp_path / "results").read_bytes() == b""
