"""Report: tables, figures and a page, made from the records of a study alone."""

from handgrad.report.build import build_report
from handgrad.report.exports import export_study
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.result_frames import (
    class_scores,
    compare,
    compare_studies,
    conclusions,
    curve_measures,
    effects,
    examples_right,
    explanation,
    importance,
    past_studies,
    reproduction,
    rungs,
    search_history,
    statements,
    timeline,
)
from handgrad.report.study_figure import figure, save_figure
from handgrad.report.study_table import save_table

__all__ = [
    "Summary",
    "build_report",
    "class_scores",
    "compare",
    "compare_studies",
    "conclusions",
    "curve_measures",
    "effects",
    "examples_right",
    "explanation",
    "export_study",
    "figure",
    "importance",
    "past_studies",
    "reproduction",
    "rungs",
    "save_figure",
    "save_table",
    "search_history",
    "statements",
    "summarize",
    "timeline",
]
