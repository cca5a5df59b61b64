"""A file of weights is read by what it is, whatever it is called; what it is not is called by its own name."""

import gzip
import io
import json
import pickle
import re
import tarfile
import zipfile

import numpy as np
import pytest
import torch

from handgrad.errors import WeightsError
from handgrad.network.network import Network
from handgrad.training.exchange import read_params
from handgrad.training.forms import SAFETENSORS, form_of
from handgrad.training.weights import MOST_BYTES, load_weights, read_arrays, read_tensors

NETWORK = Network.parse((4,), "dense 3 tanh", "dense 2 softmax")
STATE = {
    "0.weight": torch.arange(12.0).reshape(3, 4), "0.bias": torch.ones(3),
    "2.weight": torch.arange(6.0).reshape(2, 3), "2.bias": torch.ones(2),
}  # fmt: skip


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt"])
@pytest.mark.parametrize("form", ["torch", "torch before 2020", "npz", "safetensors"])
def test_the_content_decides_and_not_the_name(tmp_path, form, ending):
    path, content = tmp_path / f"CNN_weights{ending}", io.BytesIO()
    numpy = {name: w.numpy() for name, w in STATE.items()}
    if form == "npz":
        np.savez(content, **numpy)
    elif form == "safetensors":
        from safetensors.numpy import save

        content.write(save(numpy))
    else:
        torch.save(STATE, content, _use_new_zipfile_serialization=form == "torch")
    path.write_bytes(content.getvalue())
    found = read_params(path, NETWORK)
    np.testing.assert_array_equal(found["dense1.W"], numpy["0.weight"].T)
    np.testing.assert_array_equal(found["dense2.b"], numpy["2.bias"])


def packed(names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, b"made by me")
    return content.getvalue()


def tarred():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as file:
        file.addfile(tarfile.TarInfo("W1.npy"))
    return content.getvalue()


def one_array():
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    return content.getvalue()


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; it may be cut off"),
        (b"W1 = [[0.5, 1]]\nb1 = [0]\n", "is a text file (it begins with 'W1 = [[0.5, 1]]'), no file of weights; save"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "is not a Keras file, or is damaged ("),
        (packed(["config.json", "model.weights.h5"]), "is not a Keras file, or is damaged ("),
        (packed(["config.json", "model.weights.json"]), "is no whole .keras file: it holds 'config.json', 'model.weig"),
        (packed(["README.txt"]), "is a zip of 'README.txt' and holds no arrays; save the arrays with numpy.savez"),
        (one_array(), "is one .npy array; save all arrays in one file with numpy.savez"),
        (gzip.compress(b"x" * 900), "is packed with gzip; unpack it first"),
        (tarred(), "is a tar archive; unpack it"),
        (pickle.dumps({"W1": np.zeros(3)}), "is a pickle, which can run code when it is read, and is refused; save"),
        (b"\x93\xfa\x01" * 40, "or is damaged ("),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_file_of_weights_is_called_by_its_name(tmp_path, ending, content, message):
    path = tmp_path / f"w{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as said:
        read_params(path, NETWORK)
    assert str(said.value).startswith(f"{path}: ")
    assert message in str(said.value)
    assert len(str(said.value)) < 400


def test_a_file_for_another_command_says_so(tmp_path):
    np.savez(tmp_path / "w.safetensors.npz", W=np.zeros(3))
    with pytest.raises(
        WeightsError, match=r"is an \.npz file, no safetensors file; give it to handgrad evaluate or hg.imp"
    ):
        read_tensors(tmp_path / "w.safetensors.npz")


def test_an_npz_with_a_member_that_is_no_array(tmp_path):
    np.savez(tmp_path / "w.npz", W=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "w.npz", "a") as file:
        file.writestr("README.txt", "made by me")
    with pytest.raises(WeightsError, match=r"w.npz: it holds README.txt, which is no array; keep arrays alone in it"):
        load_weights(tmp_path / "w.npz")


def npy(header):
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }", "claims 4,000,000,000,000 bytes"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", "claims"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "holds pickled objects, which can run code"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), ", "is not an .npz file of arrays, or is damaged"),
        ("(" * 110, "is damaged"),
    ],
)
def test_what_an_npz_claims_is_not_believed(tmp_path, header, message):
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as file:
        file.writestr("W.npy", npy(header))
    with pytest.raises(WeightsError, match=re.escape(message)):
        load_weights(tmp_path / "w.npz")


def test_an_npz_that_would_unpack_to_more_than_memory_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("handgrad.training.weights.MOST_BYTES", 10**6)
    np.savez_compressed(tmp_path / "w.npz", W=np.zeros(10**6, np.float32))
    assert (tmp_path / "w.npz").stat().st_size < 10_000
    with pytest.raises(WeightsError, match=r"it unpacks to 4,000,128 bytes; at most 1,000,000 are read"):
        load_weights(tmp_path / "w.npz")
    assert MOST_BYTES > 2**30


def tensors(path, kinds):
    """A safetensors file of two numbers for each kind."""
    header, at = {}, 0
    for name, (kind, raw) in kinds.items():
        header[name] = {"dtype": kind, "shape": [2], "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(raw for _, raw in kinds.values()))


def test_bfloat16_is_read_as_float32_and_float8_is_refused_by_name(tmp_path):
    brain = torch.tensor([1.5, -3.0e38]).bfloat16()
    one = np.float64([1 / 3, 2])
    tensors(
        tmp_path / "b.safetensors",
        {"a": ("F64", one.tobytes()), "b": ("BF16", brain.view(torch.int16).numpy().tobytes())},
    )
    found, ordered = read_arrays(tmp_path / "b.safetensors")
    assert (found["b"].dtype, found["b"].tolist(), ordered) == (np.float32, brain.float().tolist(), False)
    np.testing.assert_array_equal(found["a"], one)
    tensors(tmp_path / "f.safetensors", {"a": ("F8_E4M3", b"ab")})
    with pytest.raises(WeightsError, match=r"a holds F8_E4M3 numbers, which NumPy lacks; save it as float32"):
        read_arrays(tmp_path / "f.safetensors")


@pytest.mark.parametrize(
    "header", [b'{"a":' * 3000, b'{"__metadata__":{"x":1}}', b"{" + b" " * 50, b'{"a":{"dtype":"F32"}}']
)
def test_headers_of_safetensors_that_are_none(tmp_path, header):
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(40))
    with pytest.raises(WeightsError, match=r"is not a safetensors file, or is damaged \(.*it may be cut off"):
        read_arrays(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["", b"", None, 3, ["w.npz"], "a\0b"])
def test_what_is_no_path(name):
    with pytest.raises(WeightsError, match="path must be a path"):
        load_weights(name)


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_safetensors_file_whose_header_s_length_looks_like_a_pickle(tmp_path, length):
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + header + bytes(4))
    assert form_of(path) == SAFETENSORS
    assert read_tensors(path)[0]["w"].tolist() == [0]
