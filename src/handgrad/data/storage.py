"""Storage: a split as plain files that any process maps into its memory.

    <part>-x.npy  <part>-y.npy  <part>-index.npy     for the parts train, validation and test, where there are such
    split.json                                       everything else, written last: a folder without it is unfinished

Mapped arrays are read-only and shared by all processes of a machine, so eight workers hold one copy of the data.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.contents import Part, Split
from handgrad.data.scaling import Scaling
from handgrad.errors import DataError
from handgrad.files import write_whole
from handgrad.foreign import reading
from handgrad.measures import PARTS

FORMAT = 1
REMEDY = "delete it and it is made again"
ARRAYS = ("x", "y", "index")


def save_split(split: Split, folder: Path) -> None:
    """Write a split into a folder.  Raises DataError where it cannot be written, as on a full disk."""
    names = [field.name for field in dataclasses.fields(split) if field.name not in PARTS]
    kept: dict[str, Any] = {name: getattr(split, name) for name in names}
    kept["scaler"], kept["target_scaler"] = map(dataclasses.asdict, (split.scaler, split.target_scaler))
    kept["parts"] = {name: {"source": part.source, "n": len(part)} for name, part in split.parts.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "split.json").unlink(missing_ok=True)
        for name, part in split.parts.items():
            for array in ARRAYS:
                np.save(_path(folder, name, array), getattr(part, array), allow_pickle=False)
        facts = json.dumps({"format": FORMAT, **kept}, ensure_ascii=False)
        write_whole(folder / "split.json", facts.encode(), forced=False)
    except OSError as error:
        reason = error.strerror or "the disk took a part of them only"  # NumPy's own words are numbers of elements
        raise DataError(
            f"{folder}: data cannot be written there ({reason}); free space or choose another folder"
        ) from None


def open_split(folder: Path) -> Split:
    """The split that `save_split` wrote, its arrays mapped into memory and read-only.

    Raises DataError where the folder is unfinished, damaged or of another version.
    """
    if not (folder / "split.json").is_file():
        raise DataError(f"{folder}: is no finished folder of data; {REMEDY}")
    with reading(folder, DataError, "a finished folder of data", REMEDY):
        kept = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        if kept.pop("format") != FORMAT:
            raise DataError(f"{folder}: was written by another version of handgrad; {REMEDY}")
        parts = kept.pop("parts")
        lost = [f"{name}-{array}.npy" for name in parts for array in ARRAYS if not _path(folder, name, array).is_file()]
        if lost:
            raise DataError(f"{folder}: is no finished folder of data, {lost[0]} is missing; {REMEDY}")
        arrays = {name: {array: _map(_path(folder, name, array)) for array in ARRAYS} for name in parts}
        if any(len(array) != parts[name]["n"] for name in parts for array in arrays[name].values()):
            raise ValueError("arrays of another length")
        scaler, targets = _scaling(kept.pop("scaler")), kept.pop("target_scaler", None)
        if targets is not None:  # older splits have none
            kept["target_scaler"] = _scaling(targets)
        values: dict[str, Any] = {key: _tuples(value) for key, value in kept.items()}
        for name in PARTS:
            values[name] = Part(**arrays[name], source=parts[name]["source"]) if name in parts else None
        return Split(**values, scaler=scaler)


def _scaling(facts: dict[str, Any]) -> Scaling:
    numbers = {key: _tuples(facts.get(key)) for key in ("shift", "divide", "fill")}  # older splits have no fill
    return Scaling(**{**facts, **numbers})


def _path(folder: Path, part: str, array: str) -> Path:
    return folder / f"{part}-{array}.npy"


def _map(path: Path) -> Any:
    # A plain view: slices of np.memmap itself are several times slower to make.
    return np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
