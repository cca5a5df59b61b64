"""Damaged and hostile .npz and CSV files: each must become a data set or one DataError, never anything else.

    python tests/fuzz/data_files.py 20000 [seed]

prints how many were read, how many refused, and every file that escaped (kept in the folder that is named).
"""

import bz2
import gzip
import io
import lzma
import random
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.errors import DataError

WORDS = [
    *(b"nan", b"inf", b"-inf", b"1e400", b"1e39", b"1e-320", b"NA", b"", b'"', b"'", b",", b";", b"\t", b"\n", b"\r"),
    *(
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xb0\x80",
        b"1_0",
        b"label",
        b"Unnamed: 0",
        b"9" * 400,
        b"0x10",
        b"#",
        b"y",
    ),
    *(
        b"9007199254740993",
        b"-0",
        b"\xc2\xa0",
        b"2e308",
        b"True",
        b"-",
        b"+",
        b"18446744073709551616",
        b"\\",
        b"sep=;\n",
    ),
]
SHAPES = [
    *("(1000000000000,)", "(-1, 4)", "(0, 4)", "(4, 0)", "()", "(40,)", "(20, 2, 1, 1, 1)", "(2**70,)", "(10, True)"),
    *("(1.5, 2)", "('a',)", "(10, 4", "(99999999999999999999, 2)", "(4294967296, 4294967296)", "None", "(10, 4), 7"),
]
TYPES = [
    *("'<f8'", "'<f4'", "'<f2'", "'>i8'", "'|b1'", "'<U3'", "'<U0'", "'|S5'", "'|O'", "'<c16'", "'<M8[ns]'", "'|V7'"),
    *("[('a', '<f4')]", "'<f16'", "'<u8'", "'x'", "''", "None", "['<f4']", "'<f8, <f8'", "('<f4', (2,))", "'<i8' * 9"),
]


def seeds() -> list[tuple[str, bytes]]:
    """Good files of every form: (ending, bytes)."""
    rng = np.random.default_rng(0)
    y = np.arange(20) % 3
    sets = [
        {"x": rng.normal(size=(20, 4)), "y": y},
        {"x_train": rng.integers(0, 256, (20, 4, 4), np.uint8), "y_train": y, "x_test": np.zeros((5, 4, 4), np.uint8)}
        | {"y_test": y[:5], "x_val": np.full((5, 4, 4), 200, np.uint8), "y_val": y[:5]},
        {"images": rng.normal(size=(20, 4, 4, 3)).astype(np.float32), "labels": y[:, None], "classes": ["a", "b", "c"]},
        {"x": rng.normal(size=(20, 2)) > 0, "y": np.array(["cat", "dog"] * 10), "ids": np.arange(20)},
        {"x": 1.7e9 + np.arange(40.0).reshape(20, 2), "y": y.astype(np.float64)},
    ]
    files = []
    for arrays in sets:
        for save in (np.savez, np.savez_compressed):
            packed = io.BytesIO()
            save(packed, **arrays)
            files.append((".npz", packed.getvalue()))
    rows = "".join(f"{k},{k * 0.37:.3f},{1_700_000_000 + k},{'cat' if k % 2 else 'dog'}\n" for k in range(20))
    texts = [
        f",a,b,label\n{rows}",
        rows,
        rows.replace(",", ";"),
        rows.replace(",", "\t"),
        "label,0,1,2\n" + "".join(f"{k % 3},{k},0,5\n" for k in range(30)),
        "0,1,2,3\n" + "".join(f"{k},{k},0,{k % 3}\n" for k in range(30)),
    ]
    files += [(".csv", text.encode()) for text in texts]
    plain = texts[0].encode()
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", plain)
    files += [(".csv.gz", gzip.compress(plain)), (".csv.bz2", bz2.compress(plain)), (".csv.xz", lzma.compress(plain))]
    return [*files, (".zip", zipped.getvalue())]


