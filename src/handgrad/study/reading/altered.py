"""Whether a change from the command line makes another study than the file's.

Numbers that were published for the file's settings judge nothing in another study.  They still do where only the seeds
are others (the rule counts them), where less or more varies (what is published finds its settings again), and where
the same mathematics is computed elsewhere.
"""

from collections.abc import Mapping
from typing import Any

SAME = ("name", "title", "description", "takes", "seeds", "ddof", "budget", "grid", "one_factor", "figure")
ELSEWHERE = ("engine", "device", "arrays", "stack")


def alters(change: Mapping[str, Any]) -> bool:
    """Whether a change, as tables of a study file, makes other settings or chooses otherwise.

    >>> alters({"training": {"epochs": 3}}), alters({"training": {"engine": "torch"}}), alters({"seeds": 3})
    (True, False, False)
    """
    for key, value in change.items():
        inner = value if isinstance(value, Mapping) else {}
        if key == "phase" and inner:
            if any(not isinstance(phase, Mapping) or alters(phase) for phase in inner.values()):
                return True
        elif key not in SAME and not (key == "training" and inner and set(inner) <= set(ELSEWHERE)):
            return True
    return False
