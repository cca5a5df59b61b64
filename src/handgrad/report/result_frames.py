"""Results as pandas frames, for use in Python: comparisons, published numbers and statements, curves in numbers,
effects of hyperparameters, scores of classes."""

import os
from typing import TYPE_CHECKING

from handgrad.report.build import sources_of
from handgrad.report.findings.class_scores import scores_of
from handgrad.report.findings.curve_measures import phase_curves
from handgrad.report.findings.effects import phase_effects
from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.reproduction import Reproduction, reproduce
from handgrad.study.explain.rung_results import read_explanation
from handgrad.study.folder.results_folder import Results
from handgrad.training.run_keys import RunKey

if TYPE_CHECKING:
    from pandas import DataFrame


def compare(results: Results | str | os.PathLike[str]) -> "DataFrame":
    """Every setting of every phase against the phase's winner, on the seeds that both finished.

    results: `Results`, or the path of their folder.
    Columns: phase, setting, winner, n (shared seeds, or folds), pairs (in words, such as "5 folds × 2 seeds"),
    difference (mean of setting − winner in the metric that chose the winner), low and high (95 % t interval of it), p
    (paired t; of folds the corrected resampled t-test, docs/report.md), holm_p (Holm's correction over all pairs of the
    phase's settings, as the winner was chosen on the same numbers), sign_flip_p (at least 2/2ⁿ; none of folds),
    verdict: "behind" where holm_p and, from six seeds on, sign_flip_p too are below 0.05, else "undecided"; decided:
    whether it is "behind".
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
                    "pairs": found.counted,
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

    whole = _reproduced(results)
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


def statements(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Every statement in words of what a study reproduces, judged, a row each; without rows where there is none.

    Columns: says, verbatim, where, claim (in plain words), verdict ("holds here", "contradicted here", "not separated",
    "cannot be judged"), here (the numbers in words), how (by what it was judged), n, difference, low, high.
    """
    import pandas

    whole = _reproduced(results)
    return pandas.DataFrame([one.data() for one in whole.statements] if whole else [])


def _reproduced(results: "Results | str | os.PathLike[str]") -> Reproduction | None:
    opened = Results.of(results)
    sources = sources_of(opened)
    return reproduce(summarize(opened), sources.by_epoch, sources.diagnostics)


def curve_measures(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Curves in numbers, a row for every run that has a curve.

    Columns: phase, setting, seed (before it the fold, where folds divide the data), metric (of the curve), own (epochs
    to 95 % of the way to the run's best value), best, level (95 % of the way to the best setting's best value), common
    (epochs to it, NaN where it is never reached), area (mean height), volatility (after the climb), gap (training −
    validation accuracy at the end).  Formulas: docs/report.md.
    """
    import pandas

    opened = Results.of(results)
    load = sources_of(opened).by_epoch
    rows = []
    for phase in summarize(opened).phases:
        found = phase_curves(phase, load)
        if found is None:
            continue
        for one in found.settings:
            for key, area in one.area.values.items():
                row: dict[str, object] = {"phase": phase.name, "setting": one.setting.label, **_run(key)}
                row |= {"metric": found.metric, "own": one.own.values.get(key), "best": one.best.values.get(key)}
                row |= {"level": found.level, "common": one.common.values.get(key), "area": area}
                rows.append(row | {"volatility": one.volatility.values.get(key), "gap": one.gap.values.get(key)})
    return pandas.DataFrame(rows)


def _run(key: RunKey) -> dict[str, int]:
    """What tells a run from the others of its setting, as columns of a frame."""
    return {"seed": key} if not isinstance(key, tuple) else {"fold": key[0], "seed": key[1]}


def effects(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """The effect of every hyperparameter over all others, a row for every value of it.

    Columns: phase, axis, value, metric, mean, std and n (over seeds, of means over combinations), combinations; then,
    of going to it from the value before: difference, low, high, p, sign_flip_p, decided, rises and falls (in how many
    combinations).  The first value of an axis has none of these.
    """
    import pandas

    summary = summarize(Results.of(results))
    rows = []
    for phase in summary.phases:
        for effect in phase_effects(phase, summary.ddof):
            steps = {step.end: step for step in effect.steps}
            for value, values in effect.levels.items():
                row = {"phase": phase.name, "axis": effect.axis, "value": value, "metric": effect.metric}
                row |= {"mean": values.mean, "std": values.std, "n": values.n, "combinations": effect.combinations}
                if step := steps.get(value):
                    d = step.difference
                    row |= {"difference": d.difference, "low": d.interval.low if d.interval else None}
                    row |= {"high": d.interval.high if d.interval else None, "p": d.p, "sign_flip_p": d.sign_flip}
                    row |= {"decided": d.decided, "rises": step.rises, "falls": step.falls}
                rows.append(row)
    return pandas.DataFrame(rows)


def class_scores(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Precision, recall and F1 of every class, and their macro and weighted means, of every run that ended.

    Columns: phase, setting, seed (before it the fold, where folds divide the data), part, class (or "macro",
    "weighted"), is_mean, precision, recall, f1, examples.
    """
    import pandas

    rows = []
    for run in Results.of(results).cells():
        for part, scores in scores_of(run.record).items() if run.record else ():
            for position, one in enumerate(scores):
                row = {"phase": run.phase, "setting": run.label, **run.run, "part": part, "class": one.name}
                row |= {"is_mean": position >= len(scores) - 2, "precision": one.precision, "recall": one.recall}
                rows.append(row | {"f1": one.f1, "examples": one.examples})
    return pandas.DataFrame(rows)
