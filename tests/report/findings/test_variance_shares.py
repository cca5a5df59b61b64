"""Shares of variance of grids: known tables, sums of squares by another path, and what cannot be separated."""

import itertools
import math

import numpy as np
import pandas
import pytest
from scipy.stats import ncx2

from handgrad.errors import InputError
from handgrad.report.findings import variance_shares as module
from handgrad.report.findings.design_blocks import block_of, contrasts, terms_of
from handgrad.report.findings.variance_shares import _noncentrality, variance_shares, without_lost
from tests.report.findings.grids import grid

LEVELS = {"lr": [0.01, 0.1, 1.0], "width": [16, 64]}
ALONG = {0.01: -1.0, 0.1: 0.0, 1.0: 1.0}


def by_name(found):
    return {one.name: one for one in found.shares}


def test_an_additive_table_has_no_interaction_and_its_variances_by_hand():
    """lr adds −1, 0, 1 (variance 2/3), width 0 or 1 (variance 1/4); the seeds add ±0.1 to all (variance 0.02)."""
    found = variance_shares(
        grid(LEVELS, 2, lambda s, seed: ALONG[s["lr"]] + (s["width"] == 64) + 0.2 * seed), [*LEVELS]
    )
    shares = by_name(found)
    assert shares["lr"].variance == pytest.approx(2 / 3)
    assert shares["width"].variance == pytest.approx(1 / 4)
    assert shares["lr × width"].variance == pytest.approx(0)
    assert shares["seeds, alike in all settings"].variance == pytest.approx(0.02)
    assert shares["noise between seeds"].variance == pytest.approx(0)
    assert found.total == pytest.approx(2 / 3 + 1 / 4 + 0.02)
    assert sum(one.share for one in found.shares) == pytest.approx(1)
    assert [one.df for one in found.shares] == [2, 1, 2, 1, 5]
    assert (found.cells, found.seeds, found.runs, found.refused, found.left_out) == (6, 2, 12, (), ())


def test_a_pure_interaction_has_no_main_effect():
    """+1 where signs agree, −1 where they do not: all variance, 1, is the interaction's."""
    levels = {"a": [-1, 1], "b": [-1, 1], "c": [-1, 1]}
    shares = by_name(variance_shares(grid(levels, 2, lambda s, seed: s["a"] * s["b"] + 0.0), [*levels]))
    assert shares["a × b"].share == pytest.approx(1)
    assert all(shares[name].share == pytest.approx(0) for name in ("a", "b", "c", "a × c", "all other interactions"))
    three = by_name(variance_shares(grid(levels, 2, lambda s, seed: float(s["a"] * s["b"] * s["c"])), [*levels]))
    assert three["all other interactions"].share == pytest.approx(1)
    first = by_name(variance_shares(grid(levels, 2, lambda s, seed: float(s["a"] * s["b"])), [*levels], order=1))
    assert first["all other interactions"].share == pytest.approx(1)


def sums_of_squares(y):
    """{term: (SS, df)} of y (a, b, n) by the textbook's means, each with its interaction with the seeds."""
    means = {
        keep: y.mean(axis=tuple(i for i in range(3) if i not in keep), keepdims=True)
        for r in range(4)
        for keep in itertools.combinations(range(3), r)
    }
    found = {}
    for keep in means:
        if keep:
            effect = sum(
                (-1) ** (len(keep) - len(part)) * means[part]
                for r in range(len(keep) + 1)
                for part in itertools.combinations(keep, r)
            )
            df = math.prod(y.shape[i] - 1 for i in keep)
            found[keep] = float((np.broadcast_to(effect, y.shape) ** 2).sum()), df
    return found


