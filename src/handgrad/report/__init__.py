"""Report: tables, figures and a page, made from the records of a study alone.

Its names are loaded when they are asked for: a process that only draws figures needs a third of them.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Summary": "findings.summary",
    "build_report": "build",
    "class_scores": "result_frames",
    "compare": "result_frames",
    "compare_studies": "result_frames",
    "conclusions": "result_frames",
    "curve_measures": "result_frames",
    "effects": "result_frames",
    "examples_right": "result_frames",
    "explanation": "result_frames",
    "export_study": "exports",
    "figure": "study_figure",
    "importance": "result_frames",
    "past_studies": "result_frames",
    "reproduction": "result_frames",
    "rungs": "result_frames",
    "save_figure": "study_figure",
    "save_table": "study_table",
    "search_history": "result_frames",
    "statements": "result_frames",
    "summarize": "findings.summarize",
    "timeline": "result_frames",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'handgrad.report' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(f"handgrad.report.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
