"""Catalog: the named data sets, one record each, and how their files come to this machine.

To add a data set, add its record to `DATASETS`; nothing else names it.  Its `read` makes arrays of its files, or of
nothing where it has no files.

Every file is looked for in this order:
    1. HANDGRAD_DATA/<name>/   a copy with other bytes than the published ones is used, and a note says so
    2. <cache>/<name>/         the user's cache, where only the published bytes count
    3. the mirrors             fetched whole into <cache>/<name>/partial, verified, then moved: what an interrupted
                               download left behind is thrown away and never read
Checksums are the published MD5 of the archives; they guard against accidents, and no file can execute anything.
"""

import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.cifar import CLASSES, read_cifar
from handgrad.data.contents import Contents
from handgrad.data.idx import MNIST_FILES, read_mnist
from handgrad.errors import DataError
from handgrad.files import move
from handgrad.foreign import reading
from handgrad.measures import CLASSIFICATION, REGRESSION, TASKS
from handgrad.names import lookup

LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}  # the disk's fault, not a mirror's


@dataclass(frozen=True)
class File:
    """One published file: its name, MD5 and size in bytes; `plain_md5` of its content without gzip."""

    name: str
    md5: str
    size: int
    plain_md5: str = ""

    @property
    def plain_name(self) -> str:
        """The name without .gz, under which an unpacked copy is found."""
        return self.name.removesuffix(".gz")


@dataclass(frozen=True)
class NamedDataset:
    """A data set that studies call by its name.

    read: makes the contents, labels as they are written there, from published name without .gz -> path of its files.
    classes: the names of classes 0..k-1, where `read` does not give them.
    files, mirrors: the published files, and addresses that end where a file's name begins.  any_of: one file is enough.
    folders: names that an unpacked archive has in HANDGRAD_DATA/<name>/.
    library: the Python library that comes with the data, where there are no files.  task: what is learnt from it.
    """

    name: str
    about: str
    read: Callable[[Mapping[str, Path]], Contents]
    classes: tuple[str, ...] | None = None
    files: tuple[File, ...] = ()
    mirrors: tuple[str, ...] = ()
    any_of: bool = False
    folders: tuple[str, ...] = ()
    library: str = ""
    task: str = CLASSIFICATION


def _idx_files(*rows: tuple[str, int, str]) -> tuple[File, ...]:
    """The files of a set made like MNIST.  rows: (MD5, size, MD5 of the content without gzip) of each."""
    return tuple(File(f"{name}.gz", *row) for name, row in zip(MNIST_FILES, rows, strict=True))


def _read_digits(_: Mapping[str, Path]) -> Contents:
    """What scikit-learn's `load_digits` gives, from its file: to load the library takes as long as a hundred runs."""
    library = find_spec("sklearn")
    for folder in (library and library.submodule_search_locations) or ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        with suppress(OSError, EOFError, ValueError, zlib.error):  # then the library says what is wrong with its file
            table = np.loadtxt(path, np.int64, delimiter=",")  # 64 pixels and the digit
            if table.shape != (1797, 65):
                break
            return Contents(table[:, :-1].reshape(-1, 8, 8).astype(np.uint8), table[:, -1].copy(), value_range=(0, 16))
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Contents(bunch.images.astype(np.uint8), bunch.target, value_range=(0, 16))


def _read_diabetes(_: Mapping[str, Path]) -> Contents:
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    names = tuple(map(str, bunch.feature_names))
    return Contents(bunch.data, bunch.target, classes=("progression",), feature_names=names, task=REGRESSION)


def value_of(table: Any, key: str) -> Any:
    """What a table, or a section, says of a key; None where it says nothing."""
    return table.get(key) if isinstance(table, Mapping) else getattr(table, key, None)


def task_of(data: Any) -> str:
    """What is learnt from the data of a [data] table, as far as the table and the catalog say it."""
    task, name = value_of(data, "task"), value_of(data, "name")
    known = DATASETS.get(name) if isinstance(name, str) else None
    return task if task in TASKS else known.task if known else CLASSIFICATION


