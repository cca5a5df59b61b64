"""StudySearchCV is a search of scikit-learn whose runs are a study."""

import numpy as np
import pandas
import pytest
from scipy.stats import lognorm, loguniform
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris

import handgrad as hg
from handgrad.errors import InputError, ResultsError

X, Y = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
SMALL = hg.HandgradClassifier((6,), max_iter=8, learning_rate_init=0.02, random_state=0)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    grid = {"activation": ["relu", "logistic"], "learning_rate_init": np.array([0.001, 0.1])}
    folder = tmp_path_factory.mktemp("search") / "results"
    return hg.StudySearchCV(SMALL, grid, seeds=[3, 5], cv=3, folder=folder).fit(X, NAMES)


def test_its_results_have_the_form_of_grid_search(found):
    table = found.cv_results_
    assert found.n_splits_ == 6
    assert table["params"][1] == {"activation": "relu", "learning_rate_init": 0.1}
    assert table["param_activation"].tolist() == ["relu", "relu", "logistic", "logistic"]
    splits = np.array([table[f"split{i}_test_score"] for i in range(6)])
    np.testing.assert_allclose(table["mean_test_score"], splits.mean(axis=0))
    np.testing.assert_allclose(table["std_test_score"], splits.std(axis=0))
    assert table["rank_test_score"][found.best_index_] == 1
    assert found.best_score_ == table["mean_test_score"].max()
    assert found.best_params_ == table["params"][found.best_index_]
    assert (table["mean_fit_time"] > 0).all()
    assert len(pandas.DataFrame(table)) == 4


def test_its_scores_are_those_of_the_runs_of_the_study(found):
    runs = found.results_.runs()
    assert runs.groupby("label").size().tolist() == [6] * 4
    assert runs["seed"].unique().tolist() == [3, 5]
    label = found.results_.winner()
    own = runs[runs["label"] == label]
    assert own["val_accuracy"].mean() == pytest.approx(found.best_score_)
    setting = found.results_.setting(label)
    assert setting.training.optimizer.lr == found.best_params_["learning_rate_init"]
    assert setting.network.activation == {"logistic": "sigmoid"}.get(found.best_params_["activation"], "relu")


def test_parameters_are_axes_of_the_study(found):
    assert found.results_.axes["2"] == {"activation": "relu", "training.optimizer.lr": 0.1}
    assert found.conclusions()["best"].unique().tolist() == [found.results_.winner()]


def test_the_best_estimator_is_trained_on_everything_as_the_runs_were(found):
    again = clone(SMALL).set_params(**found.best_params_, n_iter_no_change=np.inf).fit(X, NAMES)
    assert np.array_equal(found.predict_proba(X), again.predict_proba(X))
    assert found.best_estimator_.n_iter_ == 8
    assert found.score(X, NAMES) == again.score(X, NAMES)
    assert found.classes_.tolist() == sorted(set(NAMES))
    assert found.feature_names_in_.tolist() == X.columns.tolist()
    assert is_classifier(found)


def test_its_report_is_written_where_it_is_wanted(found, tmp_path):
    page = found.report(tmp_path / "report", formats=[])
    assert page == tmp_path / "report" / "index.html"
    assert "activation" in page.read_text("utf-8")
    with pytest.raises(ResultsError, match=r"report: is there already and not empty; give a new folder"):
        found.report(tmp_path / "report")


def test_a_search_in_the_same_folder_repeats_nothing(found):
    before = {path.name: path.stat().st_mtime_ns for path in (found.folder / "runs").glob("*/record.json")}
    clone(found).fit(X, NAMES)
    assert {path.name: path.stat().st_mtime_ns for path in (found.folder / "runs").glob("*/record.json")} == before


def test_candidates_that_depend_on_each_other_run_once_and_are_found_again():
    """Momentum means nothing to adam: two candidates are one setting."""
    grid = {"solver": ["adam", "sgd"], "momentum": [0.5, 0.9]}
    found = hg.StudySearchCV(SMALL, grid, seeds=1, cv=0.4, scoring="neg_log_loss", refit=False).fit(X, Y)
    assert len(found.results_.planned) == 3
    table = found.cv_results_
    scores = {tuple(one.values()): score for one, score in zip(table["params"], table["mean_test_score"], strict=True)}
    assert scores[0.5, "adam"] == scores[0.9, "adam"] != scores[0.5, "sgd"]
    assert found.best_score_ == max(scores.values()) < 0
    with pytest.raises(InputError, match="refit=False, so that there is no best_estimator_"):
        found.predict(X)


