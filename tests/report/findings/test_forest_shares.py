"""fANOVA: exact integrals against brute force, another library's numbers, known truths, and what is refused."""

import itertools

import numpy as np
import pandas
import pytest
from sklearn.tree import DecisionTreeRegressor

from handgrad.errors import InputError
from handgrad.report.findings import forest_shares as module
from handgrad.report.findings.axis_scales import AxisScale, mean_by_setting
from handgrad.report.findings.forest_shares import forest_marginal, forest_shares
from handgrad.report.findings.tree_boxes import Space, boxes_of, cross_components, marginal
from tests.report.findings.grids import drawn, peak

AXES = ["lr", "width", "act"]
SPACE = Space(
    (
        AxisScale("lr", "log", 1e-4, 1.0),
        AxisScale("width", "values", levels=(16, 32, 64, 128)),
        AxisScale("act", "categories", levels=("relu", "tanh", "sigmoid")),
    )
)
TERMS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
POINTS = 4000


@pytest.fixture(scope="module")
def two_trees():
    """Two trees on different settings, of a function with all kinds of effects and noise."""
    rng = np.random.default_rng(5)

    def value(s):
        return peak(s) + 0.01 * s["width"] * (s["act"] == "tanh") + rng.normal(0, 0.5)

    trees = []
    for _ in range(2):
        table = drawn(rng, 60, value)
        x = SPACE.encoded([table[axis].tolist() for axis in AXES])
        trees.append(DecisionTreeRegressor(random_state=0).fit(x, table["value"]))
    return trees


@pytest.fixture(scope="module")
def surface():
    """All values of the space, finely: encoded rows, in the shape (lr, width, act)."""
    lr = np.exp(np.log(1e-4) + (np.arange(POINTS) + 0.5) / POINTS * np.log(1e4))
    rows = list(itertools.product(lr.tolist(), (16, 32, 64, 128), ("relu", "tanh", "sigmoid")))
    return SPACE.encoded([*zip(*rows, strict=True)])


def components(y):
    """f_U of y (lr, width, act) by means, and y − mean."""
    found = {}
    for term in TERMS:
        mean = y.mean(axis=tuple(i for i in range(3) if i not in term), keepdims=True) - y.mean()
        found[term] = mean - sum(found[j,] for j in term) if len(term) == 2 else mean
    return found, y - y.mean()


def test_integrals_are_those_of_brute_force(two_trees, surface):
    first, second = (boxes_of(tree.tree_, SPACE) for tree in two_trees)
    ys = [tree.predict(surface).reshape(POINTS, 4, 3) for tree in two_trees]
    for (a, x), (b, y) in (((first, ys[0]), (first, ys[0])), ((first, ys[0]), (second, ys[1]))):
        total, found = cross_components(a, b, SPACE, TERMS)
        (f, centred_f), (g, centred_g) = components(x), components(y)
        scale = float((centred_f**2).mean())
        assert total == pytest.approx((centred_f * centred_g).mean(), abs=2e-3 * scale)
        for term in TERMS:
            assert found[term] == pytest.approx((f[term] * g[term]).mean(), abs=2e-3 * scale)


def test_one_mean_over_all_other_axes(two_trees, surface):
    boxes = boxes_of(two_trees[0].tree_, SPACE)
    y = two_trees[0].predict(surface).reshape(POINTS, 4, 3)
    lr = np.log(1e-4) + (np.arange(POINTS) + 0.5) / POINTS * np.log(1e4)
    assert marginal(boxes, SPACE, 0, lr) == pytest.approx(y.mean(axis=(1, 2)), abs=1e-6)
    assert marginal(boxes, SPACE, 1, np.arange(4.0)) == pytest.approx(y.mean(axis=(0, 2)), abs=2e-3)
    assert marginal(boxes, SPACE, 2, np.arange(3.0)) == pytest.approx(y.mean(axis=(0, 1)), abs=2e-3)


def test_the_volumes_of_all_leaves_fill_the_space(two_trees):
    """Also where a tree asks for a category twice: what no setting can be has no volume."""
    ones = boxes_of(two_trees[0].tree_, SPACE)
    flat = type(ones)(np.ones_like(ones.values), ones.low, ones.high)
    total, found = cross_components(flat, flat, SPACE, TERMS)
    assert total == pytest.approx(0, abs=1e-12)
    assert all(value == pytest.approx(0, abs=1e-12) for value in found.values())


def test_shares_per_tree_are_those_of_optuna():
    """Its evaluator grows the same forest, 64 trees of one seed.  It knows no log scale: lr is given as a power."""
    import optuna

    rng = np.random.default_rng(3)
    rows = [{"drop": float(rng.uniform(0, 0.5)), "power": float(rng.uniform(-4, 0))} for _ in range(60)]
    values = [-((row["power"] + 2) ** 2) + 4 * row["drop"] + float(rng.normal(0, 0.3)) for row in rows]
    ranges = {"drop": (0.0, 0.5), "power": (-4.0, 0.0)}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    distributions = {name: optuna.distributions.FloatDistribution(*ends) for name, ends in ranges.items()}
    for row, value in zip(rows, values, strict=True):
        study.add_trial(optuna.trial.create_trial(params=row, distributions=distributions, value=value))
    theirs = optuna.importance.FanovaImportanceEvaluator(n_trees=64, seed=0).evaluate(study)
    frame = pandas.DataFrame([{**row, "seed": 0, "value": y} for row, y in zip(rows, values, strict=True)])
    scales = {name: AxisScale(name, "linear", *ends) for name, ends in ranges.items()}
    found = forest_shares(frame, ["drop", "power"], scales=scales)
    assert {one.name: one.per_tree for one in found.main} == pytest.approx(theirs, abs=1e-6)


