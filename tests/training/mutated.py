"""Weights files damaged at random: each is read right or is one WeightsError; nothing is executed, no process dies.

    python -m tests.training.mutated 5000 7        how many, and the seed

A file is named by (seed, number), so that what fails can be made again.
"""

import io
import json
import pickle
import random
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

from handgrad.errors import WeightsError
from handgrad.network.network import Network
from handgrad.training.exchange import read_params
from handgrad.training.model import Model
from handgrad.training.weights import load_weights

NETWORK = Network.parse((6,), "dense 5 tanh", "dense 3 softmax")
SHAPES = {"0.weight": (5, 6), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}
FACTS = {
    "network": {"layers": ["dense 5 tanh", "dense 3 softmax"]},
    "data": {
        "shape": [6],
        "classes": ["a", "b", "c"],
        "value_range": None,
        "scaler": {"shift": [0.5] * 6, "divide": [2.0] * 6, "symmetric": False, "formula": "(x − 0.5) / 2"},
        "feature_names": list("uvwxyz"),
        "brightness": None,
    },
}
FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "exec",
    "import",
}
STRANGE = [
    None, True, False, -1, 0, 1, 10**12, 2**63, 10**30, -0.5, 1e308, float("nan"), float("inf"), "", "x", "dense 5",
    [], {}, [None], [[]], {"a": 1}, "[" * 50, "9" * 50,
]  # fmt: skip


class Evil:
    """What a pickle can do when it is loaded."""

    def __reduce__(self):
        return (exec, ("import os; os.system('true')",))


def arrays(rng):
    return {
        name: np.asarray([rng.gauss(0, 1) for _ in range(int(np.prod(s)))]).reshape(s) for name, s in SHAPES.items()
    }


def good(kind, rng):
    """A whole file of a kind."""
    state = {name: w.astype(np.float32) for name, w in arrays(rng).items()}
    content = io.BytesIO()
    if kind == ".npz":
        np.savez(content, W1=state["0.weight"].T, b1=state["0.bias"], W2=state["2.weight"].T, b2=state["2.bias"])
    elif kind == "packed.npz":
        np.savez_compressed(content, **{f"W{i}": state[name] for i, name in enumerate(("0.weight", "2.weight"))})
    elif kind == ".safetensors":
        content.write(safetensors.numpy.save(state))
    elif kind == "run.safetensors":
        own = {"dense1.W": state["0.weight"].T, "dense1.b": state["0.bias"]}
        own |= {"dense2.W": state["2.weight"].T, "dense2.b": state["2.bias"]}
        own = {name: np.ascontiguousarray(w) for name, w in own.items()}
        content.write(safetensors.numpy.save(own, metadata={"handgrad": json.dumps(FACTS)}))
    else:
        torch.save(
            {n: torch.from_numpy(w) for n, w in state.items()}, content, _use_new_zipfile_serialization=kind == ".pt"
        )
    return content.getvalue()


def flipped(content, rng):
    found = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def cut(content, rng):
    return content[: rng.randrange(len(content))]


def filled(content, rng):
    i, n = rng.randrange(len(content)), rng.randint(1, 200)
    return content[:i] + rng.choice([rng.randbytes(n), b"\xff" * n, b"\0" * n]) + content[i + rng.choice([0, n]) :]


def inside(content, rng):
    """A part of a zip is damaged, and the zip is whole."""
    if content[:2] != b"PK":
        return flipped(content, rng)
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    chosen = rng.choice(old.namelist())
    with zipfile.ZipFile(new, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])) as file:
        for name in old.namelist():
            part = old.read(name)
            if name == chosen and part:
                part = rng.choice([flipped, cut, filled, renumbered])(part, rng)
            called = rng.choice([name] * 30 + ["README.txt", "../x", "/abs", "_"])
            if (name != chosen or rng.random() > 0.05) and called not in file.namelist():
                file.writestr(called, part)
    return new.getvalue()


