"""Likelihoods of published numbers: by hand where the t is known, finite everywhere, lost seeds told from good ones."""

import itertools
import math

import numpy as np
import pytest
from benchmarks import explaining

from handgrad.study.rules.likelihood import (
    LOST_PRIOR,
    CellFit,
    cell_fit,
    log_likelihood,
    lost_prior,
    variance_priors,
)
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell, is_lost
from handgrad.study.rules.ranked_readings import rank, survivors
from handgrad.study.rules.row_fits import table_p
from handgrad.study.rules.variances import (
    FIRST_RUNG,
    UNKNOWN_SPREAD,
    Fidelity,
    VariancePrior,
    fidelity,
    gain_to_whole,
    pooled_prior,
    to_scale,
)


def test_a_single_number_is_the_mass_of_a_t_in_its_rounding_interval():
    """Ours .5 (y = π/4, dy/dx = 1), prior 0.01² with 2 degrees of freedom, n = k = 1: scale² = 2·0.01², d = 2.
    In the middle the density of t(2) is 1/(2√2) = 0.35355, so P_0 = 0.001·0.35355/0.0141421 = 0.025.
    w_0 = 1.9/2 (Beta(0.1, 0.9) and one that learnt) = 0.95; P_any = 0.001; P = 0.99·0.95·0.025 + 0.01·0.001."""
    found = log_likelihood(PublishedCell(0.5), ReadingCell((0.5,)), VariancePrior(0.01**2, 2))
    assert math.exp(found) == pytest.approx(0.99 * 0.95 * 0.025 + 0.00001, rel=1e-3)


def test_a_word_is_the_probability_of_lost_seeds():
    """One of one lost: (1 + 0.1)/(1 + 1) = 0.55; P = 0.99·0.55 + 0.01·0.5."""
    assert math.exp(log_likelihood(PublishedCell(word="nan"), ReadingCell((None,)))) == pytest.approx(0.5495)
    assert math.exp(log_likelihood(PublishedCell(word="learns"), ReadingCell((None,)))) == pytest.approx(
        0.99 * 0.45 + 0.005
    )
    with pytest.raises(ValueError, match=r"needs a mean or a word: .*; got 'odd'"):
        PublishedCell(word="odd")


def test_two_good_seeds_and_one_lost_explain_a_large_spread():
    """(2·.8945 + .112)/3 = .634, σ = .369: printed .627 ± .371; three lost: .101 ± .010."""
    large = PublishedCell(0.627, std=0.371, seeds=3, scored=5000)
    mixed = cell_fit(large, ReadingCell((0.895, 0.894, 0.112), 5000))
    assert mixed.lost == 1
    assert mixed.p > 0.05
    assert mixed.log_likelihood > log_likelihood(large, ReadingCell((0.627, 0.63, 0.62), 5000)) + 2
    lost = PublishedCell(0.101, std=0.010, seeds=3, scored=5000)
    assert cell_fit(lost, ReadingCell((0.112, 0.102, 0.102), 5000)).lost == 3
    assert log_likelihood(lost, ReadingCell((0.948,), 5000)) < log_likelihood(lost, ReadingCell((None,), 5000)) - 2


VALUES = [(0.0,), (1.0,), (0.5, 0.5), (None,), (None, 1.0), (0.1, 0.9, 0.5)]


@pytest.mark.parametrize("bounded", [True, False])
def test_everything_is_finite(bounded):
    for mean, std, seeds, values in itertools.product((0, 0.1, 0.5, 1), (None, 0, 0.4), (1, 2, 3), VALUES):
        for ddof, variance in ((0, 0.0), (1, 0.01)):
            cell = PublishedCell(mean, std=std, seeds=seeds, ddof=ddof, bounded=bounded)
            fit = cell_fit(cell, ReadingCell(values, 100, Fidelity(0.01, variance)))
            assert math.isfinite(fit.log_likelihood)
            assert math.isfinite(fit.residual)
            assert 0 <= fit.p <= 1


def test_one_row_far_off_costs_no_more_than_anything():
    """P is at least ε·P_any: ln 100 below a row that was not run."""
    cell = PublishedCell(0.9, std=0.001, seeds=3)
    far = log_likelihood(cell, ReadingCell((0.3, 0.3, 0.3)))
    assert far >= log_likelihood(cell, None) - math.log(100) - 1e-9


