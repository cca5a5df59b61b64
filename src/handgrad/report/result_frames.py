"""Results as pandas frames, for use in Python: which setting is best, published numbers and statements, curves in
numbers, effects and importance of hyperparameters, scores of classes, searches."""

import math
import os
from typing import TYPE_CHECKING, Any

from handgrad.errors import InputError
from handgrad.measures import METRICS, MULTI_LABEL, TEST, VALIDATION, lower_is_better
from handgrad.names import label_text, lookup
from handgrad.report.findings.class_scores import scores_of
from handgrad.report.findings.curve_measures import phase_curves
from handgrad.report.findings.effects import phase_effects
from handgrad.report.findings.examples_right import ExamplesRight, right_of_settings
from handgrad.report.findings.importance import importances, share_rows
from handgrad.report.findings.pairing import unpaired
from handgrad.report.findings.search_facts import ENDED, LOST
from handgrad.report.findings.statistics import compare as two_settings
from handgrad.report.findings.stopping import StoppingCost, cost_of
from handgrad.report.findings.stopping import rungs as rungs_of
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.timeline_facts import timeline_facts
from handgrad.report.findings.wording import holds_for
from handgrad.report.past.past_studies import read_studies
from handgrad.report.past.study_comparison import compare_folders
from handgrad.report.reproduced.reproduction import Reproduction, reproduce
from handgrad.report.study_figure import sources_of
from handgrad.sections import given
from handgrad.study.explain.rung_results import read_explanation
from handgrad.study.folder.results_folder import Results
from handgrad.training.record import load_optional
from handgrad.training.run_keys import RunKey, in_order

if TYPE_CHECKING:
    from pandas import DataFrame


def conclusions(results: Results | str | os.PathLike[str]) -> "DataFrame":
    """Every setting of every phase against the phase's best, the best first; the method is that of docs/conclusions.md.

    results: `Results`, or the path of their folder; `Results.conclusions()` is the same.
    Columns: phase, best, metric, setting, word ("best", "behind", "equivalent", "not separated"; None: not compared), n
    (shared seeds, or folds), difference (setting − best), low and high (simultaneous 95 % interval of it), chance (to
    be the best), more_seeds (that would decide; <NA>: none would), held_by (the setting below that is not separated,
    where the own interval excludes 0), margin (of equivalence); runs (that ended), lost (that collapsed, diverged or
    ended far below the others), lost_low and lost_high (exact 95 % interval of that chance), median,
    interquartile_mean, mean_of_others and n_of_others (that were not lost), any_run_low and any_run_high (95 % interval
    of the mean over all seeds).
    """
    import pandas

    rows = []
    for phase in summarize(Results.of(results)).phases:
        found = phase.conclusions
        if found is None:
            continue
        head = {"phase": phase.name, "best": found.best, "metric": phase.metric}
        rows += [{**head, **row, "margin": found.margin} for row in found.rows()]
    frame = pandas.DataFrame(rows)
    return frame.astype({"more_seeds": "Int64"}) if rows else frame  # whole numbers, also where some have none


def compare(results: Results | str | os.PathLike[str], first: str | int, second: str | int) -> "DataFrame":
    """Two settings that were named before their numbers were seen, on the seeds that both finished, a row for every
    metric that both have.

    first, second: their labels, such as "1" or 1.  Of settings that were chosen by their numbers `conclusions` speaks:
    any two of many differ by luck.
    Columns: metric, n (shared seeds, or folds), pairs (in words, such as "5 folds × 2 seeds"), first and second (their
    means over these), difference (first − second), low and high (95 % t interval of it), holds_for (of what the
    interval speaks, such as "other seeds, on these examples"; empty where there is none), p (paired t; of folds, and of
    seeds that draw a split each, the corrected resampled t-test, docs/report.md; training and test metrics of folds
    have no interval and no p), sign_flip_p (at least 2/2ⁿ; none where the test is corrected), decided: whether p and,
    from six seeds on, sign_flip_p too are below 0.05; note: why there is no interval ("equal in every seed"), else in a
    study of more than two settings that p and interval are of this pair alone, else empty.  Raises InputError where a
    label is not known, and where nothing can be paired: one setting twice, seeds that vary other sources, a setting
    that a search stopped, no shared seed.
    """
    import pandas

    summary = summarize(Results.of(results))
    known = {setting.label: setting for setting in summary.settings}
    one, other = (
        lookup(known, given(label_text(label), str, name, 'Give the label of a setting, such as "1"'), "setting")
        for name, label in (("first", first), ("second", second))
    )
    if (problem := unpaired(summary, one, other)) is not None:
        raise InputError(problem)
    rows = []
    for metric in METRICS:
        a, b = (setting.samples[metric].values for setting in (one, other))
        found = two_settings(a, b, max(one.overlap(metric), other.overlap(metric)))
        if not found.n:
            continue
        shared = in_order(a.keys() & b.keys())
        means = {
            name: math.fsum(values[key] for key in shared) / len(shared)
            for name, values in (("first", a), ("second", b))
        }
        ends = found.interval
        row = {"metric": metric, "n": found.n, "pairs": found.counted, **means, "difference": found.difference}
        row |= {"low": ends.low if ends else None, "high": ends.high if ends else None}
        row |= {"holds_for": holds_for((one, other), metric) if ends else "", "p": found.p}
        note = found.why_bare or (_of_one_pair(len(known)) if len(known) > 2 else "")
        rows.append(row | {"sign_flip_p": found.sign_flip, "decided": found.decided, "note": note})
    return pandas.DataFrame(rows)


