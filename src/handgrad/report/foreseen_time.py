"""How long the report of a study will take, before anything runs: from its numbers of figures and runs.

    seconds = START + FIGURE · figures + RUN · runs

Drawing figures for print takes most of it, and where that is long, other processes help (`drawing.prints`); each of
them costs HELPER.  The constants are processor times on one core of an AMD EPYC server, which others used as well,
medians of two to four reports by `time.process_time` around `build_report(DIR)` in a new process; in brackets what is
foreseen.  Invented studies (the folders of `python benchmarks/page.py --keep DIR`): 4.0 s (4.0) of 24 runs and 11
figures, 5.7 s (5.3) of 200 runs and 14 figures, 8.2 s (7.5) of 1,000 runs and 14 figures.  5 widths x 10 learning
rates, 11 figures: 4.2 s (4.1) of 1 seed, 5.0 s (4.5) of 4, 6.1 s (6.7) of 20, which are 1,000 runs.  3 learning rates
x 20 seeds, 10 figures: 3.3 s (3.9).
"""

from collections.abc import Collection, Iterable, Sequence
from math import comb

from handgrad.report.chapters.importance_chapter import MOST_PAIRS
from handgrad.study.design.study_spec import StudySpec
from handgrad.study.folder.results_folder import Results
from handgrad.study.planning.plan import Plan

START = 1.0  # libraries, the page itself
FIGURE = 0.27  # of each, in three formats
RUN = 0.0027
OF_BEST = 5  # figures of the best setting's network
HELPER = 1.3  # until another process can draw
LONG = 5.0  # a report that takes so long has help
EACH = 4  # figures for each process, at least


def report_time(plan: Plan, jobs: int = 1) -> tuple[float, int]:
    """(seconds of a report, how many cores it takes).  jobs: processes that draw its figures at most."""
    figures = _figures(plan.study.spec, ([one.axes for one in phase.settings] for phase in plan.taken_phases))
    runs = sum(len(one.runs) for phase in plan.taken_phases for one in phase.settings)
    alone, others = START + FIGURE * figures + RUN * runs, _helpers(figures, runs, jobs)
    return max(START + RUN * runs, (alone + HELPER * others) / (1 + others)), 1 + others


def helpers(results: Results, jobs: int) -> int:
    """How many processes besides this one draw the figures of a report: none where it is short."""
    phases = results.plan["phases"]
    if "explain" in results.plan:  # its report has few figures
        return 0
    figures = _figures(results.spec, ([one["axes"] for one in phase["settings"]] for phase in phases))
    return _helpers(figures, sum(len(one["runs"]) for one in results.planned.values()), jobs)


def _helpers(figures: int, runs: int, jobs: int) -> int:
    return max(0, min(jobs, figures // EACH) - 1) if START + FIGURE * figures + RUN * runs >= LONG else 0


def _figures(spec: StudySpec, phases: Iterable[Sequence[Collection[str]]]) -> int:
    """How many figures a report has.  phases: the axes of every setting of each."""
    figures = OF_BEST + len(spec.figure) + (len(spec.original.figure) if spec.original is not None else 0)
    for settings in phases:
        axes = {path for one in settings for path in one}
        figures += 3  # ranking, curves by epoch and by step
        if len(settings) > 1:  # importance, effects, a heat map for each pair, parallel coordinates
            figures += 2 + min(comb(len(axes), 2), MOST_PAIRS) + (len(axes) > 2)
    return figures
