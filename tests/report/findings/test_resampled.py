"""Results over folds: by hand, against other formulas, and how often equal settings are called different."""

import math

import numpy as np
import pytest
from benchmarks.folds import MEAN, NO_SEEDS, SEEDS, accuracies, rates
from scipy import stats

from handgrad.report.findings.conclusions import SettingRuns, conclude
from handgrad.report.findings.intervals import mean_interval
from handgrad.report.findings.resampled import SeedMeans, has_folds, means_of, variance_factor
from handgrad.report.findings.statistics import compare, paired_t_p, sample


def keyed(rows):
    """(folds, seeds) -> values by fold and seed."""
    return {(j + 1, s): value for j, row in enumerate(rows) for s, value in enumerate(row)}


def test_one_seed_is_the_corrected_test_of_nadeau_and_bengio():
    d = np.array([0.03, 0.01, 0.02, 0.05, 0.01])
    first, second = keyed([[0.8 + x] for x in d]), keyed([[0.8]] * 5)
    found = compare(first, second, overlap=1 / 4)
    t = d.mean() / math.sqrt(d.var(ddof=1) * (1 / 5 + 1 / 4))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-9)
    half = stats.t.ppf(0.975, 4) * math.sqrt(d.var(ddof=1) * 0.45)
    assert (found.interval.low, found.interval.high) == pytest.approx((d.mean() - half, d.mean() + half))
    assert (found.n, found.counted, found.folds, found.sign_flip) == (5, "5 folds × 1 seed", True, None)
    plain = compare(dict(enumerate(0.8 + d)), dict.fromkeys(range(5), 0.8))
    assert plain.p == pytest.approx(stats.ttest_1samp(d, 0).pvalue) == paired_t_p(list(d))
    assert plain.p < found.p


def test_seeds_add_a_variance_of_their_own_and_its_degrees_of_freedom():
    x = np.array([[0.1, 0.5], [0.2, 0.5], [0.3, 0.8]])
    a = x.mean(axis=1).var(ddof=1) * (1 / 3 + 1 / 2)
    b = x.mean(axis=0).var(ddof=1) / 2
    found = means_of(x.reshape(1, -1), np.ones((1, 6), bool), list(keyed(x)), overlap=1 / 2)
    assert found.variance[0] == pytest.approx(a + b)
    assert found.df[0] == pytest.approx((a + b) ** 2 / (a**2 / 2 + b**2 / 1))
    interval = mean_interval(keyed(x), 1 / 2)
    assert interval.high - interval.low == pytest.approx(2 * stats.t.ppf(0.975, found.df[0]) * math.sqrt(a + b))


def test_missing_runs_leave_means_of_what_is_there():
    x, known = np.array([[1.0, 3.0, 5.0, 9.0]]), np.array([[True, True, True, False]])
    found = means_of(x, known, [(1, 0), (1, 1), (2, 0), (2, 1)], overlap=1.0)
    assert found.mean[0] == 3.5  # folds 2 and 5
    assert found.variance[0] == pytest.approx(4.5 * 1.5 + 0.0)  # seeds 3 and 3
    assert found.n[0] == 2


def test_edges_one_fold_equal_values_and_no_overlap_known():
    assert mean_interval({(1, 0): 0.5, (1, 1): 0.6}, 0.25) is None
    assert mean_interval({(1, 0): 0.5, (2, 0): 0.6}) is None
    assert sample(keyed([[1.0]] * 3), examples=300, overlap=0.5).interval.method == "exact binomial"
    assert sample(keyed([[0.5, 0.6], [0.7, 0.8]]), overlap=0.5).bootstrap is None
    alone = compare({(1, 0): 0.5}, {(1, 0): 0.6}, 0.25)
    assert (alone.n, alone.p, alone.interval, alone.decided) == (1, None, None, False)
    equal = compare(keyed([[0.6], [0.6], [0.6]]), keyed([[0.5], [0.5], [0.5]]), 0.5)
    assert (equal.p, equal.interval, equal.decided) == (None, None, False)  # three folds that agree show no spread
    same = compare(keyed([[0.6], [0.6], [0.6]]), keyed([[0.6], [0.6], [0.6]]), 0.5)
    assert (same.p, same.difference) == (1.0, 0.0)
    blind = compare(keyed([[0.6], [0.7], [0.6]]), keyed([[0.5], [0.5], [0.5]]))
    assert (blind.p, blind.interval) == (None, None)  # how folds overlap is not known
    none = compare({(1, 0): 0.5}, {(2, 0): 0.6}, 0.25)
    assert (none.n, none.difference, none.p) == (0, None, None)
    assert not has_folds({3: 0.5})


def test_the_test_of_differences_is_that_of_their_means():
    d = keyed([[0.1, 0.5], [0.2, 0.5], [0.3, 0.8]])
    found = means_of(np.array([list(d.values())]), np.ones((1, 6), bool), list(d), overlap=1 / 2)
    p = 2 * stats.t.sf(found.mean[0] / math.sqrt(found.variance[0]), found.df[0])
    assert paired_t_p(list(d.values()), keys=list(d), overlap=1 / 2) == pytest.approx(p)
    assert compare(d, dict.fromkeys(d, 0.0), 1 / 2).p == pytest.approx(p)


