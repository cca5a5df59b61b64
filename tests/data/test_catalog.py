"""Where files lie and how they are fetched: from a mirror on this machine, which may fail in every way."""

import gzip
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from handgrad.data import catalog
from handgrad.data.catalog import cache_folder as users_cache
from handgrad.data.datasets import load
from handgrad.errors import DataError, UnknownName

from .conftest import put


@pytest.fixture
def mirrored(small_mnist, mirror, monkeypatch):
    """mirror -> a small mnist whose mirrors are `bad/` and then `good/` of that mirror."""
    source = replace(catalog.DATASETS["mnist"], mirrors=(f"{mirror.address}bad/", f"{mirror.address}good/"))
    monkeypatch.setitem(catalog.DATASETS, "mnist", source)
    mirror.files = {f"good/{name}": content for name, content in small_mnist.items()}
    return mirror


def test_the_published_sums_and_addresses():
    assert {name: [(file.name, file.md5) for file in source.files] for name, source in catalog.DATASETS.items()} == {
        "digits": [],
        "diabetes": [],
        "mnist": [
            ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
        "fashion-mnist": [
            ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
            ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        ],
        "cifar-10": [
            ("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a"),
            ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
        ],
    }


@pytest.mark.parametrize("found", [True, False])
def test_digits_are_those_of_scikit_learn_wherever_it_has_them(monkeypatch, found):
    if not found:
        monkeypatch.setattr(catalog, "find_spec", lambda name: None)
    ours, theirs = catalog.DATASETS["digits"].read({}), load_digits()
    np.testing.assert_array_equal(ours.x_train, theirs.images.astype(np.uint8), strict=True)
    np.testing.assert_array_equal(ours.y_train, theirs.target, strict=True)
    assert ours.value_range == (0, 16)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"0,1,2\n"), gzip.compress(b"a,b\n")])
def test_another_file_in_the_place_of_the_digits_is_left_to_scikit_learn(monkeypatch, tmp_path, content):
    path = tmp_path / "datasets" / "data" / "digits.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(catalog, "find_spec", lambda name: found)
    assert len(catalog.DATASETS["digits"].read({}).y_train) == 1797


def test_digits_are_read_without_loading_scikit_learn():
    script = "import sys, handgrad as hg; hg.load_data('digits'); print('sklearn' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_the_cache_is_the_users(monkeypatch):
    assert "handgrad" in users_cache().parts
    assert users_cache().is_absolute()


def test_what_is_missing_is_fetched_from_the_mirror_that_has_it(mirrored, cache):
    said = []
    status = catalog.fetch("mnist", said.append)
    assert (status.present, status.verified, status.path) == (True, True, cache / "mnist")
    assert len(said) == 8  # every file from the first mirror in vain, then from the second
    assert said[1] == f"fetching mnist: train-images-idx3-ubyte.gz, 0.0 MB, from {mirrored.address}good/"
    assert len(load("mnist", fetch=False).y_train) == 30
    assert sorted(file.name for file in (cache / "mnist").iterdir() if file.name != ".lock") == sorted(
        file.name for file in catalog.DATASETS["mnist"].files
    )


def test_what_is_there_is_not_fetched_again(mirrored):
    catalog.fetch("mnist")
    mirrored.asked.clear()
    catalog.fetch("mnist")
    load("mnist")
    assert mirrored.asked == []


def test_a_load_fetches_by_itself(mirrored):
    assert load("mnist").official


def test_a_cut_leaves_nothing_that_is_read_and_the_next_mirror_serves(mirrored, small_mnist):
    mirrored.files |= {f"bad/{name}": content for name, content in small_mnist.items()}
    mirrored.cut = set(mirrored.files) - {f"good/{name}" for name in small_mnist}
    assert catalog.fetch("mnist").verified
    assert len(mirrored.asked) == 8


def test_after_a_cut_it_starts_cleanly_again(mirrored, cache):
    mirrored.cut = {"good/t10k-images-idx3-ubyte.gz"}
    with pytest.raises(DataError) as caught:
        catalog.fetch("mnist")
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    assert lines[3:] == [
        f"  tried {mirrored.address}bad/ (HTTPError)",
        f"  tried {mirrored.address}good/ (ChunkedEncodingError)",
    ]
    put(cache / "mnist" / "partial", {"t10k-images-idx3-ubyte.gz": b"the rest of a process that was killed"})
    mirrored.cut = set()
    mirrored.asked.clear()
    assert catalog.fetch("mnist").verified
    assert [name for name in mirrored.asked if name.startswith("good")] == [
        "good/t10k-images-idx3-ubyte.gz",
        "good/t10k-labels-idx1-ubyte.gz",
    ]
    assert not (cache / "mnist" / "partial").exists()