def test_the_variances_are_those_of_the_textbook():
    """θ̂ = df·(MS_A − MS_A×seed)/N, from sums of squares; and the mean over pairs of seeds of products."""
    rng = np.random.default_rng(7)
    y = rng.normal(size=(3, 2, 4)) + 2 * np.arange(3)[:, None, None]
    frame = grid(LEVELS, 4, lambda s, seed: y[LEVELS["lr"].index(s["lr"]), LEVELS["width"].index(s["width"]), seed])
    shares = by_name(variance_shares(frame, [*LEVELS]))
    squares = sums_of_squares(y)
    for name, term in {"lr": (0,), "width": (1,), "lr × width": (0, 1)}.items():
        (ss, df), (own, own_df) = squares[term], squares[(*term, 2)]
        assert own_df == 3 * df
        assert shares[name].variance == pytest.approx(df * (ss / df - own / own_df) / y.size)
    centred = y - y.mean(axis=(0, 1))
    parts = centred.mean(axis=1)  # (3, seeds): the effect of lr in each seed
    pairs = [parts[:, s] @ parts[:, t] / 3 for s in range(4) for t in range(4) if s != t]
    assert shares["lr"].variance == pytest.approx(np.mean(pairs))
    noise = y.var(axis=2, ddof=1).mean()
    both = shares["noise between seeds"].variance + shares["seeds, alike in all settings"].variance
    assert both == pytest.approx(noise)
    covariance = np.cov(y.reshape(6, 4))
    assert shares["seeds, alike in all settings"].variance == pytest.approx(covariance[~np.eye(6, dtype=bool)].mean())