def test_two_settings_are_compared_as_the_corrected_test_compares_them():
    """Both have s_J²·(1/J + n₂/n₁) + s_S²/S of the differences; conclusions on the scale arcsin √x, alike near 0.5."""
    rng = np.random.default_rng(4)
    x = 0.5 + rng.normal(0, 0.003, (2, 5, 4)) + rng.normal(0, 0.004, (2, 1, 4))
    first, second = (keyed(one) for one in x)
    best = "1" if x[0].mean() >= x[1].mean() else "2"
    runs = {"1": SettingRuns(first), "2": SettingRuns(second)}
    said = conclude(runs, best, "val_accuracy", compared=runs, overlap=1 / 4).against["2" if best == "1" else "1"]
    plain = compare(first, second, 1 / 4).interval
    assert said.high - said.low == pytest.approx(plain.high - plain.low, rel=0.03)


def test_what_seeds_came_to():
    x = np.array([[0.5, 0.6, np.nan], [0.5, 0.7, 0.1]])
    found = SeedMeans(x, np.array([[False, False, False], [False, False, True]]))
    assert found.vary
    assert [one.tolist() for one in found.counts] == [[2, 3], [2, 2]]
    assert np.isnan(found.steady).tolist() == [[False, False, True], [False, False, True]]
    assert not SeedMeans(np.full((2, 3), 0.1 + 0.2), np.zeros((2, 3), bool)).vary
    assert found.of(np.array([1])).x[0, 2] == 0.1


def spread_out(rng, level, folds=5, seeds=2):
    return SettingRuns(keyed(level + rng.normal(0, 0.01, (folds, seeds))))


def test_settings_are_compared_on_the_means_of_folds_which_overlap():
    rng = np.random.default_rng(1)
    runs = {str(i): spread_out(rng, level, seeds=1) for i, level in enumerate((0.9, 0.895, 0.7), start=1)}
    best = max(runs, key=lambda label: np.mean(list(runs[label].values.values())))
    said = {"compared": runs, "examples": 500, "each": 100, "margin": 0.001}
    found, loose = (conclude(runs, best, "val_accuracy", overlap=o, **said) for o in (1 / 4, 0.0))
    assert (found.unit, found.against["3"].n, found.against["3"].word) == ("fold", 5, "behind")
    means = {label: np.mean(list(one.values.values())) for label, one in runs.items()}
    assert found.against["3"].difference == pytest.approx(means["3"] - means[best])
    for label in set(runs) - {best}:
        one, other = found.against[label], loose.against[label]
        assert one.high - one.low > 1.2 * (other.high - other.low)
    plain = {label: SettingRuns(dict(enumerate(one.values.values()))) for label, one in runs.items()}
    assert conclude(plain, best, "val_accuracy", compared=plain, examples=100).unit == "seed"


def test_a_run_that_diverged_counts_in_the_mean_of_its_fold():
    rng = np.random.default_rng(2)
    first, second = spread_out(rng, 0.9), spread_out(rng, 0.9)
    lost = SettingRuns({key: y for key, y in second.values.items() if key != (2, 1)}, diverged=frozenset({(2, 1)}))
    found = conclude({"1": first, "2": lost}, "1", "val_accuracy", compared=("1", "2"), overlap=0.25, classes=2)
    kept = {**lost.values, (2, 1): 0.5}
    difference = np.mean(list(kept.values())) - np.mean(list(first.values.values()))
    assert found.against["2"].difference == pytest.approx(difference)
    assert (found.against["2"].n, found.against["2"].fallen, found.outcomes["2"].fallen) == (5, 1, 1)


def spreads_of(rng, levels, by_seed, seeds=3):
    """Settings × 5 folds × seeds: what seeds do in all folds, and what is left."""
    shape = (len(levels), 5, seeds)
    shift = np.array(by_seed)[:, None, None] * rng.normal(size=(len(levels), 1, seeds))
    x = np.array(levels)[:, None, None] + shift + rng.normal(0, 0.005, shape)
    return {str(i): SettingRuns(keyed(np.clip(one, 0, 1))) for i, one in enumerate(x, start=1)}


def test_settings_that_hardly_learn_do_not_say_how_seeds_move_the_good_ones():
    """Their seeds are 3 points apart, those of the good ones 0.3: one variance for all made every interval 8 wide."""
    rng = np.random.default_rng(5)
    runs = spreads_of(rng, [0.93] * 5 + [0.4] * 4, [0.003] * 5 + [0.03] * 4)
    best = max(runs, key=lambda label: np.mean(list(runs[label].values.values())))
    found = conclude(runs, best, "val_accuracy", compared=runs, examples=2000, each=400, overlap=1 / 4)
    assert set(found.labels("behind")) == {"6", "7", "8", "9"}
    good = [one for label, one in found.against.items() if label != best and int(label) < 6]
    assert all(one.high - one.low < 0.06 for one in good)


