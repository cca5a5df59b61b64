"""Tables beyond accuracy and loss: curves in numbers, effects of hyperparameters, scores of classes."""

from collections.abc import Mapping, Sequence

from handgrad.decimals import decimals, significant
from handgrad.measures import MEASURES, METRICS, is_fraction
from handgrad.report.findings.class_scores import ClassScore
from handgrad.report.findings.curve_measures import PhaseCurves, held_out_metric
from handgrad.report.findings.effect_sentences import interval_text
from handgrad.report.findings.effects import Effect
from handgrad.report.findings.resampled import has_folds
from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.summary import PhaseSummary
from handgrad.report.findings.wording import number, signed
from handgrad.report.tables.study_tables import axis_columns
from handgrad.report.tables.table import Cell, Column, Row, Table, cell
from handgrad.study.changes import shown


def curves_table(phase: PhaseSummary, found: PhaseCurves, ddof: int, name: str, title: str) -> Table:
    """One row per setting: how fast its curve climbs, what lies under it, how it zigzags, how far training is ahead."""
    axes, axis_cells = axis_columns(phase)
    word, accuracy = METRICS[found.metric].word, is_fraction(found.metric)
    unit, in_points = " %" if accuracy else "", is_fraction(phase.main_measure)
    level = number(found.level, found.metric)
    columns = [
        Column("setting"),
        *axes,
        Column("n", ("n",), numeric=True),
        Column("epochs to its own 95 %", ("own_mean", "own_std"), numeric=True),
        Column(f"epochs to {level}", ("common_mean", "common_std", "reached"), numeric=True),
        Column(f"area{unit}", ("area_mean", "area_std"), numeric=True),
        Column("volatility, points" if accuracy else "volatility", ("volatility_mean", "volatility_std"), numeric=True),
        Column(
            "gap, points" if in_points else f"gap, {MEASURES[phase.main_measure].word}",
            ("gap_mean", "gap_std"),
            numeric=True,
        ),
    ]
    rows = []
    for one, cells in zip(found.settings, axis_cells, strict=True):
        shift = 2 if accuracy else 0
        reached = "" if one.common.n == one.n else f" ({one.common.n} of {one.n})"
        common = _mean(one.common, 0, 1)
        text = "never" if one.n and not one.common.n else common.text + reached
        rows.append(
            Row(
                (
                    cell(one.setting.label, bold=one.setting.label == phase.winner),
                    *cells,
                    cell(one.n),
                    _mean(one.own, 0, 1),
                    Cell(text, (one.common.mean, one.common.std, one.common.n)),
                    _mean(one.area, shift, 2 if accuracy else 4),
                    _mean(one.volatility, shift, 2 if accuracy else 4),
                    _mean(one.gap, 2 if in_points else 0, 2 if in_points else 4),
                )
            )
        )
    held_out = {METRICS[held_out_metric(one.setting)].part.word for one in found.settings if one.gap.n}
    terms = ["training", " or ".join(sorted(held_out)) or "validation"]
    gap = f"{' − '.join(terms if in_points else terms[::-1])} {MEASURES[phase.main_measure].word} at the end"
    caption = (
        f"Of the curve of {word}, one value an epoch; mean ± standard deviation over n runs (ddof {ddof}). Its own "
        f"95 %: the first epoch at 95 % of the way to the best value of the run, from {_start(found.metric)}; {level}: "
        "95 % of the way to the best setting's best value, the same level for all settings, of the runs that reach it. "
        "Area: the mean height of the curve (trapezoids). Volatility: the standard deviation of its noise from the "
        "first epoch at 90 % of the way on, √(Σ d²/(6(T − 2))) of second differences d of T values (Gasser, Sroka and "
        f"Jennen-Steinmetz 1986); a straight trend does not enter it. Gap: {gap}."
    )
    if any(one.setting.stopped for one in found.settings):
        caption += " Runs that the search stopped short have the curves of their epochs alone."
    return Table(name, title, caption, tuple(columns), tuple(rows))


def _start(metric: str) -> str:
    return "that of guessing" if is_fraction(metric) else "that of the first epoch"


def _mean(values: Sample, shift: int, digits: int) -> Cell:
    raw = (values.mean, values.std)
    if values.mean is None:
        return Cell("–", raw)
    parts = [values.mean] if values.std is None else [values.mean, values.std]
    text = " ± ".join(decimals(value, digits, shift=shift) for value in parts)
    return Cell(text.replace("-", "−"), raw)


SEED_TESTS = "paired t, from six seeds on the sign-flip test too"


