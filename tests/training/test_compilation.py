"""What is kept of compiled kernels: damaged, cut, full, read-only or held by a stopped process, it is made again."""

import ast
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

import numba
import numpy as np
import pytest
from numba import njit, types

from handgrad import files
from handgrad.network.network import Network
from handgrad.training.engines import Job, kernels_for, open_session
from handgrad.training.engines.compiled import compilation, session
from handgrad.training.engines.compiled.compilation import KeptCode
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.linking import program
from handgrad.training.engines.compiled.kernels.vectors import kernel
from handgrad.training.training_section import TrainingSection

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the compiler is off")
SIGNATURE = (types.int64,)


def twice(x):
    return 2 * x


def compiled(kept):
    """A tiny kernel, and whether it came from the file."""
    dispatcher = njit(nogil=True)(twice)
    dispatcher._cache = kept
    dispatcher.compile(SIGNATURE)
    assert dispatcher(21) == 42
    return sum(dispatcher.stats.cache_hits.values()) == 1


class Quiet(KeptCode):
    """`stats` of a dispatcher asks for it."""

    cache_path = ""


@pytest.fixture
def kept(tmp_path):
    kept = Quiet(tmp_path / "deep" / "twice.nbc")
    assert not compiled(kept)
    assert kept.is_whole()
    assert compiled(Quiet(kept.path))
    return kept


def flipped(content, at):
    at %= len(content)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


STAMP = len(files.stamped(b""))  # bytes