def test_a_seed_that_learns_nothing_in_every_fold_may_be_bad_luck():
    """One of three seeds of a setting collapses in all folds; three runs in one fold do not differ by themselves."""
    rng = np.random.default_rng(6)
    runs = spreads_of(rng, [0.9] * 6, [0.005] * 6)
    unlucky = {key: 0.1 + 0.001 * key[0] if key[1] == 2 else y for key, y in runs["4"].values.items()}
    runs["4"] = SettingRuns(unlucky)
    best = max(runs, key=lambda label: np.mean(list(runs[label].values.values())))
    said = {"compared": runs, "examples": 2000, "each": 400, "overlap": 1 / 4, "classes": 10}
    assert conclude(runs, best, "val_accuracy", **said).against["4"].word == "not separated"
    runs["4"] = SettingRuns({key: 0.1 + 0.001 * key[0] for key in unlucky})  # all three: that is what it does
    assert conclude(runs, best, "val_accuracy", **said).against["4"].word == "behind"


def test_the_choice_is_scored_on_folds_of_its_own_division():
    """With two divisions, a fold is left out of its own: the other one would choose by the same examples."""
    rows = {"1": [0.9, 0.7, 0.8, 0.8, 0.8, 0.8], "2": [0.8, 0.8, 0.79, 0.8, 0.8, 0.79]}
    runs = {label: SettingRuns(keyed([[y] for y in row])) for label, row in rows.items()}
    found = conclude(runs, "1", "val_accuracy", compared=runs, overlap=1 / 2, folds=3).bias
    # of folds 1 to 3 as in `test_selection_bias`: 0.8, 0.7, 0.8; of folds 4 to 6 the first each time, or both tie: 0.8
    assert found.left_out == pytest.approx((0.8 + 0.7 + 0.8 + 3 * 0.8) / 6)
    assert found.shown == pytest.approx(0.8)


def test_further_folds_come_in_whole_divisions():
    rng = np.random.default_rng(8)
    runs = spreads_of(rng, [0.9, 0.888], [0.0, 0.0], seeds=1)
    open_ones = []
    for scale in (1.0, 1.2, 1.5, 2.0):
        x = {k: SettingRuns({key: 0.9 + scale * (y - 0.9) for key, y in one.values.items()}) for k, one in runs.items()}
        found = conclude(x, "1", "val_accuracy", compared=x, overlap=1 / 4, folds=5, margin=1e-6)
        open_ones += [one.more_seeds for one in found.against.values() if one.more_seeds is not None]
        assert [*found.smallest] == [5, 10, 15, 25, 50, 100]  # whole divisions into five
    assert all(n % 5 == 0 for n in open_ones)


@pytest.mark.parametrize(("design", "spread"), [((5, 1, 1), NO_SEEDS), ((5, 3, 1), NO_SEEDS), ((5, 3, 3), SEEDS)])
def test_equal_settings_are_seldom_behind_in_conclusions_over_folds(design, spread):
    """Two standard errors of a share near 0.05 in 150 data sets are 0.036."""
    rng, behind = np.random.default_rng(3), 0
    for _ in range(150):
        x, keys = accuracies(rng, design, (spread, spread), (MEAN, MEAN))
        d = x[:, 0] - x[:, 1]
        first, second = dict.fromkeys(keys, 0.5), dict(zip(keys, 0.5 - d, strict=True))
        best = "1" if np.mean(d) >= 0 else "2"
        runs = {"1": SettingRuns(first), "2": SettingRuns(second)}
        found = conclude(runs, best, "val_accuracy", compared=runs, overlap=1 / (design[0] - 1), margin=1e-6)
        behind += bool(found.labels("behind"))
    assert behind / 150 <= 0.09


def test_the_factor():
    assert variance_factor(10, 1 / 9) == pytest.approx(0.1 + 1 / 9)


def test_equal_settings_are_called_different_in_five_of_a_hundred_studies_and_by_the_plain_test_in_thirty():
    """Two standard errors of a share near 0.05 in 300 data sets are 0.025; a test without the correction fails here."""
    repeated = rates((5, 3, 1), NO_SEEDS, MEAN, 300)
    assert repeated["ours"] <= 0.075
    assert repeated["plain"] >= 0.15
    seeded = rates((5, 1, 3), NO_SEEDS, MEAN, 300)
    assert seeded["ours"] <= 0.075
    assert seeded["plain"] >= 0.15
    begun = rates((5, 3, 3), SEEDS, MEAN, 300)
    assert begun["ours"] <= 0.09
    assert begun["plain"] >= 0.15


def test_plain_intervals_over_splits_call_equal_settings_different_and_corrected_ones_do_not():
    found = rates((0, 1, 10), NO_SEEDS, MEAN, 200)
    assert found["plain"] > 0.15
    assert found["ours"] < 0.09  # 1.5 points are a standard error at 5 %
