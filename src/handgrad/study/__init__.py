"""Studies: what varies, over which seeds, in which phases; planned up front, run anywhere, kept as plain files.

Names are loaded when they are first used: a worker process needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handgrad.study.design.settings import Study
    from handgrad.study.design.study_spec import StudySpec
    from handgrad.study.execution.run_study import run_study
    from handgrad.study.folder.results_folder import Results
    from handgrad.study.planning.plan import Plan
    from handgrad.study.reading.loading import load_study, make_study, ready_made

__all__ = ["Plan", "Results", "Study", "StudySpec", "load_study", "make_study", "ready_made", "run_study"]

_HOMES = {
    "Plan": "planning.plan",
    "Results": "folder.results_folder",
    "Study": "design.settings",
    "StudySpec": "design.study_spec",
    "load_study": "reading.loading",
    "make_study": "reading.loading",
    "ready_made": "reading.loading",
    "run_study": "execution.run_study",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
