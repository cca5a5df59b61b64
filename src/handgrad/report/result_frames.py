"""Results as pandas frames, for use in Python: paired comparisons, published numbers beside ours, and readings."""

import os
from typing import TYPE_CHECKING

from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.reproduction import reproduce
from handgrad.study.explain.rung_results import read_explanation
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


def explanation(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """The readings of the last rung of an explanation (`explain_study`), best first; without rows of any other study.

    Columns: reading, departures, slips, log_likelihood (nats), weight (probability among these readings), told_apart
    (from the best), and for every published number, "Table 1, 2: test_accuracy", the mean over the seeds.
    """
    import pandas

    found = read_explanation(Results.of(results))
    if found is None or not found.rungs:
        return pandas.DataFrame()
    rung, rows = found.rungs[-1], []
    for fit in rung.ranking.readings:
        reading = found.readings[int(fit.name)]
        row: dict[str, object] = {
            "reading": reading.name,
            "departures": fit.departures,
            "slips": list(reading.slips),
            "log_likelihood": fit.log_likelihood,
            "weight": fit.weight,
            "told_apart": fit.group > 0,
        }
        for (number, at, measure), values in rung.values.items():
            there = [value for value in values if value is not None]
            if number == reading.number:
                row[f"{found.rows[at].key}: {measure}"] = sum(there) / len(there) if there else None
        rows.append(row)
    return pandas.DataFrame(rows)
