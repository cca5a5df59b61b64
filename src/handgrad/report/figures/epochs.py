"""Figures of accuracy and loss against the epoch: of several settings, as pairs, and each beside a baseline."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.measures import MEASURES, PARTS, TRAIN, is_fraction, lower_is_better, usual_measures
from handgrad.names import plural, unknown
from handgrad.network.arrays import Arrays
from handgrad.report.figures.colouring import Colours, coloured
from handgrad.report.figures.palette import BASELINE, LineStyle, line_style
from handgrad.report.figures.request import (
    Request,
    epoch_series,
    logarithmic,
    over_seeds,
    runs_of,
    seeds_note,
)
from handgrad.report.figures.shapes import Curves, Line, Mark, Panel
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.scored_parts import training_sample
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import difference, enumerated, number, sentence
from handgrad.study.published.curve_options import EpochPairOptions, EpochsOptions, SmallMultiplesOptions
from handgrad.study.published.option_values import MEASURES as MEASURE_NAMES
from handgrad.study.published.option_values import FigureOptions, Inset

MARKS = 6  # changes of the learning rate that are marked at most

Lines = dict[tuple[str, str], Line]  # (measure, part) -> line


def _measures(request: Request[Any]) -> tuple[str, ...]:
    """The measures that a study asks for; where it says none, the usual ones of what its settings learn."""
    if "measures" in request.options.model_fields_set:
        return tuple(request.options.measures)
    tasks = dict.fromkeys(setting.task for setting in request.shown.values())
    return tuple(dict.fromkeys(name for task in tasks for name in usual_measures(task)))


def epochs(request: Request[EpochsOptions]) -> Curves | None:
    """Accuracy, loss or both against the epoch, a line for each setting; a panel for each measure and part.

    Parts that stand together share a panel.
    """
    options = request.options
    measures = _measures(request)
    found = {label: _lines(request, label, options.seed, measures, options.parts) for label in request.shown}
    wanted = [(measure, part) for measure in measures for part in options.parts]
    shown = [pair for pair in wanted if any(pair in lines for lines, _ in found.values())]
    if not shown:
        return None
    judge = next((pair for pair in shown if pair[0] != "loss" and pair[1] == "validation"), shown[0])
    colours = coloured(request, options.colour, {label: _last(lines, judge) for label, (lines, _) in found.items()})
    log = logarithmic(
        options.log, [line for lines, _ in found.values() for (m, _), line in lines.items() if m == "loss"]
    )
    together = options.together and len({part for _, part in shown}) > 1
    one_inset(options.inset, {measure for measure, _ in shown})
    panels: list[Panel] = []
    for measure, part in shown:
        lines = tuple(
            replace(line, label=label, style=colours.styles[label], end=colours.ends.get(label, ""))
            for label in colours.order
            if (line := found[label][0].get((measure, part))) is not None
        )
        word = MEASURES[measure].word
        title = f"{PARTS[part].word} {word}"
        if together and any(panel.y_label == word for panel in panels):
            continue
        if together:
            parts = [part for one, part in shown if one == measure]
            lines, title = _together({name: found[name][0] for name in colours.order}, measure, parts, colours), word
        percent = is_fraction(measure)
        series = "" if together else PARTS[part].metric(measure)
        panels.append(
            Panel(title, "epoch", word, lines, log and not percent, percent, inset=options.inset, series=series)
        )
    words = _words(dict.fromkeys(measure for measure, _ in shown))
    several = "A line per setting. " if len(request.shown) > 1 else ""
    caption = (
        f"{words} after every epoch. {colours.note or several}"
        f"{seeds_note(options.seed, max(n for _, n in found.values()), request.folds)}"
        f"{_early_note(found, judge)}{score_notes(request.shown.values(), shown)}"
    )
    columns = len({part for _, part in shown}) if len(measures) > 1 else len(shown)
    columns = len(panels) if together else columns
    figure = Curves(request.name, "Learning curves", caption.strip(), tuple(panels), columns, key=colours.key, fit=True)
    return replace(figure, caption=figure.caption + beyond_note(figure))


def beyond_note(figure: Curves) -> str:
    """How many lines lie beyond which y axis, for a caption; empty where none does."""
    counts = {label: len(figure.beyond(label)) for label in dict.fromkeys(panel.y_label for panel in figure.panels)}
    said = [f"{plural(n, 'line')} beyond the axis of {label}" for label, n in counts.items() if n]
    return f" Too far from the others to be seen beside them, arrows at the edge: {enumerated(said)}." if said else ""


def _together(found: Mapping[str, Lines], measure: str, parts: Sequence[str], colours: Colours) -> tuple[Line, ...]:
    """The lines of several parts in one panel: of one setting a colour for each part, of several all but one dashed."""
    if len(found) == 1:
        (lines,) = found.values()
        return tuple(lines[measure, part] for part in parts if (measure, part) in lines)
    return tuple(
        replace(
            line,
            label=f"{name}{_of(part, parts)}",
            style=_dashed(colours.styles[name], part, parts),
            end=colours.ends.get(name, "") if part == _solid(parts) else "",
        )
        for name, lines in found.items()
        for part in parts
        if (line := lines.get((measure, part))) is not None
    )


def one_inset(inset: Inset | None, measures: Collection[str]) -> None:
    """Refuse a window with y where panels show several measures: one y range cannot be that of both."""
    if inset is not None and inset.y is not None and len(measures) > 1:
        raise InputError(
            f"inset has a y, and the figure shows {' and '.join(sorted(measures))}; leave y out, or show one measure"
        )


def epoch_pair(request: Request[EpochPairOptions]) -> Curves | None:
    """Accuracy and loss side by side, a line for each part; a row for each setting.

    Of one measure alone the settings stand side by side.
    """
    options = request.options
    measures = _measures(request)
    one_inset(options.inset, measures)
    rows, ends, seeds, marked = [], [], 0, False
    for label, setting in request.shown.items():
        lines, n = _lines(request, label, options.seed, measures, options.parts)
        if not lines:
            continue
        run = runs_of(setting, options.seed, request.metric)[0]
        marks = rate_marks(run, request.sources.curves(run.id)) if options.marks else ()
        rows.append((label, lines, marks))
        seeds, marked = max(seeds, n), marked or bool(marks)
        ends.append(
            f"{label}, {_final(lines, options.parts)}" if len(request.shown) > 1 else _final(lines, options.parts)
        )
    if not rows:
        return None
    log = logarithmic(options.log, [line for _, lines, _ in rows for (m, _), line in lines.items() if m == "loss"])
    panels = []
    for label, lines, marks in rows:
        for measure in measures:
            own = tuple(lines[measure, part] for part in options.parts if (measure, part) in lines)
            word, percent = MEASURES[measure].word, is_fraction(measure)
            several = f"{label} — {word}" if len(measures) > 1 else label
            title = several if len(rows) > 1 else word
            if own:
                panels.append(Panel(title, "epoch", word, own, log and not percent, percent, marks, options.inset))
    whose = "" if len(request.shown) > 1 else f", {request.whose}"
    words = _words(measures)
    caption = (
        f"{words} after every epoch{whose}. {seeds_note(options.seed, seeds, request.folds)}"
        f"At the end: {' '.join(ends)} "
        f"{'Upright lines: where the learning rate changed or a run was continued. ' if marked else ''}"
        f"{score_notes(request.shown.values(), [(measures[-1], part) for part in options.parts])}"
    )
    columns = options.columns or (len(measures) if len(measures) > 1 else min(len(rows), 3))
    return Curves(request.name, f"{words} by epoch", caption.strip(), tuple(panels), columns)


def _baseline(given: str | None, settings: Mapping[str, SettingSummary]) -> str:
    """Its name in the legend: the first, or the one that was given by its name, or by its label."""
    if given is None or given in settings:
        return given or next(iter(settings))
    named = [name for name, setting in settings.items() if setting.label == given]
    if len(named) != 1:
        labels = [setting.label for setting in settings.values()]
        raise InputError(f"baseline is an {unknown(given, labels, 'setting')}; or a name as the legend has it")
    return named[0]


def small_multiples(request: Request[SmallMultiplesOptions]) -> Curves | None:
    """Each setting in a panel of its own beside the baseline, which is the same grey line in all of them."""
    options = request.options
    measure = options.measure
    if "measure" not in options.model_fields_set:
        measure = next(iter(request.shown.values())).main_measure
    base = _baseline(options.baseline, request.shown)
    found = {label: _lines(request, label, options.seed, (measure,), options.parts) for label in request.shown}
    named = base if "baseline" in base else f"{base} (baseline)"
    grey = [
        Line(f"{named}{_of(part, options.parts)}", line.x, line.y, style=_dashed(BASELINE, part, options.parts))
        for (_, part), line in found[base][0].items()
    ]
    every = [line for lines, _ in found.values() for line in lines.values()]
    log = measure == "loss" and logarithmic(options.log, every)
    panels, word = [], MEASURES[measure].word
    for label, setting in request.shown.items():
        lines = [
            replace(
                line,
                label=f"the setting{_of(part, options.parts)}",
                style=_dashed(line_style(0), part, options.parts),
            )
            for (_, part), line in found[label][0].items()
        ]
        if label == base or not lines:
            continue
        title = label if ":" in label else f"{label}: {difference(setting, request.shown[base])}"
        panels.append(Panel(title, "epoch", word, (*grey, *lines), log, is_fraction(measure)))
    if not panels:
        return None
    parts = " and ".join(PARTS[part].word for part in options.parts)
    caption = (
        f"{parts.capitalize()} {word} after every epoch: each setting beside the baseline (setting {base}, "
        f"grey in every panel), on the same axes. "
        f"{seeds_note(options.seed, max(n for _, n in found.values()), request.folds)}"
        f"{score_notes(request.shown.values(), [(measure, part) for part in options.parts])}"
    )
    title = f"Every setting beside setting {base}"
    return Curves(request.name, title, caption.strip(), tuple(panels), options.columns, small=True)


def _lines(
    request: Request[FigureOptions], label: str, seed: int | str, measures: Sequence[str], parts: Sequence[str]
) -> tuple[Lines, int]:
    """(measure, part) -> the setting's line, where it was measured; and the most seeds that stand behind one."""
    keys = {PARTS[part].metric(measure): (measure, part) for measure in measures for part in parts}
    runs = runs_of(request.shown[label], seed, request.metric)
    found = epoch_series(runs, request.sources.curves, list(keys))
    lines = {}
    for key, series in found.items():
        line = over_seeds(PARTS[keys[key][1]].word, series, line_style(list(PARTS).index(keys[key][1])))
        if len(line.x):
            lines[keys[key]] = line
    return lines, max(map(len, found.values()), default=0)


