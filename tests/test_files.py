"""Files that are whole or not there, with or without a kill in between, and checksums that no altered byte passes."""

import json
import os
import shutil
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import pytest

from handgrad import files
from handgrad.errors import DamagedError
from handgrad.files import (
    free_name,
    indented,
    remove,
    sealed,
    sweep,
    unsealed,
    write_folder,
    write_whole,
    written_folder,
)

TEXT = '{\n "name": "a",\n "values": [1, 2.5, null]\n}'


class Killed(BaseException):
    """The process ends here: nothing of it runs any more."""


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in Path(folder).rglob("*") if path.is_file()}


def kill_at(monkeypatch, call, *, after):
    """The process is killed at the given call of fsync or replace, before or after it; clean-up does not run."""
    count = [0]

    def killing(real):
        def called(*arguments):
            if count[0] < 0:
                raise Killed
            count[0] += 1
            if count[0] < call:
                return real(*arguments)
            if after:
                real(*arguments)
            count[0] = -1
            raise Killed

        return called

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, killing(getattr(os, name)))
    dead = lambda real: lambda *a, **k: None if count[0] < 0 else real(*a, **k)  # noqa: E731
    monkeypatch.setattr(shutil, "rmtree", dead(shutil.rmtree))
    monkeypatch.setattr(Path, "unlink", dead(Path.unlink))
    return count


def test_no_altered_byte_of_a_sealed_file_passes():
    content = sealed(TEXT)
    assert unsealed(content, Path("x"), "") == (json.loads(TEXT), True)
    assert unsealed(content.replace(b"\n", b"\r\n"), Path("x"), "") == (json.loads(TEXT), True)
    for position in range(len(content)):
        for other in {content[position] ^ 1, content[position] ^ 32, 0x20, 0x30, 0x22} - {content[position]}:
            altered = content[:position] + bytes([other]) + content[position + 1 :]
            with pytest.raises((DamagedError, ValueError)):
                unsealed(altered, Path("x"), "")
    for end in range(len(content)):
        with pytest.raises((DamagedError, ValueError)):
            unsealed(content[:end], Path("x"), "")
    assert unsealed(TEXT.encode(), Path("x"), "") == (json.loads(TEXT), False)  # of before there were checksums
    with pytest.raises(ValueError, match="holds a list, not an object"):
        unsealed(b"[1]", Path("x"), "")


VALUES = {
    "numbers": [1, -2.5, 1e-07, 1e22, 2**63, 0.1 + 0.2],
    "one": 1.5,
    "words": ["größe", 'a "quote"\n', ""],
    "flags": [True, False, None, 1],
    "nothing": [[], {}, "", None, 0, ()],
    "rows": [[1, 2], [3.5]],
    "pair": (1, {"a": (2,)}),
    'a "key"': {"b": {"c": [{"d": None}]}},
}


@pytest.mark.parametrize("value", [VALUES, {}, [], [10**400, -1], OrderedDict(a=1), *VALUES.values()], ids=str)
def test_indented_text_is_that_of_json(value):
    assert indented(value) == json.dumps(value, indent=1)


@pytest.mark.parametrize("value", [float("nan"), [1.0, float("inf")], {"a": [[float("-inf")]]}])
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        indented(value)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, 4))
def test_a_file_is_the_old_or_the_new_one_whenever_it_is_killed(tmp_path, monkeypatch, call, after):
    write_whole(tmp_path / "a.txt", b"first")
    with monkeypatch.context() as patch:
        kill_at(patch, call, after=after)
        with pytest.raises(Killed):
            write_whole(tmp_path / "a.txt", b"second")
    assert (tmp_path / "a.txt").read_text() in ("first", "second")
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_the_old_or_the_new_one_whenever_it_is_killed(tmp_path, monkeypatch):
    ours = ("a", "b")
    calls = 0
    for after in (False, True):
        for call in range(1, 20):
            folder = tmp_path / f"{after}-{call}"
            (folder / "run" / "mine").mkdir(parents=True)
            for name in ("a", "b"):
                (folder / "run" / name).write_text("old")
            (folder / "run" / "mine" / "notes").write_text("mine")
            with monkeypatch.context() as patch:
                count = kill_at(patch, call, after=after)
                try:
                    with written_folder(folder / "run", ours) as new:
                        for name in ("a", "b"):
                            (new / name).write_text("new")
                except Killed:
                    pass
                ended = count[0] >= 0
            sweep(folder, ours)
            found = tree(folder)
            kept = {path: text for path, text in found.items() if path.endswith("notes")}
            assert set(kept.values()) == {"mine"}  # wherever: nothing of the user's is lost
            run = {path: text for path, text in found.items() if path in ("run/a", "run/b")}
            assert run in ({}, dict.fromkeys(("run/a", "run/b"), "old"), dict.fromkeys(("run/a", "run/b"), "new"))
            assert not [path for path in folder.iterdir() if path.name.startswith(".")]
            calls += not ended
            if ended:
                assert found == {"run/a": "new", "run/b": "new", "run/mine/notes": "mine"}
                break
    assert calls >= 12  # before and after each of: files, folder, away, in place, the folder around it


def test_a_folder_of_files_is_there_whole_or_not_at_all_whenever_it_is_killed(tmp_path, monkeypatch):
    for call in range(1, 20):
        (folder := tmp_path / str(call)).mkdir()
        with monkeypatch.context() as patch:
            count = kill_at(patch, call, after=False)
            with suppress(Killed):
                write_folder(folder / "run", {"a": b"new", "b": b""}, ("a", "b"))
            ended = count[0] >= 0
        sweep(folder, ("a", "b"))
        assert tree(folder) in ([] if ended else [{}]) + [{"run/a": "new", "run/b": ""}]
        if ended:
            break
    assert call == 6  # files, folder, in place, the folder around it; and without a kill
    (folder / "run" / "mine").write_text("mine")
    write_folder(folder / "run", {"a": b"newer"}, ("a", "b"))
    assert tree(folder) == {"run/a": "newer", "run/mine": "mine"}


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "a").write_text("old")
    real = os.replace

    def full(source, target):
        if Path(target) == tmp_path / "run" and Path(source).joinpath("a").read_text() == "new":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"), written_folder(tmp_path / "run", ("a",)) as new:
        (new / "a").write_text("new")
    assert tree(tmp_path) == {"run/a": "old"}


def test_removing_leaves_what_others_put_there_and_follows_no_link(tmp_path):
    for path in ("w/k/x.npy", "w/k/mine.txt", "w/l/x.npy", "w/.x.npy.12-3.tmp", "other/x.npy"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "w" / "link").symlink_to(tmp_path / "other")
    remove(tmp_path / "w", ("*/x.npy",))
    assert sorted(tree(tmp_path)) == ["other/x.npy", "w/k/mine.txt"]
    assert not (tmp_path / "w" / "l").exists()
    (tmp_path / "to").symlink_to(tmp_path / "other")
    remove(tmp_path / "to", ("*",))
    assert (tmp_path / "other" / "x.npy").exists()


def test_long_names_and_free_ones(tmp_path):
    long = tmp_path / ("ä" * 120)
    write_whole(long, b"x")
    assert long.read_text() == "x"
    (tmp_path / "earlier-1").symlink_to("nowhere")
    assert free_name(tmp_path / "earlier").name == "earlier-2"
    assert files.is_temporary(files.temporary(long).name)
