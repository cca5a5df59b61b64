"""A split on disk: the same arrays in every process, mapped and read-only."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from handgrad.data import storage
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import from_arrays, open_split, save_split, split
from handgrad.errors import DataError


def make(test=True, **values):
    rng = np.random.default_rng(1)
    x, y = rng.random((30, 4)), np.arange(30) % 3
    data = from_arrays(x, y, x[:9], y[:9], name="größe", classes=("a", "b", "ß")) if test else from_arrays(x, y)
    return split(data, DataSection(**values))


@pytest.mark.parametrize(
    "values", [{}, {"validation": False}, {"validation": {"size": 1.0, "from": "test"}}, {"scale": "standard"}]
)
def test_what_was_saved_opens_as_the_same(tmp_path, values):
    saved = make(**values)
    save_split(saved, tmp_path / "a" / "b")
    opened = open_split(tmp_path / "a" / "b")
    assert list(opened.parts) == list(saved.parts)
    for name, part in saved.parts.items():
        for array in ("x", "y", "index"):
            mine, theirs = getattr(part, array), getattr(opened.parts[name], array)
            assert type(theirs) is np.ndarray
            assert (theirs.dtype, theirs.tobytes()) == (mine.dtype, mine.tobytes())
        assert opened.parts[name].source == part.source
    for name in ("name", "classes", "shape", "checksum", "scaling", "official", "notes", "label_table", "scaler"):
        assert getattr(opened, name) == getattr(saved, name)
    assert opened.scaler.apply(np.ones((1, 4))).tolist() == saved.scaler.apply(np.ones((1, 4))).tolist()


def test_opened_arrays_are_mapped_and_read_only(tmp_path):
    save_split(make(), tmp_path)
    x = open_split(tmp_path).train.x
    assert isinstance(x.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        x[0, 0] = 1


def test_images_keep_their_range(tmp_path):
    data = from_arrays(np.zeros((4, 2, 2), np.uint8), [0, 1, 0, 1])
    save_split(split(data, DataSection()), tmp_path)
    assert open_split(tmp_path).value_range == (0, 255)


def test_another_process_sees_the_same(tmp_path):
    saved = make()
    save_split(saved, tmp_path)
    code = "import sys; from pathlib import Path; from handgrad.data.datasets import open_split\n"
    code += "print(open_split(Path(sys.argv[1])).train.x.tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == saved.train.x.tobytes().hex()


def test_saving_again_replaces(tmp_path):
    save_split(make(), tmp_path)
    save_split(make(validation=False), tmp_path)
    assert list(open_split(tmp_path).parts) == ["train", "test"]


def failing(tmp_path):
    with pytest.raises(DataError) as caught:
        open_split(tmp_path)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path}: ")
    assert text.endswith("; delete it and it is made again")
    return text


def test_an_unfinished_folder(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    save_split(make(), tmp_path)
    with monkeypatch.context() as during:
        during.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_split(make(), tmp_path)
    assert "is no finished folder of data; delete" in failing(tmp_path)


def test_damaged_folders(tmp_path):
    save_split(make(), tmp_path)
    for name in ("train-x.npy", "validation-y.npy", "split.json"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) - 9])
        assert "is not a finished folder of data, or is damaged" in failing(tmp_path)
        (tmp_path / name).write_bytes(whole)
    np.save(tmp_path / "train-y.npy", np.zeros(3, np.int64))
    assert "arrays of another length" in failing(tmp_path)
    (tmp_path / "train-y.npy").unlink()
    assert "is no finished folder of data, train-y.npy is missing" in failing(tmp_path)


@pytest.mark.parametrize("content", [[], {"format": 1}, {}, {"format": 1, "parts": 7}, {"format": 1, "parts": {}}])
def test_a_json_of_something_else(tmp_path, content):
    (tmp_path / "split.json").write_text(json.dumps(content))
    assert "is not a finished folder of data, or is damaged" in failing(tmp_path)


def test_a_folder_of_another_version(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(storage, "FORMAT", 2)
        save_split(make(), tmp_path)
    assert "was written by another version of handgrad" in failing(tmp_path)


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError) as caught:
        save_split(make(), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: data cannot be written there (No space left on device); free space or choose another folder"
    )


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(DataError, match=r"x: data cannot be written there \("):
        save_split(make(), tmp_path / "x")


def test_a_disk_that_takes_a_part_only(tmp_path, monkeypatch):
    def short(*_, **__):
        raise OSError("72832 requested and 59360 written")  # NumPy's words

    monkeypatch.setattr(np, "save", short)
    with pytest.raises(DataError, match=r"written there \(the disk took a part of them only\); free space or"):
        save_split(make(), tmp_path)


def test_an_array_whose_header_is_hostile(tmp_path):
    save_split(make(), tmp_path)
    whole = (tmp_path / "train-x.npy").read_bytes()
    for shape in (b"(9999999999999, 4)", b"((((((((", b"(-1, 4)"):
        end = whole.index(b"\n", 10)
        header = (b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b", }").ljust(end - 10)
        (tmp_path / "train-x.npy").write_bytes(whole[:10] + header + whole[end:])
        assert "is not a finished folder of data, or is damaged" in failing(tmp_path)


def test_a_split_that_was_stored_before_cells_could_be_missing(tmp_path):
    parts = split(from_arrays([[0.0], [1.0], [2.0], [3.0]] * 5, [0, 1] * 10), {})
    save_split(parts, tmp_path)
    kept = json.loads((tmp_path / "split.json").read_text("utf-8"))
    del kept["scaler"]["fill"]
    (tmp_path / "split.json").write_text(json.dumps(kept), "utf-8")
    assert open_split(tmp_path).scaler == parts.scaler
