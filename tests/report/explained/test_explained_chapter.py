"""What is said at the top of an explanation's page: who explains all rows, who only comes nearest, and what is left."""

from dataclasses import replace

import pytest

from handgrad.report.explained.explained_chapter import explained_tiles, explained_verdicts
from handgrad.study.explain.space import Alternative, Reading
from tests.report.explained.conftest import ACCURACY, READINGS


def test_a_reading_that_explains_every_row_explains_the_numbers(explained):
    found = explained([0.9, 0.8], [0.3, 0.2], [0.9, 0.8])
    assert found.rungs[0].ranking.explaining == ("1",)
    (verdict,) = explained_verdicts(found)
    assert verdict.text.startswith("loss: half explains the numbers best: 2 of 2 published numbers fit")
    assert verdict.kind == "good"
    assert found.data()["not_explained_by_best"] == []
    assert explained_tiles(found)[0]["term"] == "best reading"


def test_where_every_reading_misses_a_row_none_is_said_to_explain(explained):
    """Each of two readings fits two of four rows: every row is explained by one of them, the table by none."""
    found = explained([0.9, 0.8, 0.9, 0.8], [0.9, 0.8, 0.3, 0.2], [0.3, 0.2, 0.9, 0.8])
    assert found.rungs[0].ranking.unexplained == ()
    texts = [verdict.text for verdict in explained_verdicts(found)]
    assert texts[0].startswith("The file as it stands comes nearest to the numbers and does not explain them: 2 of 4")
    assert "It does not explain Table 1, 3 and Table 1, 4: p < 0.01 after Holm's correction." in texts
    assert "Other readings explain these rows; none explains all rows." in texts
    assert found.data()["not_explained_by_best"] == ["Table 1, 3", "Table 1, 4"]
    assert explained_tiles(found)[0]["term"] == "nearest reading"


def test_many_numbers_that_are_each_somewhat_off_are_off_together(explained):
    """Twelve rows, each two of its standard deviations away, up and down in turn."""
    published = [0.9, 0.85] * 6
    found = explained(published, [0.928, 0.815] * 6, [0.2] * 12)
    (first, *_) = found.rungs[0].ranking.readings
    assert (first.name, found.missed) == ("0", [])
    assert first.p < 0.01
    texts = [verdict.text for verdict in explained_verdicts(found)]
    assert texts[0].startswith("The file as it stands comes nearest to the numbers and does not explain them: 12 of 12")
    assert texts[1].startswith("It explains every row by itself, and not the table as a whole")
    assert explained_tiles(found)[0]["term"] == "nearest reading"


def test_where_the_first_misses_a_row_those_that_explain_all_are_named(explained):
    """The first is nearer in eleven rows and far off in one; the other is somewhat off everywhere."""
    published = [0.9] * 12
    found = explained(published, [0.9] * 11 + [0.8], [0.938] * 12)
    assert found.rungs[0].ranking.explaining == ("1",)
    assert found.best.number == 0
    texts = [verdict.text for verdict in explained_verdicts(found)]
    assert "All rows are explained by “loss: half”, which fit less well over all." in texts


def test_a_row_that_no_reading_explains_is_said(explained):
    found = explained([0.9, 0.5], [0.9, 0.7], [0.2, 0.7])
    texts = [verdict.text for verdict in explained_verdicts(found)]
    assert "does not explain them" in texts[0]
    assert texts[-1] == "No reading explains Table 1, 2: p < 0.01 after Holm's correction under every one."


@pytest.mark.parametrize(("without", "kind"), [(0.9, "note"), (0.1, "slip")])
def test_a_slip_is_an_accusation_only_where_all_readings_not_told_apart_have_it(explained, without, kind):
    """Beside the best, which has the slip, stands another loss: as good as it, or far from the numbers."""
    slip = Alternative("slip", "gradient-doubled", {}, slips=("gradient-doubled",))
    loss = Alternative("loss", "half", {"training.loss": "half-squared-error"})
    sums = Alternative("batch", "sum", {"training.batch_reduction": "sum"})
    readings = (Reading(0), Reading(1, (slip,)), Reading(2, (loss, sums)))
    found = explained([0.9, 0.8], [0.3, 0.2], [0.9, 0.8], [without, without - 0.1])
    verdicts = explained_verdicts(replace(found, readings=readings))
    (said,) = [verdict for verdict in verdicts if "The best reading has a slip: gradient-doubled" in verdict.text]
    assert said.kind == kind
    assert said.text.endswith(" 1 of the 2 readings not told apart is without it.") == (kind == "note")
    named = "Not told apart from it by these numbers: “loss: half; batch: sum”."
    assert (named in [verdict.text for verdict in verdicts]) == (kind == "note")


def test_one_seed_is_said_where_readings_are_not_told_apart(explained):
    found = explained([0.9, 0.8], [0.901, 0.8], [0.9, 0.8])
    rung = found.rungs[0]
    assert len([fit for fit in rung.ranking.readings if fit.group == 0]) == 2
    one, three = ({(n, 0, ACCURACY): values for n in (0, 1)} for values in ((0.9,), (0.9, 0.91, 0.89)))
    said = [
        [verdict.text for verdict in explained_verdicts(replace(found, rungs=(replace(rung, values=values),)))]
        for values in (one, three)
    ]
    assert [sum("[explain] seeds = 3" in text for text in texts) for texts in said] == [1, 0]


def test_readings_that_depart_as_the_best_does_and_in_more_are_named_where_they_did_not_run(explained):
    found = explained([0.9, 0.8], [0.3, 0.2], [0.9, 0.8])
    order = Alternative("order", "fixed", slips=("same-order-every-epoch",))
    more = replace(found, readings=(*READINGS, Reading(2, (order,)), Reading(3, (*READINGS[1].parts, order))))
    texts = [verdict.text for verdict in explained_verdicts(more)]
    assert sum("Not run whole" in text for text in texts) == 1
    (said,) = (text for text in texts if "Not run whole" in text)
    assert said.endswith("as it does and in more, “loss: half; order: fixed”.")
    left = replace(more, alike={3: 1})
    assert not any("Not run whole" in verdict.text for verdict in explained_verdicts(left))
