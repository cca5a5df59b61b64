"""Finding a run by what a user calls it: its folder, or its id in ./results."""

import os
import re
from pathlib import Path

from handgrad.errors import ResultsError
from handgrad.names import shown

_ID = re.compile(r"[0-9a-f]{10}")
_FILES = ("record.json", "weights.safetensors")
_REMEDY = "give the run's folder, such as results/quickstart/runs/0123456789"


def run_folder(name: str | os.PathLike[str], results: Path = Path("results")) -> Path:
    """The folder of a run.  Raises ResultsError where there is none.

    name: the folder, or the id of the run, which is looked for in every study of `results`: equal ids are equal runs.
    """
    text = os.fsdecode(name)
    if text and os.path.isdir(text):
        if not any(os.path.isfile(os.path.join(text, file)) for file in _FILES):
            raise ResultsError(f"{shown(text, 100)}: is a folder, but of no run ({' or '.join(_FILES)}); {_REMEDY}")
        return Path(text)
    if not _ID.fullmatch(text):
        raise ResultsError(
            f"{shown(text, 100)}: no such folder, and no run's id, which is 10 of 0-9 and a-f; {_REMEDY}"
        )
    found = sorted(results.glob(f"*/runs/{text}"))
    if not found:
        raise ResultsError(f"{text}: no such folder, and no run of that id in ./{results}; {_REMEDY}")
    return found[0]