DIGITS = tuple("0123456789")
DATASETS: dict[str, NamedDataset] = {
    dataset.name: dataset
    for dataset in (
        NamedDataset(
            name="digits",
            about="handwritten digits, 1,797 of 8 × 8, gray; built in",
            read=_read_digits,
            classes=DIGITS,
            library="scikit-learn",
        ),
        NamedDataset(
            name="diabetes",
            about="progression of diabetes in a year from ten measurements, 442 patients: regression; built in",
            read=_read_diabetes,
            library="scikit-learn",
            task=REGRESSION,
        ),
        NamedDataset(
            name="mnist",
            about="handwritten digits, 60,000 + 10,000 of 28 × 28, gray",
            read=read_mnist,
            classes=DIGITS,
            files=_idx_files(
                ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9912422, "6bbc9ace898e44ae57da46a324031adb"),
                ("d53e105ee54ea40749a09fcbcd1e9432", 28881, "a25bea736e30d166cdddb491f175f624"),
                ("9fb629c4189551a2d022fa330f9573f3", 1648877, "2646ac647ad5339dbf082846283269ea"),
                ("ec29112dd5afa0611ce80d1b7f02629c", 4542, "27ae3e4e09519cfbb04c329615203637"),
            ),
            mirrors=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "https://dataset.bj.bcebos.com/mnist/",
            ),
        ),
        NamedDataset(
            name="fashion-mnist",
            about="articles of clothing, 60,000 + 10,000 of 28 × 28, gray",
            read=read_mnist,
            classes=(
                *("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag"),
                "ankle boot",
            ),
            files=_idx_files(
                ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26421880, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
                ("25c81989df183df01b3e8a0aad5dffbe", 29515, "9018921c3c673c538a1fc5bad174d6f9"),
                ("bef4ecab320f06d8554ea6380940ec79", 4422102, "8181f5470baa50b63fa0f6fddb340f0a"),
                ("bb300cfdad3c16e7a12a480ee83cd310", 5148, "15d484375f8d13e6eb1aabb0c3f46965"),
            ),
            mirrors=(
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            ),
        ),
        NamedDataset(
            name="cifar-10",
            about="photographs of ten kinds, 50,000 + 10,000 of 32 × 32, colour",
            read=lambda files: read_cifar(*files.values()),
            classes=CLASSES,
            files=(
                File("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170498071),
                File("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", 170052171),
            ),
            mirrors=("https://www.cs.toronto.edu/~kriz/", "https://dataset.bj.bcebos.com/cifar/"),
            any_of=True,
            folders=("cifar-10-batches-py", "cifar-10-batches-bin"),
        ),
    )
}


@dataclass(frozen=True)
class Found:
    """One file of a data set: where it lies (None: nowhere) and whether it has the published bytes."""

    file: File
    path: Path | None = None
    verified: bool = False


@dataclass(frozen=True)
class Status:
    """Which files of a data set are on this machine; `size`: their bytes; `path`: the folder they lie in.

    library: the Python library that comes with the data, "" where it lies in files.
    """

    name: str
    about: str
    present: bool
    verified: bool
    path: Path | None
    size: int
    files: tuple[Found, ...]
    library: str = ""
    task: str = CLASSIFICATION


def data_folder() -> Path | None:
    """The folder that HANDGRAD_DATA names, or None; raises DataError where there is no such folder."""
    named = os.environ.get("HANDGRAD_DATA", "")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DataError(f"HANDGRAD_DATA names a folder that does not exist: {named}; correct it or unset it")
    return folder


def cache_folder() -> Path:
    """The user's cache, where fetched files are kept."""
    import pooch

    return Path(pooch.os_cache("handgrad"))


def find(dataset: NamedDataset) -> tuple[Found, ...]:
    """Where the files of a data set lie: all of them, or the first one there is where one is enough."""
    if not dataset.files:
        return ()
    folder = data_folder()
    with reading(folder or cache_folder(), DataError, "a folder of data"):  # that may be closed to this user
        found = [_find_file(dataset, file, folder) for file in dataset.files]
    if not dataset.any_of:
        return tuple(found)
    here = [one for one in found if one.path is not None]
    if not here and folder is not None:
        unpacked = [folder / dataset.name / name for name in dataset.folders if (folder / dataset.name / name).is_dir()]
        here = [Found(dataset.files[0], path) for path in unpacked]
    return tuple(here[:1] or found[:1])


