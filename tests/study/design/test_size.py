"""A study that is too large is counted and refused before anything of it is built."""

import time

import pytest

from handgrad.errors import StudyFileError
from handgrad.study import make_study
from handgrad.study.design.axes import Axes, choices
from handgrad.study.design.problems import MOST_PHASES, count
from handgrad.study.design.study_spec import MOST_RUNS

TEN = list(range(1, 11))
ONE = {"choice": [1]}
PAIR = {"a": {"training": {"epochs": 1}}, "b": {"training": {"epochs": 2}}}


def lines(n):
    """n grid lines of ten values."""
    paths = ["training.epochs", "training.batch_size", "network.hidden", "training.clip_norm", "training.weight_decay"]
    paths += ["training.optimizer.lr", "data.train.size", "data.validation.seed", "data.train.seed", "data.test.seed"]
    return dict.fromkeys(paths[:n], TEN)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"grid": lines(9)}, r"1,000,000,000 runs: 1,000,000,000 settings \(phase 'main': 10 x 10 x 10 x 10 x 10 x"),
        ({"grid": lines(5), "seeds": 5}, r"500,000 runs: 100,000 settings \(.* 10 x 10 x 10 x 10 x 10\) x 5 seeds"),
        ({"grid": {"training.epochs": list(range(1, 10**6 + 1))}}, "1,000,000 runs: 1,000,000 settings x 1 seed; the"),
        ({"seeds": 10**12}, "at most 100,000 seeds, as a study can have so many runs; got 1,000,000,000,000"),
        ({"seeds": list(range(10**5 + 1))}, "at most 100,000 seeds"),
        ({"seeds": 60_000, "phase": [{"name": "a", "set": {"training": {"epochs": 3}}}]}, "120,000 runs: 2 settings"),
        ({"random": {"runs": 10**12, "training.epochs": {"choice": [1]}}}, "1,000,000,000,000 runs"),
        ({"random": {"runs": 10**12, "sampler": "tpe", "training.epochs": ONE}}, "1,000,000,000,000 runs"),
        (
            {"bundle": {f"b{i}": PAIR for i in range(40)}},
            r"1,099,511,627,776 runs: 1,099,511,627,776 settings \(.* 2 x 2 x 2 x 2 x 2 x 2 x …\) x 1 seed",
        ),
        (
            {"bundle": {f"b{i}": PAIR for i in range(5000)}},
            r"about 10\^1505 runs",
        ),
        ({"phase": [{"name": "late", "grid": lines(9)}]}, r"1,000,000,001 runs: 1,000,000,001 settings \(phase 'late'"),
        (
            {"phase": [{"name": f"p{i}", "grid": {"training.epochs": [1, 2]}} for i in range(2000)]},
            f"phase: the study has 2,000 phases; the limit is {MOST_PHASES}; put what does not",
        ),
        ({"grid": lines(9), "training": {"epochs": -1}}, "1,000,000,000 runs"),  # and with other faults beside it
    ],
)  # fmt: skip
def test_what_is_too_large_is_refused_at_once_with_its_number(tables, message):
    started = time.process_time()
    with pytest.raises(StudyFileError, match=message) as refused:
        make_study({"name": "x", **tables})
    assert time.process_time() - started < 4  # seconds; a million values are read, and nothing else
    assert all(len(line) < 420 for line in refused.value.problems)
    if "phases" not in message and "at most" not in message:
        assert f"the limit is {MOST_RUNS:,}" in str(refused.value)


def test_a_change_or_quick_can_make_it_small():
    large = {"name": "x", "grid": lines(6), "quick": {"grid": {path: [1] for path in lines(6)}}}
    assert len(make_study(large, quick=True).phases[0].choices) == 1
    shorter = [f"grid.{path}=[1]" for path in lines(4)]
    assert len(make_study(large, shorter).phases[0].choices) == 100


@pytest.mark.parametrize(
    "axes",
    [
        {},
        {"grid": {"training": {"epochs": [1, 2], "batch_size": [1, 2, 3]}}},
        {"grid": {"training.epochs": [1, 2]}, "one_factor": {"network.dropout": [0.1]}, "variant": {"a": {"x": 1}}},
        {"bundle": {"case": PAIR}, "grid": {"network.hidden": [1, 2, 3]}},
        {"random": {"runs": 7, "training.epochs": {"choice": [1, 2]}}},
        {"random": {"training.epochs": {"choice": [1, 2]}}},
    ],
)  # fmt: skip
def test_the_count_is_the_number_of_choices(axes):
    assert count(Axes(**axes)).settings == len(choices(Axes(**axes)))


def test_many_phases_and_long_lists_take_linear_time():
    phases = [{"name": f"p{i}", "grid": {"training": {"batch_size": [i + 1, i + 2]}}} for i in range(MOST_PHASES)]
    started = time.process_time()
    make_study({"name": "x", "phase": phases})
    make_study({"name": "x", "grid": {"training": {"epochs": list(range(1, 5001))}}})
    assert time.process_time() - started < 20
