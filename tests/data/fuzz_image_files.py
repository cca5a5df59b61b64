"""Damaged picture files, archives, IDX files and CIFAR batches: whatever they hold, a data set or one DataError.

python -m tests.data.fuzz_image_files 20000 [seed]      by hand; test_fuzz_image_files.py takes a few hundred
"""

import bz2
import collections
import gzip
import io
import lzma
import pickle
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from handgrad.data.cifar import read_cifar
from handgrad.data.datasets import load
from handgrad.data.idx import read_idx
from handgrad.data.image_files import read_picture
from handgrad.errors import DataError

from .conftest import idx, tar, zipped
from .executions import watched

EXTREMES = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\1\0", b"\x80\0\0\0"]
FORMS = [
    *(("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("BMP", {}), ("GIF", {}), ("PPM", {}), ("TIFF", {})),
    *(("WEBP", {}), ("WEBP", {"lossless": True})),
    *(("TIFF", {"compression": how}) for how in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits", "group4")),
]
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "I;16", "F"]


def _pictures():
    rng = np.random.default_rng(0)
    found = []
    for mode in MODES:
        plain = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8))
        image = Image.new(mode, (11, 9)) if mode in ("LAB", "I;16") else plain.convert(mode)
        for form, options in FORMS:
            packed = io.BytesIO()
            try:
                image.save(packed, form, **options)
            except (OSError, ValueError, KeyError, RuntimeError):
                continue  # a mode that this format does not know
            found.append(packed.getvalue())
    frames = [Image.new("P", (8, 8), k) for k in range(3)]
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        packed = io.BytesIO()
        frames[0].save(packed, form, save_all=True, append_images=frames[1:])
        found.append(packed.getvalue())
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a text"
    packed = io.BytesIO()
    frames[0].convert("RGB").save(packed, "JPEG", exif=exif)
    return [*found, packed.getvalue(), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"]


def _seeds():
    """(name of the file, content, how it is read) of whole files."""
    pictures = _pictures()
    seeds = [("x.png", content, "picture") for content in pictures]
    files = {f"train/{k % 2}/{k}.png": content for k, content in enumerate(pictures[:6])}
    files |= {"test/1/a.png": pictures[0], "test/0/notes.txt": b"x"}
    for content in (tar(files), tar(dict(list(files.items())[:2]))):
        seeds += [("x.tar", content, "load"), ("x.tar.gz", gzip.compress(content), "load")]
        seeds += [("x.tar.bz2", bz2.compress(content), "load"), ("x.tar.xz", lzma.compress(content), "load")]
    seeds += [("x.zip", zipped(files), "load")] * 3
    images, labels = idx(np.arange(60).reshape(3, 4, 5)), idx([1, 2, 3])
    seeds += [("i", images, "images"), ("i", gzip.compress(images), "images")] * 4 + [("l", labels, "labels")] * 4
    x, y = np.zeros((2, 3072), np.uint8), [3, 4]
    for protocol in (0, 1, 2, 3, 4, 5):
        seeds.append(("data_batch_1", pickle.dumps({"data": x, "labels": y}, protocol), "cifar"))
        seeds.append(("data_batch_1", pickle.dumps({b"data": x[:1], b"labels": y[:1], b"\xff": y}, protocol), "cifar"))
    return [*seeds, ("data_batch_1.bin", bytes([3]) + bytes(3072), "cifar")]


SEEDS = _seeds()


def damaged(content, edits):
    """content after edits: (where from 0 to 1, what, a few bytes)."""
    changed = bytearray(content)
    for where, what, few in edits:
        at = int(where * len(changed))
        if what == "flip":
            changed[at : at + len(few)] = bytes(a ^ b for a, b in zip(changed[at : at + len(few)], few, strict=False))
        elif what == "write":
            changed[at : at + len(few)] = few
        elif what == "insert":
            changed[at:at] = few
        elif what == "remove":
            del changed[at : at + 1 + 4 * len(few)]
        elif what == "cut":
            del changed[at:]
        elif what == "repeat":
            changed[at:at] = changed[at : at + 64] * len(few)
    return bytes(changed)


EDITS = ("flip", "write", "insert", "remove", "cut", "repeat")


def read(folder, name, content, how):
    """Read one file as handgrad would: its words where it is refused, None where it is a data set."""
    path = folder / name
    path.write_bytes(content)
    try:
        _read(folder, path, content, how)
        return None
    except DataError as error:
        words = str(error)
    finally:
        path.unlink()
    assert words.startswith(str(folder)), words
    assert "\n" not in words
    return words.replace(str(folder), "")


def _read(folder, path, content, how):
    if how == "picture":
        for place in ("a", "b"):
            (folder / "set" / place).mkdir(parents=True, exist_ok=True)
            (folder / "set" / place / path.name).write_bytes(content)
        try:
            read_picture(path, (3, 4, 4))
        finally:
            load(str(folder / "set"))
    elif how == "load":
        load(str(path))
    elif how == "cifar":
        (folder / "test_batch.bin").write_bytes(bytes([3]) + bytes(3072))
        read_cifar(folder)
    else:
        read_idx(path, 3 if how == "images" else 1)


def main(n, seed):
    rng = random.Random(seed)
    outcomes = collections.Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as place, watched() as started, warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(n):
            name, content, how = rng.choice(SEEDS)
            edits = []
            for _ in range(rng.choice([1, 1, 2, 3, 8])):
                few = rng.choice([rng.randbytes(rng.randint(1, 8)), rng.choice(EXTREMES)])
                edits.append((min(rng.random(), rng.random()), rng.choice(EDITS), few))
            begin = time.perf_counter()
            try:
                words = read(Path(place), name, damaged(content, edits), how)
            except Exception as error:
                outcomes["ESCAPED"] += 1
                print(f"{number}: {how} {name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
            else:
                outcomes[f"{how}: {'read' if words is None else 'refused'}"] += 1
            slowest = max(slowest, time.perf_counter() - begin)
    print(f"{n} files, {outcomes['ESCAPED']} escapes, {len(started)} programs started, slowest {slowest:.2f} s")
    print(", ".join(f"{what} {count}" for what, count in sorted(outcomes.items())))
    return outcomes["ESCAPED"] + len(started)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0) > 0)
