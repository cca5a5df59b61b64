"""Every key of a study file with a line about it and the names that it takes, read without loading anything else.

What is checked stands in the sections themselves; the file `keys.txt` says in words what they are, for the schema of
study files, for new ones and for completion in a shell, which has no time to load the sections.  A test holds the file
to the sections and their tables of names.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class StudyKey:
    """path: as in `training.optimizer.lr`;  about: what it is;  names: what it takes, where that is a list of names."""

    path: str
    about: str
    names: tuple[str, ...] = ()


@cache
def study_keys() -> dict[str, StudyKey]:
    """Every key by its path, in the order of the file.

    >>> study_keys()["training.epochs"].about
    'passes over the training examples'
    """
    text = Path(__file__).with_name("keys.txt").read_text(encoding="utf-8")
    rows = re.findall(r"^([a-z][\w.]*): (.+)(?:\n  \| (.+))?", text, re.MULTILINE)
    return {path: StudyKey(path, about, tuple(names.split(", ")) if names else ()) for path, about, names in rows}