def test_drawn_candidates_and_lists_of_grids_are_searched():
    space = {"learning_rate_init": loguniform(1e-3, 1e-1), "hidden_layer_sizes": [(3,), (5,)]}
    drawn = hg.StudySearchCV(SMALL, space, n_iter=4, seeds=1, cv=0.4, random_state=1, refit=False).fit(X, Y)
    rates = drawn.cv_results_["param_learning_rate_init"]
    assert len(set(rates)) == 4
    assert all(1e-3 <= rate <= 1e-1 for rate in rates)
    assert set(drawn.cv_results_["param_hidden_layer_sizes"]) == {(3,), (5,)}
    axes = [drawn.results_.axes[label]["training.optimizer.lr"] for label in "1234"]
    assert axes == rates.tolist()  # ranges of the study, so that its report says which hyperparameter matters
    other = {"alpha": [0, 1], "solver": ["sgd", "adam"], "epsilon": lognorm(1, scale=1e-8)}
    apart = hg.StudySearchCV(SMALL, other, n_iter=3, seeds=1, cv=0.4, random_state=1, refit=False).fit(X, Y)
    assert [*apart.results_.axes["1"]] == ["candidate"]
    grids = [{"alpha": [0.0]}, {"dropout": [0.2, 0.4]}]
    listed = hg.StudySearchCV(SMALL, grids, seeds=1, cv=0.4, refit=False).fit(X, Y).cv_results_
    assert listed["param_dropout"].tolist() == [None, 0.2, 0.4]
    assert len(listed["params"]) == 3


def test_numbers_two_classes_and_labels_are_searched_by_their_scores():
    every = {
        "max_iter": 30,
        "learning_rate_init": 0.02,
        "random_state": 0,
        "early_stopping": True,
        "n_iter_no_change": np.inf,
    }
    numbers = hg.StudySearchCV(hg.HandgradRegressor((6,), **every), {"loss": ["squared_error", "huber"]}, seeds=1, cv=3)
    numbers.fit(X, X.iloc[:, 0])
    assert numbers.best_estimator_.model_.classes == ("sepal length (cm)",)
    assert numbers.scoring_ == "neg_root_mean_squared_error"
    assert numbers.best_score_ == pytest.approx(-numbers.results_.runs().groupby("label")["val_rmse"].mean().min())
    assert numbers.score(X, X.iloc[:, 0]) > -0.7
    assert numbers.best_estimator_.score(X, X.iloc[:, 0]) > 0.3
    two = hg.StudySearchCV(hg.HandgradClassifier((6,), **every), {"alpha": [0, 1]}, seeds=1, cv=3, scoring="roc_auc")
    assert two.fit(X, Y == 2).best_score_ > 0.8
    assert two.score(X, Y == 2) > 0.8
    labels = np.stack([Y == 0, Y > 0], axis=1).astype(int)
    several = hg.StudySearchCV(hg.HandgradClassifier((6,), **every), {"alpha": [0, 1]}, seeds=1, cv=0.3).fit(X, labels)
    assert several.predict(X).shape == (150, 2)


def test_a_temporary_folder_goes_with_the_results():
    found = hg.StudySearchCV(SMALL, {"alpha": [0.0, 1.0]}, seeds=1, cv=0.4, refit=False).fit(X, Y)
    folder = found.results_.folder
    assert folder.exists()
    del found
    assert not folder.exists()


WRONG = {
    "estimator": (
        {"estimator": 3},
        "StudySearchCV: estimator must be a HandgradClassifier or HandgradRegressor; got 3",
    ),
    "name": ({"param_grid": {"alhpa": [1]}}, "StudySearchCV: param_grid: alhpa is no parameter to search"),
    "state": ({"param_grid": {"random_state": [1]}}, "the seeds are those of StudySearchCV"),
    "grid": ({"param_grid": {"alpha": 1}}, "StudySearchCV: param_grid: Parameter grid for parameter 'alpha'"),
    "value": ({"param_grid": {"alpha": [-1]}}, "StudySearchCV: alpha must be >= 0; got -1"),
    "rule": ({"param_grid": {"learning_rate": ["adaptive"]}}, "learning_rate='adaptive' is no setting of a study"),
    "scoring": ({"scoring": "r2"}, "scoring must be one of accuracy, balanced_accuracy, f1_macro, neg_log_loss for"),
    "cv": ({"cv": 1}, r"StudySearchCV: cv must be a number of folds from 2 to the number of examples \(150\)"),
    "nothing": ({"param_grid": []}, r"StudySearchCV: param_grid is empty; give lists of values"),
    "draws": ({"n_iter": 0}, "StudySearchCV: n_iter must be >= 1; got 0"),
    "jobs": ({"n_jobs": "all"}, "StudySearchCV: n_jobs must be a whole number >= 1, None for 1, or -1 for one a core"),
    "refit": ({"refit": "accuracy"}, "StudySearchCV: refit must be true or false; got 'accuracy'"),
    "seeds": ({"seeds": -1}, "seeds must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_searched_is_refused_before_anything_runs(name, tmp_path):
    parameters, message = WRONG[name]
    every = {"estimator": SMALL, "param_grid": {"alpha": [0.1]}, "folder": tmp_path / "results", **parameters}
    with pytest.raises(InputError, match=message):
        hg.StudySearchCV(**every).fit(X, Y)
    assert not (tmp_path / "results").exists()
