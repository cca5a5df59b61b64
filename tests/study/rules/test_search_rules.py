"""The rules of early stopping, on lists of numbers: by hand, against Algorithm 2 as printed, and their properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handgrad.errors import InputError
from handgrad.study.rules.search_rules import RULES, Asha, Promote, Stop


def test_rungs_are_r_eta_k_and_the_end_is_the_epochs_of_the_setting():
    asha = Asha(grace_period=1, reduction_factor=4)
    assert asha.levels(64) == (1, 4, 16, 64)
    assert asha.levels(100) == (1, 4, 16, 64, 100)  # differs from the paper, whose last rung would be 64
    assert asha.levels(1) == (1,)
    assert Asha(grace_period=10, reduction_factor=10).levels(1000) == (10, 100, 1000)  # a logarithm gives 2.9999…
    assert Asha(grace_period=3, reduction_factor=2, epochs=8).levels(100) == (3, 6, 8)
    assert asha.share(64) == pytest.approx((1 + 3 / 4 + 12 / 16 + 48 / 64) / 64)


def test_names_of_the_paper_and_of_ray_tune_are_read():
    ours = Asha(grace_period=3, reduction_factor=2, epochs=10)
    assert Asha.read({"r": 3, "eta": 2, "R": 10})[0] == ours
    assert Asha.read({"grace_period": 3, "reduction_factor": 2, "max_t": 10})[0] == ours
    with pytest.raises(InputError, match=r"reduction_factor must be a whole number >= 2; got 1\.5"):
        Asha(reduction_factor=1.5)
    with pytest.raises(InputError, match=r"rule is an unknown rule 'promot'; did you mean 'promote'"):
        Asha(rule="promot")


def arrive(rule, costs, epochs=27):
    for setting, cost in costs.items():
        rule.begin(setting, epochs)
        rule.arrive(setting, cost)


def test_promotion_by_hand():
    """η = 3, r = 1, R = 9: figure 1 of the paper's bracket s = 0, with nine settings."""
    rule = Promote(Asha(grace_period=1, reduction_factor=3))
    arrive(rule, {"a": 0.5, "b": 0.4}, 9)
    assert rule.promotable() is None  # ⌊2/3⌋ = 0
    arrive(rule, {"c": 0.6}, 9)
    assert rule.promotable() == "b"
    assert rule.promote("b") == 3
    assert rule.promotable() is None  # only one of three
    arrive(rule, {"d": 0.3, "e": 0.9}, 9)
    assert rule.promotable() == "d"  # ⌊5/3⌋ = 1: the best is another now, and both have gone on
    assert rule.promote("d") == 3
    arrive(rule, {"f": 0.8}, 9)
    assert rule.promotable() is None  # the best two of six, d and b, have gone on
    rule.arrive("b", 0.2)
    rule.arrive("d", 0.25)
    arrive(rule, {"g": 0.35, "h": 0.7, "i": 0.75}, 9)
    assert rule.promotable() == "g"
    rule.promote("g")
    rule.arrive("g", 0.1)
    arrive(rule, {"j": 0.01, "k": 1.0, "l": 1.0}, 9)
    assert rule.promotable() == "g"  # the higher rung goes first
    assert rule.promote("g") == 9
    assert rule.promotable() == "j"
    rule.arrive("g", 0.05)
    assert rule.leader() is None  # one has come to the end


def test_ties_go_to_the_one_that_arrived_first():
    rule = Promote(Asha(grace_period=1, reduction_factor=2))
    arrive(rule, {"b": 0.5, "a": 0.5})
    assert rule.promotable() == "b"


def test_what_diverged_counts_in_the_rung_and_never_goes_on():
    rule = Promote(Asha(grace_period=1, reduction_factor=2))
    arrive(rule, {"a": math.inf, "b": math.inf, "c": 0.5, "d": math.inf})
    assert rule.promotable() == "c"
    rule.promote("c")
    assert rule.promotable() is None  # ⌊4/2⌋ = 2, but there is no second one
    rule.arrive("c", math.inf)
    assert rule.leader() is None


def test_the_best_of_the_highest_rung_comes_to_the_end_where_none_has():
    rule = Promote(Asha(grace_period=1, reduction_factor=4))
    arrive(rule, {"a": 0.5, "b": 0.4, "c": 0.6}, 16)
    assert rule.promotable() is None
    for until in (4, 16):
        assert rule.leader() == "b"
        assert rule.promote("b") == until
        rule.arrive("b", 0.4)
    assert rule.leader() is None
    assert rule.promotable() is None


