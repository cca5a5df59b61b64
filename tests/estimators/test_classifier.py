"""HandgradClassifier is an estimator of scikit-learn, and MLPClassifier's parameters mean what they mean there."""

import pickle
import warnings

import numpy as np
import pandas
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

import handgrad as hg
from handgrad.errors import InputError

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
DIGITS_X, DIGITS_Y = load_digits(return_X_y=True)


def quick(**parameters):
    return hg.HandgradClassifier(
        **{"max_iter": 15, "learning_rate_init": 0.02, "n_iter_no_change": np.inf, "random_state": 0, **parameters}
    )


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.coefs_, second.coefs_, strict=True))


# -- scikit-learn's own checks, all of them


@parametrize_with_checks(
    [
        quick(max_iter=30),
        hg.HandgradRegressor(max_iter=30, learning_rate_init=0.02, n_iter_no_change=np.inf, random_state=0),
    ]
)
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


# -- parameters


def test_defaults_and_names_are_those_of_mlp_classifier():
    theirs = MLPClassifier().get_params()
    ours = hg.HandgradClassifier().get_params()
    assert theirs.keys() - ours.keys() == {"max_fun"}  # of lbfgs alone
    assert ours.keys() - theirs.keys() == {"dropout"}
    assert {name: theirs[name] for name in ours.keys() & theirs.keys()}.items() <= ours.items()
    regressor = hg.HandgradRegressor().get_params()
    assert regressor == {**ours, "loss": "squared_error"}
    assert regressor["loss"] == MLPRegressor().get_params().get("loss", "squared_error")  # theirs has it from 1.7


PARITY = [
    {"solver": "sgd", "momentum": 0.0, "alpha": 0.5},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.8, "activation": "tanh"},
    {"solver": "adam", "beta_1": 0.8, "beta_2": 0.9, "activation": "logistic", "hidden_layer_sizes": (7, 5)},
    {"solver": "sgd", "activation": "identity", "hidden_layer_sizes": (), "batch_size": 64},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2, "alpha": 0.3},
]
TARGETS = {
    "classes": (hg.HandgradClassifier, MLPClassifier, lambda y: y),
    "two classes": (hg.HandgradClassifier, MLPClassifier, lambda y: y > 4),
    "labels": (
        hg.HandgradClassifier,
        MLPClassifier,
        lambda y: np.stack([y > 4, y % 2 == 0, y == 3], axis=1).astype(int),
    ),
    "a number": (hg.HandgradRegressor, MLPRegressor, lambda y: y / 3 - 1),
    "numbers": (hg.HandgradRegressor, MLPRegressor, lambda y: np.stack([y / 3, -y / 5], axis=1)),
}


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [*((one, "classes") for one in PARITY), *((PARITY[0], kind) for kind in list(TARGETS)[1:])],
    ids=str,
)
def test_from_the_same_weights_without_shuffling_it_goes_where_scikit_learn_goes(parameters, kind):
    """Ours begins; theirs is given our initial weights, and both make the same steps, up to float32."""
    ours_is, theirs_is, of_digits = TARGETS[kind]
    every = {"max_iter": 12, "shuffle": False, "learning_rate_init": 0.01, "n_iter_no_change": 100, **parameters}
    x = StandardScaler().fit_transform(DIGITS_X[:150])
    y = of_digits(DIGITS_Y[:150])
    begun = ours_is(**{**every, "max_iter": 1, "learning_rate_init": 1e-30}, random_state=1)
    theirs = theirs_is(**every, random_state=1, warm_start=True)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.set_params(max_iter=1).fit(x, y).set_params(max_iter=12)
        begun.fit(x, y)
        theirs.coefs_ = [W.astype(float) for W in begun.coefs_]
        theirs.intercepts_ = [b.astype(float) for b in begun.intercepts_]
        theirs.loss_curve_, theirs.best_loss_, theirs.t_, theirs._no_improvement_count = [], np.inf, 0, 0
        theirs.fit(x, y)
        ours = ours_is(**every, random_state=1).fit(x, y)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=2e-4)  # the penalty is that after a step
    if parameters["solver"] == "sgd":  # Adam makes steps of rounding where a gradient is all but 0
        for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-6)
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-4)
        assert ours.score(x, y) == pytest.approx(theirs.score(x, y), abs=1e-5)


