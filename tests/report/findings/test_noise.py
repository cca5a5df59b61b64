"""Where noise comes from: the parts of a variance by hand, against simulations with known parts, and in a report."""

import numpy as np
import pytest
from benchmarks.noise import coverage, normal, study, truth

import handgrad as hg
from handgrad.report.chapters.study_chapters import noise_chapter
from handgrad.report.findings.choice_sentences import leading_verdicts
from handgrad.report.findings.noise import noise_of, noises, variance_draws
from handgrad.report.findings.noise_sentences import noise_verdicts
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.verdicts import conditional
from handgrad.report.tables.noise_table import noise_table
from handgrad.streams import stream
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome


def parts(noise):
    return {part.source: part for part in noise.parts}


def test_the_parts_by_hand():
    alone = {"init": [0.90, 0.91, 0.92], "split": [0.88, 0.91, 0.94]}
    found = noise_of("1", "test_accuracy", alone, [0.88, 0.90, 0.92], m=100, pool=400)
    by = parts(found)
    assert found.p == pytest.approx(0.9)  # of the runs that vary both
    assert by["init"].variance.value == pytest.approx(1e-4)  # s² of 0.90, 0.91, 0.92
    assert by["examples"].variance.value == pytest.approx(9e-4)  # 0.9 · 0.1 / 100
    # s² = 9e-4, of which drawing 100 of 400 makes 9e-4 · (1 − 1/4)
    assert by["split"].variance.value == pytest.approx(9e-4 - 6.75e-4)
    assert by["split"].seen == pytest.approx(9e-4)
    assert found.total == pytest.approx(1.225e-3)
    assert sum(part.share.value for part in found.parts) == pytest.approx(1)
    assert found.together.ratio.value == pytest.approx((1e-4 + 9e-4) / 4e-4)
    assert found.together.variance.value == pytest.approx(4e-4)


def test_a_split_that_leaves_the_scored_examples_loses_nothing():
    found = noise_of("1", "test_accuracy", {"split": [0.88, 0.91, 0.94]}, m=100)
    assert parts(found)["split"].variance.value == pytest.approx(9e-4)
    assert found.together is None


def test_a_split_is_never_below_0_and_its_interval_says_so():
    split = parts(noise_of("1", "test_accuracy", {"split": [0.88, 0.90, 0.92, 0.93]}, m=100, pool=1000))["split"]
    assert split.variance.value == split.variance.low == 0
    assert split.variance.high > 0
    split = parts(noise_of("1", "test_accuracy", {"split": [0.90, 0.90, 0.91, 0.91]}, m=100, pool=1000))["split"]
    assert (split.variance.value, split.variance.high) == (0, None)  # an interval of no width is none


def test_the_interval_of_few_runs_is_that_of_chi_squared():
    from scipy.stats import chi2

    draws = variance_draws([0.90, 0.91, 0.92], stream(0, "bootstrap"), 200_000)
    assert np.quantile(draws, 0.025) == pytest.approx(2e-4 / chi2.ppf(0.975, 2), rel=0.01)
    assert np.quantile(draws, 0.975) == pytest.approx(2e-4 / chi2.ppf(0.025, 2), rel=0.05)


def test_the_interval_of_more_runs_is_that_of_bonett():
    """ln s² + ln c ± z·se for 0, 1, …, 11, worked by hand: no value is trimmed other than in pairs, so x_t = 5.5."""
    x = np.arange(12.0)
    s2, kurtosis = 13.0, 12 * ((x - 5.5) ** 4).sum() / ((x - 5.5) ** 2).sum() ** 2
    c = 12 / (12 - 1.959964)
    error = c * np.sqrt((kurtosis - 9 / 12) / 11)
    draws = variance_draws(x, stream(0, "bootstrap"), 200_000)
    for share, sign in ((0.025, -1), (0.975, 1)):
        assert np.quantile(draws, share) == pytest.approx(c * s2 * np.exp(sign * 1.959964 * error), rel=0.02)


