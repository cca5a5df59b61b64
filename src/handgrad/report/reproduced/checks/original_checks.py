"""The checks of an original by name: the public table `CHECKS`, and what they find.

    CHECKS["best-in-print"]      what it looks for, what it needs, the function Evidence -> findings, its source
    find_errors(evidence)        every finding with its check, in the order of the table

A check of one's own is one more record; every report of a study that reproduces something then has its findings.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from handgrad.names import OpenTable
from handgrad.report.reproduced.checks.choices import chosen_on_test, not_the_best, within_noise
from handgrad.report.reproduced.checks.counts import labels_of_the_data, rows_of_matrices, sums_of_labels
from handgrad.report.reproduced.checks.evidence import Evidence, Finding
from handgrad.report.reproduced.checks.loss_functions import equal_losses, ranked_across_losses, unseen_outputs
from handgrad.report.reproduced.checks.rounding import impossible_deviations, impossible_means
from handgrad.report.reproduced.checks.runs_here import best_is_not_best_here, other_measures
from handgrad.report.reproduced.checks.said_settings import (
    captions_that_contradict,
    draws_that_do_not_fit,
    values_that_contradict,
)
from handgrad.report.reproduced.checks.seeds import hidden_collapses


@dataclass(frozen=True)
class Check:
    """One check.

    looks_for: in a sentence;  find: Evidence -> findings;  runs: whether it compares with runs of ours;  source: of a
    method that has one.
    """

    name: str
    looks_for: str
    find: Callable[[Evidence], Iterable[Finding]]
    runs: bool = False
    source: str = ""


CHECKS: OpenTable[Check] = OpenTable(
    {
        check.name: check
        for check in (
            Check("sums", "counts of examples that do not add up to their own sums", sums_of_labels),
            Check("class-counts", "counts of a class that are not those of the data set", labels_of_the_data),
            Check(
                "matrix-rows",
                "rows of a confusion matrix that do not add up to 100 %, or that no whole counts give",
                rows_of_matrices,
                source="GRIM: Brown & Heathers 2017",
            ),
            Check(
                "possible-mean",
                "an accuracy that no whole number of right answers gives",
                impossible_means,
                source="GRIM: Brown & Heathers 2017",
            ),
            Check(
                "possible-deviation",
                "a standard deviation that no accuracies with the printed mean have",
                impossible_deviations,
                source="GRIMMER: Anaya 2016",
            ),
            Check("best-in-print", "a row said to be best that another surpasses in the same column", not_the_best),
            Check("chosen-on-test", "a winner that was chosen on the test set", chosen_on_test),
            Check("collapsed-seeds", "a mean and a deviation that hide collapsed seeds", hidden_collapses),
            Check(
                "noise", "differences within two standard errors, or not shown by the printed deviations", within_noise
            ),
            Check("equal-losses", "one loss under two names", equal_losses),
            Check("unseen-output", "an output activation that changes nothing about the loss after it", unseen_outputs),
            Check("loss-ranking", "rows with different losses that are ranked by loss", ranked_across_losses),
            Check("drawn-range", "draws that do not fit the range they are said to be from", draws_that_do_not_fit),
            Check("caption", "a caption that contradicts the settings of a table", captions_that_contradict),
            Check("contradiction", "one thing with several values in several places", values_that_contradict),
            Check(
                "measure",
                "a column that another measure fits better than the one it is said to be",
                other_measures,
                True,
            ),
            Check("best-here", "a published best that another row surpasses here", best_is_not_best_here, True),
        )
    }
)


@dataclass(frozen=True)
class FoundError:
    """A finding and the check that found it."""

    check: Check
    finding: Finding

    @property
    def text(self) -> str:
        """The sentence, with the name of the check."""
        return f"{self.finding.text} [{self.check.name}]"

    def data(self) -> dict[str, Any]:
        """As reproduction.json has it."""
        found = self.finding
        return {"check": self.check.name, "where": found.where, "text": found.text, "numbers": dict(found.numbers)}


def find_errors(evidence: Evidence) -> Iterator[FoundError]:
    """Every finding of every check, in the order of the table."""
    for check in CHECKS.values():
        for finding in check.find(evidence):
            yield FoundError(check, finding)
