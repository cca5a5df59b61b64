"""The chapter of a search, from studies that ran and from folders that are made up."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import handgrad as hg
from handgrad.errors import DamagedError, InputError
from handgrad.report.chapters.chapter import FigureBlock, TableBlock, Text, Verdicts
from handgrad.report.chapters.search_chapter import search_chapter
from handgrad.report.findings.search_sentences import NO_DECISIONS, NO_TIMES, brief_verdicts, saved
from handgrad.report.findings.searched import unpaid_of
from handgrad.report.findings.stopping import cost_of
from handgrad.report.findings.summarize import summarize
from handgrad.study.folder.results_folder import Results
from handgrad.study.rules.search_rules import Asha
from tests.report.conftest import Outcome
from tests.report.searches import decided, last_epochs

DRAWN = {"runs": 20, "training": {"optimizer": {"lr": {"uniform": [0.01, 0.1]}}}}
TABLES = {"seeds": 1, "training": {"epochs": 8}, "random": DRAWN}
ASHA = {"grace_period": 2, "reduction_factor": 2}
CURVES = {str(n): [0.5 + (n * 7 % 20) / 50 + 0.003 * e + 0.002 * (n % 3) for e in range(8)] for n in range(1, 21)}
CURVES["3"] = [None] * 8
EVENTS = decided(Asha(**ASHA), CURVES, 8, "val_accuracy")


def told(setting, seed):
    """What decisions say of a setting, and when it was trained: one after the other, with pauses."""
    label, epochs = setting.label, last_epochs(EVENTS)[setting.label]
    times, since = [], 0
    for place, event in enumerate(EVENTS):
        if event["event"] == "arrived" and event["setting"] == label:
            times.append({"worker": "a", "began": 1e9 + place, "ended": 1e9 + place + 0.9, "until": event["epoch"]})
            since = event["epoch"]
    assert since == epochs
    value = CURVES[label][epochs - 1]
    status = "diverged" if value is None else "done" if epochs == 8 else "pruned"
    return Outcome(value or 0.1, status, epochs=epochs, stretches=times)


def blocks_of(folder):
    chapter = search_chapter(summarize(Results.open(folder)))
    return [] if chapter is None else list(chapter.blocks)


def sentences(blocks):
    return [verdict.text for block in blocks if isinstance(block, Verdicts) for verdict in block.items]


@pytest.fixture
def searched(make_results):
    return make_results({**TABLES, "asha": ASHA}, told, decisions={0: EVENTS})


def test_a_search_says_what_it_saved_and_what_that_may_have_cost(searched):
    blocks = blocks_of(searched)
    said = sentences(blocks)
    trained = sum(last_epochs(EVENTS).values())
    stopped = sum(epochs < 8 for label, epochs in last_epochs(EVENTS).items() if label != "3")
    assert said[0].startswith(
        f"[asha] stopped {stopped} of 20 settings short and let {19 - stopped} train to the end; 1 "
    )
    whole = 19 * 8 + 2  # the one that diverged in two epochs would not have trained on
    assert f"trained {trained} of {whole} epochs: {100 * (1 - trained / whole):.0f} % of the work was saved" in said[0]
    assert said[1].startswith(
        f"Had the {stopped} settings that were stopped short gone the way of those that went on (n = "
    )
    assert "with probability below 1 %; with 95 % probability nothing was lost." in said[1]
    assert "A setting that starts slowly and overtakes later is not foreseen." in said[1]
    assert "Method: a line from each level to the next" in said[1]
    assert "rank correlation 1.00 (n = " in said[2]
    names = [block.figure.name for block in blocks if isinstance(block, FigureBlock)]
    assert names == ["search-history", "rungs", "timeline"]
    (table,) = (block.table for block in blocks if isinstance(block, TableBlock))
    reached = [row.cells[1].values[0] for row in table.rows]
    assert reached == [sum(event["event"] == "arrived" and event["epoch"] == e for event in EVENTS) for e in (2, 4, 8)]
    assert table.rows[0].cells[4].values == (1,)


def test_what_a_spent_budget_kept_back_was_not_stopped_by_the_rule(searched):
    facts = summarize(Results.open(searched)).phases[0].search
    assert (facts.unpaid, facts.unbegun) == (0, 0)
    stopped = facts.count("stopped")
    text = saved(replace(facts, unpaid=2, unbegun=1)).text
    assert text.startswith(
        f"[asha] stopped {stopped - 2} of 20 settings short and let {19 - stopped} train to the end; "
    )
    assert " The budget was spent: 2 more did not go on and 1 setting was not begun. Runs trained" in text


def test_who_would_have_gone_on_is_what_the_rule_says_of_the_decisions():
    """η = 2: of settings at the first rung half go on; of four, of which none went on, two would have."""
    begun = [{"event": "begun", "setting": str(n), "until": 2} for n in range(4)]
    arrived = [{"event": "arrived", "setting": str(n), "epoch": 2, "value": 0.5 + n / 10} for n in range(4)]
    named = {str(n): SimpleNamespace(label=str(n), setting={"training": {"epochs": 4}}) for n in range(4)}
    assert unpaid_of(Asha(**ASHA), [*begun, *arrived], named, "val_accuracy") == 2
    promoted = [{"event": "promoted", "setting": "3", "until": 4}]
    assert unpaid_of(Asha(**ASHA), [*begun, *arrived, *promoted], named, "val_accuracy") == 1


def test_its_history_has_the_best_of_those_that_came_to_the_end(searched):
    (history, _, timeline) = (block.figure for block in blocks_of(searched) if isinstance(block, FigureBlock))
    by_settings, by_epochs, by_time = history.panels
    assert [len(one.x) for one in by_settings.dots] == [
        sum(epochs == 8 for epochs in last_epochs(EVENTS).values()),
        sum(epochs < 8 for epochs in last_epochs(EVENTS).values()) - 1,
        1,
    ]
    assert max(by_epochs.lines[0].x) == sum(last_epochs(EVENTS).values())
    best = max(curve[7] for label, curve in CURVES.items() if last_epochs(EVENTS)[label] == 8)
    assert by_settings.lines[0].y[-1] == by_time.lines[0].y[-1] == best
    assert list(by_settings.lines[0].y) == sorted(by_settings.lines[0].y)
    stretches = [event for event in EVENTS if event["event"] == "arrived"]
    assert len(timeline.stripes) == len(stretches)
    assert len(timeline.links) == len(stretches) - 20
    assert [text for _, text in timeline.key.blocks] == ["to epoch 2", "to epoch 4", "to epoch 8"]


def test_its_frames_hold_the_same(searched):
    history, rungs, timeline = hg.search_history(searched), hg.rungs(searched), hg.timeline(searched)
    assert list(history["number"]) == list(range(1, 21))
    assert dict(zip(history["setting"], history["epoch"], strict=True)) == last_epochs(EVENTS)
    assert history["spent"].max() == history["trained"].sum() == sum(last_epochs(EVENTS).values())
    assert list(history.loc[history["state"] == "lost", "setting"]) == ["3"]
    assert list(rungs["epoch"]) == [2, 4]
    assert (rungs["went_on"] + rungs["stopped"] + rungs["lost"] == rungs["reached"]).all()
    assert rungs["probability"].max() < 0.01
    assert len(timeline) == sum(event["event"] == "arrived" for event in EVENTS)
    assert str(timeline["began"].dt.tz) == "UTC"


def test_a_figure_of_it_is_made_by_name(searched, tmp_path):
    for kind, options in (("search-history", {"against": "epochs"}), ("rungs", None), ("timeline", None)):
        paths = hg.save_figure(searched, kind, options=options, out=tmp_path, formats=["svg"])
        assert [path.name for path in paths] == [f"{kind}.svg", f"{kind}.csv"]
    assert (tmp_path / "search-history.csv").read_text().count("epochs of all runs") == 20
    with pytest.raises(
        InputError, match=r"options.against holds an unknown measure of work 'epoch'; did you mean 'epochs'"
    ):
        hg.save_figure(searched, "search-history", options={"against": ["epoch"]}, out=tmp_path)


def test_random_search_without_stopping_has_a_history(make_results):
    blocks = blocks_of(make_results(TABLES, lambda setting, seed: Outcome(0.8 - 0.01 * abs(int(setting.label) - 7))))
    (said,) = sentences(blocks)
    assert said.startswith("The best, setting 7, was number 7 of 20 that were drawn; the 13 settings after it ")
    assert [block.figure.name for block in blocks if isinstance(block, FigureBlock)] == ["search-history", "timeline"]


def test_a_grid_is_no_search(make_results, tmp_path):
    folder = make_results()
    assert blocks_of(folder) == []
    lacks = {
        "search-history": r"a history needs a search: settings that are drawn \(\[random\]\) or stopped short",
        "rungs": r"rungs need a search that stops settings short at them \(\[asha\]\); here is none",
    }
    for kind, frame in {"search-history": hg.search_history, "rungs": hg.rungs}.items():
        with pytest.raises(InputError, match=lacks[kind]):
            hg.save_figure(folder, kind, out=tmp_path)
        assert frame(folder).empty


def test_a_grid_on_two_workers_has_a_timeline_among_its_times(make_results):
    def told(setting, seed):
        return Outcome(stretches=[{"worker": f"of seed {seed}", "began": 1e9, "ended": 1e9 + 2, "until": 4}])

    page = hg.build_report(make_results({"seeds": 3}, told), formats=["svg"])
    assert (page.parent / "figures" / "timeline.svg").exists()
    rows = (page.parent / "figures" / "timeline.csv").read_text().splitlines()
    assert {row.split(",")[0] for row in rows[1:]} == {"worker 1", "worker 2", "worker 3"}


def test_records_of_earlier_versions_have_one_sentence(make_results):
    folder = make_results(TABLES, lambda setting, seed: Outcome(0.8, stretches=()))
    blocks = blocks_of(folder)
    assert [block.text for block in blocks if isinstance(block, Text)] == [NO_TIMES]
    (history,) = (block.figure for block in blocks if isinstance(block, FigureBlock))
    assert [panel.x_label for panel in history.panels] == ["settings drawn", "epochs of all runs"]
    assert "epochs too, as records do not say when settings ended" in history.caption
    assert list(hg.timeline(folder).columns)[:3] == ["worker", "place", "setting"]


def test_a_failed_run_has_no_time_and_hides_none_of_the_others(make_results):
    def told(setting, seed):
        return Outcome(0.8, "failed" if setting.label == "3" else "done")

    blocks = blocks_of(make_results(TABLES, told))
    (history,) = (b.figure for b in blocks if isinstance(b, FigureBlock) and b.figure.name != "timeline")
    assert [[len(one.x) for one in panel.dots] for panel in history.panels] == [[19, 0, 1], [19, 0, 1], [19, 0, 0]]
    assert "epochs in that in which settings ended" in history.caption
    (lost,) = (row for row in history.table()[1] if str(row[1]).startswith("diverged") and row[0] == "settings drawn")
    assert lost[4:] == [None, None, None]  # it is drawn at the edge, which is not its value
    assert history.inside(np.array([np.nan]))[0] < history.inside(np.array([0.8]))[0]


def test_decisions_of_a_search_that_the_study_had_before_say_nothing_of_this_one(make_results):
    tell = lambda setting, seed: Outcome(0.8 - 0.01 * abs(int(setting.label) - 7))  # noqa: E731
    first = make_results(TABLES, tell, name="first")
    left = make_results(TABLES, tell, name="left", decisions={0: EVENTS})
    assert hg.search_history(left).equals(hg.search_history(first))


def test_epochs_that_early_stopping_saved_are_not_those_of_the_search(make_results):
    """Of two settings the first goes on and stops early by itself, the second is stopped."""
    curves = {"1": [0.8] * 8, "2": [0.7] * 8}
    tables = {**TABLES, "random": {**DRAWN, "runs": 2}, "asha": ASHA}
    told = {"1": Outcome(0.8, "done", epochs=6), "2": Outcome(0.7, "pruned", epochs=2)}
    events = decided(Asha(**ASHA), curves, 8, "val_accuracy")
    said = sentences(blocks_of(make_results(tables, lambda setting, seed: told[setting.label], decisions={0: events})))
    assert "Runs trained 8 of 14 epochs: 43 % of the work was saved" in said[0]


def test_without_its_decisions_it_is_said(make_results):
    blocks = blocks_of(make_results({**TABLES, "asha": ASHA}, told))
    assert sentences(blocks) == [NO_DECISIONS]
    assert not [block for block in blocks if isinstance(block, TableBlock)]


def test_altered_decisions_are_named(searched):
    path = searched / "decisions" / "0.jsonl"
    path.write_text(path.read_text().replace('"epoch": 4', '"epoch": 8', 1))
    with pytest.raises(DamagedError, match=r"0\.jsonl: line \d+ was altered"):
        summarize(Results.open(searched))


@pytest.mark.parametrize("status", ["diverged", "failed", "pending"])
def test_a_search_of_which_nothing_came_is_reported(make_results, status):
    folder = make_results(TABLES, lambda setting, seed: Outcome(status=status))
    page = hg.build_report(folder, formats=[])
    text = page.read_text("utf-8")
    assert "nan" not in text.split("<script")[0]


def test_one_setting_is_a_search_too(make_results):
    tables = {**TABLES, "random": {**DRAWN, "runs": 1}, "asha": ASHA}
    curves = {"1": [0.5 + 0.01 * epoch for epoch in range(8)]}
    events = decided(Asha(**ASHA), curves, 8, "val_accuracy")
    folder = make_results(tables, lambda setting, seed: Outcome(0.57, epochs=8), decisions={0: events})
    said = sentences(blocks_of(folder))
    assert said[0].startswith("[asha] stopped 0 of 1 setting short and let 1 train to the end.")
    assert said[1] == "No setting was stopped short, so that nothing was lost by it."
    hg.build_report(folder, formats=["svg"])


def test_a_search_that_goes_on_says_what_it_has(make_results):
    def half(setting, seed):
        return Outcome(status="interrupted") if int(setting.label) > 10 else told(setting, seed)

    folder = make_results({**TABLES, "asha": ASHA}, half, decisions={0: EVENTS})
    phase = summarize(Results.open(folder)).phases[0]
    (said,) = brief_verdicts(phase, cost_of(phase.search))
    ended = sum(epochs == 8 and int(label) <= 10 for label, epochs in last_epochs(EVENTS).items())
    assert said.text == (
        f"The search is not over. Of 20 settings so far {ended} trained to the end, 1 diverged or failed and "
        f"{19 - ended} waiting or on the way; their runs trained {sum(last_epochs(EVENTS).values())} epochs. What "
        "stopping settings short saved and may have cost is said then."
    )
    history = next(block.figure for block in blocks_of(folder) if isinstance(block, FigureBlock))
    assert "10 settings waiting or on the way: not shown." in history.caption
    rungs = hg.rungs(folder)
    assert rungs["reached"].tolist() == [
        sum(event["event"] == "arrived" and event["epoch"] == epoch for event in EVENTS) for epoch in (2, 4)
    ]
    assert rungs["winner_rank"].isna().all()
    hg.build_report(folder, formats=[])


def test_a_probability_that_few_settings_tell_of_says_so(make_results):
    """Rungs that say nothing of the end, to which few settings come."""
    noise = np.random.default_rng(1).uniform(0.6, 0.9, (20, 8))
    curves = {str(n): noise[n - 1].tolist() for n in range(1, 21)}
    events = decided(Asha(**ASHA), curves, 8, "val_accuracy")
    last = last_epochs(events)

    def noisy(setting, seed):
        epochs = last[setting.label]
        return Outcome(curves[setting.label][epochs - 1], "done" if epochs == 8 else "pruned", epochs=epochs)

    phase = summarize(Results.open(make_results({**TABLES, "asha": ASHA}, noisy, decisions={0: events}))).phases[0]
    cost = cost_of(phase.search)
    assert cost.probability > 0.05
    assert min(cost.pairs) < 10
    assert f"As few as {min(cost.pairs)} settings tell of it" in brief_verdicts(phase, cost)[1].text


@pytest.mark.parametrize("rule", ["promote", "stop"])
def test_a_search_whose_every_run_diverged_before_a_rung_is_reported(rule, tmp_path):
    tables = {
        "name": "lost",
        "seeds": 3,
        "data": {"name": "digits", "train": {"size": 100}},
        "network": {"hidden": [8]},
        "training": {"epochs": 4, "batch_size": 10},
        "grid": {"training.optimizer": [{"name": "sgd", "lr": 1e30}, {"name": "sgd", "lr": 1e31}]},
        "asha": {"grace_period": 1, "reduction_factor": 2, "rule": rule},
    }
    results = hg.run_study(tables, tmp_path / "a", jobs=1)
    page = hg.build_report(results).read_text(encoding="utf-8")
    assert "2 settings diverged or failed" in page
    assert "6 runs diverged" in page