def test_runs_that_agree_show_no_variance_and_no_interval():
    found = noise_of("1", "test_accuracy", {"init": [0.9] * 4, "order": [0.9, 0.91, 0.9, 0.92]}, m=100)
    init = parts(found)["init"]
    assert (init.variance.value, init.variance.low, init.share.low) == (0, None, None)
    texts = [verdict.text for verdict in noise_verdicts(found)]
    assert (
        "All runs agree that vary initial weights (4): so few show no variance, which is not to say that" in texts[-2]
    )
    assert "With 4 runs of a source its interval assumes normally distributed accuracies; from 10 on" in texts[-1]
    assert noise_table(found, "noise", "Noise").rows[0].cells[3].text == "–"


def test_no_noise_at_all_is_said_and_is_no_number_that_is_none():
    found = noise_of("1", "test_accuracy", {"init": [1.0] * 4, "order": [1.0] * 4}, [1.0] * 4, m=100)
    assert [verdict.text for verdict in noise_verdicts(found)] == [
        "The test accuracy of setting 1 is 100.00 % in all runs: no noise is seen."
    ]
    assert [row.cells[2].text for row in noise_table(found, "noise", "Noise").rows] == ["0.00"] * 5


def test_known_parts_are_found():
    """120 simulated studies of 20 runs a source: 95 % intervals hold in 88 % at least, and estimates are unbiased."""
    rng = np.random.default_rng(1)
    found = [study(rng, 20, normal) for _ in range(120)]
    assert min(coverage(found).values()) > 88  # 2.2 points are a standard error
    for source, value in truth().items():
        estimates = [parts(noise)[source].variance.value for noise in found]
        assert np.mean(estimates) == pytest.approx(value, rel=0.3 if source == "split" else 0.12)
    assert np.mean([noise.together.ratio.low < 1 < noise.together.ratio.high for noise in found]) > 0.9


def test_where_runs_agree_the_finite_set_has_no_share_without_width():
    """√(0.98·0.02/50) is 1.98 points."""
    found = noise_of("1", "test_accuracy", {"init": [0.98] * 4, "order": [0.98] * 4}, m=50)
    assert parts(found)["examples"].share.low is None
    assert [verdict.text for verdict in noise_verdicts(found)] == [
        "The test accuracy of setting 1 is 98.00 % in all runs: no noise is seen but that of the finite test set (50 "
        "examples), 2.0 points.",
        "All runs agree that vary initial weights (4) and order of examples (4): so few show no variance, which is not "
        "to say that there is none.",
    ]


# -- in a study


STUDY = {
    "seeds": 12,
    "vary": ["init", "order", "split"],
    "phase": [
        {"name": "initial weights", "vary": ["init"]},
        {"name": "order", "after": "main", "vary": ["order"]},
        {"name": "split", "after": "main", "vary": ["split"]},
    ],
}


def tell(setting, seed):
    """All together, and each of the three, with a spread of its own."""
    width = {"1": 5, "1_1": 3, "1_2": 2, "1_3": 4}[setting.label]
    return Outcome(0.8 + width * 0.001 * (seed * 7 % 12))


def test_the_chapter_s_numbers_are_those_of_the_records(make_results):
    summary = summarize(Results.open(make_results(STUDY, tell)))
    (noise,) = noises(summary)
    by = parts(noise)
    step = np.var(np.arange(12) * 0.001, ddof=1)
    assert by["init"].variance.value == pytest.approx(9 * step)
    assert by["order"].variance.value == pytest.approx(4 * step)
    assert by["split"].variance.value == pytest.approx(16 * step)  # the test part is the data's own
    assert noise.pool is None
    assert noise.together.variance.value == pytest.approx(25 * step)
    assert noise.together.ratio.value == pytest.approx(29 / 25)
    assert (noise.metric, noise.m, noise.label) == ("test_accuracy", 50, "1")
    texts = [verdict.text for verdict in noise_verdicts(noise)]
    assert texts[0].startswith("Where the noise of the test accuracy of setting 1 (81.75 %) comes from: finite test")
    assert " test set (50 examples) 89 % (" in texts[0]
    assert "of the sum of variances, of 12 runs for each source that is drawn anew while the others stay" in texts[0]
    assert "the accuracy on these 50 examples has a standard deviation of 1.8 points (" in texts[1]
    assert "alone shows 1.1 (initial weights), 0.72 (order of examples) and 1.4 (split)." in texts[1]
    assert "come to 1.16 times (" in texts[2]


