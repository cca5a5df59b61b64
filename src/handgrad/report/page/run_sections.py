"""What the page tells of every run and every setting when a reader asks for it.

    settings      what sets one apart, its scores, its word against the best, its tables as a study file
    runs          what went wrong, curves, losses of steps, confusion matrix, environment; its row of the run table
                  (`run_table`) has the rest
    environments  those of all runs, each once: a run has the place of its own

Curves are thinned to POINTS numbers in all runs together.  Confusion matrices and pictures are those of the best
settings, as far as CELLS and BYTES reach: what is not here lies in the run's folder.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from handgrad.measures import METRICS, is_fraction
from handgrad.report.figures import network_figures
from handgrad.report.figures.request import Sources
from handgrad.report.findings.against_best import BEST
from handgrad.report.findings.conclusion_sentences import against_text
from handgrad.report.findings.ranked_settings import ranked_settings
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.wording import axis_names, facts_text, number, outcome, spread, trouble_of, values_text
from handgrad.report.page.page_grids import mistakes, pictures
from handgrad.report.page.run_table import phases_of
from handgrad.study.changes import shown
from handgrad.study.toml import dumps
from handgrad.training.curves import PER_STEP, by_epoch

POINTS = 240_000  # of the curves of all runs together
MOST_POINTS = 600  # of one curve
CELLS = 300_000  # of all confusion matrices
BYTES = 400_000  # of pictures, as they stand in the page
UNITS = 16  # pictures of weights of one run
PICTURED = 60  # runs with pictures at most
MESSAGE = 4_000  # letters of an error, its last ones


def run_sections(summary: Summary, sources: Sources) -> dict[str, Any]:
    """Settings and runs of a study, ready for JSON."""
    ranked = list(ranked_settings(summary))
    runs = list({run.id: run for _, setting in ranked for run in setting.runs if run.id}.values())
    points = POINTS // max(1, sum(map(_has_curves, runs)))
    environments: dict[str, tuple[int, dict[str, str]]] = {}
    told = {run.id: _run(run, sources, points, environments) for run in runs}
    _add_grids(ranked, sources, told)
    phases = phases_of(summary)

    def several(setting: SettingSummary) -> list[str]:
        return phases[setting.label] if len(summary.phases) > 1 else []

    return {
        "settings": {setting.label: _setting(phase, setting, several(setting)) for phase, setting in ranked},
        "runs": told,
        "environments": [environment for _, environment in environments.values()],
        "curves": {
            name: {
                "measure": one.measure.word,
                "part": f"{one.part.word}, as its steps met it" if one.over_steps else one.part.word,
                "percent": is_fraction(name),
            }
            for name, one in METRICS.items()
        },
    }


def _has_curves(run: RunFacts) -> bool:
    return run.record is not None and run.status != "failed"


def _setting(phase: PhaseSummary, setting: SettingSummary, phases: list[str]) -> dict[str, Any]:
    found = phase.conclusions if len(phase.settings) > 1 else None
    one = found.against.get(setting.label) if found else None
    word = "" if found is None else "not compared with the best"
    if one is not None and one.word == BEST:
        word = f"the best of phase {phase.name}" if phases else "the best"
    elif one is not None and found is not None:
        word = f"{one.word}: {against_text(one, found.metric, found.unit)}"
    values = setting.samples[phase.metric]
    names = axis_names(list(setting.all_axes))
    told: dict[str, Any] = {
        "name": values_text(setting.all_axes),
        "phases": phases,
        "axes": [[names[path], shown(value)] for path, value in setting.all_axes.items() if value is not None],
        "runs": [run.id for run in setting.runs if run.id],
        "outcome": outcome(setting),
        "word": word,
        "scores": [[METRICS[name].word, spread(sample, name)] for name, sample in setting.samples.items() if sample.n],
        "toml": dumps(setting.setting),
    }
    if values.interval is not None:
        low, high = values.interval.shown(phase.metric)
        ends = f"{number(low, phase.metric)} to {number(high, phase.metric)}"
        told["interval"] = [f"95 % interval of the mean {METRICS[phase.metric].word}", ends]
    if setting.network is not None:
        told["network"] = [", ".join(setting.network.layers), f"{setting.network.parameters:,}"]
        told["formulas"] = [["loss", setting.network.loss_formula], ["L2", setting.network.l2_formula]]
    if setting.dataset is not None:
        told["classes"] = list(setting.dataset.classes)
    if phase.vary is not None:
        told["vary"] = dumps({"vary": list(phase.vary)})
    return told


def _run(
    run: RunFacts,
    sources: Sources,
    points: int,
    environments: dict[str, tuple[int, dict[str, str]]],
) -> dict[str, Any]:
    told: dict[str, Any] = {"trouble": trouble} if (trouble := trouble_of(run)) else {}
    record = run.record
    if record is None:
        return told
    told |= {"error": record.error.strip()[-MESSAGE:]} if record.error else {}
    told |= {"reason": record.diverged.reason} if record.diverged else {}
    told |= {"continues": record.continues} if record.continues else {}
    environment = {key: facts_text(value) for key, value in record.environment.items() if value not in ("", [])}
    told |= {"finished": finished} if (finished := environment.pop("finished", "")) else {}
    environment |= {"engine": facts_text(record.engine).removeprefix("name ")}
    told["environment"], _ = environments.setdefault(str(environment), (len(environments), environment))
    return told | (_curves(sources.curves(run.id), points) if _has_curves(run) else {})


def _curves(curves: Mapping[str, np.ndarray], points: int) -> dict[str, Any]:
    """Curves by epoch at evenly picked epochs, and the losses of steps as means of equal stretches."""
    per_step = curves.get(PER_STEP)
    epochs = {name: values for name, values in by_epoch(curves).items() if name in METRICS and len(values)}
    told: dict[str, Any] = {}
    if epochs:
        n = min(len(curves["epoch"]), *map(len, epochs.values()))
        at = picked(n, min(MOST_POINTS, max(10, 2 * points // 3 // len(epochs))))
        told["at"] = np.asarray(curves["epoch"])[at].tolist()
        told["curves"] = {name: _shorts(values[at]) for name, values in epochs.items()}
    if per_step is not None and len(per_step):
        told["losses"] = _shorts(stretch_means(per_step, min(MOST_POINTS, max(10, points // 3))))
        told["of"] = len(per_step)
    return told


def picked(n: int, most: int) -> np.ndarray:
    """Evenly picked positions among n, the first and the last of them; all where there are no more than `most`.

    >>> picked(9, 3).tolist(), picked(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def stretch_means(values: np.ndarray, most: int) -> np.ndarray:
    """The means of at most so many equal stretches (some are longer by one) of a series (steps,), float64.

    >>> stretch_means(np.array([1.0, 3.0, 5.0, 5.0]), 2).tolist()
    [2.0, 5.0]
    """
    x = np.asarray(values, np.float64)
    n = min(len(x), most)
    short, longer = divmod(len(x), n)
    cut = longer * (short + 1)
    means = [x[:cut].reshape(longer, short + 1).mean(axis=1)] if longer else []
    return np.concatenate([*means, x[cut:].reshape(n - longer, short).mean(axis=1)])


def _add_grids(
    ranked: Iterable[tuple[PhaseSummary, SettingSummary]],
    sources: Sources,
    told: dict[str, dict[str, Any]],
) -> None:
    """Confusion matrices and pictures: of the best run of every setting, the best setting first; then of the others."""
    order: dict[str, RunFacts] = {}
    others: dict[str, RunFacts] = {}
    for phase, setting in ranked:
        best = setting.best_run(phase.metric)
        for run in setting.runs:
            (order if run is best else others)[run.id] = run
    cells = room = 0
    pictured = 0
    for run in [*order.values(), *others.values()]:
        if not _has_curves(run) or run.id not in told or cells > CELLS:
            continue
        record = sources.record(run.id)
        if (matrix := network_figures.confusion(record, "")) is not None:
            told[run.id]["confusion"] = {"title": matrix.title, "counts": matrix.counts.tolist()}
            cells += matrix.counts.size
        if pictured >= PICTURED or room >= BYTES:
            continue
        shown_here: dict[str, Any] = {}
        weights = network_figures.weights(record, sources.params(run.id), f"Run {run.id}", units=UNITS)
        if weights is not None:
            shown_here["weights"] = {"caption": weights.caption, **_uris(pictures(weights))}
        wrong = network_figures.mistakes(record, sources.mistakes(run.id), f"Run {run.id}")
        if wrong is not None:
            shown_here["mistakes"] = {"caption": wrong.caption, **_uris(mistakes(wrong))}
        size = sum(len(uri) for one in shown_here.values() for uri in one["uris"])
        if shown_here and room + size <= BYTES:
            told[run.id]["pictures"] = shown_here
            pictured += 1
        room += size


def _uris(block: Mapping[str, Any]) -> dict[str, Any]:
    items = block["pictures"]
    return {"uris": [one["uri"] for one in items], "labels": [one["label"] for one in items]}


def _shorts(values: np.ndarray) -> list[float | None]:
    return [_short(value) for value in values.tolist()]


def _short(value: float) -> float | None:
    """Four significant digits; None where it is not finite."""
    return float(f"{value:.4g}") if math.isfinite(value) else None
