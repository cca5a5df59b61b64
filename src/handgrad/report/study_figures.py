"""Figures that compare settings: the ranking, curves by epoch, and the training loss of every step.

A setting keeps its colour and dashes in all figures of its phase (`styles`).  Up to twelve settings are told apart;
of more, the best eight are, and the others are grey lines of context.

Curves are read from disk one run at a time and reduced at once: memory does not grow with the number of runs.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from handgrad.report.figures import Curves, Line, Panel, Ranking, RankingRow, Series, over_seeds, wide
from handgrad.report.palette import LINES
from handgrad.report.smoothing import debiased_ema, repair_outliers, thin
from handgrad.report.summary import WORDS, PhaseSummary, RunFacts, SettingSummary, setting_name
from handgrad.training.record import Arrays

LoadCurves = Callable[[str], Arrays]

BEST = 8  # so many of more than twelve settings are told apart
RANKED = 40
EMA_WEIGHT = 0.9
OUTLIER_FACTOR = 1.5
STEP_POINTS = 1000

PARTS = {"train": "training", "val": "validation", "test": "test"}


def styles(phase: PhaseSummary) -> dict[str, int | None]:
    """label -> style of the setting's line; None where it is only context."""
    if len(phase.settings) <= LINES:
        return {setting.label: i for i, setting in enumerate(phase.settings)}
    best = {setting.label: i for i, setting in enumerate(phase.ranked[:BEST])}
    return {setting.label: best.get(setting.label) for setting in phase.settings}


def ranking(phase: PhaseSummary, name: str) -> Ranking | None:
    """Every setting's seeds, mean and interval on the measure that chose the winner, best first."""
    rows = []
    for setting in phase.ranked[:RANKED]:
        values = setting.samples[phase.metric]
        diverged = setting.count("diverged")
        rows.append(
            RankingRow(
                label=setting_name(setting, phase.axes),
                points=dict(values.values),
                mean=values.mean,
                low=values.interval.low if values.interval else None,
                high=values.interval.high if values.interval else None,
                best=setting.label == phase.winner,
                tied=setting.comparison is not None and setting.comparison.tied,
                note=f"{diverged} of {len(setting.runs)} diverged" if diverged else "",
            )
        )
    if not any(row.points for row in rows):
        return None
    word = WORDS[phase.metric]
    left_out = f" The best {RANKED} of {len(phase.settings)} settings." if len(phase.settings) > RANKED else ""
    caption = (
        f"{word.capitalize()} of every setting, best first. Circles: seeds; diamond: their mean; bar: 95 % t interval "
        f"of the mean (none below two seeds; it may run off the axis). Shaded: the best, and the settings tied with it "
        f"(paired t-test on shared seeds, Holm's correction).{left_out}"
    )
    return Ranking(name, f"Settings by {word}", caption, word, tuple(rows), percent=phase.metric.endswith("accuracy"))


def epoch_curves(phase: PhaseSummary, name: str, load: LoadCurves) -> Curves | None:
    """Accuracy and loss by epoch, training beside validation (and test where it was measured), a line per setting."""
    style = styles(phase)
    lines: dict[str, list[Line]] = {}
    seeds = 0
    for setting in phase.settings:
        series = _series(setting, load)
        seeds = max(seeds, *(len(curves) for curves in series.values()), 0)
        for key, curves in series.items():
            line = over_seeds(setting_name(setting, phase.axes), curves, style[setting.label])
            if len(line.x):
                lines.setdefault(key, []).append(line)
    parts = [part for part in PARTS if f"{part}_accuracy" in lines or f"{part}_loss" in lines]
    panels = []
    for measure in ("accuracy", "loss"):
        log = measure == "loss" and wide([line for part in parts for line in lines.get(f"{part}_loss", [])])
        for part in parts:
            found = tuple(lines.get(f"{part}_{measure}", ()))
            panels.append(Panel(f"{PARTS[part]} {measure}", "epoch", measure, found, log, measure == "accuracy"))
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    caption = f"Accuracy and loss after every epoch. {_who(phase, seeds)}{train_score_note(phase)}{_losses_note(phase)}"
    return Curves(name, "Learning curves", caption, tuple(panels), columns=len(parts))


def _series(setting: SettingSummary, load: LoadCurves) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for run in setting.runs:
        if run.record is None or run.status == "failed":
            continue
        curves = load(run.id)
        for part in PARTS:
            for measure in ("accuracy", "loss"):
                y = curves.get(f"{part}_{measure}")
                if y is not None and len(y):
                    x = np.asarray(curves["epoch"], dtype=np.float64)[: len(y)]
                    found.setdefault(f"{part}_{measure}", []).append(Series(x, np.asarray(y, np.float64), run.seed))
    return found


