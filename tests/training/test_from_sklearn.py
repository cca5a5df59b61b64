"""scikit-learn's MLPClassifier and MLPRegressor become networks of handgrad that give the same."""

import re
import warnings

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

import handgrad as hg
from handgrad.errors import InputError, WeightsError

X = np.random.default_rng(0).random((60, 4))
ROWS = np.arange(60)
LABELS = {
    "two": (ROWS % 2 == 0, ("False", "True"), "sigmoid"),
    "three": (np.array(["a", "b", "c"])[ROWS % 3], ("a", "b", "c"), "softmax"),
    "several at once": (np.eye(3, dtype=int)[ROWS % 3], ("0", "1", "2"), "sigmoid"),
}


def fitted(labels, *sizes, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return MLPClassifier(sizes, max_iter=3, random_state=0, **more).fit(X, labels)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("activation", ["logistic", "identity"])
def test_probabilities_are_the_same(name, activation):
    labels, classes, output = LABELS[name]
    mlp = fitted(labels, 5, 3, activation=activation)
    found = hg.from_sklearn(mlp)
    assert dict(found.table) == {
        "hidden": [5, 3], "activation": {"logistic": "sigmoid"}.get(activation, activation), "output": output,
    } | ({"units": 1} if name == "two" else {})  # fmt: skip
    assert found.model.classes == classes
    np.testing.assert_allclose(found.model.probabilities(X), mlp.predict_proba(X), rtol=1e-6)
    predicted = found.model.predict(X)
    np.testing.assert_array_equal(predicted if predicted.ndim == 2 else mlp.classes_[predicted], mlp.predict(X))


def test_a_regressor_predicts_the_same_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp = MLPRegressor(hidden_layer_sizes=5, activation="tanh", max_iter=3, random_state=0).fit(X, X.sum(axis=1))
    found = hg.from_sklearn(mlp)
    np.testing.assert_allclose(found.model.predict(X), mlp.predict(X), rtol=1e-6)
    assert found.table == {"layers": ["dense 5 tanh", "dense 1 identity"]}
    assert hg.from_sklearn(MLPRegressor(hidden_layer_sizes=5)).table == {
        "hidden": [5],
        "activation": "relu",
        "output": "identity",
    }


def test_a_classifier_that_was_not_fitted_is_a_table_alone():
    found = hg.from_sklearn(MLPClassifier((7,), "tanh"))
    assert (found.table, found.network, found.params) == (
        {"hidden": [7], "activation": "tanh", "output": "softmax"}, None, None,
    )  # fmt: skip
    assert hg.from_sklearn(MLPClassifier(())).table == {"hidden": [], "output": "softmax"}
    assert str(found).startswith("Network, from scikit-learn's MLPClassifier\n  hidden      [7]\n")
    with pytest.raises(WeightsError, match="MLPClassifier: has no weights yet: fit or build it there first"):
        _ = found.model


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "mlp must be a scikit-learn MLPClassifier or MLPRegressor; got 3"),
        (make_pipeline(MLPClassifier()), "(of a pipeline or a search give its last step, best_estimator_ …)"),
        (MLPRegressor(loss="poisson"), "MLPRegressor: loss = 'poisson' has an exponential output, which hand"),
        (MLPClassifier((3, 0)), "hidden_layer_sizes must be whole numbers, and activation identity, logistic, tanh or"),
        (MLPClassifier(3, "gelu"), "got 3, 'gelu'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_classifier_is_said(given, message):
    with pytest.raises(InputError, match=re.escape(message)):
        hg.from_sklearn(given)
