"""What to try next: beyond the ends of what was listed, more seeds, or nothing."""

from handgrad.report.findings.importance import importances
from handgrad.report.findings.next_steps import next_steps
from handgrad.report.findings.summarize import summarize
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

GRID = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1, 1.0]}}}}


def said(folder):
    summary = summarize(Results.open(folder))
    return [verdict.text for verdict in next_steps(summary, importances(summary))]


def by_label(*accuracies):
    return lambda setting, seed: Outcome(accuracies[int(setting.label) - 1] + 0.001 * seed)


def test_the_best_at_an_end_of_what_was_listed(make_results):
    (text,) = said(make_results(GRID, by_label(0.2, 0.5, 0.95)))
    assert text == "What to try next: lr above 1 (the largest tried)."
    (text,) = said(make_results(GRID, by_label(0.95, 0.5, 0.2), name="low"))
    assert text == "What to try next: lr below 0.01 (the smallest tried)."


def test_the_best_between_near_neighbours_calls_for_nothing(make_results):
    grid = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.03, 0.1, 0.3]}}}}
    (text,) = said(make_results(grid, by_label(0.2, 0.95, 0.5)))
    assert text.startswith("What to try next: nothing that these runs call for; the best lies inside the values tried")


def test_neighbours_of_the_best_that_are_far_and_worse_call_for_values_between(make_results):
    begin = "What to try next: lr between"
    (text,) = said(make_results(GRID, by_label(0.2, 0.95, 0.5)))
    assert text == f"{begin} 0.01 and 1 (0.1 is the best tried, and both next values are a factor of 10 or more away)."
    (text,) = said(
        make_results(
            GRID, lambda s, seed: Outcome(0.9 + 0.001 * seed, "done" if s.label == "2" else "diverged"), name="d"
        )
    )
    assert text.startswith(f"{begin} 0.01 and 1 (0.1 is the best tried")
    grid = {"seeds": 3, "grid": {"training": {"optimizer": {"lr": [0.05, 0.1, 1.0]}}}}
    (text,) = said(make_results(grid, by_label(0.2, 0.95, 0.5), name="one"))
    assert text == (
        f"{begin} 0.1 and 1 (0.1 is the best tried, and the next larger one is a factor of 10 or more away)."
    )


def test_no_step_for_what_is_shown_to_matter_little(make_results):
    tables = {
        "seeds": 3,
        "grid": {"training": {"optimizer": {"lr": [0.01, 0.02, 0.04]}}, "network": {"hidden": [4, 6]}},
    }

    def tell(setting, seed):
        lr, hidden = setting.axes["training.optimizer.lr"], setting.axes["network.hidden"]
        return Outcome(0.9 - 0.3 * (lr != 0.02) + 0.002 * (hidden == 6) + 0.025 * seed)

    (text,) = said(make_results(tables, tell))
    assert "hidden" not in text
    assert "lies inside" not in text  # the largest width is the best


def test_seeds_that_would_decide(make_results):
    folder = make_results(GRID, by_label(0.7, 0.9, 0.8))
    found = summarize(Results.open(folder)).leading.conclusions
    n, other = min((one.more_seeds, label) for label, one in found.against.items() if one.more_seeds)
    (text,) = said(folder)
    seeds = f"{n} further seed{'s' * (n > 1)} of settings 2 and {other}"
    seeds += ", which would decide between them if means and spreads stay as seen"
    assert text.removesuffix(" (1 other would need as many or more).") == f"What to try next: {seeds}"


def test_a_setting_that_is_ahead_and_misses_a_run_is_the_first_thing_to_try(make_results):
    def tell(setting, seed):
        status = "failed" if (setting.label, seed) == ("3", 1) else "done"
        return Outcome(0.7 + 0.1 * int(setting.label) + 0.001 * seed, status)

    (text,) = said(make_results(GRID, tell))
    assert text.startswith(
        "What to try next: the missing runs of setting 3, which is better than the best on shared seeds"
    )


def test_words_have_no_inside(make_results):
    grid = {"seeds": 3, "grid": {"network": {"activation": ["relu", "tanh", "sigmoid"]}}}
    (text,) = said(make_results(grid, by_label(0.2, 0.95, 0.5)))
    assert text == "What to try next: nothing that these runs call for; no other setting is left open."


def test_a_list_of_widths_beside_single_ones_has_no_end(make_results):
    grid = {"seeds": 3, "grid": {"network": {"hidden": [4, 6, 8, [6, 6]]}}}
    (text,) = said(make_results(grid, by_label(0.2, 0.3, 0.5, 0.95)))
    assert text.startswith("What to try next: nothing that these runs call for")


def test_nothing_is_said_while_runs_are_missing_or_nothing_was_compared(make_results):
    assert said(make_results(GRID, lambda s, seed: Outcome(0.9, "pending" if seed else "done"))) == []
    assert said(make_results({"seeds": 3}, name="one")) == []
