"""Figures of hyperparameters by name: what `[[figure]]` and `hg.save_figure` make, and what they refuse."""

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.report.figures.request import make_figure
from handgrad.report.findings.summarize import summarize
from handgrad.report.study_figure import sources_of
from handgrad.study import make_study
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

LR, HIDDEN, BATCH = "training.optimizer.lr", "network.hidden", "training.batch_size"
GRID = {"seeds": 2, "grid": {LR: [0.1, 0.5, 1.0], HIDDEN: [4, 6], BATCH: [5, 10]}}
DRAWN = {"seeds": 1, "random": {"runs": 24, LR: {"log_uniform": [0.001, 1.0]}, HIDDEN: {"integers": [2, 40]}}}


def rising(setting, seed):
    return Outcome(0.6 + 0.1 * setting.axes[LR] + 0.002 * seed + 0.001 * (int(setting.label) % 3))


@pytest.fixture
def ask(make_results):
    """ask(kind, options, tables, labels) -> the figure."""
    cache = {}

    def make(kind, options=None, tables=GRID, labels=None, tell=rising):
        key = repr((tables, tell))
        if key not in cache:
            results = Results.open(make_results(tables, tell, name=f"results-{len(cache)}"))
            cache[key] = summarize(results), sources_of(results)
        summary, sources = cache[key]
        shown = {one.label: one for one in summary.settings if labels is None or one.label in labels}
        return make_figure(kind, summary, shown, sources, options, name="fig")

    return make


def test_effects_of_some_axes_are_still_over_all_others(ask):
    every, one = ask("effects"), ask("effects", {"axes": ["lr"]})
    assert [panel.axis for panel in every.panels] == ["lr", "hidden", "batch size"]
    assert [panel.axis for panel in one.panels] == ["lr"]
    assert one.panels[0].y.tolist() == every.panels[0].y.tolist()
    assert [panel.axis for panel in ask("effects", {"axes": [HIDDEN, "lr"]}).panels] == ["hidden", "lr"]


def test_slices_of_draws_have_a_forest_and_those_of_a_grid_have_none(ask):
    drawn = ask("slices", tables=DRAWN)
    assert [len(panel.x) for panel in drawn.panels] == [60, 60]
    assert len(drawn.panels[0].dots_x) == 24
    assert all(len(panel.x) == 0 for panel in ask("slices").panels)
    one = ask("slices", {"axes": ["lr"]})
    assert len(one.panels[0].dots_x) == 12  # settings, not values of lr


def test_the_table_behind_slices_and_effects_has_every_dot(ask):
    header, rows = ask("slices", {"axes": ["lr"]}).table()
    rows = list(rows)
    assert header == ["axis", "what", "value", "validation accuracy", "low", "high", "lost"]
    assert len(rows) == 12  # a grid has no forest: its settings are all there is
    assert {(axis, what) for axis, what, *_ in rows} == {("lr", "setting")}
    assert [y for *_, y, _, _, _ in rows] == ask("slices", {"axes": ["lr"]}).panels[0].dots_y.tolist()
    found = [what for _, what, *_ in ask("effects", {"axes": ["lr"]}).table()[1]]
    assert (found.count("mean"), found.count("run")) == (3, 24)  # values of lr, 12 settings with two seeds
    drawn = [what for _, what, *_ in ask("slices", {"axes": ["lr"]}, tables=DRAWN).table()[1]]
    assert (drawn.count("mean"), drawn.count("setting")) == (60, 24)


def test_a_heat_map_of_the_axes_that_are_named(ask):
    assert (ask("heat-map").x_label, ask("heat-map").y_label) == ("lr", "hidden")
    named = ask("heat-map", {"x": "batch size", "y": LR})
    assert (named.x_label, named.y_label) == ("batch size", "lr")
    assert named.counts.tolist() == [[4, 4]] * 3
    assert ask("heat-map", {"y": "lr"}).x_label == "hidden"


def test_lines_pass_the_axes_that_are_named(ask):
    figure = ask("parallel-coordinates", {"axes": ["lr", "hidden"]})
    assert [axis.label for axis in figure.axes] == ["lr", "hidden", "validation accuracy"]
    assert len(figure.places) == 12


def test_importance_by_the_method_that_is_asked_for(ask):
    auto, forest = ask("importance"), ask("importance", {"method": "forest"}, tables=DRAWN)
    assert auto.rows[0].label == "lr"
    assert "ω²" in auto.caption
    assert "fANOVA" in forest.caption
    assert "fANOVA" in ask("importance", tables=DRAWN).caption
    assert ask("importance", {"method": "variance"}).rows == auto.rows


