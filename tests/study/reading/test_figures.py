"""[[figure]]: read with every problem at once, and laid upon what varies after --quick."""

import pytest

from handgrad.errors import StudyFileError
from handgrad.study import make_study, run_study
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.figure_options import FIGURES

GRID = {"grid": {"training.optimizer.lr": [0.01, 0.1, 0.3]}, "bundle": {"act": {"relu": {}, "tanh": {}}}}
GRID["bundle"]["act"]["tanh"] = {"network.activation": "tanh"}
GRID["bundle"]["act"]["relu"] = {"network.activation": "relu"}
QUICK = {"quick": {"grid": {"training.optimizer.lr": [0.3]}}}


def study(*figures, small=False, overrides=(), **more):
    return make_study({"name": "s", **GRID, "figure": list(figures), **more}, overrides, quick=small)


def problems(*figures, **more):
    with pytest.raises(StudyFileError) as error:
        study(*figures, **more)
    return error.value.problems


def figure(kind="epochs", title="T", **more):
    return {"title": title, "kind": kind, **more}


def test_what_is_wrong_with_a_figure_itself_is_said_at_once():
    assert problems(
        figure("step-los"),
        figure(title="A", options={"measure": "loss"}),
        {"kind": "epochs", "setings": ["1"]},
        figure(title="a"),
        figure(title="B", settings=[]),
        figure(title="C", published={"test_accuracy": 0.9}),
    ) == [
        """figure "T".kind is an unknown kind of figure 'step-los'; did you mean 'step-loss'? """
        f"Known: {', '.join(FIGURES)}",
        """figure "A".options.measure is an unknown key; did you mean 'measures'? """
        "Known: measures, parts, seed, together, inset, colour, log",
        "figure 3.title is missing",
        """figure 3.setings is an unknown key; did you mean 'settings'? """
        "Known: column, width, font_size, font, title, note, kind, phase, settings, options, run",
        """figure "a": its files would be named as those of 'A'; give it another title""",
        """figure "B".settings is an empty list; name at least one setting, or leave it out for all of the phase""",
        'figure "C".published is an unknown key. '
        "Known: column, width, font_size, font, title, note, kind, phase, settings, options, run",
    ]
    with pytest.raises(StudyFileError, match=r"figure must be written as \[\[figure\]\] tables; got 'all'"):
        make_study({"name": "s", "figure": "all"})


def test_a_figure_without_a_title_goes_by_its_number():
    assert problems(figure(title=""), figure(title=" ")) == [
        "figure 1.title must be text, and not empty; got ''",
        "figure 2.title must be text, and not empty; got ' '",
    ]


def test_what_does_not_fit_the_study_is_said_at_once():
    assert problems(
        figure(title="A", settings=["7"]),
        figure(title="B", phase="mian"),
        figure("confusion", title="C", settings=["1", "2"]),
        figure("small-multiples", title="D", settings="winner"),
        figure(title="E", settings={"training.optimizer.lr": 0.2}),
        figure(title="F", settings=["tahn"]),
    ) == [
        """figure "A".settings is an unknown setting '7'. Known: winner, relu, tanh, 1 to 6""",
        """figure "B".phase is an unknown phase 'mian'; did you mean 'main'? Known: main""",
        """figure "C".settings: a figure of kind confusion shows 1; got 2""",
        """figure "D".settings: a figure of kind small-multiples shows at least 2; got 1""",
        """figure "E".settings must be a setting of phase "main"; none has training.optimizer.lr = 0.2""",
        """figure "F".settings is an unknown setting 'tahn'; did you mean 'tanh'? Known: winner, relu, tanh, 1 to 6""",
    ]


def test_of_settings_that_are_drawn_only_numbers_are_known():
    pytest.importorskip("optuna")
    drawn = {"random": {"runs": 5, "sampler": "tpe", "training.optimizer.lr": {"log_uniform": [1e-3, 1.0]}}}
    more = {**drawn, "grid": None, "bundle": None}
    assert problems(
        figure(title="A", settings={"training.optimizer.lr": 0.1}), figure(title="B", settings="6"), **more
    ) == [
        """figure "A".settings must be "winner" or a number: the settings are drawn while the study runs""",
        """figure "B".settings is an unknown setting '6'. Known: winner, 1 to 5""",
    ]
    study(figure(settings=["5", "winner"]), **more)


def test_a_smaller_study_shows_what_is_left_under_its_number():
    """Of 1 to 3 (relu) and 4 to 6 (tanh), lr 0.3 is left: 3 and 6, now 1 and 2."""
    asked = [
        figure(title="a", settings=["1", "6"]),
        figure(title="b", settings="tanh"),
        figure(title="c", settings=["2"]),
        figure("small-multiples", title="d", settings=["3", "4"]),
        figure(title="e"),
    ]
    quick = study(*asked, small=True, **QUICK).spec.figure
    assert [(one.settings, one.run) for one in quick] == [
        (("2",), True),
        (("tanh",), True),
        (("2",), False),
        (("3", "4"), False),
        (None, True),
    ]
    kept = study(*asked, overrides=["training.epochs=2"]).spec.figure
    assert [one.settings for one in kept] == [("1", "6"), ("tanh",), ("2",), ("3", "4"), None]
    assert study(*asked, overrides=["figure=[]"]).changed == ()


def test_a_results_folder_asks_for_the_same_figures(make, tmp_path):
    asked = [figure(settings=["2", "winner"], options={"seed": "first"}), figure("templates", title="W", note="n")]
    made = make(grid={"training.optimizer.lr": [0.1, 0.2]}, figure=asked, seeds=1)
    run_study(made, tmp_path, jobs=1)
    assert Results.open(tmp_path).spec.figure == made.spec.figure
