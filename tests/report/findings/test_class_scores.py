"""Precision, recall and F1 against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from handgrad.report.findings.class_scores import class_scores


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    k = 6
    actual, predicted = rng.integers(0, k - 1, 300), rng.integers(1, k, 300)  # class 5 is never there, 0 never said
    if seed == 2:  # nor is class 2 there or said: the macro mean is over the others
        actual[actual == 2], predicted[predicted == 2] = 1, 1
    matrix = np.zeros((k, k), int)
    np.add.at(matrix, (actual, predicted), 1)
    found = class_scores(matrix, "abcdef")
    expected = np.array(precision_recall_fscore_support(actual, predicted, labels=range(k), zero_division=0))
    assert np.array([(s.precision, s.recall, s.f1, s.examples) for s in found[:k]]) == pytest.approx(expected.T)
    for mean in found[k:]:
        theirs = precision_recall_fscore_support(actual, predicted, average=mean.name, zero_division=0)[:3]
        assert (mean.precision, mean.recall, mean.f1) == pytest.approx(theirs)
        assert mean.examples == 300


def test_the_weighted_recall_is_the_accuracy():
    *_, weighted = class_scores([[8, 2], [1, 19]], "ab")
    assert weighted.recall == pytest.approx(27 / 30)


def test_no_examples_at_all_are_zeros():
    assert {(s.precision, s.recall, s.f1, s.examples) for s in class_scores([[0, 0], [0, 0]], "ab")} == {(0, 0, 0, 0)}