def test_it_stops_where_the_loss_stops_improving_and_warns_where_it_did_not():
    stopped = quick(max_iter=400, n_iter_no_change=3, tol=0.01).fit(X, Y)
    gains = -np.diff(stopped.loss_curve_)
    assert stopped.n_iter_ < 400
    assert len(stopped.loss_curve_) == stopped.n_iter_
    assert (gains[-4:] < 0.01).all()
    with pytest.warns(ConvergenceWarning, match=r"all max_iter=5 epochs were trained before the loss stopped"):
        quick(max_iter=5, n_iter_no_change=10).fit(X, Y)


def test_early_stopping_keeps_the_weights_of_the_best_validation_score():
    found = quick(early_stopping=True, validation_fraction=0.3, max_iter=60, n_iter_no_change=5).fit(X, Y)
    assert found.best_validation_score_ == max(found.validation_scores_)
    assert found.best_loss_ is None
    best = int(np.argmax(found.validation_scores_))
    at_best = quick(early_stopping=True, validation_fraction=0.3, max_iter=best + 1).fit(X, Y)
    assert same(found, at_best)


@pytest.mark.parametrize("solver", ["adamw", "rmsprop", "adagrad", {"name": "rmsprop", "rho": 0.9}])
def test_solvers_of_handgrad_learn(solver):
    assert quick(solver=solver, max_iter=100, learning_rate_init=0.01).fit(X, Y).score(X, Y) > 0.9


def test_activations_and_schedules_of_handgrad_change_what_is_learnt():
    plain = quick().fit(X, Y)
    for other in (
        {"activation": ["tanh", "leaky-relu"], "hidden_layer_sizes": (8, 8)},
        {"learning_rate": "cosine"},
        {"learning_rate": {"name": "steps", "at": [3]}},
        {"dropout": 0.5},
        {"batch_size": 20},
    ):
        assert not same(plain, quick(**other).fit(X, Y)), other