def test_what_does_nothing_has_no_share_however_noisy():
    """All variance is lr's, noise as large again: the trees alone give it less than two thirds."""
    rng = np.random.default_rng(11)
    found = forest_shares(drawn(rng, 100, peak, noise=1.2), AXES)
    shares = {one.name: one for one in found.shares}
    assert shares["lr"].share == pytest.approx(1, abs=0.08)
    assert shares["lr"].per_tree < 0.8
    for name in ("width", "act", "width × act", "lr × act"):
        assert shares[name].share == pytest.approx(0, abs=0.06)
        assert shares[name].interval.low == 0
    assert found.rest == pytest.approx(1 - sum(one.share for one in found.shares))
    assert 0.2 < found.r2 < 0.7
    assert (found.settings, found.runs) == (100, 100)


def test_a_strong_and_a_weak_axis_and_their_marginals():
    """lr has 64/45, act has 2/9·1.5² = 0.5: shares 0.74 and 0.26 of many settings without noise."""
    rng = np.random.default_rng(4)
    found = forest_shares(drawn(rng, 300, lambda s: peak(s) - 1.5 * (s["act"] == "sigmoid")), AXES)
    shares = {one.name: one for one in found.shares}
    assert shares["lr"].share == pytest.approx(0.74, abs=0.06)
    assert shares["act"].share == pytest.approx(0.26, abs=0.06)
    assert shares["lr"].interval.low < 0.74 < shares["lr"].interval.high
    assert found.r2 > 0.9
    line = forest_marginal(found, "act")
    means = dict(zip(line.values, line.mean, strict=True))
    assert means["relu"] - means["sigmoid"] == pytest.approx(1.5, abs=0.15)
    along = forest_marginal(found, "lr", points=40)
    assert along.values[int(np.argmax(along.mean))] == pytest.approx(0.01, rel=1)  # within a factor of two
    assert (along.low <= along.high).all()


def test_a_pure_interaction_is_seen_as_one():
    """±1 by whether lr is above 0.01 and act is relu or tanh: no main effect of lr; act's are 0, as both are even."""
    rng = np.random.default_rng(8)
    frame = drawn(rng, 400, lambda s: 1.0 if (s["lr"] > 0.01) == (s["width"] > 40) else -1.0)
    shares = {one.name: one for one in forest_shares(frame, AXES).shares}
    assert shares["lr × width"].share > 0.8
    assert abs(shares["lr"].share) < 0.12
    assert abs(shares["act"].share) < 0.05


def test_settings_of_several_seeds_count_once_and_the_same_frame_gives_the_same_numbers():
    rng = np.random.default_rng(2)
    frame = drawn(rng, 40, peak, noise=0.1, seeds=3)
    one, two = forest_shares(frame, AXES), forest_shares(frame, AXES)
    assert [s.share for s in one.shares] == [s.share for s in two.shares]
    assert (one.settings, one.runs) == (40, 120)
    assert len(mean_by_setting(frame, AXES)) == 40


def test_what_is_left_out_is_said():
    rng = np.random.default_rng(2)
    frame = drawn(rng, 40, peak)
    frame["fixed"] = 1
    frame.loc[3, "width"] = None
    scales = {"lr": AxisScale("lr", "log", 1e-3, 1.0)}
    found = forest_shares(frame, [*AXES, "fixed"], scales=scales, names={"fixed": "decay"})
    outside = int((frame["lr"].drop(3) < 1e-3).sum())
    assert found.left_out == (
        "1 run of settings that do not say every hyperparameter",
        "decay, which has one value",
        f"{outside} settings outside the declared ranges",
    )


def test_where_a_forest_has_nothing_to_say_it_says_so():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="19 settings; a random forest needs 20 or more"):
        forest_shares(drawn(rng, 19, peak), AXES)
    with pytest.raises(
        InputError, match=r"hardly better than their mean does \(R² out of bag -?0\.\d\d, 60 settings\)"
    ):
        forest_shares(drawn(rng, 60, lambda s: 0.0, noise=1.0), AXES)
    with pytest.raises(InputError, match="all 30 settings have the same value"):
        forest_shares(drawn(rng, 30, lambda s: 0.5), AXES)
    with pytest.raises(InputError, match="no hyperparameter has two values"):
        forest_shares(drawn(rng, 30, peak).assign(lr=0.1), ["lr"])


def test_many_axes_have_pairs_of_the_strongest_alone(monkeypatch):
    monkeypatch.setattr(module, "PAIRED", 2)
    rng = np.random.default_rng(6)
    found = forest_shares(drawn(rng, 80, lambda s: peak(s) - (s["act"] == "relu")), AXES)
    assert [one.name for one in found.shares if len(one.axes) == 2] == ["lr × act"]