def status(name: str) -> Status:
    """Which files of a named data set are on this machine; nothing is fetched.  Raises UnknownName."""
    dataset = lookup(DATASETS, name, "data set")
    files = find(dataset)
    here = [one.path for one in files if one.path is not None]
    present = len(here) == len(files)
    size = sum(_size(path) for path in here)
    verified = present and all(one.verified for one in files)
    folder = here[0].parent if here else None
    return Status(name, dataset.about, present, verified, folder, size, files, dataset.library)


def fetch(name: str, say: Callable[[str], None] = lambda line: None) -> Status:
    """Fetch the missing files of a named data set into the cache; `say` gets a line for each.  Raises UnknownName."""
    paths(lookup(DATASETS, name, "data set"), say=say)
    return status(name)


def paths(
    dataset: NamedDataset, *, allowed: bool = True, say: Callable[[str], None] = lambda line: None
) -> tuple[Found, ...]:
    """Every file of a data set, fetched if missing and `allowed`; raises DataError where it cannot be had."""
    found = find(dataset)
    missing = [one.file for one in found if one.path is None]
    if not missing:
        return found
    if not allowed:
        raise DataError(_missing(dataset, missing, []))
    _fetch_files(dataset, missing, say)
    return find(dataset)


def _find_file(dataset: NamedDataset, file: File, folder: Path | None) -> Found:
    if folder is not None:
        for name, md5 in ((file.name, file.md5), (file.plain_name, file.plain_md5)):
            path = folder / dataset.name / name
            if path.is_file():
                return Found(file, path, _md5(path) == md5)
    path = cache_folder() / dataset.name / file.name
    return Found(file, path, True) if path.is_file() and _md5(path) == file.md5 else Found(file)


def _md5(path: Path) -> str:
    with reading(path, DataError, "a file"), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _size(path: Path) -> int:
    with reading(path, DataError, "a folder"):
        files = path.iterdir() if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files if file.exists())


def _fetch_files(dataset: NamedDataset, missing: list[File], say: Callable[[str], None]) -> None:
    from filelock import FileLock

    folder = cache_folder() / dataset.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # two studies that start at once fetch once
            shutil.rmtree(folder / "partial", ignore_errors=True)
            for number, file in enumerate(missing):
                tried: list[str] = []
                if _find_file(dataset, file, None).path is None and not _fetch_file(dataset, file, folder, say, tried):
                    raise DataError(_missing(dataset, missing[number:], tried))
            shutil.rmtree(folder / "partial", ignore_errors=True)
    except OSError as error:
        raise DataError(
            _missing(dataset, missing, [f"{folder} cannot be written: {error.strerror or error}"])
        ) from None


def _fetch_file(dataset: NamedDataset, file: File, folder: Path, say: Callable[[str], None], tried: list[str]) -> bool:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    for mirror in dataset.mirrors:
        say(f"fetching {dataset.name}: {file.name}, {file.size / 1e6:.1f} MB, from {mirror}")
        try:
            part = pooch.retrieve(
                mirror + file.name,
                known_hash=f"md5:{file.md5}",
                fname=file.name,
                path=folder / "partial",
                downloader=pooch.HTTPDownloader(timeout=(10, 30)),
            )
        except OSError as error:
            if error.errno in LOCAL:
                raise
            tried.append(f"{mirror} ({type(error).__name__})")
        except ValueError:
            tried.append(f"{mirror} (other bytes than the published ones)")
        else:
            move(Path(part), folder / file.name)
            return True
    return False


def _missing(dataset: NamedDataset, missing: list[File], tried: list[str]) -> str:
    named = data_folder()
    folder = (named or cache_folder()) / dataset.name
    which = "put one of these files" if dataset.any_of else "put these files"
    remedy = f"into {folder}"
    if named is None:
        remedy += f" (or into {dataset.name}/ of a folder that HANDGRAD_DATA names)"
    listed = dataset.files if dataset.any_of else missing
    rows = [f"    {file.name}  {file.size} bytes, MD5 {file.md5}" for file in listed]
    rows += [f"  tried {line}" for line in tried]
    return "\n".join([f"{dataset.name} is not on this machine; {which} {remedy}:", *rows])