WRONG = {
    "activation": ("rleu", "HandgradClassifier: activation is an unknown activation 'rleu'; did you mean 'relu'?"),
    "solver": ("lbfgs", "HandgradClassifier: solver is 'lbfgs', which takes all examples at once"),
    "alpha": (-1, "HandgradClassifier: alpha must be >= 0; got -1"),
    "batch_size": (0, "HandgradClassifier: batch_size must be a whole number >= 1, 'auto' or 'full'; got 0"),
    "learning_rate": ("plateau", "HandgradClassifier: learning_rate is an unknown learning rate 'plateau'"),
    "momentum": (1.0, r"HandgradClassifier: momentum must be in \[0, 1\); got 1.0"),
    "max_iter": (2.5, "HandgradClassifier: max_iter must be a whole number >= 1; got 2.5"),
    "hidden_layer_sizes": ((4, 0), "HandgradClassifier: hidden_layer_sizes must be a whole number >= 1 or several"),
    "random_state": ("x", "HandgradClassifier: random_state must be a whole number from 0 to 2"),
    "n_iter_no_change": (0, "HandgradClassifier: n_iter_no_change must be a whole number >= 1, or infinity"),
    "validation_fraction": (1.5, r"HandgradClassifier: validation_fraction must be in \(0, 1\); got 1.5"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_parameter_that_cannot_be_is_refused_by_name(name):
    value, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as refused:
        quick(**{name: value}).fit(X, Y)
    assert isinstance(refused.value, InputError)


def test_every_problem_is_said_at_once():
    with pytest.raises(InputError) as refused:
        quick(alpha=-1, tol="x").fit(X, Y)
    assert str(refused.value).split("\n") == [
        "HandgradClassifier: alpha must be >= 0; got -1",
        "HandgradClassifier: tol must be a number >= 0; got 'x'",
    ]


def test_data_and_calls_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"needs at least 2 classes; got one class, 0.0"):
        quick().fit(X, np.zeros(len(X)))
    with pytest.raises(InputError, match="y has 2 columns of classes; it should be a 1d array"):
        quick().fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(InputError, match=r"in epoch \d: it diverged; lower learning_rate_init \(1e\+30\)"):
        quick(solver="sgd", learning_rate_init=1e30).fit(X, Y)
    with pytest.raises(InputError, match=r"validation_fraction=0.001 of 150 examples is 1; at least 2"):
        quick(early_stopping=True, validation_fraction=0.001).fit(X, Y)
    with pytest.raises(InputError, match="classes must be given at the first call"):
        quick().partial_fit(X, Y)
    with pytest.raises(InputError, match="y has labels that are not in classes: 2"):
        quick().partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(InputError, match="partial_fit has no validation part"):
        quick(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(InputError, match=r"hidden_layer_sizes=\(5,\) is another network"):
        quick(warm_start=True).fit(X, Y).set_params(hidden_layer_sizes=(5,)).fit(X, Y)
    with pytest.raises(InputError, match=r"goes on with the targets of the first fit, 0, 1, 2; y has 0, 1. To begin"):
        quick(warm_start=True).fit(X, Y).fit(X[:100], Y[:100])


def test_what_was_learnt_is_there_after_a_fit_that_is_refused():
    found = quick().fit(X, NAMES)
    before = found.predict(X)
    with pytest.raises(InputError, match="diverged"):
        found.set_params(solver="sgd", learning_rate_init=1e30).fit(X[:100], Y[:100])
    assert np.array_equal(found.predict(X), before)


def test_early_stopping_scores_labels_and_numbers_as_scikit_learn_does():
    labels = np.stack([Y == 0, Y > 0], axis=1).astype(int)
    found = quick(early_stopping=True, validation_fraction=0.5, max_iter=40).fit(X, labels)
    assert found.predict_proba(X).shape == (150, 2)
    assert 0.3 < found.best_validation_score_ <= 1
    numbers = hg.HandgradRegressor(
        early_stopping=True, validation_fraction=0.5, max_iter=60, learning_rate_init=0.02, n_iter_no_change=np.inf
    ).fit(X, X[:, 0] - X[:, 1])
    assert numbers.best_validation_score_ > 0.5
    assert numbers.score(X, X[:, 0] - X[:, 1]) == pytest.approx(numbers.best_validation_score_, abs=0.2)


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_losses_of_handgrad_bear_an_example_that_is_far_off(loss):
    y = X[:, 0].copy()
    y[3] = 1e4
    every = {"max_iter": 200, "learning_rate_init": 0.02, "n_iter_no_change": np.inf, "random_state": 0}
    bears = hg.HandgradRegressor(loss=loss, **every).fit(X, y)
    assert np.median(abs(bears.predict(X) - y)) < 0.5
    assert np.median(abs(hg.HandgradRegressor(**every).fit(X, y).predict(X) - y)) > 1
    with pytest.raises(InputError, match="HandgradRegressor: loss is 'poisson', which handgrad does not have"):
        hg.HandgradRegressor(loss="poisson").fit(X, y)


# -- chance


def test_an_int_gives_the_same_bits_and_is_the_seed_of_handgrad():
    first, second = quick(random_state=3).fit(X, Y), quick(random_state=3).fit(X, Y)
    assert same(first, second)
    assert not same(first, quick(random_state=4).fit(X, Y))
    states = [quick(random_state=np.random.RandomState(7)).fit(X, Y) for _ in range(2)]
    assert same(*states)
    assert not same(states[0], first)
    run = hg.train(
        {
            "data": {"name": "iris", "scale": "none", "validation": False, "test": False},
            "network": {
                "hidden": 100,
                "init": {"name": "xavier", "distribution": "uniform"},
                "bias_init": {"name": "xavier", "distribution": "uniform"},
            },
            "training": {
                "epochs": 15,
                "batch_size": 150,
                "weight_decay": 0.0001,
                "l2_form": "per-example",
                "optimizer": {"name": "adam", "lr": 0.02},
            },
        },
        seed=3,
        data=hg.from_arrays(X, Y, name="iris"),
    )
    assert np.array_equal(run.params["dense1.W"], first.coefs_[0])


def test_without_a_state_the_global_one_decides():
    np.random.seed(5)
    first = quick(random_state=None).fit(X, Y)
    second = quick(random_state=None).fit(X, Y)
    np.random.seed(5)
    assert same(first, quick(random_state=None).fit(X, Y))
    assert not same(first, second)


def test_epochs_of_partial_fit_are_those_of_fit():
    whole, parts = quick(max_iter=4, dropout=0.2).fit(X, Y), quick(dropout=0.2)
    for _ in range(4):
        parts.partial_fit(X, Y, classes=[0, 1, 2])
    assert same(whole, parts)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.n_iter_, parts.t_) == (1, whole.t_)


def test_warm_start_goes_on_and_fit_alone_begins_anew():
    found = quick(warm_start=True).fit(X, Y)
    loss = found.loss_
    assert found.fit(X, Y).loss_ < loss
    assert len(found.loss_curve_) == 30
    assert found.set_params(warm_start=False).fit(X, Y).loss_ == loss


# -- among scikit-learn's tools


def test_labels_frames_and_a_copy_by_pickle():
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    found = quick(max_iter=60).fit(frame, NAMES)
    assert found.classes_.tolist() == sorted(set(NAMES))
    assert found.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert (found.predict(frame) == NAMES).mean() > 0.9
    with pytest.raises(ValueError, match="feature names"):
        found.predict(frame[["b", "a", "c", "d"]])
    copy = pickle.loads(pickle.dumps(found))
    assert np.array_equal(copy.predict_proba(frame), found.predict_proba(frame))
    assert same(copy.partial_fit(frame, NAMES), found.partial_fit(frame, NAMES))


def test_its_model_is_a_model_of_handgrad(tmp_path):
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    found = quick().fit(frame, NAMES)
    assert found.model_.classes == ("setosa", "versicolor", "virginica")
    assert np.array_equal(found.classes_[found.model_.predict(frame)], found.predict(frame))
    hg.export_model(found.model_, tmp_path / "iris.npz")
    params = hg.load_weights(tmp_path / "iris.npz", found.model_.network)
    assert np.array_equal(params["dense2.W"], found.coefs_[1])


def test_searches_and_pipelines_take_it():
    pipeline = make_pipeline(StandardScaler(), quick())
    assert cross_val_score(pipeline, X, NAMES, cv=3).mean() > 0.85
    grid = GridSearchCV(pipeline, {"handgradclassifier__hidden_layer_sizes": [(4,), (8, 4)]}, cv=2).fit(X, Y)
    assert len(grid.best_estimator_[-1].coefs_) == len(grid.best_params_["handgradclassifier__hidden_layer_sizes"]) + 1
    drawn = RandomizedSearchCV(quick(), {"alpha": [0.0, 0.1, 1.0]}, n_iter=2, cv=2, random_state=0).fit(X, Y)
    assert drawn.best_params_.keys() == {"alpha"}
    assert clone(grid.best_estimator_[-1]).get_params() == grid.best_estimator_[-1].get_params()


def test_two_threads_at_a_time_give_the_bits_of_one():
    with parallel_config("threading", n_jobs=2):
        both = cross_val_score(quick(max_iter=5), DIGITS_X, DIGITS_Y, cv=2)
    assert both.tolist() == cross_val_score(quick(max_iter=5), DIGITS_X, DIGITS_Y, cv=2).tolist()


def test_a_batch_of_all_is_said_by_full_or_by_a_number_that_is_too_large():
    whole = quick(batch_size="full").fit(X, Y)
    assert whole.t_ == 15 * len(X)
    assert same(whole, quick(batch_size=10_000).fit(X, Y))


# -- what is refused by its name


@pytest.mark.parametrize("made", [hg.HandgradClassifier, hg.HandgradRegressor])
def test_a_parameter_that_is_not_there_is_said_of_the_class(made):
    with pytest.raises(
        TypeError, match=rf"^{made.__name__}\.__init__\(\) got an unexpected keyword argument 'max_fun'"
    ):
        made(max_fun=10)


@pytest.mark.filterwarnings("error")
def test_numbers_that_float32_cannot_hold_are_refused_in_one_message():
    regressor = hg.HandgradRegressor(max_iter=1, n_iter_no_change=np.inf)
    with pytest.raises(
        InputError, match=r"^HandgradRegressor: y has numbers as large as 2e\+300, whose squares float32"
    ):
        regressor.fit(X, Y * 1e300)
    for estimator in (regressor, quick(max_iter=1)):
        with pytest.raises(ValueError, match=r"^Input X contains infinity or a value too large"):
            estimator.fit(X * 1e39, Y)
        with pytest.raises(ValueError, match=r"^Input X contains infinity or a value too large"):
            estimator.fit(X, Y).predict(X * 1e39)
