"""How forgiving a space is: counts by hand, ends of ranges, and draws."""

import numpy as np
import pandas
import pytest
from scipy.stats import binomtest

from handgrad.errors import InputError
from handgrad.report.findings.within_margin import forgiveness_sentence, within_margin
from tests.report.findings.grids import drawn, grid

TABLE = {  # lr -> width -> accuracy
    0.001: (0.80, 0.85, 0.90),
    0.01: (0.94, 0.955, 0.95),
    0.1: (0.95, 0.96, 0.93),
    1.0: (0.10, 0.10, 0.951),
}
LEVELS = {"lr": [*TABLE], "width": [16, 32, 64]}


def cells(seeds=2):
    return grid(LEVELS, seeds, lambda s, seed: TABLE[s["lr"]][LEVELS["width"].index(s["width"])] + 0.002 * seed - 0.001)


def test_the_part_of_a_grid_is_a_count():
    """The best is 0.96; 0.955, 0.951 and both 0.95 lie within a point (0.95 exactly at its end)."""
    found = within_margin(cells(), ["lr", "width"], 0.01)
    assert (found.works, found.settings, found.part, found.interval) == (5, 12, 5 / 12, None)
    assert found.best == pytest.approx(0.96)
    assert within_margin(cells(), ["lr", "width"], 0.0).works == 1


def test_the_range_of_an_axis_with_the_others_at_their_best_and_as_in_the_best():
    found = {(one.axis, one.how): one for one in within_margin(cells(), ["lr", "width"], 0.01).ranges}
    profile = found["lr", "profile"]  # 0.01: 0.955;  0.1: 0.96;  1: 0.951;  0.001: 0.90
    assert (profile.low, profile.high, profile.below, profile.above) == (0.01, 1.0, 0.001, None)
    assert profile.factor == pytest.approx(100)
    assert profile.most is None
    own = found["lr", "slice"]  # width 32: 0.955, 0.96, then 0.10
    assert (own.low, own.high, own.below, own.above, own.values, own.tried) == (0.01, 0.1, 0.001, 1.0, 2, 4)
    assert (own.factor, own.most) == (pytest.approx(10), pytest.approx(1000))
    assert (found["width", "profile"].values, found["width", "slice"].values) == (3, 2)


def test_a_value_that_works_beyond_one_that_does_not_is_not_counted():
    frame = grid({"lr": [1, 2, 3, 4]}, 1, lambda s, seed: {1: 0.9, 2: 0.5, 3: 0.905, 4: 0.1}[s["lr"]])
    (one, _) = within_margin(frame, ["lr"], 0.01).ranges
    assert (one.low, one.high, one.below, one.above, one.values) == (3, 3, 2, 4, 1)


def test_lower_is_better_for_a_loss():
    frame = grid({"lr": [1, 2, 4]}, 1, lambda s, seed: {1: 0.30, 2: 0.25, 4: 0.9}[s["lr"]])
    found = within_margin(frame, ["lr"], 0.1, lower_is_better=True)
    assert (found.works, found.best) == (2, 0.25)
    assert found.ranges[0].factor == 2


def test_of_draws_the_part_has_the_exact_binomial_interval_and_diverged_settings_count():
    frame = drawn(np.random.default_rng(3), 40, lambda s: 0.9 if 1e-3 < s["lr"] < 1e-1 else 0.5)
    works = int(frame["lr"].between(1e-3, 1e-1).sum())
    found = within_margin(frame, ["lr", "width", "act"], 0.01, random=True, without=10)
    assert (found.works, found.settings) == (works, 50)
    theirs = binomtest(works, 50).proportion_ci(method="exact")
    assert (found.interval.low, found.interval.high) == pytest.approx((theirs.low, theirs.high))
    inside = frame["lr"][frame["lr"].between(1e-3, 1e-1)]
    (lr, width) = found.ranges
    assert (lr.how, lr.low, lr.high) == ("draws", inside.min(), inside.max())
    assert lr.below == frame["lr"][frame["lr"] < 1e-3].max()
    assert width.axis == "width"  # act has no order


def test_the_part_of_draws_is_the_chance_that_one_more_comes_as_near():
    """Leaving each of r draws out, is it within the margin of the best of the others?  The mean of that is k / r."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        x = rng.random(20)
        rows = pandas.DataFrame({"lr": rng.random(20), "seed": 0, "value": x})
        k = within_margin(rows, ["lr"], 0.1, random=True).works
        left_out = [x[i] >= np.delete(x, i).max() - 0.1 for i in range(20)]
        assert k == sum(left_out)


@pytest.mark.parametrize("seeds", [0, 1])
def test_edges_have_their_sentence(seeds):
    frame = cells(seeds)
    if not seeds:
        with pytest.raises(InputError, match="no setting has a result"):
            within_margin(frame.reindex(columns=["lr", "width", "seed", "value"]), ["lr", "width"], 0.01)
        return
    with pytest.raises(InputError, match="the margin must be 0 or more, in the measure's units; got -1"):
        within_margin(frame, ["lr"], -1)
    one = within_margin(frame[(frame["lr"] == 0.1) & (frame["width"] == 16)], ["lr", "width"], 0.01)
    assert (one.works, one.settings, one.ranges) == (1, 1, ())


def test_the_sentence_says_the_part_and_the_ranges():
    text = forgiveness_sentence(within_margin(cells(), ["lr", "width"], 0.01), "1 point", {"lr": "learning rate"})
    assert text == (
        "5 of 12 settings (42 %) come within 1 point of the best. learning rate works from 0.01 to 1, a "
        "factor of 100; 0.001 does not; the other end was not reached. width works from 16 to 64, a factor of 4: every "
        "value that was tried."
    )
    frame = drawn(np.random.default_rng(3), 40, lambda s: 0.9 if 1e-3 < s["lr"] < 1e-1 else 0.5)
    text = forgiveness_sentence(within_margin(frame, ["lr"], 0.01, random=True), "1 point")
    assert "of the space, 95 % interval" in text
    assert "(the ends of the draws that work)." in text
