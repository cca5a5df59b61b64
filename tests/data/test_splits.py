"""Splits: sizes and sources, exact counts, seeds, and a label table that adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import data_key, drawn_by, from_arrays, split
from handgrad.data.splits import choose, largest_remainder
from handgrad.errors import DataError
from handgrad.streams import stream


def dataset(n=100, n_test=40, classes=4):
    """x holds the position of every example: below 1000 of the training part, above of the test part."""
    x = np.arange(n, dtype=np.float32)[:, None]
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    if not n_test:
        return from_arrays(x, y)
    return from_arrays(x, y, 1000 + np.arange(n_test, dtype=np.float32)[:, None], rng.integers(0, classes, n_test))


def section(**values):
    return DataSection(**{"scale": "none", **values})


def sizes(parts):
    return {name: len(part) for name, part in parts.parts.items()}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"train": 90, "validation": 10, "test": 40}),
        ({"validation": False}, {"train": 100, "test": 40}),
        ({"test": False}, {"train": 90, "validation": 10}),
        ({"test": False, "validation": False}, {"train": 100}),
        ({"validation": {"size": 30}}, {"train": 70, "validation": 30, "test": 40}),
        ({"validation": {"size": 1}}, {"train": 99, "validation": 1, "test": 40}),
        ({"validation": {"size": 0.5, "from": "test"}}, {"train": 100, "validation": 20, "test": 20}),
        ({"validation": {"size": 1.0, "from": "test"}}, {"train": 100, "validation": 40}),
        ({"train": {"size": 20}}, {"train": 20, "validation": 10, "test": 40}),
        ({"train": {"size": 0.5, "pick": "random"}}, {"train": 45, "validation": 10, "test": 40}),
        ({"train": {"size": 1.0, "pick": "random"}}, {"train": 90, "validation": 10, "test": 40}),
    ],
)
def test_sizes(values, expected):
    assert sizes(split(dataset(), section(**values))) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"train": 72, "validation": 8, "test": 20}),
        ({"test": {"size": 5}}, {"train": 85, "validation": 10, "test": 5}),  # ⌊9.5 + ½⌋
        ({"validation": {"size": 0.5, "from": "test"}}, {"train": 80, "validation": 10, "test": 10}),
    ],
)
def test_data_without_a_test_part_gives_one_up_first(values, expected):
    parts = split(dataset(n_test=0), section(**values))
    assert sizes(parts) == expected
    assert {part.source for part in parts.parts.values()} == {"train"}
    m = values.get("test", {"size": 20})["size"]
    assert parts.notes == (f"arrays has no test part of its own: {m} of its 100 examples became one",)


@pytest.mark.parametrize("source", ["train", "test"])
@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize("n_test", [0, 40])
def test_every_example_has_one_place_and_says_where_it_came_from(source, stratify, n_test):
    data = dataset(n_test=n_test)
    parts = split(data, section(validation={"size": 0.25, "from": source, "stratify": stratify}))
    seen = [value for part in parts.parts.values() for value in part.x[:, 0].tolist()]
    assert sorted(seen) == [*range(100), *range(1000, 1000 + n_test)]
    for part in parts.parts.values():
        x, y = (data.x_test, data.y_test) if part.source == "test" else (data.x_train, data.y_train)
        assert part.x.tolist() == x[part.index].tolist()
        assert part.y.tolist() == y[part.index].tolist()
        assert part.index.tolist() == sorted(part.index.tolist())
        assert (part.x.dtype, part.y.dtype, part.index.dtype) == (np.float32, np.int64, np.int64)


def test_the_halves_of_the_test_set_of_mnist_by_hand():
    # the published counts; odd ones leave half an example each, and the one place goes to the lower class
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    halves = largest_remainder(counts, 5000)
    assert halves == [490, 568, 516, 505, 491, 446, 479, 514, 487, 504]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any), st.data())
def test_shares_add_up_and_are_at_most_one_from_proportion(counts, data):
    m = data.draw(st.integers(0, sum(counts)))
    shares = largest_remainder(counts, m)
    assert sum(shares) == m
    for share, count in zip(shares, counts, strict=True):
        assert 0 <= share <= count
        assert abs(share - m * count / sum(counts)) < 1


def test_a_stratified_choice_has_these_shares_and_a_plain_one_has_not():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    for seed in range(5):
        taken, rest = choose(y, np.arange(100), 20, True, stream(seed, "split"))
        assert np.bincount(y[taken]).tolist() == [12, 6, 2]
        assert np.bincount(y[rest]).tolist() == [48, 24, 8]
    plain = {tuple(np.bincount(y[choose(y, np.arange(100), 20, False, stream(s, "split"))[0]])) for s in range(5)}
    assert len(plain) > 1


def test_the_label_table_adds_up():
    data = dataset()
    table = split(data, section(validation={"size": 11, "from": "test"}, train={"size": 50})).label_table
    assert list(table) == ["train", "validation", "test", "total"]
    assert [sum(column) for column in zip(*list(table.values())[:3], strict=True)] == table["total"]
    assert [sum(row) for row in table.values()] == [50, 11, 29, 90]
    whole = split(data, section(validation=False)).label_table
    assert whole["test"] == np.bincount(data.y_test).tolist()


def test_a_class_that_no_training_example_has_is_noted():
    data = from_arrays(np.zeros((4, 1)), [0, 0, 1, 2], np.zeros((2, 1)), [1, 2])
    parts = split(data, section(validation=False, train={"size": 2}))
    assert parts.notes == ("the training part has no example of 1, 2",)
    assert parts.label_table == {"train": [2, 0, 0], "test": [0, 1, 1], "total": [2, 1, 1]}


def test_seeds_decide_and_each_decides_its_own():
    data = dataset(n_test=0)

    def parts(validation=0, test=0, train=0):
        values = {"validation": {"size": 10, "seed": validation}, "test": {"size": 10, "seed": test}}
        found = split(data, section(**values, train={"size": 20, "pick": "random", "seed": train})).parts
        return [found[name].index.tolist() for name in ("train", "validation", "test")]

    first = parts()
    assert parts() == first
    other = parts(validation=1)
    assert (other[1] != first[1], other[2] == first[2]) == (True, True)
    other = parts(test=1)
    assert other[2] != first[2]
    other = parts(train=1)
    assert (other[0] != first[0], other[1:] == first[1:]) == (True, True)


def test_a_split_is_pinned():
    # Published results depend on these numbers: a change needs a new version of the mathematics.
    parts = split(from_arrays(np.zeros((12, 1)), [0, 1, 2] * 4), DataSection(validation={"size": 3}, test={"size": 3}))
    assert parts.validation.index.tolist() == [0, 4, 11]
    assert parts.test.index.tolist() == [1, 2, 6]


def test_the_first_examples_keep_the_order_of_the_file():
    parts = split(dataset(), section(validation=False, train={"size": 7}))
    assert parts.train.x[:, 0].tolist() == list(range(7))


def test_scaling_uses_the_numbers_of_the_training_examples_that_are_used():
    data = from_arrays(np.array([[0.0], [4.0], [100.0]]), [0, 1, 1], np.array([[8.0]]), [0])
    parts = split(data, DataSection(scale="unit", validation=False, train={"size": 2}))
    assert parts.train.x.tolist() == [[0], [1]]
    assert parts.test.x.tolist() == [[2]]
    assert parts.scaling == parts.scaler.formula == "(x − min) / (max − min) of each column"


def test_the_split_tells_of_its_data():
    data = from_arrays(np.zeros((4, 5, 6), np.uint8), ["a", "b"] * 2, np.zeros((1, 5, 6), np.uint8), ["a"], name="mine")
    parts = split(data, DataSection(validation=False))
    assert (parts.name, parts.classes, parts.n_classes, parts.shape) == ("mine", ("a", "b"), 2, (1, 5, 6))
    assert (parts.checksum, parts.official, parts.value_range) == (data.checksum, True, (0, 255))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"validation": {"size": 41, "from": "test"}},
            "data.validation.size must be at most 40, the number of test examples of arrays; got 41",
        ),
        (
            {"validation": {"size": 101}},
            "data.validation.size must be at most 100, the number of train examples of arrays; got 101",
        ),
        (
            {"validation": {"size": 1.0}},
            "data.validation.size and data.test.size leave no training examples of arrays; make them smaller",
        ),
        (
            {"train": {"size": 91}},
            "data.train.size must be at most 90, the number of examples of arrays left to train; got 91",
        ),
        (
            {"test": {"size": 10}},
            "data.test is for data without a test part; arrays has one of 40 examples: take data.test out",
        ),
    ],
)
def test_the_words_for_what_does_not_fit(values, text):
    with pytest.raises(DataError) as caught:
        split(dataset(), section(**values))
    assert str(caught.value) == text


def test_a_test_part_of_more_than_there_is():
    with pytest.raises(
        DataError, match=r"data\.test.size must be at most 100, the number of examples of arrays; got 200"
    ):
        split(dataset(n_test=0), section(test={"size": 200}))


SAME = [
    ({"name": "mnist"}, {"name": "elsewhere/mnist.npz"}),
    ({}, {"test": {"size": 0.2}}),
    ({"train": {"size": 5, "seed": 0}}, {"train": {"size": 5, "seed": 9}}),
    ({}, {"train": {"size": 1.0, "pick": "random"}}),
    (
        {"validation": {"size": 1.0, "from": "test", "seed": 1}},
        {"validation": {"size": 1.0, "from": "test", "stratify": False}},
    ),
    ({"label": "a"}, {"color": "gray"}),  # the checksum stands for what they do
]
OTHER = [
    {"scale": "standard"},
    {"validation": False},
    {"validation": {"size": 1}},
    {"validation": {"size": 1.0}},
    {"validation": {"size": 0.1, "from": "test"}},
    {"validation": {"seed": 1}},
    {"validation": {"stratify": False}},
    {"test": {"seed": 1}},
    {"train": {"size": 5}},
    {"train": {"size": 5, "pick": "random"}},
    {"train": {"size": 5, "pick": "random", "seed": 1}},
    {"train": {"size": 1}},
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_sections_of_the_same_split_have_one_key(one, other):
    assert data_key(DataSection(**one), "c") == data_key(DataSection(**other), "c")


def test_sections_of_other_splits_have_other_keys():
    keys = [data_key(DataSection(**values), "c") for values in [{}, *OTHER]] + [data_key(DataSection(), "d")]
    assert len(set(keys)) == len(OTHER) + 2
    assert {len(key) for key in keys} == {10}
    assert set("".join(keys)) <= set("0123456789abcdef")


def places(data, wish):
    """part -> the positions of its examples."""
    return {name: part.index.tolist() for name, part in split(data, wish).parts.items()}


def test_a_seed_draws_every_part_that_is_drawn_by_chance():
    data, wish = dataset(n_test=0), section(validation={"size": 20}, train={"size": 30, "pick": "random"})
    drawn = drawn_by(data, wish, 5)
    assert (drawn.test.seed, drawn.validation.seed, drawn.train.seed) == (5, 5, 5)
    ours, theirs = places(data, drawn), places(data, wish)
    assert all(ours[name] != theirs[name] and len(ours[name]) == len(theirs[name]) for name in ours)
    assert drawn_by(data, wish, 0) is wish  # the seed that it has: the same section, so the same ids
    assert drawn_by(dataset(), section(), 5).test is None  # a test part of its own stays


def test_a_validation_part_of_its_own_stays():
    x, y = np.arange(12.0)[:, None], np.arange(12) % 2
    data = from_arrays(x, y, x_val=x + 100, y_val=y)
    drawn = drawn_by(data, section(), 5)
    assert drawn.validation == section().validation
    assert drawn.test.seed == 5


@pytest.mark.parametrize(
    "wish",
    [{"validation": False}, {"validation": {"size": 1.0, "from": "test"}}, {"validation": False, "train": {"size": 5}}],
)
def test_a_split_without_chance_cannot_be_varied(wish):
    with pytest.raises(DataError, match=r"the split of arrays is fixed: .* give data\.validation a size, or"):
        drawn_by(dataset(), section(**wish), 1)


# -- no test part


def test_no_test_part_is_said_where_the_data_has_one():
    note = "arrays: its test part of 40 examples is not used: data.test = false"
    assert split(dataset(), section(test=False)).notes[-1] == note
    assert split(dataset(n_test=0), section(test=False)).notes == ()
    with pytest.raises(DataError) as caught:
        split(dataset(), section(test=False, validation={"from": "test"}))
    assert str(caught.value) == (
        'data.validation takes its examples from = "test", but data.test = false leaves arrays no test part; take one '
        "of them out"
    )


def test_no_test_part_is_another_split():
    keys = {data_key(section(test=test), "c") for test in (None, False, {"size": 1})}
    assert len(keys) == 3
    drawn = drawn_by(dataset(n_test=0), section(test=False), 5)
    assert (drawn.test, drawn.validation.seed) == (False, 5)
