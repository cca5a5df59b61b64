"""The table of checks, and all that they find in the studies that the package comes with."""

import pytest

from handgrad.report.reproduced.checks.evidence import Finding, evidence_of
from handgrad.report.reproduced.checks.original_checks import CHECKS, Check, find_errors
from handgrad.study import load_study
from handgrad.study.reading.setting_refs import SettingRefs
from tests.report.reproduced.checks.made_up import evidence

# examples of the classes 0 to 9 of MNIST, and a stratified half of its test part
TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
VALIDATION = [490, 567, 516, 505, 491, 446, 479, 514, 487, 505]
HALF = [whole - part for whole, part in zip(TEST, VALIDATION, strict=True)]
PARTS = {
    "eee443": (TRAIN, None, TEST),
    "eee543": (TRAIN, VALIDATION, HALF),
    "project3": (TRAIN, VALIDATION, HALF),
    "earin": ([4800] * 10, [1200] * 10, TEST),
    "fashion": ([5500] * 10, [500] * 10, [1000] * 10),
    "cifar": ([4500] * 10, [500] * 10, [1000] * 10),
}
FOUND = {  # study: the name of every check that finds something, with what its sentences must say
    "eee443": {
        "chosen-on-test": ["Table 1 (row 9)"],
        "noise": ["The best, row 9 (98.63), is not separated from 5, 8, 6, 2, 3, 7, 9_1, 4 and 1."],
        "caption": ["says lr 0.01 of rows 1, 5 and 7, but row 5 has lr 0.05; with it row 4 would fit."],
    },
    "eee543": {
        "class-counts": ["class 1 has 1,136, the data set 1,135; class 9 has 1,008, the data set 1,009."],
        "best-in-print": ["row 6 is said to be best by test accuracy", "best is row 3 (0.886 ± 0.002)"],
        "chosen-on-test": ["By validation accuracy Table 3 would have given row 6 (0.888 ± 0.002)."],
        "collapsed-seeds": [
            "Table 3, row 9: test accuracy 0.627 ± 0.371 over 3 seeds fits 2 at 0.889 and 1 at 0.102",
            "Table 3, row 10: test accuracy 0.158 ± 0.059 over 3 seeds fits 1 at 0.241 and 2 at 0.116",
            "Table 5, batch 10: test accuracy 0.101 ± 0.010 over 3 seeds fits 3 networks that predict a single class",
        ],
        "noise": ["row 3 (0.886 ± 0.002), is not shown to differ from 6 and 9", "is not shown to differ from batch 50"],
        "contradiction": ["the factor of a − y in the gradient of the loss: 1 (eq. 5) and 2 (eq. 13)."],
    },
    "earin": {
        "noise": ["The best, row 5 (0.9708), is not separated from 12."],
        "equal-losses": ["cross-entropy on softmax and nll on log-softmax are the same function"],
        "unseen-output": ["log-softmax before multi-margin changes nothing"],
        "loss-ranking": ["row 12 (0.0073) was chosen by a loss", "row 5 (0.9708), trained for 6 of at most 10 epochs."],
        "drawn-range": ["all 25 published values lie at or below 0.01", "a probability of 4e-05."],
    },
    "project3": {
        "contradiction": [
            "the epochs of the CNN: 100 (l. 118), 10 (Fig. 6) and 70 (l. 137).",
            "the grid of the 64 templates: 64 × 64 (l. 101) and 8 × 8 (Fig. 5).",
            "the images of Fig. 1: training images (caption) and test images (l. 16).",
        ]
    },
    "fashion": {
        "best-in-print": ["8: 512, 256, 128, 64 relu is said to be best", "best is 7: 512, 128, 64 relu (0.864)."],
        "chosen-on-test": ["Learning rates (lr 0.001) and Architectures"],
        "noise": ["The best, batch 1024 (0.840), is not separated from batch 128, batch 2048 and batch 4096."],
    },
    "cifar": {"noise": ["at validation accuracy ≈ 0.50 differences below 2.0 points are within two standard errors."]},
}


@pytest.mark.parametrize("name", FOUND)
def test_what_is_found_in_a_study_without_any_run(name):
    parts = zip(("train", "validation", "test"), PARTS[name], strict=True)
    counts = {part: {str(i): n for i, n in enumerate(table)} for part, table in parts if table}
    found: dict[str, str] = {}
    for error in find_errors(evidence_of(SettingRefs(load_study(name)), counts=counts)):
        found[error.check.name] = f"{found.get(error.check.name, '')} {error.finding.text}"
    assert list(found) == list(FOUND[name])
    for check, sentences in FOUND[name].items():
        for sentence in sentences:
            assert sentence in found[check]
    assert found.get("collapsed-seeds", "").count(" over 3 seeds fits ") in (0, 3)


def test_what_needs_the_data_is_not_said_where_the_data_are_not_known():
    names = {error.check.name for error in find_errors(evidence_of(SettingRefs(load_study("eee543"))))}
    assert {"best-in-print", "chosen-on-test", "contradiction"} <= names
    assert "class-counts" not in names


def test_a_check_of_ones_own(monkeypatch):
    own = Check("own", "anything", lambda one: [Finding("Table 1", "It is so.")])
    monkeypatch.setitem(CHECKS, "own", own)
    (found,) = find_errors(evidence())
    assert found.text == "It is so. [own]"
    assert found.data() == {"check": "own", "where": "Table 1", "text": "It is so.", "numbers": {}}


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.name)
def test_a_check_finds_nothing_where_there_is_nothing(check):
    assert list(check.find(evidence())) == []
    assert CHECKS[check.name] is check
