"""How long the report of a study will take, before anything runs: from its numbers of figures and runs.

    seconds = START + FIGURE · figures + RUN · runs

Drawing figures for print takes most of it.  The constants are processor times on one core of an AMD EPYC server, of
reports of invented studies (the folders of `python benchmarks/page.py --keep DIR`): 7.7 s of 24 runs and 11 figures,
10.4 s of 200 runs and 14 figures, 16.2 s of 1,000 runs and 15 figures; 8.0, 10.6 and 15.9 s are foreseen.
"""

from math import comb

from handgrad.report.chapters.importance_chapter import MOST_PAIRS
from handgrad.study.planning.plan import Plan

START = 2.4  # libraries, the page itself
FIGURE = 0.5  # of each, in three formats
RUN = 0.006
OF_BEST = 5  # figures of the best setting's network


def report_seconds(plan: Plan) -> float:
    """Seconds of one core, the report alone."""
    spec = plan.study.spec
    figures = OF_BEST + len(spec.figure) + (len(spec.original.figure) if spec.original is not None else 0)
    for phase in plan.taken_phases:
        axes = {path for setting in phase.settings for path in setting.axes}
        figures += 3  # ranking, curves by epoch and by step
        if len(phase.settings) > 1:  # importance, effects, a heat map for each pair, parallel coordinates
            figures += 2 + min(comb(len(axes), 2), MOST_PAIRS) + (len(axes) > 2)
    return START + FIGURE * figures + RUN * sum(len(one.runs) for phase in plan.taken_phases for one in phase.settings)