def damaged(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Bytes with one to eight random changes."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at % len(data)] = rng.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + rng.choice([1, 4, 50])]
            case 4:
                data[at:at] = rng.choice(WORDS)
            case 5:
                data[at:at] = data[at : at + rng.choice([3, 60, 600])]
            case _:
                start = rng.randrange(len(other) or 1)
                data[at:at] = other[start : start + rng.choice([5, 100])]
    return bytes(data)


def hostile(rng: random.Random) -> bytes:
    """An .npz whose zip is whole and whose headers say anything."""
    packed = io.BytesIO()
    names = rng.choice(
        [("x", "y"), ("x_train", "y_train"), ("x_train", "y_train", "x_test", "y_test"), ("X", "y", "classes")]
    )
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name in names:
            shape = (
                rng.choice([*SHAPES, *(["(10, 4)"] * 9)]) if name[0] != "y" else rng.choice([*SHAPES, *(["(10,)"] * 9)])
            )
            kind = rng.choice([*TYPES, *(["'<f8'"] * 9)])
            order = rng.choice([*(["False", "True"] * 9), "1", "None"])
            header = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
            if rng.random() < 0.2:
                header = damaged(rng, header, b"((((((((((" * 30)
            size = 10 * 4 * 8 if name[0] != "y" else 80
            body = rng.choice([bytes(size), rng.randbytes(size), np.arange(size // 8, dtype=np.float64).tobytes()])
            body = body * rng.choice([1, 1, 1, 2]) + rng.choice([b"", b"", b"\x00"])
            version = rng.choice([*([b"\x01\x00"] * 16), b"\x02\x00", b"\x03\x00", b"\x09\x09"])
            length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
            archive.writestr(f"{name}.npy", b"\x93NUMPY" + version + length + header + body)
    return packed.getvalue()


def odd_arrays(rng: random.Random) -> bytes:
    """A whole .npz of arrays of any type and value."""
    draw = np.random.default_rng(rng.randrange(2**32))
    n = rng.choice([1, 2, 12, 30])

    def array(shape: tuple[int, ...]) -> np.ndarray:
        kind = rng.choice(
            ["f8", "f4", "f2", "f16", "i1", "i8", "u8", "u1", "?", "U3", "S2", "c8", "M8[s]", ">f4", ">i2"]
        )
        values = draw.choice([0, 1, 2, 3, 255, -1, 0.5, 1e30, 1e-300, 2**53 + 1], shape)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if rng.random() < 0.1:
                return np.frombuffer(draw.bytes(int(np.prod(shape)) * np.dtype(kind).itemsize), kind).reshape(shape)
            return np.asarray(values.astype("i8") if kind == "M8[s]" else values).astype(kind)

    inner = rng.choice([(3,), (4, 4), (1, 4, 4), (4, 4, 3), (), (2, 2, 2, 2)])
    arrays = {}
    for part in rng.choice([("",), ("_train", "_test"), ("_train", "_val"), ("_train", "_val", "_test")]):
        m = n if part in ("", "_train") else rng.choice([1, 5])
        arrays["x" + part] = array((m, *inner)) if rng.random() < 0.5 else draw.normal(size=(m, *inner))
        arrays["y" + part] = array((m,)) if rng.random() < 0.6 else np.arange(m) % 3
    if rng.random() < 0.3:
        arrays["classes"] = array((3,)) if rng.random() < 0.5 else np.array(["a", "b", "c"])
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def odd_cells(rng: random.Random, content: bytes) -> bytes:
    """A table with some cells, or some lines, of another kind."""
    sign = next((sign for sign in (b";", b"\t") if sign in content), b",")
    lines = [line.split(sign) for line in content.split(b"\n")]
    for _ in range(rng.choice([1, 1, 2, 5])):
        line = rng.choice(lines)
        match rng.randrange(4):
            case 0:
                line[rng.randrange(len(line))] = rng.choice(WORDS)
            case 1:
                k, word = rng.randrange(len(lines[0])), rng.choice(WORDS)
                for one in lines[1:]:
                    one[k % len(one)] = word if rng.random() < 0.9 else one[k % len(one)]
            case 2:
                lines.insert(rng.randrange(len(lines)), list(line))
            case _:
                lines[0] = [rng.choice(WORDS) for _ in lines[0]]
    return b"\n".join(sign.join(line) for line in lines)


def attack(rng: random.Random, files: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """(ending, bytes) of one damaged or hostile file."""
    way = rng.random()
    if way < 0.25:
        return ".npz", hostile(rng)
    if way < 0.5:
        return ".npz", odd_arrays(rng)
    ending, content = rng.choice(files)
    if ending == ".csv" and rng.random() < 0.7:
        return ending, odd_cells(rng, content)
    return ending, damaged(rng, content, rng.choice(files)[1])


def outcome(path: Path, scale: str) -> str:
    """What became of a file: "read", "refused", or the name of what escaped."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = load(DataSection(name=str(path)))
            split(data, DataSection(scale=scale))
    except DataError as error:
        return "refused" if len(str(error)) < 3000 else "a long message"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "read"


def main(n: int, seed: int) -> int:
    rng = random.Random(seed)
    files = seeds()
    folder = Path(tempfile.mkdtemp(prefix="handgrad-fuzz-"))
    counts: Counter[str] = Counter()
    slowest = 0.0
    for k in range(n):
        ending, content = attack(rng, files)
        path = folder / f"f{ending}"
        path.write_bytes(content)
        begun = time.perf_counter()
        found = outcome(path, rng.choice(["unit", "symmetric", "standard", "none"]))
        slowest = max(slowest, time.perf_counter() - begun)
        counts[found if found in ("read", "refused") else "escaped"] += 1
        if found not in ("read", "refused"):
            path.rename(folder / f"escape-{k}{ending}")
            print(f"{folder}/escape-{k}{ending}: {found[:300]}")
        else:
            path.unlink()
    print(f"{n} files, seed {seed}: {dict(counts)}; slowest {slowest:.2f} s")
    return 1 if counts["escaped"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