def test_a_dead_axis_has_no_share_in_the_mean_where_eta_squared_gives_it_one(monkeypatch):
    """Unequal spreads and seeds that move lr: 200 studies of 2 seeds; width does nothing."""
    monkeypatch.setattr(module, "DRAWS", 10)  # of intervals, which are not looked at
    rng = np.random.default_rng(1)
    theta, eta = [], []
    for _ in range(200):
        tilt = rng.normal(0, 0.5, 2)
        noise = rng.normal(size=(3, 2, 2)) * np.array([0.1, 0.5, 2.0])[:, None, None]
        y = np.arange(3.0)[:, None, None] * (1 + tilt) + noise
        frame = grid(LEVELS, 2, lambda s, seed, y=y: y[LEVELS["lr"].index(s["lr"]), s["width"] // 64, seed])
        block = block_of(frame, [*LEVELS])
        found = by_name(variance_shares(frame, [*LEVELS]))
        theta.append([found["lr"].variance, found["width"].variance])
        b = np.linalg.pinv(terms_of(block).matrix) @ block.values
        eta.append(float(b[3].mean() ** 2))
    error = np.std(theta, axis=0, ddof=1) / math.sqrt(200)
    lr, width = np.mean(theta, axis=0)
    assert abs(lr - 2 / 3) < 3 * error[0]
    assert abs(width) < 3 * error[1]
    assert np.mean(eta) > 5 * error[1]


def test_the_interval_holds_the_true_share(monkeypatch):
    """A share of 60 % and one of nothing, n = 3, in about 95 % of 200 studies; not in all: it is no empty promise."""
    monkeypatch.setattr(module, "DRAWS", 500)
    rng = np.random.default_rng(2)
    truth = (2 / 3) / (2 / 3 + 4 / 9)  # lr's variance, beside noise of variance 4/9
    held = []
    for _ in range(200):
        noise = rng.normal(0, 2 / 3, (3, 2, 3))
        frame = grid(
            LEVELS, 3, lambda s, seed, y=noise: ALONG[s["lr"]] + y[int(ALONG[s["lr"]]) + 1, s["width"] // 64, seed]
        )
        shares = by_name(variance_shares(frame, [*LEVELS]))
        held.append([i.low <= t <= i.high for i, t in ((shares["lr"].interval, truth), (shares["width"].interval, 0))])
    lr, width = np.mean(held, axis=0)
    assert 0.91 <= lr < 1
    assert 0.91 <= width <= 1


def test_folds_have_the_error_of_nadeau_and_bengio():
    """θ̂ = |mean|² − tr V with V = s²·(1/5 + 1/4), of five folds and one seed; two settings lie ±d/2 from their mean."""
    rng = np.random.default_rng(5)
    y = rng.normal(size=(2, 5))
    rows = [{"lr": lr, "seed": (j + 1, 7), "value": y[lr, j]} for lr in (0, 1) for j in range(5)]
    found = variance_shares(pandas.DataFrame(rows), ["lr"], overlap=1 / 4)
    d = (y[1] - y[0]) / 2
    assert by_name(found)["lr"].variance == pytest.approx(d.mean() ** 2 - d.var(ddof=1) * (1 / 5 + 1 / 4))
    assert [one.name for one in found.shares[1:]] == [
        "folds, alike in all settings", "noise between folds"
    ]  # fmt: skip
    assert found.counted == "5 folds × 1 seed"


def test_shares_of_folds_have_no_bias_where_folds_are_as_correlated_as_they_say(monkeypatch):
    """n₂/n₁ = 1/4: folds correlate by 1/5 within a setting.  lr does nothing; without n₂/n₁ it would have a share."""
    monkeypatch.setattr(module, "DRAWS", 10)
    rng = np.random.default_rng(6)
    corrected, plain = [], []
    for _ in range(300):
        y = np.sqrt(0.8) * rng.normal(size=(4, 5)) + np.sqrt(0.2) * rng.normal(size=(4, 1))
        rows = [{"lr": lr, "seed": (j + 1, 0), "value": y[lr, j]} for lr in range(4) for j in range(5)]
        for found, overlap in ((corrected, 1 / 4), (plain, 0.0)):
            found.append(by_name(variance_shares(pandas.DataFrame(rows), ["lr"], overlap=overlap))["lr"].variance)
    error = np.std(corrected) / np.sqrt(300)
    assert abs(np.mean(corrected)) < 3 * error
    assert np.mean(plain) > 6 * error


def test_one_seed_takes_what_no_term_has_for_noise():
    found = variance_shares(
        grid(LEVELS, 1, lambda s, seed: ALONG[s["lr"]] + 0.1 * (s["width"] == 64) * s["lr"]), [*LEVELS]
    )
    assert [one.kind for one in found.shares] == ["main", "main", "noise"]
    assert found.shares[-1].name == "noise and what is not listed"
    assert found.notes == (
        "one seed: interactions and the noise between seeds cannot be told apart, and count as noise",
    )
    assert found.seeds == 1
    with pytest.raises(InputError, match="3 settings with one seed each: an effect cannot be told from the noise"):
        variance_shares(grid({"lr": [1, 2, 3]}, 1, lambda s, seed: s["lr"] ** 2.0), ["lr"])


def test_one_factor_at_a_time_refuses_interactions_and_keeps_main_effects():
    whole = grid({**LEVELS, "act": ["relu", "tanh"]}, 2, lambda s, seed: ALONG[s["lr"]] + (s["width"] == 64) + 0.0)
    at_base = (whole["lr"] == 0.1).astype(int) + (whole["width"] == 16) + (whole["act"] == "relu")
    found = variance_shares(whole[at_base >= 2], ["lr", "width", "act"])
    assert found.cells == 5
    assert found.refused == (
        "interactions cannot be separated: no two hyperparameters have all combinations of their values; "
        "shares of the main effects hold if there are none",
    )
    shares = by_name(found)
    assert shares["lr"].variance == pytest.approx(2 / 3)
    assert shares["width"].variance == pytest.approx(1 / 4)
    assert shares["act"].variance == pytest.approx(0)


def test_axes_that_vary_only_together_count_as_one():
    frame = grid(LEVELS, 2, lambda s, seed: ALONG[s["lr"]] + 0.0)
    frame["targets"] = ["low" if lr < 0.05 else "mid" if lr < 0.5 else "high" for lr in frame["lr"]]
    found = variance_shares(frame, ["lr", "targets", "width"], names={"lr": "learning rate"})
    assert by_name(found)["learning rate and targets"].share == pytest.approx(1)
    assert found.left_out == ("what learning rate and targets do apart: they vary only together, and count as one",)


def test_effects_that_the_settings_mix_are_refused_by_name():
    """b rises with a, and c is a + b: three axes, of which any two say the third."""
    rows = [
        {"a": a, "b": b, "c": a ^ b, "d": d, "seed": s, "value": float(a + d)}
        for a, b in ((0, 0), (0, 1), (1, 1))
        for d in (0, 1)
        for s in (0, 1)
    ]
    with pytest.raises(
        InputError, match="the effects of a, b and c cannot be separated: the settings vary them together"
    ):
        variance_shares(pandas.DataFrame(rows), ["a", "b", "c", "d"])


def test_settings_drawn_at_random_are_no_grid():
    rng = np.random.default_rng(0)
    draws = rng.random((30, 2))
    rows = [{"a": a, "b": b, "seed": s, "value": a + s} for a, b in draws.tolist() for s in (0, 1)]
    with pytest.raises(
        InputError, match="30 settings cannot tell 58 differences between values apart: they are no grid"
    ):
        variance_shares(pandas.DataFrame(rows), ["a", "b"])


def test_a_value_with_missing_combinations_is_left_out_by_name():
    frame = grid({**LEVELS, "act": ["relu", "tanh"]}, 2, lambda s, seed: ALONG[s["lr"]] + 0.0)
    frame = frame[~((frame["lr"] == 1.0) & (frame["act"] == "tanh"))]
    found = variance_shares(frame, ["lr", "width", "act"])
    assert found.cells == 8
    assert found.left_out == ("lr 1, of which some combinations are missing",)
    assert by_name(found)["lr"].variance == pytest.approx(1 / 4)  # −1 and 0


def test_a_seed_that_one_setting_lacks_is_left_out_and_so_is_a_setting_that_lacks_most():
    frame = grid(LEVELS, 4, lambda s, seed: ALONG[s["lr"]] + 0.0)
    one = frame[~((frame["lr"] == 1.0) & (frame["width"] == 64) & (frame["seed"] == 2))]
    found = variance_shares(one, [*LEVELS])
    assert (found.cells, found.seeds) == (6, 3)
    assert found.left_out == ("1 seed that some setting has no result of (2)",)
    most = frame[~((frame["lr"] == 1.0) & (frame["width"] == 64) & (frame["seed"] > 0))]
    found = variance_shares(most, [*LEVELS])
    assert (found.cells, found.seeds) == (4, 4)
    assert found.left_out[0] == "lr 1, width 64, which has results of 1 of 4 seeds"


def test_a_partial_grid_keeps_the_interactions_that_it_shows():
    """Each axis has two values, so none can be left out: a × b is there whole, the others are not."""
    levels = {"a": [0, 1], "b": [0, 1], "c": [0, 1]}
    frame = grid(levels, 2, lambda s, seed: 1.0 * s["a"] * s["b"])
    frame = frame[~((frame["c"] == 1) & (frame["a"] == 1))]
    found = variance_shares(frame, [*levels])
    assert (
        "the interaction of a and c cannot be separated: 1 of 4 combinations of their values have no result"
        in (found.refused[0])
    )
    assert by_name(found)["a × b"].variance == pytest.approx(1 / 16)  # ±1/4


def test_what_is_left_without_the_settings_that_collapsed():
    frame = grid(LEVELS, 2, lambda s, seed: 0.1 if s["lr"] == 1.0 else 0.9 + 0.01 * (s["width"] == 64))
    frame["lost"] = frame["lr"] == 1.0
    found = variance_shares(frame, [*LEVELS], names={"lr": "learning rate"})
    assert by_name(found)["learning rate"].share > 0.99
    left = variance_shares(without_lost(frame, [*LEVELS]), [*LEVELS])
    assert by_name(left)["width"].share == pytest.approx(1)
    assert without_lost(frame.drop(columns="lost"), [*LEVELS]).equals(frame.drop(columns="lost"))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (grid(LEVELS, 2, lambda s, seed: 0.5), "all 12 runs have the same value"),
        (grid({"lr": [1], "width": [2]}, 2, lambda s, seed: 1.0 * seed), "there are not two settings with results"),
        (grid(LEVELS, 2, lambda s, seed: float("nan")), "there are not two settings with results"),
        (grid({"lr": [1, 2], "width": [2]}, 0, lambda s, seed: 1.0), "there are not two settings with results"),
    ],
    ids=["all equal", "one setting", "all diverged", "no run"],
)
def test_where_there_is_nothing_to_share_out_it_is_said(frame, message):
    frame = frame if len(frame) else pandas.DataFrame(columns=["lr", "width", "seed", "value"])
    with pytest.raises(InputError, match=message):
        variance_shares(frame, ["lr", "width"])


def test_contrasts_are_orthonormal_over_the_values():
    for k in (2, 3, 7):
        z = contrasts(k)
        assert z.T @ z == pytest.approx(k * np.eye(k - 1))
        assert z.sum(axis=0) == pytest.approx(np.zeros(k - 1))


def test_the_noncentrality_is_that_of_scipy_far_and_near():
    for df in (1, 3, 40):
        for x in (0.5, 10.0, 1000 + 50 * df - 1, 1000 + 50 * df + 1, 1e5):
            level = np.array([0.025, 0.5, 0.9])
            found = _noncentrality(np.full(3, x), df, level)
            chance = ncx2.cdf(x, df, np.maximum(found, 1e-9))
            assert np.where(found > 0, chance, level) == pytest.approx(level, abs=4e-3)
            assert (chance[found == 0] <= level[found == 0] + 1e-9).all()
