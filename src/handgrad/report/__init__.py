"""Report: tables, figures and a page, made from the records of a study alone."""

from handgrad.report.build import build_report, save_figure
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import Summary
from handgrad.report.result_frames import compare, explanation, reproduction

__all__ = ["Summary", "build_report", "compare", "explanation", "reproduction", "save_figure", "summarize"]
