"""Small data sets in the published layouts, a cache of the test's own, and no way to the network."""

import gzip
import hashlib
import io
import struct
import tarfile
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from handgrad.data import catalog


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache; HANDGRAD_DATA unset; every mirror a closed port of this machine."""
    folder = tmp_path / "cache"
    monkeypatch.delenv("HANDGRAD_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(catalog, "cache_folder", lambda: folder)
    for name, source in catalog.DATASETS.items():
        monkeypatch.setitem(catalog.DATASETS, name, replace(source, mirrors=("http://127.0.0.1:9/",)))
    return folder


def idx(values):
    """The bytes of an IDX file."""
    values = np.asarray(values, np.uint8)
    magic = 0x00000800 + values.ndim
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.tobytes()


def mnist_files(n=30, n_test=20):
    """name -> bytes of four IDX files, gzip; image i holds the byte i everywhere but in its first pixel."""
    files = {}
    for part, size in (("train", n), ("t10k", n_test)):
        images = np.repeat(np.arange(size, dtype=np.uint8), 784).reshape(size, 28, 28)
        images[:, 0, 0] = 255
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(images), mtime=0)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(np.arange(size) % 10), mtime=0)
    return files


@pytest.fixture
def small_mnist(monkeypatch):
    """The bytes of a small mnist, which from now on are the published ones."""
    content = mnist_files()
    files = tuple(
        catalog.File(
            name,
            hashlib.md5(content[name]).hexdigest(),
            len(content[name]),
            hashlib.md5(gzip.decompress(content[name])).hexdigest(),
        )
        for name in (file.name for file in catalog.DATASETS["mnist"].files)
    )
    monkeypatch.setitem(catalog.DATASETS, "mnist", replace(catalog.DATASETS["mnist"], files=files))
    return content


def put(folder, files):
    """Write name -> bytes into a folder, with the folders above them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tar(files):
    """The bytes of a .tar with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zipped(files):
    """The bytes of a .zip with these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def picture(value=0, size=(4, 6), mode="RGB", form="PNG"):
    """The bytes of an image of one colour: size is (rows, cols)."""
    packed = io.BytesIO()
    Image.new(mode, size[::-1], value).save(packed, form)
    return packed.getvalue()


class Mirror:
    """A mirror on this machine: path -> bytes; a path in `cut` breaks off in the middle."""

    def __init__(self):
        self.files, self.cut, self.asked = {}, set(), []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                mirror.asked.append(name)
                content = mirror.files.get(name)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                content = content or b""
                self.wfile.write(content[: len(content) // 2] if name in mirror.cut else content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def mirror():
    one = Mirror()
    yield one
    one.close()
