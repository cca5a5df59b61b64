"""PyTorch's files without PyTorch: the tensors that torch.load gives; what is none is refused, nothing is executed."""

import builtins
import io
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from handgrad.errors import WeightsError
from handgrad.training.pickles import Unknown, unpickled
from handgrad.training.pytorch import EXPANDED, read_pytorch

torch.manual_seed(0)
WHOLE = torch.randn(8, 6)
TENSORS = {
    "plain": WHOLE, "turned": WHOLE.T, "part": WHOLE[2:7, 1:5:2], "scalar": torch.tensor(3.0),
    "none": torch.zeros(0, 3),
    "double": torch.randn(3).double(), "half": torch.randn(5).half(), "brain": torch.randn(5).bfloat16(),
    "whole": torch.arange(4), "bytes": torch.arange(5, dtype=torch.uint8), "flags": torch.tensor([True, False]),
    "small": torch.arange(3, dtype=torch.int16), "wide": torch.tensor([60_000], dtype=torch.uint16),
    "parameter": nn.Parameter(torch.randn(2, 2)), "expanded": torch.ones(1, 3).expand(4, 3),
}  # fmt: skip


@pytest.mark.parametrize("new", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("where", ["itself", "state_dict", "model", "net"])
def test_every_kind_of_tensor_is_read_as_pytorch_reads_it(tmp_path, new, where):
    saved = TENSORS if where == "itself" else {"epoch": 3, where: TENSORS, "optimizer": {"state": {0: {"step": 1}}}}
    torch.save(saved, tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    found = read_pytorch(tmp_path / "w.pt")
    assert list(found) == list(TENSORS)
    for name, tensor in TENSORS.items():
        expected = (tensor.float() if tensor.dtype in (torch.half, torch.bfloat16) else tensor).detach().numpy()
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)


def test_a_file_of_a_machine_with_the_other_order_of_bytes(tmp_path):
    torch.save({"w": torch.tensor([1.5, 2.5])}, tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as old, zipfile.ZipFile(tmp_path / "big.pt", "w") as new:
        for name in old.namelist():
            part = old.read(name)
            part = b"big" if name.endswith("byteorder") else struct.pack(">2f", 1.5, 2.5) if "data/0" in name else part
            new.writestr(name, part)
    assert read_pytorch(tmp_path / "big.pt")["w"].tolist() == [1.5, 2.5]


class Evil:
    def __reduce__(self):
        return (breakpoint, ("executed!",))  # Ray has a print of its own


@pytest.mark.filterwarnings("ignore")  # of PyTorch, about tensors that it means to give up
@pytest.mark.parametrize("new", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: {"w": torch.zeros(2, 3).to_sparse()}, "w is a sparse tensor; save its to_dense() there"),
        (lambda: {"w": torch.zeros(2, 3, device="meta")}, "w is a meta tensor, which has no numbers; save the"),
        (lambda: {"w": torch.quantize_per_tensor(torch.zeros(4), 0.1, 0, torch.qint8)}, "w is a quantized tensor"),
        (lambda: {"w": torch.zeros(2, dtype=torch.float8_e4m3fn)}, "w holds numbers of the kind float8_e4m3fn, which"),
        (lambda: {"w": torch.zeros(2), "n": 3}, "holds no state_dict: 'n' is no tensor"),
        (lambda: {"lr": 0.1, "note": "x" * 10_000}, "holds no state_dict (tensors by name); it holds 'lr', 'note'"),
        (lambda: {"a": {"w": torch.zeros(2)}, "b": {"w": torch.zeros(2)}}, "holds no state_dict (tensors by name); it"),
        (lambda: nn.Linear(2, 2), "holds more than weights (a whole torch.nn.modules.linear.Linear), which could"),
        (lambda: {"w": Evil()}, "holds more than weights (w is a __builtin__.breakpoint), which could run code"),
        (lambda: Evil(), "holds more than weights (a whole __builtin__.breakpoint), which could run code"),
        (lambda: [torch.zeros(2)], "holds no state_dict (tensors by name); save it there with torch.save("),
    ],
)  # fmt: skip
def test_what_is_no_state_dict_is_called_by_its_name(tmp_path, capsys, new, content, message):
    torch.save(content(), tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_pytorch(tmp_path / "w.pt")
    assert "executed" not in capsys.readouterr().out


def crafted(path, *, offset=0, size=(2, 3), stride=(3, 1), n=6, raw=None, key="0", extra=()):
    """A zip whose one tensor claims what it is told to."""

    class Numbers:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, one):
            return ("storage", torch.FloatStorage, key, "cpu", n) if isinstance(one, Numbers) else None

    class Tensor:
        def __reduce__(self):
            return (torch._utils._rebuild_tensor_v2, (Numbers(), offset, size, stride, False, {}))

    content = io.BytesIO()
    Pickler(content, protocol=2).dump({"w": Tensor()})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", content.getvalue())
        file.writestr("a/data/0", np.arange(6, dtype=np.float32).tobytes() if raw is None else raw)
        for name in extra:
            file.writestr(name, b"")