def _last(lines: Lines, pair: tuple[str, str]) -> float:
    """Where a line ended, such that more is better; −∞ where there is none."""
    line = lines.get(pair)
    if line is None:
        return -math.inf
    return -float(line.y[-1]) if lower_is_better(pair[0]) else float(line.y[-1])


def _words(measures: Iterable[str]) -> str:
    """Measures as the beginning of a sentence: "Accuracy, macro F1 and loss"."""
    return sentence(enumerated([MEASURES[measure].word for measure in measures]))


def _of(part: str, parts: Sequence[str]) -> str:
    return f", {PARTS[part].word}" if len(parts) > 1 else ""


def _dashed(own: LineStyle, part: str, parts: Sequence[str]) -> LineStyle:
    """Of several parts in a panel, all but one are dashed."""
    return own if part == _solid(parts) else replace(own, dash="dash")


def _solid(parts: Sequence[str]) -> str:
    """The part whose line is solid: validation, or of parts without it the last."""
    return "validation" if "validation" in parts else parts[-1]


def _final(lines: Lines, parts: Sequence[str]) -> str:
    """The values at the last epoch, in words."""
    said = []
    for part in parts:
        values = [
            f"{PARTS[part].word} {MEASURES[measure].word} {number(float(lines[measure, part].y[-1]), measure)}"
            for measure in MEASURE_NAMES
            if (measure, part) in lines
        ]
        said.append(", ".join(values))
    last = max(line.x[-1] for line in lines.values())
    return f"after epoch {last:g}: {'; '.join(filter(None, said))}."


