"""Whatever a foreign file does to its reader becomes one message."""

import lzma
from tokenize import TokenError

import pytest

from handgrad.errors import DataError, WeightsError, readable
from handgrad.foreign import reading
from handgrad.names import listed, shown


@pytest.mark.parametrize(
    "failure",
    [
        lzma.LZMAError("Corrupt input data"),
        TokenError("EOF in multi-line statement", (2, 0)),
        OverflowError("Python int too large"),
        KeyError("x"),
        AttributeError("'bytes' object has no attribute 'shape'"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        OSError("not a PNG"),
        NotImplementedError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_reader_that_fails_is_one_message_that_names_the_file(failure):
    with (
        pytest.raises(DataError, match=r"^a\.npz: is not an \.npz file, or is damaged \(.+\); copy it again") as caught,
        reading("a.npz", DataError, "an .npz file"),
    ):
        raise failure
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (MemoryError(), r"^w: needs more memory than there is"),
        (RecursionError(), r"^w: is nested too deeply to be a record"),
        (FileNotFoundError(2, "No such file or directory"), r"^w: no such file$"),
        (PermissionError(13, "Permission denied"), r"^w: cannot be read \(Permission denied\)$"),
        (WeightsError("said already"), "^said already$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_damage_says_so(failure, message):
    with pytest.raises(WeightsError, match=message), reading("w", WeightsError, "a record"):
        raise failure


def test_ctrl_c_passes():
    with pytest.raises(KeyboardInterrupt), reading("w", WeightsError, "a record"):
        raise KeyboardInterrupt


def test_messages_fit_a_terminal():
    assert readable("line\n\x1b[2J\udcff\tend") == "line\n\\x1b[2J\\udcff\\tend"
    assert len(readable("y" * 100_000)) == 1000
    assert readable("\n".join("z" * 100)).endswith("z\n… and 40 lines more")
    assert len(str(DataError("x" * 50_000))) == 1000


def test_values_and_lists_are_shortened():
    assert len(shown(10**5000)) < 80
    assert len(shown("x" * 1000)) == 80
    assert listed(f"pixel{i}" for i in range(784)).endswith("pixel39 … (744 more)")


def test_a_place_before_the_beginning_is_damage_not_the_disk():
    with (
        pytest.raises(DataError, match=r"is not an \.npz file, or is damaged"),
        reading("a", DataError, "an .npz file"),
    ):
        raise OSError(22, "Invalid argument")