def test_the_nearer_result_is_the_more_likely():
    found = [log_likelihood(PublishedCell(0.5), ReadingCell((x,), 1000)) for x in np.linspace(0.5, 0.95, 40)]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(found))


def test_lost_is_no_better_than_chance():
    assert [is_lost(x, 10) for x in (0.1, 0.127, 0.128)] == [True, True, False]  # 0.1 + 0.03·0.9 = 0.127
    assert not is_lost(0.1, None)


def test_fidelity_of_readings_that_were_in_two_rungs():
    """None: the prior.  Eight that are 0.06 and 0.04 off by turns: median .05, (4·0.01 + 8·(1.4826·.05)²)/12."""
    assert fidelity([]) == Fidelity(0.0, FIRST_RUNG[True], 4)
    found = fidelity([0.06, -0.04] * 4)
    assert (found.shift, found.df) == (0.0, 12)
    assert found.variance == pytest.approx((0.04 + 8 * (1.4826 * 0.05) ** 2) / 12)


def test_cheaper_runs_are_trusted_less_where_the_file_gains_much():
    """A gain of .6: half of it is expected and as much is its deviation; .2 of room above y = π/2 − .2 is the most."""
    found = Fidelity(0.0, 0.01, 12).of_gain(0.5, 0.6)
    assert (found.shift, found.variance) == (pytest.approx(0.3), pytest.approx(0.1))
    assert found.df == pytest.approx(0.1**2 / (0.01**2 / 12 + 0.09**2 / 4))
    assert Fidelity(0.0, 0.01).of_gain(math.pi / 2 - 0.2, 0.6).shift == pytest.approx(0.1)
    assert Fidelity(0.0, 0.01).of_gain(0.1, -0.6).shift == pytest.approx(-0.05)
    assert Fidelity(0.0, 0.09).of_gain(0.1, -0.6, bounded=False).shift == pytest.approx(-0.3)
    assert Fidelity(0.0, 0.01, 12).of_gain(0.5, 0.0) == Fidelity(0.0, 0.01, 12)


def test_a_reading_behind_the_file_may_be_slow():
    """The file comes from .5 to .9: so may one at .3, most of the way by a sixteenth of the work, less by three
    quarters; one that is ahead gains what the file does.  Losses fall."""
    low, cheap, whole = (float(to_scale(x)) for x in (0.3, 0.5, 0.9))
    assert gain_to_whole(low, cheap, whole, 1 / 16) == pytest.approx((whole - low) * 0.75)
    assert gain_to_whole(low, cheap, whole, 0.75) == pytest.approx(whole - cheap)
    assert gain_to_whole(1.1, cheap, whole, 1 / 16) == pytest.approx(whole - cheap)
    assert gain_to_whole(1.0, 0.5, -1.0, 0.25, bounded=False) == pytest.approx(-1.5)
    assert gain_to_whole(2.0, 0.5, -1.0, 0.25, bounded=False) == pytest.approx(-1.5)
    assert gain_to_whole(3.0, 0.5, -1.0, 0.25, bounded=False) == pytest.approx(-2.0)


def test_a_row_that_has_hardly_begun_says_little_and_one_near_its_end_much():
    """Two readings at .15 and .2 where the file goes on to .97, published .9; and at .85 and .95 where it gains .01."""
    published = {"1": PublishedCell(0.9, scored=10_000)}

    def apart(low, high, gain):
        of = {
            str(x): {"1": ReadingCell((x,), 10_000, fidelity([]).of_gain(float(to_scale(x)), gain))}
            for x in (low, high)
        }
        likelihoods = [fit.log_likelihood for fit in rank(published, of).readings]
        return max(likelihoods) - min(likelihoods)

    far, near = float(to_scale(0.97) - to_scale(0.15)), float(to_scale(0.96) - to_scale(0.95))
    assert apart(0.15, 0.2, far) < 0.2
    assert apart(0.7, 0.9, near) > 1.0


