"""Report: tables, figures and a page, made from the records of a study alone."""

from handgrad.report.build import build_report
from handgrad.report.compare import compare
from handgrad.report.one import save_figure
from handgrad.report.reproduction import reproduction
from handgrad.report.summary import Summary, summarize

__all__ = ["Summary", "build_report", "compare", "reproduction", "save_figure", "summarize"]