def test_a_mirror_with_other_bytes_is_passed_over(mirrored, small_mnist):
    mirrored.files |= {f"bad/{name}": b"<html>please pay</html>" for name in small_mnist}
    assert catalog.fetch("mnist").verified


def test_an_altered_file_in_the_cache_is_fetched_again(mirrored, cache):
    catalog.fetch("mnist")
    path = cache / "mnist" / "train-labels-idx1-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    status = catalog.status("mnist")
    assert (status.present, status.verified) == (False, False)
    catalog.fetch("mnist")
    assert path.read_bytes() == whole


def test_handgrad_data_comes_first_file_by_file(mirrored, small_mnist, tmp_path, monkeypatch, cache):
    names = sorted(small_mnist)
    put(tmp_path / "shared" / "mnist", {name: small_mnist[name] for name in names[:2]})
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "shared"))
    catalog.fetch("mnist")
    assert [name for name in mirrored.asked if name.startswith("good")] == [
        f"good/{file.name}" for file in catalog.DATASETS["mnist"].files if file.name in names[2:]
    ]
    assert {found.path.parent for found in catalog.status("mnist").files} == {
        tmp_path / "shared" / "mnist",
        cache / "mnist",
    }


def test_no_network_says_which_files_to_put_where(cache):
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert str(caught.value) == (
        f"mnist is not on this machine; put these files into {cache / 'mnist'} "
        "(or into mnist/ of a folder that HANDGRAD_DATA names):\n"
        "    train-images-idx3-ubyte.gz  9912422 bytes, MD5 f68b3c2dcbeaaa9fbdd348bbdeb94873\n"
        "    train-labels-idx1-ubyte.gz  28881 bytes, MD5 d53e105ee54ea40749a09fcbcd1e9432\n"
        "    t10k-images-idx3-ubyte.gz  1648877 bytes, MD5 9fb629c4189551a2d022fa330f9573f3\n"
        "    t10k-labels-idx1-ubyte.gz  4542 bytes, MD5 ec29112dd5afa0611ce80d1b7f02629c\n"
        "  tried http://127.0.0.1:9/ (ConnectionError)"
    )


def test_one_archive_of_cifar_is_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        load("cifar-10", fetch=False)
    assert str(caught.value) == (
        f"cifar-10 is not on this machine; put one of these files into {tmp_path / 'cifar-10'}:\n"
        "    cifar-10-python.tar.gz  170498071 bytes, MD5 c58f30108f718f92721af3b95e74349a\n"
        "    cifar-10-binary.tar.gz  170052171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530"
    )


def test_the_other_archive_of_cifar_counts(tmp_path, monkeypatch):
    put(tmp_path / "cifar-10", {"cifar-10-binary.tar.gz": b"12345"})
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    status = catalog.status("cifar-10")
    assert (status.present, status.verified, status.size) == (True, False, 5)
    assert [found.file.name for found in status.files] == ["cifar-10-binary.tar.gz"]


def test_a_folder_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("HANDGRAD_DATA", "/no/such/folder")
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert str(caught.value) == (
        "HANDGRAD_DATA names a folder that does not exist: /no/such/folder; correct it or unset it"
    )
    assert load("digits").official  # needs no folder


def test_a_cache_that_cannot_be_written(cache):
    cache.write_text("a file in its place")
    with pytest.raises(DataError, match=r"  tried .*mnist cannot be written: "):
        load("mnist")


def test_a_full_disk_is_no_fault_of_the_mirrors(mirrored, cache, monkeypatch):
    import pooch

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pooch, "retrieve", full)
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert str(caught.value).splitlines()[-1] == f"  tried {cache / 'mnist'} cannot be written: No space left on device"


def test_status_of_what_is_built_in_and_of_what_is_missing():
    digits = catalog.status("digits")
    assert (digits.present, digits.verified, digits.path, digits.files) == (True, True, None, ())
    assert catalog.fetch("digits") == digits
    missing = catalog.status("fashion-mnist")
    assert (missing.present, missing.verified, missing.path, missing.size) == (False, False, None, 0)
    assert [found.path for found in missing.files] == [None] * 4


@pytest.mark.parametrize("function", [catalog.status, catalog.fetch])
def test_an_unknown_name(function):
    with pytest.raises(UnknownName, match=r"unknown data set 'minst'; did you mean 'mnist'\?"):
        function("minst")


def test_a_folder_that_is_closed_to_this_user(tmp_path, monkeypatch):
    put(tmp_path / "mnist", {"x": b""})
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    stat = Path.stat

    def closed(path, **options):
        if path.parent.name == "mnist":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)$"):
        load("mnist", fetch=False)