DAMAGES = {
    "empty": lambda content: b"",
    "one byte": lambda content: b"x",
    "text": lambda content: b"x\n",
    "zeros": lambda content: bytes(len(content)),
    "half of it": lambda content: content[: len(content) // 2],
    "without its end": lambda content: content[:-1],
    "longer": lambda content: content + b"x",
    "checksum alone": lambda content: content[:STAMP],
    "flipped in the checksum": lambda content: flipped(content, 3),
    "flipped at the start": lambda content: flipped(content, STAMP),
    "flipped in the middle": lambda content: flipped(content, len(content) // 2),
    "flipped at the end": lambda content: flipped(content, -1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_again(kept, damage):
    kept.path.write_bytes(DAMAGES[damage](kept.path.read_bytes()))
    assert not kept.is_whole()
    assert not compiled(kept)
    assert compiled(kept)  # and is whole again


@pytest.mark.parametrize("changed", ["compilation.py", "kernels/updates.py", "kernels/images/convolution.py"])
def test_the_key_changes_with_every_file_of_the_machine_code(tmp_path, monkeypatch, changed):
    monkeypatch.setattr(compilation, "SOURCE", shutil.copytree(compilation.SOURCE, tmp_path / "compiled"))
    before = compilation.source_key.__wrapped__()
    assert before == compilation.source_key.__wrapped__()
    with (tmp_path / "compiled" / changed).open("a") as file:
        file.write("#")
    assert compilation.source_key.__wrapped__() != before


def test_the_key_has_every_number_that_a_kernel_takes_from_elsewhere(monkeypatch):
    taken = set()
    for path in (compilation.SOURCE / "kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("handgrad."):
                twins = node.module == "handgrad.training" and [alias.name for alias in node.names] == ["twins"]
                inside = twins or node.module.startswith("handgrad.training.engines.compiled.kernels")
                taken |= set() if inside else {alias.name for alias in node.names}
    assert taken == {"LEAKY_SLOPE", "EPS", "MOMENTUM"}
    for name in taken:
        before = compilation.source_key.__wrapped__()
        monkeypatch.setattr(compilation, name, 0.5)
        assert compilation.source_key.__wrapped__() != before


def test_the_key_has_every_code_of_a_kernel(monkeypatch):
    before = compilation.source_key.__wrapped__()
    monkeypatch.setitem(
        compilation.twins.ACTIVATIONS, "relu", dataclasses.replace(compilation.twins.ACTIVATIONS["relu"], code=99)
    )
    assert compilation.source_key.__wrapped__() != before


def test_a_whole_file_of_something_else_is_compiled_again(kept, monkeypatch):
    monkeypatch.setattr(compilation, "source_key", lambda: "0" * 16)
    assert not compiled(kept)
    assert compiled(kept)
    monkeypatch.setattr(compilation.CompileResult, "_rebuild", lambda *_: 1 // 0)  # of another Numba
    assert kept.load_overload(SIGNATURE, njit(twice).targetctx) is None


def test_nothing_is_unpickled_that_was_altered(kept, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    import pickle

    kept.path.write_bytes(bytes(STAMP) + pickle.dumps(Evil()))
    assert not compiled(kept)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("number", ["ENOSPC", "EROFS", "EACCES", "EIO"])
def test_where_nothing_can_be_kept_it_lives_as_long_as_the_process(tmp_path, monkeypatch, number):
    import errno

    def fail(*args):
        raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))

    monkeypatch.setattr("handgrad.files._write", fail)
    assert not compiled(Quiet(tmp_path / "twice.nbc"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert not compiled(Quiet(tmp_path / "file" / "twice.nbc"))


HOLDER = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_stopped_process_that_holds_the_lock_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compilation, "PATIENCE", 0.5)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path / "lock"], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGSTOP)
        start = time.monotonic()
        with compilation._alone():
            assert 0.4 < time.monotonic() - start < 30
    finally:
        holder.kill()
        holder.communicate()


def test_one_compiles_while_others_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    with compilation._alone():
        probe = "import sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(timeout=0)"
        done = subprocess.run([sys.executable, "-c", probe, tmp_path / "lock"], capture_output=True, check=False)
        assert b"Timeout" in done.stderr


@pytest.mark.parametrize("whole", [True, False])
def test_the_lock_is_for_compiling_alone(tmp_path, monkeypatch, whole):
    """To load what is there, nobody waits for anybody."""
    asked = []
    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compilation, "_alone", lambda: asked.append(1) or compilation.contextlib.nullcontext())
    monkeypatch.setattr(compilation, "_signatures", lambda number: {"score": SIGNATURE})
    monkeypatch.setattr(compilation.entry_points, "score", njit(twice))
    if whole:
        compilation.entry_point.__wrapped__("score", "float32")
        asked.clear()
    compilation.entry_point.__wrapped__("score", "float32")
    assert asked == ([] if whole else [1])


def test_it_is_said_before_anything_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "cache_folder", lambda: tmp_path)
    made = []
    monkeypatch.setattr(compilation, "entry_point", lambda name, dtype: made.append(name))
    said = []
    compilation.prepare.__wrapped__("float32", "dense", said.append, load=False)  # others train, and there is nothing
    assert said == ["handgrad: compiling the float32 kernels for this processor, once; this takes about 6 seconds"]
    assert made == ["train", "score"]
    for name in made:
        compiled(Quiet(tmp_path / f"{name}-float32.nbc"))
    compilation.prepare.__wrapped__("float32", "dense", said.append, load=False)
    assert (len(said), len(made)) == (1, 2)
    compilation.prepare.__wrapped__("float32", "dense", said.append)
    assert (len(said), len(made)) == (1, 4)
    compilation.prepare.__wrapped__("float32", "small-batches", said.append)  # nobody with large batches waits for it
    assert "kernels for small batches" in said[1]
    assert made[-2:] == ["train_in_windows", "score"]


def test_a_study_compiles_what_its_runs_need(monkeypatch):
    """In the parent what the engine's session asks for in a worker."""
    asked = []
    monkeypatch.setattr(session, "prepare", lambda dtype, kind: asked.append(kind))
    network, x = Network.parse((64,), "dense 80 tanh", "dense 10 softmax"), np.eye(64, dtype=np.float32)[:20]
    kinds = ((1, "sgd", "small-batches"), (16, "sgd", "small-batches"), (1, "adam", "dense"), (17, "sgd", "dense"))
    for size, optimizer, kind in kinds:
        training = TrainingSection(batch_size=size, optimizer={"name": optimizer, "lr": 0.1})
        for examples, wanted in ((x, kind), (x + 1, "dense")):  # made for inputs that are mostly 0
            open_session("compiled", Job(network, training, "one-hot", 0, {"train": (examples, np.arange(20) % 10)}))
            assert asked.pop() == wanted
            assert kernels_for(network.layers, training, np.count_nonzero(examples) / examples.size) == wanted


def test_a_kernel_is_no_function_of_python():
    """It has no machine code of its own."""
    panels.compile((types.int64, types.int64))
    with pytest.raises(TypeError, match="not callable"):
        panels(100, 64)


def test_a_kernel_is_compiled_once_whatever_constants_it_is_given():
    @kernel
    def shifted(k, by):
        return k + by if by > 1 else k

    @program
    def shifted_thrice(k):
        return shifted(k, 1) + shifted(k, 2) + shifted(k, k)

    assert shifted_thrice(5) == 5 + 7 + 10
    assert len(shifted.signatures) == 1