def test_a_crafted_file_that_is_right_is_read(tmp_path):
    crafted(tmp_path / "w.pt")
    assert read_pytorch(tmp_path / "w.pt")["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "claims",
    [
        {"offset": 1}, {"offset": -1}, {"offset": 2**62}, {"size": (2, 4)}, {"size": (10**12,), "stride": (0,)},
        {"size": (10**12, 10**12), "stride": (1, 1)}, {"stride": (-3, 1)}, {"stride": (2**62, 1)}, {"stride": (3,)},
        {"size": (2.0, 3)}, {"size": (True, 3)}, {"size": "ab"}, {"size": (-1, 3)}, {"n": 7}, {"n": -1}, {"n": 10**15},
        {"n": "x"}, {"raw": b"abc"}, {"key": "../../0"}, {"key": "7"}, {"size": (1,) * 40, "stride": (1,) * 40},
        {"extra": ["b/data.pkl"]},
    ],
    ids=str,
)  # fmt: skip
def test_no_number_outside_the_file_is_read(tmp_path, claims):
    crafted(tmp_path / "w.pt", **claims)
    with pytest.raises(WeightsError, match=r"w\.pt: is not a whole PyTorch file, or is damaged \("):
        read_pytorch(tmp_path / "w.pt")


def test_tensors_that_repeat_their_numbers_without_end(tmp_path):
    torch.save({str(i): torch.ones(1).expand(EXPANDED) for i in range(3)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="its tensors are far longer than the file"):
        read_pytorch(tmp_path / "w.pt")


def test_parts_that_are_packed_are_refused_as_they_can_be_a_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pt", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/data.pkl", bytes(10**6))
    with pytest.raises(WeightsError, match="its parts are longer than the file"):
        read_pytorch(tmp_path / "w.pt")


def test_a_pickle_names_things_and_none_is_made(monkeypatch):
    def never(*_):
        raise AssertionError("imported")

    text = pickle.dumps({"a": Evil(), "b": [1, (2.5, None)], "c": {"d": True}}, protocol=4)
    monkeypatch.setattr(builtins, "__import__", never)
    found, _ = unpickled(io.BytesIO(text))
    monkeypatch.undo()
    assert found == {"a": Unknown("builtins.breakpoint"), "b": [1, (2.5, None)], "c": {"d": True}}


@pytest.mark.parametrize(
    "text",
    [
        b"\x80\x02}.", b"\x80\x02" + b"(" * 5000 + b".", b"\x80\x02]" + b"\x85" * 100_000 + b".", b"\x80\x022.",
        b"\x80\x02R.", b"\x80\x02h\x05.", b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R.", b"\x80\x02\x8a\xff",
        b"\x80\x02\x8e" + b"\xff" * 8,
    ],
)  # fmt: skip
def test_pickles_of_anything_else(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "w.pt", "w") as file:
        file.writestr("a/data.pkl", text)
    with pytest.raises(WeightsError):
        read_pytorch(tmp_path / "w.pt")