def renumbered(content, rng):
    """Another number in the text of a header, a huge one mostly."""
    found = [i for i, byte in enumerate(content[:600]) if chr(byte).isdigit()]
    if not found:
        return flipped(content, rng)
    i = rng.choice(found)
    return content[:i] + str(rng.choice([0, -1, 7, 10**12, 2**63, 10**40])).encode() + content[i + 1 :]


def altered(value, rng):
    """Facts with something else in one place."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: altered(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        i = rng.randrange(len(value))
        return [*value[:i], altered(value[i], rng), *value[i + rng.choice([0, 1]) :]]
    return rng.choice(STRANGE)


def reheaded(content, rng):
    """A safetensors file with other facts, or another header."""
    n = int.from_bytes(content[:8], "little")
    if content[8:9] != b"{":
        return flipped(content, rng)
    header = json.loads(content[8 : 8 + n])
    facts = header.get("__metadata__", {}).get("handgrad")
    if facts and rng.random() < 0.8:
        header["__metadata__"]["handgrad"] = rng.choice(
            [
                json.dumps(altered(FACTS, rng)),
                json.dumps(altered(FACTS, rng)),
                "[" * rng.choice([10, 5000, 200_000]),
                facts[:-3],
                "1" * 5000,
            ]
        )
    else:
        header = altered(header, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + n :]


def evil(content, rng):
    """A pickle that would run something, in whatever dress."""
    loaded = rng.choice([Evil(), {"0.weight": Evil()}, [Evil()]])
    made, form = io.BytesIO(), rng.randrange(3)
    if form == 0:
        return pickle.dumps(loaded, protocol=rng.randrange(2, 6))
    if form == 1:
        torch.save(loaded, made)
    else:
        np.savez(made, W1=np.array([loaded], dtype=object))
    return made.getvalue()


KINDS = (".npz", "packed.npz", ".safetensors", "run.safetensors", ".pt", ".pth")
WAYS = (flipped, cut, filled, inside, inside, renumbered, reheaded, reheaded, evil)


def made(seed, number):
    """(ending, content) of a damaged file."""
    rng = random.Random(f"{seed} {number}")
    kind = rng.choice(KINDS)
    content = rng.choice(WAYS)(good(kind, rng), rng)
    if content and rng.random() < 0.2:
        content = rng.choice((flipped, cut, filled))(content, rng)
    return rng.choice([Path(f"x{kind}").suffix] * 6 + [".npz", ".pt", ".safetensors"]), content


def outcomes(path):
    """What every reader of weights made of a file: "read", "refused", or how it failed."""
    for read in (lambda: read_params(path, NETWORK), lambda: load_weights(path), lambda: Model.load(path)):
        try:
            read()
        except WeightsError as error:
            yield "refused" if len(str(error)) < 3000 and str(path) in str(error) else f"message: {str(error)[:200]}"
        except Exception as error:
            yield f"{type(error).__name__}: {str(error)[:100]}"
        else:
            yield "read"


def main(n, seed):
    """Read n files and count the outcomes."""
    executed = []
    watching = False

    def watch(event, arguments):
        if watching and event in FORBIDDEN:
            executed.append((event, str(arguments)[:80]))

    counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for codec in ("unicode_escape", "raw_unicode_escape"):  # which Python loads when pickles first need them
            b"x".decode(codec)
        for number in range(-30, 0):  # what readers import when they are first used
            ending, content = made("warm", number)
            path = Path(folder) / f"w{ending}"
            path.write_bytes(content)
            list(outcomes(path))
        sys.addaudithook(watch)
        for number in range(n):
            ending, content = made(seed, number)
            path = Path(folder) / f"w{ending}"
            path.write_bytes(content)
            watching = True
            found = list(outcomes(path))
            watching = False
            for one in found:
                counts[one if one in ("read", "refused") else "escaped"] += 1
                if one not in ("read", "refused"):
                    print(f"({seed}, {number}){ending}: {one}")
    for event in executed[:10]:
        print("executed:", *event)
    print(json.dumps({**counts, "files": n, "executed": len(executed)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
