"""Archives are read in memory; what is damaged is said to be, and a name leads nowhere."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from handgrad.data.archives import clean_name, members
from handgrad.errors import DataError

from .conftest import put, tar, zipped

FILES = {"a/1.txt": b"one" * 400, "b/2.txt": b"two" * 700}
PACKERS = {
    "x.tar": lambda files: tar(files),
    "x.tar.gz": lambda files: gzip.compress(tar(files)),
    "x.tgz": lambda files: gzip.compress(tar(files)),
    "x.tar.bz2": lambda files: bz2.compress(tar(files)),
    "x.tar.xz": lambda files: lzma.compress(tar(files)),
    "x.zip": zipped,
}


def read(path):
    return dict(members(path, lambda name: True))


@pytest.mark.parametrize("name", PACKERS)
def test_every_kind_gives_its_files(tmp_path, name):
    (tmp_path / name).write_bytes(PACKERS[name](FILES))
    assert read(tmp_path / name) == FILES
    assert dict(members(tmp_path / name, lambda name: name.startswith("b"))) == {"b/2.txt": FILES["b/2.txt"]}


def test_a_folder_gives_its_files_in_the_order_of_their_names(tmp_path):
    put(tmp_path, {"b/2": b"2", "a/1": b"1", "c": b"3"})
    assert list(members(tmp_path, lambda name: True)) == [("c", b"3"), ("a/1", b"1"), ("b/2", b"2")]


@pytest.mark.parametrize("name", PACKERS)
def test_a_truncated_archive(tmp_path, name):
    whole = PACKERS[name](FILES)
    for keep in (len(whole) // 3, len(whole) // 2, len(whole) - 5000 if name == "x.tar" else len(whole) - 12):
        (tmp_path / name).write_bytes(whole[:keep])
        with pytest.raises(DataError, match=r"(damaged|altered) \(.+\); copy or download it again$") as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_a_tar_cut_between_two_files_is_noticed(tmp_path):
    # header, 1200 bytes in three blocks: the second file begins at 4 · 512
    (tmp_path / "x.tar").write_bytes(tar(FILES)[: 4 * 512])
    with pytest.raises(DataError, match="its end mark is missing"):
        read(tmp_path / "x.tar")


def test_an_altered_header_in_the_middle_is_no_end(tmp_path):
    altered = bytearray(tar(FILES))
    altered[4 * 512 + 10] ^= 1
    (tmp_path / "x.tar").write_bytes(altered)
    with pytest.raises(DataError, match="its end mark is missing"):
        read(tmp_path / "x.tar")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tar.xz", "x.zip"])
def test_an_altered_byte_is_noticed(tmp_path, name):
    whole = bytearray(PACKERS[name]({"a/1.txt": bytes(range(256)) * 40}))
    whole[len(whole) // 3] ^= 0xFF
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(DataError, match="is not an archive, or is damaged"):
        read(tmp_path / name)


def test_what_is_no_archive(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(DataError, match=r"x\.tar\.gz: is not an archive, or is damaged \(invalid header"):
        read(tmp_path / "x.tar.gz")
    (tmp_path / "x.zip").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(DataError, match=r"x\.zip: is not an archive, or is damaged \(File is not a zip file\)"):
        read(tmp_path / "x.zip")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"x\.tar: no such file"):
        read(tmp_path / "x.tar")


def test_a_folder_that_may_not_be_read_is_not_passed_over(tmp_path, monkeypatch):
    put(tmp_path, {"a/1": b"1", "b/2": b"2"})
    scandir = os.scandir

    def forbidden(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    with pytest.raises(DataError, match=r"b: cannot be read \(Permission denied\)"):
        read(tmp_path)


@pytest.mark.parametrize("pack", [tar, zipped], ids=["tar", "zip"])
def test_a_name_leads_nowhere(tmp_path, monkeypatch, pack):
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    path = inside / ("x.zip" if pack is zipped else "x.tar")
    path.write_bytes(pack({"../../escaped.txt": b"1", "/etc/escaped.txt": b"2", "..\\up\\escaped.txt": b"3"}))
    assert sorted(read(path)) == ["escaped.txt", "etc/escaped.txt", "up/escaped.txt"]
    assert [file.name for file in tmp_path.rglob("*")] == ["inside", path.name]


def test_links_and_devices_are_passed_over(tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            info = tarfile.TarInfo(f"odd-{kind.decode()}")
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
    (tmp_path / "x.tar").write_bytes(packed.getvalue())
    assert read(tmp_path / "x.tar") == {}


def test_an_encrypted_zip(tmp_path):
    content = bytearray(zipped({"a.txt": b"1"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.zip: a\.txt is encrypted; unpack the archive and give the folder"):
        read(tmp_path / "x.zip")


def test_names_are_cleaned():
    assert clean_name("a/b.png") == "a/b.png"
    assert clean_name("//a/./b/../c.png") == "a/b/c.png"
    assert Path(clean_name("/../..")) == Path()


# Links, names and limits


def test_a_link_in_an_archive_is_told(tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind in (("cat", tarfile.SYMTYPE), ("a/2.png", tarfile.LNKTYPE), ("fifo", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "../store"
            archive.addfile(info)
    (tmp_path / "x.tar").write_bytes(packed.getvalue())
    left = []
    assert list(members(tmp_path / "x.tar", lambda name: True, left)) == []
    assert left == [("cat", "link"), ("a/2.png", "link"), ("fifo", "device")]


def test_a_link_in_a_zip_is_told_and_not_read_as_a_file(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo("cat/1.png")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "../../etc/hostname")
    (tmp_path / "x.zip").write_bytes(packed.getvalue())
    left = []
    assert list(members(tmp_path / "x.zip", lambda name: True, left)) == []
    assert left == [("cat/1.png", "link")]


def test_a_folder_reads_what_links_lead_to_and_tells_the_rest(tmp_path):
    put(tmp_path, {"store/1": b"1", "data/2": b"2", "data/.hidden": b"3", "data/no.txt": b"4"})
    (tmp_path / "data" / "far").symlink_to(tmp_path / "store")
    (tmp_path / "data" / "empty").mkdir()
    os.mkfifo(tmp_path / "data" / "pipe")
    left = []
    assert list(members(tmp_path / "data", lambda name: name != "no.txt", left)) == [("2", b"2"), ("far/1", b"1")]
    assert sorted(left) == [("empty", "empty folder"), ("no.txt", ".txt"), ("pipe", "device")]


@pytest.mark.parametrize("pack", [tar, zipped], ids=["tar", "zip"])
def test_a_file_that_is_held_twice(tmp_path, pack):
    path = tmp_path / ("x.zip" if pack is zipped else "x.tar")
    path.write_bytes(pack({"a/1.png": b"1", "../a/1.png": b"2"}))
    with pytest.raises(DataError, match=r"holds a/1\.png twice; unpack it and give the folder"):
        read(path)


def test_an_archive_is_known_by_its_content(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(zipped(FILES))
    (tmp_path / "y.tar").write_bytes(gzip.compress(tar(FILES)))
    assert read(tmp_path / "x.tar.gz") == read(tmp_path / "y.tar") == FILES


def test_a_pipe_is_no_archive(tmp_path):
    os.mkfifo(tmp_path / "x.tar")
    with pytest.raises(DataError, match=r"x\.tar: is no file and no folder; give one"):
        read(tmp_path / "x.tar")