def effects_table(found: Sequence[Effect], names: Mapping[str, str], ddof: int, name: str, title: str) -> Table:
    """One row per value of every axis: the mean over all others, and what changing to it from the value before does."""
    metric = found[0].metric
    columns = [
        Column("hyperparameter"),
        Column("value"),
        Column(f"mean {METRICS[metric].word}", ("mean", "std", "n"), numeric=True),
        Column("over", ("combinations",), numeric=True),
        Column("change to it", ("difference", "low", "high", "p", "sign_flip_p", "p_holm"), numeric=True),
        Column("95 % interval", ("decided",)),
        Column("rises in", ("rises", "falls"), numeric=True),
    ]
    rows = []
    for effect in found:
        steps = {step.end: step for step in effect.steps}
        for value, values in effect.levels.items():
            step = steps.get(value)
            mean = number(values.mean or 0.0, metric)
            if values.std is not None:
                spread = significant(values.std, 2, shift=2 * is_fraction(metric))
                mean = f"{mean.removesuffix(' %')} ± {spread}"
            d = step.difference if step else None
            ends = (d.interval.low, d.interval.high) if d and d.interval else (None, None)
            raw = (d.difference, *ends, d.p, d.sign_flip, step.p) if step and d else (None,) * 6
            shown_ends = (
                ""
                if step is None or d is None
                else f"one {'fold' if d.folds else 'seed'}"
                if d.n < 2
                else _ends(interval_text(d, metric), step.decided)
            )
            rows.append(
                Row(
                    (
                        cell(names[effect.axis], names[effect.axis] if step is None else ""),
                        cell(shown(value), bold=value == effect.best),
                        Cell(mean, (values.mean, values.std, values.n)),
                        cell(effect.combinations),
                        Cell(signed(d.difference or 0.0, metric) if d else "", raw),
                        Cell(shown_ends, (None if step is None else int(step.decided),)),
                        Cell(
                            f"{step.rises} of {effect.combinations}" if step else "",
                            (step.rises, step.falls) if step else (None, None),
                        ),
                    )
                )
            )
    levels = [values for effect in found for values in effect.levels.values()]
    folded = any(has_folds(values.values) for values in levels)
    n = " or ".join(dict.fromkeys(one.counted for one in sorted(levels, key=lambda one: one.n)))
    over, pairs = ("seeds", "seed") if not folded else ("folds", "fold, seed")
    corrected = folded or any(step.difference.corrected for effect in found for step in effect.steps)
    test = "corrected resampled t-test of Nadeau and Bengio 2003" if corrected else SEED_TESTS
    holm = (
        ", with Holm's correction for the tests of the phase"
        if any(s.tests > 1 for one in found for s in one.steps)
        else ""
    )
    caption = (
        "Mean over all combinations of the other hyperparameters that were run with every value of this one, ± "
        f"standard deviation over {n if folded else f'{n} seeds'} (ddof {ddof}) of those means. Change to it: from the "
        f"value before, in pairs of equal {pairs} and combination; the interval is t over {over}, * where p < 0.05 "
        f"({test}{holm}). Rises in: of how many combinations, by the mean over {over}. A combination that "
        f"lacks a value is left out, and a {pairs.replace(', ', ' and ')} of which a run diverged. Bold: the best "
        "value."
    )
    return Table(name, title, caption, tuple(columns), tuple(rows))


def _ends(text: str, decided: bool) -> str:
    return text.removeprefix("95 % interval ") + (" *" if decided else "")


def class_table(
    found: Sequence[ClassScore], part: str, who: str, name: str = "classes", *, labels: bool = False
) -> Table:
    """One row per class, or label, then the macro and weighted means."""
    what = "label" if labels else "class"
    columns = [
        Column(what),
        *(Column(f"{word} %", (word,), numeric=True) for word in ("precision", "recall", "F1")),
        Column("examples", numeric=True),
    ]
    rows = [
        Row(
            (
                cell(one.name),
                *(cell(value, decimals(value, shift=2)) for value in (one.precision, one.recall, one.f1)),
                cell(one.examples),
            ),
            total=position == len(found) - 2,
        )
        for position, one in enumerate(found)
    ]
    caption = (
        f"{who}, {part} part. Precision: of the examples predicted to be of a class, the share that is; recall: of "
        "those of a class, the share that is found; F1: their harmonic mean; 0/0 is 0. Macro: the mean over classes; "
        "weighted: by their examples (the weighted recall is the accuracy)."
    )
    if labels:
        caption = (
            f"{who}, {part} part. Precision: of the examples that are said to have a label (output at least 0.5), the "
            "share that has it; recall: of those that have it, the share that is found; F1: their harmonic mean; 0/0 "
            "is 0. Macro: the mean over labels; weighted: by their examples."
        )
    return Table(name, f"Precision, recall and F1 of every {what} ({part})", caption, tuple(columns), tuple(rows))
