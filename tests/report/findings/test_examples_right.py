"""Which examples the settings of a phase get right: paired by example, or the reason why not."""

import json
import shutil

import numpy as np
import pytest

import handgrad as hg
from handgrad.report.findings.examples_right import right_of_settings
from handgrad.report.findings.summarize import summarize
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

    def load(run_id):
        arrays = dict(results.right(run_id))
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