class Printed:
    """Algorithm 2 of Li et al. 2020, s = 0, line by line, with its own books."""

    def __init__(self, r, R, eta):
        self.top = 0
        while r * eta ** (self.top + 1) <= R:
            self.top += 1
        self.eta, self.rungs, self.gone = eta, [[] for _ in range(self.top + 1)], [set() for _ in range(self.top + 1)]

    def get_job(self):
        for k in range(self.top - 1, -1, -1):
            candidates = sorted(self.rungs[k], key=lambda pair: pair[0])[: len(self.rungs[k]) // self.eta]
            promotable = [theta for _, theta in candidates if theta not in self.gone[k]]
            if promotable:
                self.gone[k].add(promotable[0])
                return promotable[0], k + 1
        return None


workers = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1)), max_size=120)


@given(st.integers(2, 4), st.integers(0, 3), workers)
def test_promotion_is_algorithm_2(eta, top, arrivals):
    """Any number of workers, any order of arrivals: both make the same decisions at every moment."""
    R = 2 * eta**top
    ours, printed, busy, begun = Promote(Asha(grace_period=2, reduction_factor=eta)), Printed(2, R, eta), [], 0
    for position, loss in arrivals:
        job = printed.get_job()
        assert ours.promotable() == (job and job[0])
        if job is None:
            begun += 1
            job = (str(begun), 0)
            assert ours.begin(job[0], R) == 2
        else:
            assert ours.promote(job[0]) == 2 * eta ** job[1]
        busy.append(job)
        while len(busy) > position:
            theta, k = busy.pop(position % len(busy))
            printed.rungs[k].append((loss, theta))
            ours.arrive(theta, loss)


@given(st.integers(2, 5), st.lists(st.floats(0, 1) | st.just(math.inf), max_size=60), st.integers(1, 100))
def test_properties_of_promotion(eta, costs, epochs):
    asha = Asha(grace_period=1, reduction_factor=eta)
    rule, sent, at_end = Promote(asha), {}, []

    def go_on():
        while (setting := rule.promotable()) is not None:
            rung = rule.rungs[rule.at[setting]]
            better = sum(cost < rung[setting] for cost in rung.values())
            assert better < len(rung) // eta  # at this moment it is one of the best 1/η of its rung
            sent[rule.at[setting]] = sent.get(rule.at[setting], 0) + 1
            until = rule.promote(setting)
            rule.arrive(setting, costs[int(setting)])
            if until == epochs:
                at_end.append(setting)

    for number, cost in enumerate(costs):
        until = rule.begin(str(number), epochs)
        rule.arrive(str(number), cost)
        if until == epochs:
            at_end.append(str(number))
        go_on()
    for number, rung in rule.rungs.items():
        finite = sorted(cost for cost in rung.values() if math.isfinite(cost))
        promoted = {rung[setting] for setting in rule.promoted.get(number, ())}
        assert all(cost in promoted for cost in finite[: len(rung) // eta])  # the best of a rung are never lost
    while (setting := rule.leader()) is not None:
        until = rule.promote(setting)
        rule.arrive(setting, costs[int(setting)])
        if until == epochs:
            at_end.append(setting)
    finite = [cost for cost in costs if math.isfinite(cost)]
    assert bool(at_end) >= bool(finite)  # if anything can win, it was trained to its end
    if finite:  # a setting that is best at every rung wins
        assert min(costs[int(setting)] for setting in at_end) == min(finite)


def test_stopping_by_hand():
    """η = 2: stop below the median of those that came before, as Ray Tune's _Bracket does."""
    rule = Stop(Asha(rule="stop", grace_period=3, reduction_factor=2))
    went_on = {}
    for setting, accuracy in {"a": 2.0, "b": 4.0, "c": 1.0, "d": 3.0, "e": 2.5}.items():
        assert rule.begin(setting, 10) == 3
        rule.arrive(setting, -accuracy)
        went_on[setting] = rule.promotable() == setting
        if went_on[setting]:
            assert rule.promote(setting) == 6
    # cutoffs before each: none, 2, 3, 2, 2.5 (the median of 2, 4, 1, 3)
    assert went_on == {"a": True, "b": True, "c": False, "d": True, "e": True}
    rule.arrive("a", -1.0)
    assert rule.promote("a") == 10
    rule.arrive("b", -0.9)
    assert rule.promotable() is None  # of the second rung: below the 1.0 of a


@given(st.integers(2, 5), st.lists(st.floats(-5, 5) | st.just(math.nan), max_size=40))
def test_stopping_is_ray_tunes_percentile(eta, rewards):
    rule = RULES[Asha(rule="stop", grace_period=1, reduction_factor=eta).rule](
        Asha(rule="stop", grace_period=1, reduction_factor=eta)
    )
    recorded = []
    for number, reward in enumerate(rewards):
        rule.begin(str(number), 100)
        rule.arrive(str(number), math.inf if math.isnan(reward) else -reward)
        known = [value for value in recorded if not math.isnan(value)]
        cutoff = np.nanpercentile(known, (1 - 1 / eta) * 100) if known else None
        stops = math.isnan(reward) or (cutoff is not None and reward < cutoff)
        recorded.append(reward)
        assert (rule.promotable() is None) == stops
        if not stops:
            rule.promote(str(number))