def test_pooled_prior_recovers_what_variances_were_drawn_from():
    rng = np.random.default_rng(1)
    true = 6 * 0.02**2 / rng.chisquare(6, 4000)
    prior = pooled_prior([(float(v * rng.chisquare(2) / 2), 2.0) for v in true])
    assert prior.variance == pytest.approx(0.02**2, rel=0.1)
    assert prior.df == pytest.approx(6, rel=0.25)


def test_rows_that_lose_some_seeds_say_how_often_a_seed_is_lost():
    """Two seeds a cell: three lose one, one both, six none.  π = 5/20; pairs: q = 2/20; ρ = (.1 − .0625)/.1875 = .2,
    s = 1/.2 − 1 = 4: a = 1, b = 3.  With two of them that lose one: LOST_PRIOR."""
    cells = {str(i): PublishedCell(0.9) for i in range(10)}
    values = [(0.9, 0.1)] * 3 + [(0.1, 0.1)] + [(0.9, 0.91)] * 6
    found = {key: ReadingCell(own) for key, own in zip(cells, values, strict=True)}
    assert lost_prior(cells, {"a": found, "b": found}) == pytest.approx((1, 3))
    few = {key: cell for key, cell in found.items() if key != "0"}
    assert lost_prior(cells, {"a": few}) == LOST_PRIOR


def test_a_printed_spread_that_a_lost_seed_may_have_made_says_nothing_of_the_others():
    """.627 ± .371 of three: one lost at .13, two at .8755: (.7455)²·2/3 = .3705 ≤ 3·.371² = .413.  With ±.3 (.272, and
    j = 2 would need a seed above 1) it is not left out."""
    small = {str(i): PublishedCell(0.5, std=0.01, seeds=3) for i in range(3)}
    large = {"3": PublishedCell(0.627, std=0.371, seeds=3)}
    less = {"3": PublishedCell(0.627, std=0.3, seeds=3)}
    assert variance_priors({**small, **large}, {}) == variance_priors(small, {})
    assert variance_priors({**small, **less}, {})[True].variance > 2 * variance_priors(small, {})[True].variance
    assert variance_priors({"0": small["0"], "1": small["1"], **large}, {})[True] == UNKNOWN_SPREAD[True]


# -- the ranking

EEE543 = {
    "10": PublishedCell(0.155, std=0.056, seeds=3, scored=60_000),
    "11": PublishedCell(0.243, std=0.009, seeds=3, scored=60_000),
    "12": PublishedCell(0.313, std=0.004, seeds=3, scored=60_000),
}
CHEAP = {  # training accuracy of rows 10-12 after 6,000 examples, seed 42
    "shared": (0.117, 0.322, 0.396),
    "right": (0.212, 0.191, 0.277),
    "no biases": (0.177, 0.180, 0.241),
    "half": (0.206, 0.202, 0.186),
    "shared, half": (0.117, 0.154, 0.296),
    "shared, mean": (0.190, 0.117, 0.118),
    "gaussian biases": (0.250, 0.190, 0.271),
}


def test_the_bias_slip_survives_the_cheap_rung_and_explains_the_table_at_full_size():
    cheap = {
        name: {key: ReadingCell((x,), 6000, fidelity([])) for key, x in zip(EEE543, values, strict=True)}
        for name, values in CHEAP.items()
    }
    assert "shared" in survivors(rank(EEE543, cheap), least=2, most=7)
    full = {
        "10": ReadingCell((0.113, 0.234, 0.119), 60_000),
        "11": ReadingCell((0.231, 0.247, 0.251), 60_000),
        "12": ReadingCell((0.315, 0.317, 0.308), 60_000),
    }
    right = {"11": ReadingCell((0.134,), 60_000), "12": ReadingCell((0.240,), 60_000)}
    found = rank(EEE543, {**cheap, "shared": full, "right": right}, {"shared": 1})
    assert found.readings[0].name == "shared"
    assert found.leading == ("shared",)
    assert found.unexplained == ()


