"""Finding a run by what a user calls it: its folder, or its id in ./results."""

import os
import re
from pathlib import Path

from handgrad.errors import ResultsError, readable
from handgrad.names import short

_ID = re.compile(r"[0-9a-f]{10}")
_FILES = ("record.json", "weights.safetensors")
_REMEDY = "give the run's folder, such as results/quickstart/runs/0123456789"


def run_folder(name: str | os.PathLike[str], results: Path = Path("results")) -> Path:
    """The folder of a run.  Raises ResultsError where there is none.

    name: the folder, or the id of the run, which is looked for in every study of `results`: equal ids are equal runs.
    """
    text = os.fspath(name)
    called = short(readable(text), 120) or "''"
    if text and os.path.isdir(text):
        if not any(os.path.isfile(os.path.join(text, file)) for file in _FILES):
            raise ResultsError(f"{called}: is a folder, but of no run: it has no {' or '.join(_FILES)}; {_REMEDY}")
        return Path(text)
    found = sorted(results.glob(f"*/runs/{text}")) if _ID.fullmatch(text) else []
    if not found:
        raise ResultsError(f"{called}: no such folder, and no run of that id in ./{results}; {_REMEDY}")
    return found[0]
