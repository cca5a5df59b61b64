"""A scikit-learn MLPClassifier becomes a network of handgrad with the same probabilities."""

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
    "two": (ROWS % 2 == 0, ("False", "True"), "softmax"),
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
    assert found.table == {
        "hidden": [5, 3], "activation": {"logistic": "sigmoid"}.get(activation, activation), "output": output,
    }  # fmt: skip
    assert found.model.classes == classes
    np.testing.assert_allclose(found.model.outputs(X), mlp.predict_proba(X), rtol=1e-6)
    assert [note[:36] for note in found.notes] == (["one sigmoid unit for two classes is "] if name == "two" else [])


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
        (3, "mlp must be a scikit-learn MLPClassifier; got 3"),
        (MLPRegressor(), "mlp must be a scikit-learn MLPClassifier; got MLPRegressor()"),
        (make_pipeline(MLPClassifier()), "(of a pipeline or a search give its last step, best_estimator_ …)"),
        (MLPClassifier((3, 0)), "hidden_layer_sizes must be whole numbers, and activation identity, logistic, tanh or"),
        (MLPClassifier(3, "gelu"), "got 3, 'gelu'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_classifier_is_said(given, message):
    with pytest.raises(InputError, match=re.escape(message)):
        hg.from_sklearn(given)
