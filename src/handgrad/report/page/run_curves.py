"""The curves of runs for the page's controls: what a seed alone did, and when, in epochs, steps and seconds."""

from itertools import accumulate
from typing import Any

import numpy as np

from handgrad.measures import PARTS
from handgrad.report.figures.palette import LINES, line_style
from handgrad.report.figures.request import Sources
from handgrad.report.findings.ranked_settings import ranked_settings
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import Summary
from handgrad.report.page.plots import numbers
from handgrad.training.curves import ENDS
from handgrad.training.run_keys import key_word

CURVE_NUMBERS = 200_000  # that the page holds: about 0.6 MB


def run_curves(summary: Summary, sources: Sources) -> dict[str, Any]:
    """names: id of a run -> [setting, seed in words], of all runs;  curves: id -> name of a curve -> values by epoch,
    of the best settings first and of as many runs as `CURVE_NUMBERS` hold;  styles: of lines that are told apart.

    Among the curves are "epoch", "step" and, where the record says it, "seconds" from the run's first step, with what
    scoring took.
    """
    names, curves, room = {}, {}, CURVE_NUMBERS
    series = [part.metric(measure) for measure in sorted(summary.shown_measures) for part in PARTS.values()]
    runs = {run.id: (one, run) for _, one in ranked_settings(summary) for run in one.runs}
    for setting, run in runs.values():
        names[run.id] = [setting.label, key_word(run.key)]
        if run.record is None or run.status == "failed" or room <= 0:
            continue
        found = _curves(run, sources, series)
        if (size := sum(map(len, found.values()))) <= room:
            curves[run.id] = found
            room -= size
    styles = [[style.colour, style.dash] for style in map(line_style, range(LINES))]
    return {"names": names, "curves": curves, "styles": styles}


def _curves(run: RunFacts, sources: Sources, series: list[str]) -> dict[str, list[float | None]]:
    curves = sources.by_epoch(run.id)
    epochs = len(curves["epoch"])
    found = {"epoch": numbers(np.asarray(curves["epoch"], np.float64))}
    if ENDS in curves:
        found["step"] = numbers(np.asarray(curves[ENDS], np.float64))
    times = sources.record(run.id).time.epochs
    if len(times) == epochs:
        found["seconds"] = numbers(np.array(list(accumulate(map(sum, times))), np.float64))
    return found | {name: numbers(np.asarray(curves[name], np.float64)) for name in series if name in curves}