def _who(phase: PhaseSummary, seeds: int) -> str:
    many = len(phase.settings) > LINES
    who = (
        f"The best {BEST} of {len(phase.settings)} settings in colour, the others in grey. "
        if many
        else ("A line per setting. " if len(phase.settings) > 1 else "")
    )
    if seeds < 2:
        return f"{who}One seed. "
    return f"{who}Line: mean over the seeds that reached the epoch; band: lowest to highest of them. "


def train_score_note(phase: PhaseSummary) -> str:
    """On which training examples the training score was measured."""
    scores = {
        (record["train_score"].get("what"), record["train_score"].get("n"))
        for setting in phase.settings
        for record in setting.records
        if record.get("train_score")
    }
    if len(scores) != 1:
        return ""
    what, n = scores.pop()
    if what == "all":
        return f"Training is scored on all {n:,} training examples. "
    if what == "sample":
        return f"Training is scored on a fixed random sample of {n:,} training examples. "
    return ""


def _losses_note(phase: PhaseSummary) -> str:
    names = {setting.setting.get("training", {}).get("loss") for setting in phase.settings} - {None}
    if len(names) < 2:
        return ""
    return f"The losses are of different kinds ({', '.join(sorted(names))}) and cannot be compared with each other. "


def step_loss(phase: PhaseSummary, name: str, load: LoadCurves) -> Curves | None:
    """The training loss of every step, cleaned: one run per setting, outliers repaired, smoothed, thinned to draw."""
    chosen = [(label, style) for label, style in styles(phase).items() if style is not None]
    settings = {setting.label: setting for setting in phase.settings}
    found: list[tuple[str, int, RunFacts, Arrays]] = []
    for label, style in chosen:
        run = _first_run(settings[label])
        if run is not None:
            curves = load(run.id)
            if len(curves.get("loss_per_step", ())) > 1:
                found.append((label, style, run, _clean(curves)))
    if not found:
        return None
    lengths = {arrays["per_epoch"].tobytes() for *_, arrays in found}
    unit = "epoch" if len(lengths) > 1 else "step"
    lines = tuple(
        Line(setting_name(settings[label], phase.axes), arrays[unit], arrays["y"], style=style)
        for label, style, _, arrays in found
    )
    panel = Panel("training loss per step", "epochs" if unit == "epoch" else "step", "loss", lines, log_y=wide(lines))
    steps = max(int(arrays["step"][-1]) for *_, arrays in found)
    seeds = sorted({run.seed for *_, run, _ in found})
    caption = step_caption(steps, seeds, len(found) > 1)
    if len(phase.settings) > LINES:
        caption += f" The best {BEST} of {len(phase.settings)} settings."
    return Curves(name, "Training loss of every step", caption, (panel,), columns=1)


def step_caption(steps: int, seeds: Sequence[int], several: bool) -> str:
    """What was done to the series before it was drawn."""
    whose = f"seed {seeds[0]}" if len(seeds) == 1 else f"one run a setting (seeds {', '.join(map(str, seeds))})"
    whose = f"one run a setting, {whose}" if several and len(seeds) == 1 else whose
    thinned = (
        f" Only the drawing is thinned, to {STEP_POINTS:,} of up to {steps:,} points."
        if steps > STEP_POINTS
        else " Every point is drawn."
    )
    return (
        f"Loss of every training step, {whose}. On the full series, values further than {OUTLIER_FACTOR:g} standard "
        f"deviations from its mean were replaced by the mean of their neighbours, then smoothed by a debiased "
        f"exponential moving average of weight {EMA_WEIGHT:g}.{thinned}"
    )


def _first_run(setting: SettingSummary) -> RunFacts | None:
    """The first seed that finished, else the first that has curves at all (it diverged)."""
    with_record = [run for run in setting.runs if run.record is not None and run.status != "failed"]
    return next((run for run in with_record if run.status != "diverged"), with_record[0] if with_record else None)


def _clean(curves: Mapping[str, np.ndarray]) -> Arrays:
    loss = np.asarray(curves["loss_per_step"])
    smooth = debiased_ema(repair_outliers(loss, OUTLIER_FACTOR), EMA_WEIGHT)
    at = thin(len(smooth), STEP_POINTS)
    ends = np.asarray(curves.get("steps_at_epoch_end", np.empty(0)), dtype=np.float64)
    step = at + 1.0
    epoch = np.interp(step, [0.0, *ends], np.arange(len(ends) + 1)) if len(ends) else step / len(loss)
    return {"step": step, "epoch": epoch, "y": smooth[at], "per_epoch": np.diff(ends, prepend=0)[:1]}