def test_a_phase_without_vary_varies_its_sources_together(make_results):
    tables = {"seeds": 6, "phase": [{"name": "w", "vary": ["init"]}, {"name": "o", "after": "main", "vary": ["order"]}]}
    (noise,) = noises(summarize(Results.open(make_results(tables, tell))))
    assert (noise.together.n, [part.n for part in noise.parts]) == (6, [6, 6, 50])
    more = {"network": {"hidden": 6, "dropout": 0.5}, **tables}  # whose masks the plain phase draws anew as well
    (noise,) = noises(summarize(Results.open(make_results(more, tell))))
    assert noise.together is None
    text = noise_verdicts(noise)[1].text
    assert "no runs vary initial weights and order of examples at once and nothing else." in text


@pytest.mark.parametrize("batch_size", ["full", 10_000])
def test_a_source_that_changes_nothing_has_no_share(make_results, batch_size):
    """All examples in one batch: their order is no source of noise, and the initial weights are the only one."""
    whole = {"training": {"batch_size": batch_size}, "seeds": 6}
    both = [{"name": "w", "vary": ["init"]}, {"name": "o", "after": "main", "vary": ["order"]}]
    summary = summarize(Results.open(make_results({**whole, "phase": both}, tell)))
    (noise,) = noises(summary)
    assert [part.source for part in noise.parts] == ["init", "examples"]
    assert [(one.source, one.n) for one in noise.still] == [("order", 6)]
    assert summary.phases[0].sources == ("init",)
    said = "Setting 1 is the same in all 6 runs that vary order of examples: a batch holds all training examples, and"
    assert any(verdict.text.startswith(said) for verdict in noise_verdicts(noise))
    folder = make_results({**whole, "vary": ["order"]}, lambda setting, seed: Outcome(0.8), name="order")
    (alone,) = noises(summarize(Results.open(folder)))
    assert alone.parts == ()
    assert [verdict.text.partition(":")[0] for verdict in noise_verdicts(alone)] == [
        "The test accuracy of setting 1 is 79.00 % in all runs",
        "Setting 1 is the same in all 6 runs that vary order of examples",
    ]
    (block,) = noise_chapter(summarize(Results.open(folder))).blocks  # the sentences, and nothing to split
    assert [verdict.kind for verdict in block.items] == ["note", "note"]
    notes = Results.open(folder).plan["notes"]
    assert notes == [
        "the seeds vary order of examples, which changes nothing in a setting where a batch holds all training "
        "examples, and sums in another order differ by rounding alone: all of its runs are the same, and one seed says "
        "as much"
    ]


def test_runs_that_are_lost_are_named(make_results):
    def lose(setting, seed):
        fate = {1: {"status": "diverged"}, 2: {"status": "pending"}, 3: {"collapsed": 0}}.get(seed, {})
        return Outcome(0.1 if seed == 3 else tell(setting, seed).accuracy, **(fate if setting.label == "1_1" else {}))

    (noise,) = noises(summarize(Results.open(make_results({**STUDY, "phase": STUDY["phase"][:1]}, lose))))
    texts = [verdict.text for verdict in noise_verdicts(noise)]
    assert (noise.together, noise.parts[0].n) == (None, 10)  # one source has nothing to act together with
    assert "1 run collapsed; these variances hold it like all others." in texts
    assert "1 run diverged or failed: these variances are those of the runs that did not." in texts


def test_less_than_the_variance_together_is_the_luck_of_the_first_seed():
    """Efron and Stein 1981: on average the parts come to the variance of all sources together, or to more."""
    rng = np.random.default_rng(0)
    little, much = ((0.9 + s * rng.standard_normal((3, 30))).tolist() for s in (0.001, 0.01))
    texts = [
        noise_verdicts(noise_of("1", "test_accuracy", {"init": x[0], "order": x[1]}, y[2], m=100))[2].text
        for x, y in ((little, much), (much, little))
    ]
    assert "beside other first seeds they make more" in texts[0]
    assert "one of them moves what another moves too" in texts[1]


