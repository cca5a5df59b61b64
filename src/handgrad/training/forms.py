"""What a file of weights is, told by its first bytes and not by its name.

People write torch.save(…, "CNN_weights.npz") and numpy.savez to a .pt: what can be read safely is read, whatever it is
called (`weights.read_arrays`).  What cannot is called by its own name, with how to save it.
"""

import zipfile
from pathlib import Path

from handgrad.errors import WeightsError
from handgrad.names import listed, shown

NPZ, PYTORCH, SAFETENSORS, KERAS = ".npz", "PyTorch", ".safetensors", "Keras"

SAVE = "save the arrays with numpy.savez(path, W1=…, b1=…, …) or a state_dict with torch.save(model.state_dict(), path)"
BY_NAME = {".npz": NPZ, ".safetensors": SAFETENSORS, ".keras": KERAS, ".h5": KERAS, ".hdf5": KERAS}
HDF5 = b"\x89HDF\r\n\x1a\n"
STARTS = {  # what else files of weights begin with
    b"\x93NUMPY": ("one .npy array", "save all arrays in one file with numpy.savez(path, W1=…, b1=…, …)"),
    b"\x1f\x8b": ("packed with gzip", "unpack it first"),
    b"BZh": ("packed with bzip2", "unpack it first"),
    b"\xfd7zXZ": ("packed with xz", "unpack it first"),
    b"7z\xbc\xaf": ("packed with 7-Zip", "unpack it first"),
    b"Rar!": ("packed with RAR", "unpack it first"),
    b"GGUF": ("a GGUF file", SAVE),
    b"\x89PNG": ("a picture", SAVE),
    b"\xff\xd8\xff": ("a picture", SAVE),
    b"%PDF": ("a PDF document", SAVE),
    b"MATLAB": ("a MATLAB file", "save its arrays with numpy.savez(path, **scipy.io.loadmat(file))"),
}


def form_of(path: Path) -> str:
    """NPZ, PYTORCH, SAFETENSORS or KERAS (any HDF5).  Raises WeightsError where it is something else."""
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(0, 2)
        size = file.tell()
    where = str(path)
    if not start:
        raise WeightsError(f"{where}: is empty; it may be cut off: copy or train it again")
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _zipped(path)
    if start.startswith(HDF5):
        return KERAS
    for sign, (what, remedy) in STARTS.items():
        if start.startswith(sign):
            raise WeightsError(f"{where}: is {what}; {remedy}")
    header = int.from_bytes(start[:8], "little")
    if 0 < header <= size - 8 and start[8:9] == b"{":
        return SAFETENSORS  # before pickles: a header of 640 bytes begins as they do, with 80 02
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PYTORCH  # or another pickle, which its reader tells apart
    if start[257:262] == b"ustar":
        raise WeightsError(f"{where}: is a tar archive; unpack it, or {SAVE}")
    if _is_text(start):
        begins = shown(start.decode("utf-8", "replace").strip().partition("\n")[0], 60)
        raise WeightsError(f"{where}: is a text file (it begins with {begins}), no file of weights; {SAVE}")
    return BY_NAME.get(path.suffix, PYTORCH)  # damaged: its reader says so


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except Exception:  # BadZipFile, NotImplementedError …: damaged, as the reader of what it should be will say
        return BY_NAME.get(path.suffix, PYTORCH)
    ends = [name.rpartition("/")[2] for name in names]
    if "data.pkl" in ends:
        return PYTORCH
    if {"model.weights.h5", "model.weights.json"} & set(ends):
        return KERAS
    strange = [name for name in names if not name.endswith(".npy")]
    if not strange:
        return NPZ
    if len(strange) < len(names):
        return NPZ  # whose reader names what is no array
    raise WeightsError(f"{path}: is a zip of {listed(map(shown, strange), most=3)} and holds no arrays; {SAVE}")


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a letter that is cut in two
            return False
        text = start[: error.start].decode("utf-8")
    return all(sign.isprintable() or sign in "\r\n\t\f" for sign in text)
