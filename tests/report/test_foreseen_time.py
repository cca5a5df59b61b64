"""The time of a report, foreseen from its figures and runs."""

from handgrad import make_study
from handgrad.report.foreseen_time import FIGURE, RUN, START, report_seconds
from handgrad.study.planning.plan import Plan


def test_the_time_of_a_report_grows_with_figures_and_runs():
    """Figures of a grid of two: 5 of the best, ranking, 2 of curves, importance, effects, a heat map."""
    tables = {"name": "t", "seeds": 2, "network": {"hidden": 4}, "training": {"epochs": 1}}
    grid = {"training.optimizer.lr": [0.1, 0.2], "network.hidden": [4, 8]}
    assert report_seconds(Plan(make_study(tables))) == START + 8 * FIGURE + 2 * RUN
    assert report_seconds(Plan(make_study({**tables, "grid": grid}))) == START + 11 * FIGURE + 8 * RUN
    asked = {**tables, "grid": grid, "figure": [{"title": "Mine", "kind": "epochs"}]}
    assert report_seconds(Plan(make_study(asked))) == START + 12 * FIGURE + 8 * RUN
    phases = {**tables, "grid": grid, "phase": [{"name": "more", "grid": {"training.batch_size": [10, 20, 50]}}]}
    assert report_seconds(Plan(make_study(phases))) > START + 15 * FIGURE + 8 * RUN
