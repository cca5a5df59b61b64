"""The ladder: cheaper runs first, and how a run is made cheaper."""

import itertools

import pytest

from handgrad.study.explain.ladder import FEWEST_EXAMPLES, FINAL, STEPS, WORK, cheaper, ladder, screened, shares


def shared(work):
    """The work of runs that take exactly their share."""
    return [work * share for share in shares()]


@pytest.mark.parametrize("n", [FINAL[0] + 1, 50, 200, 3000])
@pytest.mark.parametrize("work", [1.0, WORK * 4, 1e9])
def test_a_ladder_begins_with_all_readings_and_ends_with_whole_runs_of_few(n, work):
    rungs = ladder(n, shared(work), 1e4)
    assert [rung.number for rung in rungs] == list(range(1, len(rungs) + 1))
    assert rungs[0].most == n
    assert rungs[-1].final
    assert (rungs[-1].share, rungs[-1].most) == (1.0, FINAL[0])
    assert not any(rung.final for rung in rungs[:-1])
    assert all(a.most >= b.most and a.share <= b.share for a, b in itertools.pairwise(rungs))
    assert len(rungs) <= STEPS + 1


def test_runs_are_made_cheaper_only_where_all_of_them_would_take_long():
    assert [rung.share for rung in ladder(100, shared(WORK), 1e4)] == [1.0, 1.0]
    assert [rung.share for rung in ladder(100, shared(WORK * 3), 1e4)] == [0.25, 1.0]
    assert [rung.share for rung in ladder(100, shared(WORK * 1e6), 1e4)] == [4.0**-k for k in range(STEPS, -1, -1)]


def test_a_rung_that_would_cost_much_the_same_as_the_next_is_left_out():
    assert [rung.share for rung in ladder(100, [1e6, 2e5, 1.1e5, 1e5], 1e4)] == [0.25, 1.0]


@pytest.mark.parametrize(("in_full", "final"), [(0.1, 150), (100.0, 12), (1e4, 4)])
def test_more_readings_run_in_full_where_that_is_cheap(in_full, final):
    assert ladder(300, shared(1.0), in_full)[-1].most == final


def test_more_readings_go_on_where_that_takes_little_time():
    """In equal steps a ladder of two goes from 200 to 29 to 4; of runs that take 7.5 s each, 40 take WORK."""
    assert [rung.most for rung in ladder(200, shared(WORK * 20), 1e4)] == [200, 160, 40, 4]
    assert [rung.most for rung in ladder(200, shared(WORK * 50), 1e4)] == [200, 64, 16, 4]


@pytest.mark.parametrize(("share", "epochs"), [(1 / 4, {}), (1 / 14, {"training.epochs": 5})])
def test_a_reading_of_few_epochs_takes_the_share_of_the_file_s_work(share, epochs):
    """Of 70 epochs 1/7 is 10: a reading of 10 epochs is whole where the file is cut to a quarter."""
    assert cheaper(share, examples=50000, epochs=10, batch_size=64, written=70) == epochs


def test_a_reading_of_more_epochs_takes_the_share_of_its_own_work():
    assert cheaper(1 / 4, examples=50000, epochs=40, batch_size=64, written=10) == {"training.epochs": 10}


def test_few_readings_run_in_full_at_once():
    assert [(rung.most, rung.final) for rung in ladder(3, shared(1e9), 1e4)] == [(3, True)]


@pytest.mark.parametrize("share", [1 / 64, 1 / 16, 1 / 4])
@pytest.mark.parametrize("batch_size", ["full", 1, 32, 60000])
@pytest.mark.parametrize("epochs", [1, 10, 100])
def test_a_cheaper_run_takes_about_its_share_of_the_work(share, batch_size, epochs):
    changes = cheaper(share, examples=60000, epochs=epochs, batch_size=batch_size)
    fewer = changes.get("training.epochs", epochs)
    examples = changes.get("data.train.size", 60000)
    assert fewer == epochs or batch_size == 1 or batch_size == 32
    work = fewer * examples / (epochs * 60000)
    least = FEWEST_EXAMPLES / 60000 if batch_size in ("full", 60000) else 0
    assert max(0.9 * share, least) <= work * 1.0001
    assert work <= max(share * 1.34, least)


def test_small_data_is_not_made_smaller_than_the_fewest_examples():
    assert cheaper(1 / 64, examples=800, epochs=100, batch_size="full") == {}
    assert cheaper(1 / 64, examples=2000, epochs=100, batch_size="full") == {"data.train.size": 1000}


def test_no_more_examples_validate_than_train_where_fewer_train():
    ask = {"epochs": 100, "batch_size": "full", "examples": 60000}
    assert cheaper(1 / 64, **ask, validation=5000) == {"data.train.size": 1000, "data.validation.size": 1000}
    assert cheaper(1 / 4, **ask, validation=5000) == {"data.train.size": 15000}
    assert cheaper(1, **ask, validation=5000) == {}


def test_rows_are_tried_on_the_cheapest_first_and_stay_in_order():
    assert screened([9, 1, 8, 2, 7, 3, 6, 4]) == [1, 3, 4, 5, 6, 7]