def _of_one_pair(settings: int) -> str:
    n = f"{settings:,} settings"
    return f"p and interval are of this pair alone, not corrected for the choice among {n}: see conclusions"


def past_studies(folder: "str | os.PathLike[str]" = "results") -> "DataFrame":
    """The studies whose results lie in a folder, newest first, a row each; `handgrad list` prints them.

    folder: that holds results folders, or one of them.
    Columns: those of `report/past/past_studies.py`, `PastStudy`.  Raises ResultsError where it holds no results.
    """
    import pandas

    frame = pandas.DataFrame([study.data() for study in read_studies(folder)])
    return frame.assign(written=pandas.to_datetime(frame["written"], utc=True))


def compare_studies(
    first: "Results | str | os.PathLike[str]", second: "Results | str | os.PathLike[str]"
) -> "DataFrame":
    """The settings that two studies both have, a row for every setting and metric; `handgrad compare` says the rest.

    Settings are the same that have the same values of everything that varies in either study.
    Columns: first and second (labels), the values of the axes, metric, means, deviations and n of both, n (shared
    seeds, or folds), change (second − first), low and high (95 % t interval of it), p (paired t), p_holm (after Holm
    over the settings, by each metric), differ (p and p_holm below 0.05, and from six seeds on the sign-flip p),
    same_runs and same_examples (whether both have the same runs, and were scored on the same examples).
    Raises ResultsError where a folder holds no results.
    """
    import pandas

    found = compare_folders(first, second)
    rows = [one.data() for one in found.compared]
    return pandas.DataFrame(rows, columns=None if rows else found.columns)


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

    Columns: phase, axis, value, metric, mean, std and n (over runs, of means over combinations), combinations; then,
    of going to it from the value before: difference, low, high, p, sign_flip_p, p_holm (p after Holm's correction for
    the tests of the phase), decided (by p_holm, and from six seeds on sign_flip_p too), rises and falls (in how many
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
                    row |= {"p_holm": step.p, "decided": step.decided, "rises": step.rises, "falls": step.falls}
                rows.append(row)
    return pandas.DataFrame(rows)


def importance(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Which hyperparameter matters, a row for each share of the variance, phase by phase (docs/importance.md).

    Columns: phase, settings ("all", or "working": those in which no run collapsed, where runs did), metric, method
    ("variance" of grids, "forest": fANOVA), term, kind (main, interaction, rest, seeds, noise), share (unbiased, may be
    below 0), low and high (95 % interval), per_tree and r2 (of a forest, as Hutter et al. 2014, and out of bag), n
    (settings) and runs.  A phase of which it cannot be said has no row; the report says why.
    """
    import pandas

    summary = summarize(Results.of(results))
    rows = []
    for found in importances(summary):
        phase = summary.phases[found.phase]
        for which, shares in (("all", found.shares), ("working", found.working)):
            for row in () if shares is None else share_rows(shares):
                rows.append({"phase": phase.name, "settings": which, "metric": phase.metric, **row})
    return pandas.DataFrame(rows)


def examples_right(
    results: "Results | str | os.PathLike[str]", phase: str | None = None, part: str = "validation"
) -> ExamplesRight:
    """Which examples of a part every setting of a phase gets right, seed by seed, paired by example.

    results: `Results`, or the path of their folder;  phase: its name, by default the last one that has begun;  part:
    "validation" or "test".  Raises UnknownName for a phase or part that is not there.

    found = hg.examples_right("results/quickstart")
    found.right           (settings, seeds, examples) of bool; None where examples cannot be paired: found.reason
    """
    opened = Results.of(results)
    parts = {one.name: one for one in (VALIDATION, TEST)}
    lookup(parts, part, "part with bits")
    phases = {one.name: one for one in summarize(opened).phases}
    chosen = lookup(phases, phase, "phase") if phase is not None else [*phases.values()][-1]
    return right_of_settings(chosen.settings, opened.right, part)


def class_scores(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Precision, recall and F1 of every class, and their macro and weighted means, of every run that ended.

    Columns: phase, setting, seed (before it the fold, where folds divide the data), part, class (or "macro",
    "weighted"), is_mean, precision, recall, f1, examples.
    """
    import pandas

    rows, opened = [], Results.of(results)
    for run in opened.cells():
        if run.record is None:
            continue
        labels = run.record.dataset.task == MULTI_LABEL
        outputs = load_optional(opened.folder / "runs" / run.id, "predictions", run.record) if labels else {}
        for part, scores in scores_of(run.record, outputs).items():
            for position, one in enumerate(scores):
                row = {"phase": run.phase, "setting": run.label, **run.run, "part": part, "class": one.name}
                row |= {"is_mean": position >= len(scores) - 2, "precision": one.precision, "recall": one.recall}
                rows.append(row | {"f1": one.f1, "examples": one.examples})
    return pandas.DataFrame(rows)


def search_history(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Every setting of the searches of a study (settings that were drawn or stopped short), a row each.

    Columns: phase, number (in the order in which they were begun), setting, state ("ended", "stopped", "lost": a seed
    diverged or failed, or "open"), epoch (the last at which it was judged), of (the epochs of one that is not stopped),
    value (mean over the seeds of what winners are chosen by, at its last epoch), best (of those that ended, up to it),
    trained (epochs of its runs), spent (of all runs, when it came to its last epoch), at (the time of that).
    Empty where nothing was searched.
    """
    import pandas

    rows = []
    for phase in summarize(Results.of(results)).phases:
        values = {setting.label: setting.samples[phase.metric].mean for setting in phase.settings}
        better, best = (min if lower_is_better(phase.metric) else max), None
        for trial in phase.search.trials if phase.search else ():
            value = None if trial.state == LOST else values[trial.label]
            if trial.state == ENDED and value is not None:
                best = value if best is None else better(best, value)
            row = {"phase": phase.name, "number": trial.number, "setting": trial.label, "state": trial.state}
            row |= {"epoch": trial.epoch, "of": trial.levels[-1], "value": value, "best": best}
            at = None if trial.at is None else pandas.Timestamp(trial.at, unit="s", tz="UTC")
            rows.append(row | {"trained": trial.trained, "spent": trial.spent, "at": at})
    return pandas.DataFrame(rows)


def rungs(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Every rung of the searches of a study, a row each, and what was stopped there.

    Columns: phase, metric, epoch, reached, went_on, stopped, lost, waiting, best, worst_on, winner_rank (there, of the
    setting that won), rank_correlation (with the end), low, high, n, and, where it is known: probability (that one of
    those stopped there would have been better than the best) and as_of (the epoch of that).  Empty where no search
    has rungs.
    """
    import pandas

    rows = []
    for phase in summarize(Results.of(results)).phases:
        if phase.search is None:
            continue
        cost = cost_of(phase.search)
        known = cost if isinstance(cost, StoppingCost) else None
        winner = phase.winner if phase.search.is_over else None
        for rung in rungs_of(phase.search.trials, phase.search.metric, winner, cost):
            row: dict[str, Any] = {"phase": phase.name, "metric": phase.search.metric, **vars(rung)}
            told = row.pop("foretold")
            low, high = (told.interval if told and told.interval else None) or (None, None)
            row |= {"rank_correlation": told.rho if told else None, "low": low, "high": high, "n": told and told.n}
            rows.append(row | {"as_of": known.epoch if known else None})
    return pandas.DataFrame(rows)


def timeline(results: "Results | str | os.PathLike[str]") -> "DataFrame":
    """Every stretch in which a run was trained, a row each; without rows where records do not say it.

    Columns: worker and place (from 0; several places where runs share its program), setting, seed (before it the fold,
    where folds divide the data), number (of the stretch of its run, from 0), since and until (epochs
    that the run had behind it), began, ended.
    """
    import pandas

    facts = timeline_facts(summarize(Results.of(results)).settings)
    rows = [vars(one) for one in facts.stretches] if facts else []
    folded = any(row["fold"] is not None for row in rows)
    heads = ["worker", "place", "label", *(["fold"] if folded else []), "seed", "number", "since", "until"]
    frame = pandas.DataFrame(rows, columns=[*heads, "began", "ended"])
    for name in ("began", "ended"):
        frame[name] = pandas.to_datetime(frame[name], unit="s", utc=True)
    return frame.rename(columns={"label": "setting"})