def rate_marks(run: RunFacts, curves: Arrays) -> tuple[Mark, ...]:
    """Where a continued run took over or a schedule in steps changed the learning rate; none where every epoch did."""
    rates, epoch = curves.get("lr", np.empty(0)), curves.get("epoch", np.empty(0))
    continued = set(run.record.continued_at if run.record else ())
    changed = [int(epoch[i - 1]) for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    if len(changed) > MARKS:
        changed = [at for at in changed if at in continued]
    after = {int(at): float(rate) for at, rate in zip(epoch[:-1], rates[1:], strict=True)} if len(rates) else {}
    found = {at: f"lr {after[at]:.3g}" for at in changed}
    found |= {at: "continued" for at in continued if at in after and at not in found}
    return tuple(Mark(float(at), found[at]) for at in sorted(found))


def _early_note(found: Mapping[str, tuple[Lines, int]], pair: tuple[str, str]) -> str:
    """How many lines end before the last epoch."""
    last = [lines[pair].x[-1] for lines, _ in found.values() if pair in lines]
    early = sum(x < max(last) for x in last) if last else 0
    return f"{early} of {len(last)} ended before epoch {max(last):g}. " if early else ""


def score_notes(settings: Iterable[SettingSummary], shown: Iterable[tuple[str, str]]) -> str:
    """On which training examples the training score was measured, and whether losses can be compared."""
    settings, shown = list(settings), list(shown)
    said = ""
    of = training_sample(settings)
    n = next((n for setting in settings if (n := setting.examples(TRAIN.metric("loss")))), None)
    if n is not None and any(part == TRAIN.name for _, part in shown):
        words = {"": f"all {n:,}", "a sample": "fixed random samples of the"}
        where = words.get(of, f"a fixed random sample of {of}")
        said += f"Training is scored on {where} training examples. "
    losses = {setting.setting.get("training", {}).get("loss") for setting in settings} - {None}
    if len(losses) > 1 and any(measure == "loss" for measure, _ in shown):
        said += (
            f"The losses are of different kinds ({', '.join(sorted(losses))}) and cannot be compared with each other. "
        )
    return said
