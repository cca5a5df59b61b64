"""Studies: what varies, over which seeds, in which phases; planned up front, run anywhere, kept as plain files."""

from handgrad.study.execution import run_study
from handgrad.study.plan import Plan
from handgrad.study.read import load_study, make_study, ready_made
from handgrad.study.results import Results
from handgrad.study.spec import Study, StudySpec

__all__ = ["Plan", "Results", "Study", "StudySpec", "load_study", "make_study", "ready_made", "run_study"]