def test_equal_numbers_stay_together_and_a_row_that_nothing_explains_is_named():
    published = {str(i): PublishedCell(0.9, scored=10_000) for i in range(6)}
    same = {key: ReadingCell((0.9, 0.901, 0.899), 10_000) for key in published}
    same["3"] = ReadingCell((0.5, 0.501, 0.499), 10_000)
    found = rank(published, {"b": same, "a": same, "text": same}, {"b": 1, "a": 1})
    assert [reading.name for reading in found.readings] == ["text", "b", "a"]
    assert {reading.group for reading in found.readings} == {0}
    assert sum(reading.weight for reading in found.readings) == pytest.approx(1)
    assert found.unexplained == ("3",)
    assert survivors(found, least=1, most=3) == ("text", "b", "a")
    assert survivors(found, least=1, most=2) == ("text",)
    with pytest.raises(ValueError, match="not published: 9"):
        rank(published, {"a": {"9": same["1"]}})


def test_a_quarter_of_the_prior_decides_who_goes_on():
    """Three departures, in which 100 readings depart, cost 6.7 nats, a quarter of them 1.7: more than the fit of "far"
    makes up for in the ranking, less than it does where it is decided who goes on."""
    published = {"1": PublishedCell(0.9, half_width=0.0005, scored=10_000)}
    trust = fidelity([])
    cells = {name: {"1": ReadingCell((x,), 10_000, trust)} for name, x in (("text", 0.6), ("far", 0.89))}
    found = rank(published, cells, {"text": 0, "far": 3}, {0: 1, 3: 100})
    by_name = {fit.name: fit for fit in found.readings}
    gained = by_name["far"].log_likelihood - by_name["text"].log_likelihood
    assert 0.25 * math.log(800) < gained < math.log(800)
    assert [fit.name for fit in sorted(found.readings, key=lambda fit: -fit.log_posterior)] == ["text", "far"]
    assert survivors(found, most=1) == ("far",)


@pytest.mark.parametrize(("k", "n"), [(1, 3), (3, 1)])
def test_p_of_the_true_reading_is_small_as_seldom_as_it_says(k, n):
    """300 cells: 5 % are 15, with a standard deviation of 3.8; 7 % and two of these are 10 %."""
    found = explaining.coverage(k, n, 3000, 50)
    assert found[0.05] <= 0.07 + 2 * math.sqrt(0.05 * 0.95 / 300)


def test_the_true_reading_leads_and_goes_on():
    """Of 10 tables: fewer than 8 that lead have probability 1 % where 95 % do, fewer than 6 that go on 1 % where 85 %
    do."""
    found = explaining.shares(1, 3, 3000, 10)
    assert found.leads >= 8 / 10
    assert found.goes_on >= 6 / 10
    assert found.unexplained_by_all == 0


@pytest.mark.parametrize("rho", [0.0, 0.5])
@pytest.mark.parametrize("k", [2, 12])
def test_p_of_a_table_is_small_as_seldom_as_it_says(k, rho):
    """2,000 tables of normal errors: 1 % below 0.01 is 20, with a standard deviation of 4.4."""
    rng = np.random.default_rng(k)
    z = math.sqrt(rho) * rng.normal(size=(2000, 1)) + math.sqrt(1 - rho) * rng.normal(size=(2000, k))
    rows, common = {str(i): [str(i)] for i in range(k)}, {str(i): rho for i in range(k)}
    small = 0
    for errors in z:
        cells = {
            str(i): CellFit(-1.0, math.erfc(abs(e) / math.sqrt(2)), float(e), 0, 0.0) for i, e in enumerate(errors)
        }
        small += table_p(cells, rows, common) < 0.01
    assert 20 - 3 * 4.4 < small < 20 + 3 * 4.4


def test_hundreds_of_readings_of_two_departures_are_no_more_probable_together():
    """A pair is as far ahead as the best of 600 is by chance: with 2 nats a departure it would be first."""
    published = {"0": PublishedCell(0.9, scored=1000)}
    near, nearer = ReadingCell((0.88, 0.881, 0.879), 1000), ReadingCell((0.9, 0.901, 0.899), 1000)
    found = rank(published, {"text": {"0": near}, "pair": {"0": nearer}}, {"pair": 2}, {0: 1, 1: 35, 2: 600})
    assert [reading.name for reading in found.readings] == ["text", "pair"]
    text, pair = found.readings
    prior = math.log(4) + math.log(600)
    assert text.log_posterior - pair.log_posterior == pytest.approx(text.log_likelihood - pair.log_likelihood + prior)
