"""Which examples the settings of a phase get right: paired by example, or the reason why not."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import handgrad as hg
from handgrad.report.findings.against_best import against_best
from handgrad.report.findings.conclusion_sentences import method_verdicts, phase_verdicts
from handgrad.report.findings.examples_right import right_of_settings
from handgrad.report.findings.summarize import summarize
from handgrad.report.tables.conclusion_tables import against_caption
from handgrad.study import Results

STUDY = {
    "name": "small",
    "seeds": 2,
    "data": {"name": "digits", "train": {"size": 120}, "validation": {"size": 40}, "test": {"size": 50}},
    "network": {"hidden": [6]},
    "training": {"engine": "array", "epochs": 2},
    "grid": {"training.optimizer.lr": [0.01, 0.3, 1e30]},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return hg.run_study(STUDY, tmp_path_factory.mktemp("right") / "a", jobs=1)


@pytest.mark.parametrize(("part", "m"), [("validation", 40), ("test", 50)])
def test_settings_seeds_and_examples(results, part, m):
    found = hg.examples_right(results, "main", part)
    assert (found.settings, found.seeds, found.reason) == (("1", "2", "3"), (0, 1), "")
    assert found.right.shape == (3, 2, m)
    assert found.known.tolist() == [[True, True], [True, True], [False, False]]  # the third diverged
    runs = results.runs().set_index(["label", "seed"])[f"{'val' if part == 'validation' else part}_accuracy"]
    for i, label in enumerate(found.settings[:2]):
        assert found.right[i].mean(axis=1).tolist() == [runs[label, 0], runs[label, 1]]
    assert not found.right[2].any()
    assert (found.right[0] != found.right[1]).any()


def test_unknown_names(results):
    with pytest.raises(hg.HandgradError, match="unknown phase 'first'"):
        hg.examples_right(results, "first")
    with pytest.raises(hg.HandgradError, match="unknown part with bits 'train'"):
        hg.examples_right(results, part="train")


def test_other_examples_are_not_paired(results, tmp_path):
    tables = {**STUDY, "grid": {"data.validation.size": [40, 30]}}
    other = hg.run_study(tables, tmp_path / "b", jobs=1)
    found = hg.examples_right(other)
    assert found.right is None
    assert found.reason == "settings 1 and 2 have other validation examples: they are not paired by example"
    assert hg.examples_right(other, part="test").right.shape == (2, 2, 50)


def test_a_split_for_each_seed_is_not_paired(results):
    """The runs of one setting, as if they had been split apart."""
    settings = summarize(results).phases[0].settings

    def load(run_id, record):
        arrays = dict(results.right(run_id, record))
        if run_id == settings[0].runs[1].id:
            arrays["validation.examples"] = np.array("others")
        return arrays

    found = right_of_settings(settings, load)
    assert found.right is None
    assert found.reason == "validation examples differ between seeds (0 and 1): they are not paired by example"


def test_a_study_without_the_part_and_one_that_has_not_run(results, tmp_path):
    alone = hg.run_study({**STUDY, "data": {**STUDY["data"], "validation": False}}, tmp_path / "c", jobs=1)
    assert hg.examples_right(alone).reason == "setting 1 has no validation part"
    settings = summarize(results).phases[0].settings
    assert right_of_settings(settings[2:], results.right).reason == "no run has ended"


def test_a_record_without_bits_says_so(results, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(results.folder, folder)
    (run, *_) = sorted(path for path in (folder / "runs").iterdir() if (path / "right.npz").exists())
    record = json.loads((run / "record.json").read_text())
    del record["files"], record["sha256"]
    (run / "record.json").write_text(json.dumps(record))
    (run / "right.npz").unlink()
    found = hg.examples_right(Results.open(folder))
    assert found.right is None
    assert "has no bits: an earlier version wrote it" in found.reason


def concluded(results):
    (phase,) = summarize(results).phases
    return phase, phase.conclusions


def test_intervals_of_an_accuracy_are_over_seeds_and_examples(results):
    phase, found = concluded(results)
    assert found.noise == "seeds and examples"
    right = hg.examples_right(results)
    values = right.right.mean(axis=2)
    values[2] = np.nan
    away = np.array([[False] * 2, [False] * 2, [True] * 2])
    best = right.settings.index(found.best)
    byhand = against_best(values, examples=40, diverged=away, floor=0.1, right=right.right, best=best)
    assert {label: one.low for label, one in found.against.items()} == {
        label: one.low for label, one in zip(right.settings, byhand.settings, strict=True)
    }
    alone = against_best(values, examples=40, diverged=away, floor=0.1, best=best)
    assert [one.low for one in alone.settings] != [one.low for one in byhand.settings]
    assert (
        "They hold for other seeds and other examples. What other examples would change is estimated from the 40"
        in (method_verdicts(phase, found)[0].text)
    )
    assert against_caption(phase, found)[-1] == (
        "Intervals of differences hold for other seeds and other examples (by 40 examples, paired by example). "
        "Those of one setting's mean are over seeds and hold for other seeds, on these examples."
    )
    assert set(hg.compare(results, "1", "2")["holds_for"]) == {"other seeds, on these examples"}
    assert results.conclusions()["low"].notna().sum() == 2


def test_without_bits_or_by_another_measure_they_are_over_seeds(results, tmp_path):
    for key, change in {"loss": {"select_by": "val_loss"}, "f1": {"select_by": "val_macro_f1"}}.items():
        other = hg.run_study({**STUDY, **change}, tmp_path / key, jobs=1)
        assert concluded(other)[1].noise == "seeds"
    phase, _ = concluded(results)
    old = replace(phase, bits=lambda settings, part: {})  # as records of an earlier version are read
    assert old.conclusions.noise == "seeds"
    assert "Intervals are over seeds and hold for other seeds, on these examples (40 examples)." in against_caption(
        old, old.conclusions
    )


def test_with_a_split_for_each_seed_they_are_over_seeds(tmp_path):
    tables = {**STUDY, "vary": ["split"], "grid": {"training.optimizer.lr": [0.01, 0.3]}}
    phase, found = concluded(hg.run_study(tables, tmp_path / "split", jobs=1))
    assert found.noise == "seeds"
    assert "other splits of these examples" in " ".join(against_caption(phase, found))


def test_without_a_validation_part_it_is_said_that_nothing_chooses(tmp_path):
    tables = {**STUDY, "data": {**STUDY["data"], "validation": False}, "grid": {"training.optimizer.lr": [0.01, 0.3]}}
    phase, found = concluded(hg.run_study(tables, tmp_path / "none", jobs=1))
    assert found is None
    assert [one.text for one in phase_verdicts(phase)] == [
        "There is no best: winners are chosen by validation accuracy, which no run has."
    ]
