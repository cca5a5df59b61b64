"""Who trained what when, from stretches that are made up."""

import pytest

from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.timeline_facts import timeline_facts
from tests.records import DONE, made_record


def setting(label, **stretches):
    """seed0=[(worker, began, ended, until), …]"""
    runs = []
    for name, own in stretches.items():
        times = [dict(zip(("worker", "began", "ended", "until"), one, strict=True)) for one in own]
        seed = int(name.removeprefix("seed"))
        runs.append(RunFacts(name, seed, "done", made_record(seed=seed, time={**DONE["time"], "stretches": times})))
    return SettingSummary(label, {}, {}, tuple(runs), {})


def test_pauses_and_promotions_are_stretches_of_one_run():
    facts = timeline_facts(
        [
            setting("1", seed0=[("a", 100.0, 102.0, 3), ("b", 106.0, 110.0, 6)]),
            setting("2", seed0=[("b", 100.5, 105.0, 3)]),
        ]
    )
    assert facts is not None
    assert [(o.worker, o.label, o.number, o.since, o.until) for o in facts.stretches] == [
        (0, "1", 0, 0, 3),
        (1, "2", 0, 0, 3),
        (1, "1", 1, 3, 6),
    ]
    assert (facts.workers, facts.start, facts.span) == (2, 100.0, 10.0)
    assert facts.busy == pytest.approx((2 + 4.5 + 4) / 20)


def test_a_night_is_cut_out_and_workers_of_the_next_day_take_the_same_numbers():
    day = 86_400.0
    facts = timeline_facts(
        [
            setting("1", seed0=[("a", 0.0, 10.0, 3)], seed1=[("b", 1.0, 9.0, 3)]),
            setting("2", seed0=[("c", day, day + 10, 3)], seed1=[("d", day + 1, day + 8, 3)]),
        ]
    )
    assert facts is not None
    assert facts.workers == 2
    assert facts.cuts == ((10.0, day),)
    assert facts.place(day + 4) == pytest.approx(14.0)
    assert facts.span == pytest.approx(20.0)


def test_runs_that_share_a_program_have_a_place_each():
    facts = timeline_facts([setting(str(n), seed0=[("a", 0.0, 10.0 + n, 3)]) for n in range(3)])
    assert facts is not None
    assert facts.workers == 1
    assert [one.place for one in facts.stretches] == [0, 1, 2]
    assert facts.busy == 1


def test_clocks_of_two_machines_that_disagree_give_no_negative_time():
    """The second machine's clock is three seconds behind, so a run seems to go on before it paused."""
    facts = timeline_facts([setting("1", seed0=[("a", 100.0, 110.0, 3), ("b", 107.0, 117.0, 6)], seed1=[])])
    assert facts is not None
    assert [(one.worker, one.since, one.until) for one in facts.stretches] == [(0, 0, 3), (1, 3, 6)]
    assert (facts.span, facts.cuts) == (17.0, ())
    assert 0 < facts.busy <= 1
    assert facts.untimed == 1  # the run of an earlier version beside it is counted


def test_records_of_earlier_versions_say_nothing():
    assert timeline_facts([setting("1", seed0=[])]) is None
    assert timeline_facts([]) is None
