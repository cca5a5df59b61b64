"""Archives that would fill the memory are refused before they do."""

import bz2
import gzip
import io
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager

import pytest

from handgrad.data import bounds
from handgrad.data.archives import members
from handgrad.errors import DataError

from .conftest import put, tar, zipped


def read(path):
    return dict(members(path, lambda name: True))


def zeros(opener, path, n_bytes, head=b""):
    """A packed file of `head` and zeros, written without holding them."""
    with opener(path, "wb") as file:
        file.write(head)
        block = bytes(1 << 20)
        for _ in range(n_bytes >> 20):
            file.write(block)


def header(name, size):
    """The header of a file of `size` bytes in a tar."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


GIGABYTE = 1 << 30


@contextmanager
def little_memory():
    """Fail where more than 400 MB are taken at one time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 400e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("opener", "name"),
    [(gzip.open, "x.tar.gz"), (bz2.open, "x.tar.bz2"), (lzma.open, "x.tar.xz")],
    ids=["gz", "bz2", "xz"],
)
@pytest.mark.parametrize("member", ["a/1.png", "not/wanted.txt"])
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path, opener, name, member):
    zeros(opener, tmp_path / name, 8 << 20, header(member, GIGABYTE))
    with little_memory(), pytest.raises(DataError) as caught:
        list(members(tmp_path / name, lambda name: name.endswith(".png")))
    assert re.search(
        r": its \d\S* (bytes|MB) unpack to \S+ (MB|GB) or more, as those of a bomb; at most 100\.0 MB are read of it\. "
        r"Unpack it where there is room and give the folder$",
        str(caught.value),
    )


def test_zeros_behind_the_end_of_an_archive(tmp_path):
    zeros(gzip.open, tmp_path / "x.tar.gz", 110 << 20)
    with little_memory(), pytest.raises(DataError, match=r"unpack to 1\d\d\.\d MB or more, as those of a bomb"):
        read(tmp_path / "x.tar.gz")


def test_a_zip_of_zeros(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a/1.png", "w") as file:
        for _ in range(120):
            file.write(bytes(1 << 20))
    (tmp_path / "x.zip").write_bytes(packed.getvalue())
    with (
        little_memory(),
        pytest.raises(DataError, match=r"unpack to 125\.8 MB or more, as those of a bomb; at most 100"),
    ):
        read(tmp_path / "x.zip")


def test_a_zip_whose_size_lies(tmp_path):
    packed = bytearray(zipped({"a/1.png": bytes(1 << 20)}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = packed.index(mark) + offset
        packed[at : at + 4] = struct.pack("<I", 100)
    (tmp_path / "x.zip").write_bytes(packed)
    with pytest.raises(DataError, match="is not an archive, or is damaged"):
        read(tmp_path / "x.zip")


@pytest.mark.parametrize(("method", "word"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_a_zip_packed_in_a_way_that_cannot_be_bounded(tmp_path, method, word):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("a/1.png", bytes(1000))
    with pytest.raises(DataError, match=rf"a/1\.png is packed by {word}; unpack the archive and give the folder"):
        read(tmp_path / "x.zip")


def test_a_zip_that_promises_a_million_files(tmp_path):
    packed = bytearray(zipped({"a/1.png": b"1"}))
    end = packed.rindex(b"PK\x05\x06")
    packed[end + 8 : end + 12] = b"\xff\xff\xff\xff"
    long = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 10**9, 10**9, 46, 0)
    (tmp_path / "x.zip").write_bytes(
        packed[:end] + long + b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1) + packed[end:]
    )
    with pytest.raises(DataError, match="holds more than 1,000,000 files, the most that are read; divide it"):
        read(tmp_path / "x.zip")


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.data.archives.MOST_FILES", 3)
    files = {f"{k}.png": b"1" for k in range(4)}
    put(tmp_path / "folder", files)
    (tmp_path / "x.zip").write_bytes(zipped(files))
    (tmp_path / "x.tar").write_bytes(tar(files))
    for name in ("folder", "x.zip", "x.tar"):
        with pytest.raises(DataError, match=f"{name}: holds more than 3 files, the most that are read; divide it"):
            read(tmp_path / name)


def test_one_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.data.archives.MOST_BYTES", 1000)
    files = {"a/1.png": bytes(1001)}
    put(tmp_path / "folder", files)
    (tmp_path / "x.zip").write_bytes(zipped(files))
    (tmp_path / "x.tar").write_bytes(tar(files))
    for name in ("folder", "x.zip", "x.tar"):
        with pytest.raises(DataError, match=r"1\.png: has 1001 bytes or more; at most 1000 bytes are read of one file"):
            read(tmp_path / name)


def test_a_header_that_promises_gigabytes_of_names(tmp_path):
    # a long name (or pax header) of 5 GB: tarfile would read all of it at once
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 5 * GIGABYTE
    zeros(gzip.open, tmp_path / "x.tar.gz", 8 << 20, info.tobuf(tarfile.GNU_FORMAT))
    with little_memory(), pytest.raises(DataError, match=r"it promises 5\.4 GB at once"):
        read(tmp_path / "x.tar.gz")


def test_folders_nested_without_end(tmp_path):
    top, aside = tmp_path / "top", tmp_path / "aside"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    try:
        with pytest.raises(DataError, match="is nested too deeply to be a folder"):
            read(top)
    finally:  # level by level: whoever removes folders for pytest gives up at such a depth too
        while (top / "d" / "d").exists():
            os.rename(top / "d" / "d", aside)
            os.rmdir(top / "d")
            os.rename(aside, top / "d")


def test_what_a_file_holds_may_take_half_of_the_memory(monkeypatch):
    monkeypatch.setattr(bounds, "room_in_memory", lambda: 8_000_000_000)
    bounds.check_memory("a.npz", 4_000_000_000)
    with pytest.raises(
        DataError, match=r"^a\.npz: holds 4\.1 GB unpacked; at most 4\.0 GB are read, half of the memory"
    ):
        bounds.check_memory("a.npz", 4_100_000_000)


def test_memory_is_what_the_machine_has_or_the_process_may_take():
    assert 1 << 28 < bounds.room_in_memory() < 1 << 50
    script = "ulimit -v 8000000; exec $0 -c 'from handgrad.data import bounds; print(bounds.room_in_memory())'"
    told = subprocess.run(["bash", "-c", script, sys.executable], capture_output=True, text=True, check=True).stdout
    assert int(told) == min(bounds.room_in_memory(), 8_000_000 * 1024)