def fallen(setting, seed):
    return Outcome(0.2, collapsed=1) if setting.axes[LR] == 1.0 else rising(setting, seed)


def test_importance_without_the_settings_of_which_runs_were_lost(ask):
    whole, working = ask("importance", tell=fallen), ask("importance", {"lost": False}, tell=fallen)
    assert whole.rows != working.rows
    assert "8 settings" in working.caption
    assert "among settings of which no run was lost" in working.caption


def test_the_expected_best_of_draws(ask):
    figure = ask("expected-best", tables=DRAWN)
    lines = {line.label: line for line in figure.panels[0].lines}
    assert lines["expected best"].y[-1] == lines["best so far"].y[-1]
    assert np.all(np.diff(lines["expected best"].y) >= 0)


def test_some_of_the_draws_are_no_random_sample(ask):
    with pytest.raises(
        InputError, match="fig: the expected best is that of all 24 settings that were drawn; 22 are left"
    ):
        ask("expected-best", tables=DRAWN, labels=["3", "7"])


@pytest.mark.parametrize(
    ("kind", "options", "labels", "message"),
    [
        ("effects", {"axes": ["lrr"]}, None, "axes: unknown hyperparameter that varies here 'lrr'; did you mean 'lr'"),
        ("effects", {"axes": []}, None, "fig: options.axes must be a list of different names"),
        ("effects", {"axes": ["lr", "lr"]}, None, "fig: options.axes must be a list of different names"),
        ("effects", {}, ["1"], "fig: a figure of kind 'effects' shows 2 or more settings; got 1"),
        ("effects", {}, ["1", "12"], "so that there is no effect to be seen; the kind 'slices' shows settings along"),
        ("heat-map", {"x": "epochs"}, None, "fig: x: unknown hyperparameter that varies here 'epochs'"),
        ("heat-map", {"x": "lr", "y": "lr"}, None, "x and y are both lr; a heat map shows two hyperparameters"),
        ("heat-map", {}, ["1", "5", "9"], "a heat map shows two hyperparameters that vary; here varies lr"),
        ("parallel-coordinates", {"axes": ["lr"]}, None, "parallel coordinates need two hyperparameters that vary"),
        ("importance", {"method": "fanova"}, None, "fig: options.method is an unknown method 'fanova'"),
        ("importance", {"method": "forest"}, None, "fig: 12 settings; a random forest needs 20 or more"),
        ("importance", {}, ["1", "5", "9"], "fig: shares need two hyperparameters that vary; here varies lr"),
        ("importance", {"lost": "no"}, None, "fig: options.lost must be true or false"),
        ("expected-best", {}, None, "only random draws have an expected best"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_said(kind, options, labels, message, ask):
    with pytest.raises(InputError) as error:
        ask(kind, options, labels=labels)
    assert message in str(error.value)


def test_nothing_is_left_where_every_run_was_lost(ask):
    with pytest.raises(InputError, match="runs of every setting were lost, so that none are left"):
        ask("importance", {"lost": False}, tell=lambda setting, seed: Outcome(0.2, collapsed=1))


def test_a_search_that_stops_settings_has_no_expected_best_but_its_course(ask):
    def tell(setting, seed):
        return Outcome(0.6 + 0.01 * int(setting.label), status="pruned" if int(setting.label) % 2 else "done")

    figure = ask("expected-best", tables=DRAWN, tell=tell)
    (line,) = figure.panels[0].lines
    assert (line.label, line.x.tolist()[:3]) == ("best so far", [2.0, 3.0, 4.0])
    assert line.y.tolist()[:3] == pytest.approx([0.62, 0.62, 0.64])
    assert "no independent draws" in figure.caption


def test_a_study_file_asks_for_them_by_name_and_is_checked_before_anything_runs():
    figure = {"title": "Width and rate", "kind": "heat-map", "options": {"x": "lr", "y": "hidden"}}
    tables = {"name": "s", "data": {"name": "digits"}, "grid": {LR: [0.1, 0.2], HIDDEN: [4, 8]}}
    assert make_study({**tables, "figure": [figure]}).spec.figure[0].options == {"x": "lr", "y": "hidden"}
    with pytest.raises(InputError, match=r'figure "Width and rate".options.z is an unknown key'):
        make_study({**tables, "figure": [{**figure, "options": {"z": "lr"}}]})
