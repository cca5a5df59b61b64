"""Results as pandas frames, for use in Python: paired comparisons, and published numbers beside ours."""

import os
from typing import TYPE_CHECKING

from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.study.folder.results_folder import Results

if TYPE_CHECKING:
    from pandas import DataFrame


def compare(results: Results | str | os.PathLike[str]) -> "DataFrame":
    """Every setting of every phase against the phase's winner, on the seeds that both finished.

    results: `Results`, or the path of their folder.
    Columns: phase, setting, winner, n (shared seeds), difference (mean of setting − winner in the metric that chose the
    winner), low and high (95 % t interval of it), p (paired t), holm_p (Holm's correction over all pairs of the phase's
    settings, as the winner was chosen on the same numbers), sign_flip_p (at least 2/2ⁿ), verdict: "behind" where holm_p
    and, from six seeds on, sign_flip_p too are below 0.05, else "undecided"; decided: whether it is "behind".
    Settings with diverged runs, and those that a search stopped short, are not compared and have no row.
    """
    import pandas

    rows = []
    for phase in summarize(Results.of(results)).phases:
        for setting in phase.compared:
            found = setting.comparison
            assert found is not None
            rows.append(
                {
                    "phase": phase.name,
                    "setting": setting.label,
                    "winner": phase.winner,
                    "metric": phase.metric,
                    "n": found.n,
                    "difference": found.difference,
                    "low": found.interval.low if found.interval else None,
                    "high": found.interval.high if found.interval else None,
                    "p": found.p,
                    "holm_p": found.adjusted_p,
                    "sign_flip_p": found.sign_flip,
                    "verdict": found.verdict,
                    "decided": found.decided,
                }
            )
    return pandas.DataFrame(rows)


def reproduction(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Every published number beside what was reproduced, a row each; without rows where a study reproduces nothing.

    Columns: item, row, measure, published, published_std, mean, std, n, runs, difference (mean − published), low and
    high (where a number is inside), inside (None: not judged, and why), published_word and came (what is said in place
    of a number, and what came here; `inside` then says whether they agree).  Accuracies are fractions, times seconds.
    """
    import pandas

    whole = reproduce(summarize(Results.of(results)))
    return pandas.DataFrame([number.data() for number in whole.numbers] if whole else [])
