"""The chapter in which the reader puts two settings, or two runs, beside each other.

What the page's script needs of it is here, as text where it has numbers: how the settings differ, what their runs came
to, every difference that the report defends, and confusion matrices.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from handgrad.measures import METRICS, TEST, VALIDATION
from handgrad.report.chapters.chapter import Chapter, SideBySide, Text
from handgrad.report.figures.request import Sources
from handgrad.report.findings.against_best import BOTH
from handgrad.report.findings.intervals import Interval
from handgrad.report.findings.ranked_settings import ranked_settings
from handgrad.report.findings.setting_pairs import ACROSS, PAIRED, across_phases, pair_differences
from handgrad.report.findings.statistics import Comparison
from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary
from handgrad.report.findings.wording import holds_for, number, plural, setting_name, signed, spread
from handgrad.study.changes import axis_names, leaves, shown
from handgrad.training.run_keys import key_word

COUNTS = 40_000  # cells of confusion matrices that the page holds


def side_by_side_chapter(summary: Summary, sources: Sources) -> Chapter | None:
    """The chapter of a study of which two runs have trained; None of others."""
    if sum(len(setting.trained) for setting in summary.settings) < 2:
        return None
    phases = [phase for phase in summary.phases if any(setting.trained for setting in phase.settings)]
    text = (
        "Choose two settings, or two runs of them. A difference is the mean of the differences over the "
        "seeds that both finished, with the 95 % t interval of that one pair; against the best it is the simultaneous "
        "interval of the table of results. "
        f"Pairs are those of the best {PAIRED} settings of a phase of which no run diverged"
        + (f", and of two phases those of the best {ACROSS} of each. " if len(phases) > 1 else ". ")
        + _speak_of(phases)
    )
    data = {
        "phases": [_phase(phase) for phase in phases],
        "differ": _differing([setting for setting in summary.settings if setting.trained]),
        "across": _across(summary) if len(phases) > 1 else {},
        **_matrices(summary, sources),
    }
    return Chapter("side-by-side", "Side by side", (Text(text), SideBySide(data)))


def _speak_of(phases: Sequence[PhaseSummary]) -> str:
    """Of what the intervals speak, once where they do so in all phases alike."""
    said: dict[str, list[str]] = {}
    for phase in phases:
        if all(setting.samples[phase.metric].n < 2 for setting in phase.settings):
            continue
        pair, found = holds_for(phase.settings, phase.metric), phase.conclusions
        best = pair if found is None else holds_for(phase.settings, phase.metric, examples=found.noise == BOTH)
        text = f"of a pair hold for {pair}" + (f"; those against the best for {best}" if best != pair else "")
        said.setdefault(text if best != pair else f"hold for {pair}", []).append(phase.name)
    where = {text: f" of phase {' and '.join(names)}" if len(said) > 1 else "" for text, names in said.items()}
    return " ".join(f"Intervals{where[text]} {text}." for text in said)


def _phase(phase: PhaseSummary) -> dict[str, Any]:
    """The settings of a phase, best first, in what they differ, and their differences as sentences."""
    settings = [setting for setting in phase.ranked if setting.trained]
    return {
        "name": phase.name,
        "measure": METRICS[phase.metric].word,
        "settings": [_setting(setting, phase) for setting in settings],
        "said": {**_pairs(phase), **_against(phase)},
    }


def _setting(setting: SettingSummary, phase: PhaseSummary) -> dict[str, Any]:
    values = setting.samples[phase.metric]
    said = spread(values, phase.metric) if values.n else "no value"
    notes = [f"{plural(n, 'run')} {what}" for what in ("diverged", "failed") if (n := setting.count(what))]
    notes += [f"{plural(setting.collapsed, 'run')} collapsed"] if setting.collapsed else []
    return {
        "label": setting.label,
        "name": setting_name(setting, phase.axes),
        "value": ", ".join([said, *notes]),
        "runs": [
            {
                "id": run.id,
                "name": key_word(run.key),
                "value": run.status if (value := run.value(phase.metric)) is None else number(value, phase.metric),
            }
            for run in setting.trained
        ],
    }


def _differing(settings: list[SettingSummary]) -> list[dict[str, Any]]:
    """Every key whose values are not the same in all settings, with its value in each by the label."""
    values = {setting.label: dict(leaves(setting.setting)) for setting in settings}
    paths = list(dict.fromkeys(path for one in values.values() for path in one))
    texts = {path: {label: shown(one[path]) if path in one else "" for label, one in values.items()} for path in paths}
    varied = [path for path in paths if len({*texts[path].values()}) > 1]
    names = axis_names(varied)
    return [{"name": names[path], "path": path, "values": texts[path]} for path in varied]


def _pairs(phase: PhaseSummary) -> dict[str, str]:
    """ "label|label" -> the difference of a pair in words."""
    return {
        f"{pair.first}|{pair.second}": _difference(pair.first, pair.second, pair.found, phase.metric)
        for pair in pair_differences(phase)
    }


def _across(summary: Summary) -> dict[str, str]:
    """ "label|label" -> the difference of two settings of different phases in words, or why there is none."""
    metric = summary.phases[-1].metric
    return {
        f"{first}|{second}": f"{found.split('; give two')[0]}."
        if isinstance(found, str)
        else _difference(first, second, found, metric)
        for first, second, found in across_phases(summary)
    }


def _difference(first: str, second: str, found: Comparison, metric: str) -> str:
    if found.difference is None:
        return f"{first} and {second} share no seed."
    text = f"{first} − {second}: {signed(found.difference, metric)} over {found.counted}"
    return f"{text}{_interval(found.interval, metric) if found.interval else '; they show no spread, so no interval'}."


def _interval(interval: Interval, metric: str) -> str:
    how = "corrected t" if interval.method == "corrected t" else "t"
    ends = f"{signed(interval.low, metric).removesuffix(' points')} to {signed(interval.high, metric)}"
    return f", 95 % {how} interval of this pair {ends}"


def _against(phase: PhaseSummary) -> dict[str, str]:
    """ "label|label" -> the difference from the best in words, and the report's word for it."""
    conclusions = phase.conclusions
    if conclusions is None:
        return {}
    found = {}
    for label, one in conclusions.against.items():
        if label == conclusions.best or one.difference is None:
            continue
        text = f"{label} − {conclusions.best} (the best): {signed(one.difference, phase.metric)}"
        if one.low is not None and one.high is not None:
            low = signed(one.low, phase.metric).removesuffix(" points")
            text += f", simultaneous 95 % interval {low} to {signed(one.high, phase.metric)}"
        found[f"{conclusions.best}|{label}"] = f"{text}: {one.word}."
    return found


def _matrices(summary: Summary, sources: Sources) -> Mapping[str, Any]:
    """The confusion matrices of runs, of the best settings first, as many as `COUNTS` cells hold."""
    classes: tuple[str, ...] = ()
    found: dict[str, list[list[int]]] = {}
    part = ""
    room = COUNTS
    for _, setting in ranked_settings(summary):
        if setting.dataset is None or (classes and tuple(setting.dataset.classes) != classes):
            continue
        classes = tuple(setting.dataset.classes)
        for run in setting.trained:
            if run.id in found or room < len(classes) ** 2:
                continue
            matrices = sources.record(run.id).confusion
            part = part or next((one.name for one in (TEST, VALIDATION) if one.name in matrices), "")
            if part in matrices:
                found[run.id] = matrices[part]
                room -= len(classes) ** 2
    return {"classes": classes, "part": part, "matrices": found}
