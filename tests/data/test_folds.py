"""Folds: every training example validates once in a division, and classes are dealt out evenly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data.data_section import DataSection, ValidationPart
from handgrad.data.datasets import data_key, from_arrays, split
from handgrad.data.splits import fold_of
from handgrad.errors import DataError, InputError


def dataset(labels, **more):
    return from_arrays(np.arange(2.0 * len(labels)).reshape(-1, 2), labels, [[0.5, 0.5]] * 2, labels[:2], **more)


def folded(**values):
    return DataSection(validation=values)


@given(st.lists(st.integers(0, 4), min_size=4, max_size=60), st.integers(2, 4), st.booleans(), st.integers(0, 3))
def test_each_example_validates_once_in_a_division_and_shares_are_even(labels, folds, stratify, seed):
    y, pool = np.array(labels), np.arange(len(labels))[::2]
    if len(pool) < folds:
        return
    for repeat in (0, 1):
        parts = [fold_of(y, pool, folds, repeat * folds + fold, stratify, seed) for fold in range(1, folds + 1)]
        assert sorted(np.concatenate(parts).tolist()) == pool.tolist()
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1
        for c in range(5):
            counts = [int((y[part] == c).sum()) for part in parts]
            assert not stratify or max(counts) - min(counts) <= 1


def test_a_second_division_is_another_one_and_the_seed_is_that_of_the_divisions():
    y = np.zeros(40, dtype=np.int64)

    def first(fold, seed=0):
        return fold_of(y, np.arange(40), 4, fold, True, seed).tolist()

    assert first(1) == first(1)
    assert first(5) != first(1)
    assert first(1, seed=1) != first(1)


def test_a_split_has_the_fold_that_is_named_and_everything_else_trains():
    data = dataset([0, 1] * 10)
    parts = [split(data, folded(folds=5, fold=fold)) for fold in range(1, 6)]
    for one in parts:
        assert (len(one.train), len(one.validation), len(one.test)) == (16, 4, 2)
        assert np.bincount(one.validation.y).tolist() == [2, 2]
        assert not set(one.train.index) & set(one.validation.index)
    for one, other in pairwise(parts):
        assert data_key(folded(folds=5, fold=1), data.checksum) == data_key(folded(folds=5, fold=1), data.checksum)
        assert not set(one.validation.index) & set(other.validation.index)
    limited = split(data, DataSection(validation={"folds": 5, "fold": 1}, train={"size": 6}))
    assert (len(limited.train), len(limited.validation)) == (6, 4)


def test_the_sections_of_all_folds_and_what_is_written():
    section = folded(folds=3, repeats=2, seed=7)
    assert section.splits == 6
    assert section.of_fold(5).validation.model_dump() == {
        "from": "train", "stratify": True, "seed": 7, "folds": 3, "fold": 5,
    }  # fmt: skip
    assert section.of_fold(5).splits == 1
    assert section.of_fold(5).of_fold(1) == section.of_fold(5)
    assert DataSection().of_fold(2) == DataSection()
    assert section.validation.changed(seed=8).model_dump()["repeats"] == 2
    assert "folds" not in ValidationPart().model_dump()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"folds": 1}, r"^folds must be a whole number >= 2, as every fold learns from the others; got 1$"),
        ({"folds": 2.5}, r"folds must be a whole number >= 2.*got 2\.5"),
        ({"folds": 5, "size": 0.1}, r"has both size and folds, and folds decide how many examples validate; keep one"),
        ({"folds": 5, "from": "test"}, r'has folds from = "test", but folds divide the training examples'),
        ({"repeats": 3}, r"has repeats without folds; give folds too, as in \{ folds = 5 \}"),
        ({"fold": 2}, r"has fold without folds"),
        ({"folds": 5, "fold": 0}, r"fold must be >= 1; got 0"),
        ({"folds": 5, "fold": 2, "repeats": 2}, r"has both fold, which is one run, and repeats, which makes runs"),
    ],
)
def test_what_does_not_go_together_is_one_message(values, message):
    with pytest.raises(InputError, match=message):
        ValidationPart(**values)


def test_more_folds_than_examples_and_folds_without_one_that_is_named():
    data = dataset([0, 1] * 3)
    with pytest.raises(DataError, match=r"^data\.validation\.folds must be at most 6, the number of train examples"):
        split(data, folded(folds=7, fold=1))
    with pytest.raises(DataError, match=r"folds = 5 makes 15 splits, .*as in \{ folds = 5, fold = 1 \}"):
        split(data, folded(folds=5, repeats=3))


def test_classes_with_fewer_examples_than_folds_are_named_unless_nothing_is_stratified():
    data = dataset([0] * 10 + [1] * 3 + [2] * 2, classes=("a", "b", "c"))
    (note,) = split(data, folded(folds=5, fold=1)).notes
    assert note == (
        "data.validation.folds = 5: class c has 2 of the examples, and 1 more classes have fewer than 5, so that not "
        "every fold validates with all classes"
    )
    assert not split(data, folded(folds=5, fold=1, stratify=False)).notes


def test_a_validation_part_of_the_data_s_own_is_not_used():
    data = dataset([0, 1] * 10, x_val=[[1.0, 2.0]], y_val=[0], name="mine")
    made = split(data, folded(folds=5, fold=1))
    assert len(made.validation) == 4
    assert "mine: its own validation part of 1 examples is not used: data.validation.folds = 5" in made.notes