def test_runs_that_vary_everything_and_agree_have_no_ratio():
    found = noise_of("1", "test_accuracy", {"init": [0.9, 0.91, 0.9], "order": [0.9, 0.92, 0.9]}, [0.9] * 3, m=100)
    assert (found.together.variance.value, found.together.ratio) == (0, None)
    assert "a standard deviation of 0.00 points (n = 3)" in noise_verdicts(found)[1].text
    assert noise_table(found, "noise", "Noise").rows[-1].cells[2].text == "0.00"


def test_splits_share_training_examples(make_results):
    """s²·(1/n + n₂/n₁), Nadeau and Bengio 2003: 20 validate and 40 train in the split of each seed."""
    from scipy.stats import t

    def outcome(setting, seed):
        return Outcome((0.9 if setting.label == "1" else 0.8) + 0.01 * (seed * int(setting.label) % 3))

    tables = {"seeds": 8, "vary": ["split"], "grid": {"training": {"optimizer": {"lr": [0.1, 0.01]}}}}
    results = Results.open(make_results(tables, outcome))
    phase = summarize(results).phases[0]
    one, other = (np.array(list(s.samples["val_accuracy"].values.values())) for s in phase.settings)
    counts = phase.settings[0].dataset.counts
    assert phase.overlap == counts["validation"] / counts["train"]
    factor = 1 / 8 + phase.overlap
    interval = phase.settings[0].samples["val_accuracy"].interval
    assert interval.high - interval.low == pytest.approx(2 * t.ppf(0.975, 7) * np.sqrt(one.var(ddof=1) * factor))
    row = hg.compare(results, "1", "2").set_index("metric").loc["val_accuracy"]
    d = one - other
    assert row.p == pytest.approx(2 * t.sf(abs(d.mean()) / np.sqrt(d.var(ddof=1) * factor), 7))
    assert np.isnan(row.sign_flip_p)
    trained = hg.compare(results, "1", "2").set_index("metric").loc["train_accuracy"]  # scored on shared examples
    factor = 1 / 8 + counts["train"] / counts["validation"]
    assert trained.p == pytest.approx(2 * t.sf(abs(d.mean()) / np.sqrt(d.var(ddof=1) * factor), 7))
    assert np.isnan(trained.sign_flip_p)
    assert row.holds_for == trained.holds_for == "other seeds and other splits of these examples"
    assert phase.settings[0].overlap("test_accuracy") == 0  # a test part of its own, the same for every seed
    plain = summarize(Results.open(make_results({**tables, "vary": ["init"]}, outcome))).phases[0]
    assert plain.overlap == 0
    assert phase.conclusions.against["2"].high - phase.conclusions.against["2"].low > 1.5 * (
        plain.conclusions.against["2"].high - plain.conclusions.against["2"].low
    )


def test_every_spread_says_which_sources_it_includes(make_results):
    summary = summarize(Results.open(make_results(STUDY, tell)))
    main, first = summary.phases[:2]
    assert main.sources == ("init", "order", "split")
    assert (main.apart, first.apart) == (False, True)
    assert summary.leading is main  # a phase that measures noise has chosen nothing
    assert leading_verdicts(summary) == []
    assert len(first.settings) == 1  # what it starts from has runs that vary other things
    from handgrad.report.findings.wording import spread

    assert spread(main.settings[0].samples["val_accuracy"], "val_accuracy").endswith(
        "(n = 12, ddof 1, over initial weights, order of examples, split)"
    )
    text = conditional(summary)[0].text
    assert text == (
        "Intervals hold for other seeds and other splits of these examples: each seed has 20 validation examples of "
        "its own."
    )


def test_without_vary_nothing_is_said_and_the_sources_are_known(make_results):
    summary = summarize(Results.open(make_results()))
    assert noises(summary) == []
    assert summary.phases[0].sources == ("init", "order")  # no dropout, no masks
    assert summary.settings[0].samples["val_accuracy"].sources == ()
    assert summary.phases[0].over_seeds == "over seeds"


def test_one_run_of_a_source_is_none(make_results):
    folder = make_results({**STUDY, "seeds": 1}, lambda setting, seed: Outcome(0.8))
    assert noises(summarize(Results.open(folder))) == []
