"""Studies: what varies, over which seeds, in which phases; planned up front, run anywhere, kept as plain files."""

from handgrad.study.design.settings import Study
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.execution.run_study import run_study
from handgrad.study.folder.results_folder import Results
from handgrad.study.planning.plan import Plan
from handgrad.study.reading.loading import load_study, make_study, ready_made

__all__ = ["Plan", "Results", "Study", "StudySpec", "load_study", "make_study", "ready_made", "run_study"]
