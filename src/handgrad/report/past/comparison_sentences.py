"""What can be said of two studies side by side, A and B: a table of the settings that both have, and sentences."""

from collections.abc import Iterator, Sequence

from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.names import plural
from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.wording import (
    axis_names,
    enumerated,
    mean_std,
    setting_value,
    settings_named,
    signed,
    values_text,
)
from handgrad.report.past.study_comparison import NONE, ComparedSettings, KeyDifference, StudyComparison, data_facts
from handgrad.report.tables.conclusion_tables import points
from handgrad.report.tables.table import Column, Row, Table, cell
from handgrad.study.changes import SECTIONS, shown

FEW = 6  # values of a key that a sentence lists


def compared_table(found: StudyComparison) -> Table:
    """A row for every setting that both have, by the metric: mean ± deviation (n) of each, and B − A."""
    fraction, word = is_fraction(found.metric), METRICS[found.metric].word
    columns = [
        *(Column(name) for name in ("A", "B", "values")),
        *(Column(f"{name}{' %' if fraction else ''} (n)", numeric=True) for name in ("A", "B")),
        Column(f"B − A{', points' if fraction else ''} (95 %)", numeric=True),
    ]
    rows = []
    for one in found.by_metric:
        texts = [one.first.label, one.second.label, values_text(one.axes)]
        texts += [_value(setting.samples[found.metric], found.metric) for setting in (one.first, one.second)]
        rows.append(Row(tuple(cell(text, bold=one.differ) for text in (*texts, _change(one)))))
    title = f"Settings that both have, by {word}"
    caption = "Mean ± standard deviation (n runs). B − A: on seeds that both finished, with its paired 95 % t interval."
    if any(one.unlike for one in found.by_metric):
        caption += " Other epochs: a search stopped one of the two. Other seeds: they vary other sources of chance."
    return Table("compared", title, caption, tuple(columns), tuple(rows))


def folded(found: Sequence[KeyDifference]) -> list[KeyDifference]:
    """The differences for a terminal: a table that one study alone has, such as a phase, is one line.

    >>> folded([KeyDifference(f"phase.L2.{key}", "x", "–") for key in ("name", "after", "grid.training.epochs")])
    [KeyDifference(key='phase.L2', first='3 keys', second='–')]
    """
    groups: dict[str, list[KeyDifference]] = {}
    for one in found:
        groups.setdefault(".".join(one.key.split(".")[:2]), []).append(one)
    lines = []
    for name, group in groups.items():
        missing = [[one.first == NONE for one in group], [one.second == NONE for one in group]]
        if len(group) > 2 and name.split(".")[0] not in SECTIONS and any(map(all, missing)):
            lines.append(KeyDifference(name, *(NONE if all(gone) else f"{len(group)} keys" for gone in missing)))
        else:
            lines += group
    return lines


def comparison_sentences(found: StudyComparison) -> list[str]:
    """What the numbers say: what is missing, which settings differ, what one study alone has, the best of each."""
    return [*_of_runs(found), *_of_data(found), *_of_settings(found), *_of_best(found)]


def _of_runs(found: StudyComparison) -> Iterator[str]:
    for name, study in zip("AB", found.studies, strict=True):
        if left := sum(setting.unfinished for setting in study.settings):
            of = plural(len(study.runs), "run")
            yield (
                f"Of {name}, {len(study.runs) - left:,} of {of} have ended: what is said of it is so far. The command "
                "that began it goes on."
            )


def _of_data(found: StudyComparison) -> Iterator[str]:
    known, other = (
        next((one.dataset for one in study.settings if one.dataset is not None), None) for study in found.studies
    )
    if known is not None and other is not None and not found.data:
        facts = data_facts(known)
        counts = ", ".join(f"{facts[key]} {key}" for key in facts if key.endswith(" examples"))
        yield f"Both learn from the same data: {facts['name']}, {counts} (checksum {facts['checksum']}…)."
    metrics = [study.phases[0].metric for study in found.studies]
    if metrics[0] != metrics[1]:
        words = [METRICS[metric].word for metric in metrics]
        yield f"A chooses its best by {words[0]}, B by {words[1]}; here both are compared by {words[0]}."
    if any(not one.same_examples for one in (*found.by_metric, *([found.best] if found.best else []))):
        yield "They were not scored on the same examples; intervals over seeds do not hold that noise."
    formulas = [{one.network.loss_formula for one in study.settings if one.network} for study in found.studies]
    if not is_fraction(found.metric) and formulas[0] != formulas[1]:
        yield "Their losses have other formulas, so the numbers cannot be compared."


def _of_settings(found: StudyComparison) -> Iterator[str]:
    tested = [one for one in found.by_metric if one.p_holm is not None]
    for word, better in (("better", True), ("worse", False)):
        labels = [one.second.label for one in tested if one.differ and _is_better(one) is better]
        if labels:
            yield f"B is {word} in its {settings_named(labels)} ({_method(tested)})."
    if tested and not any(one.differ for one in tested):
        which = "the setting that both have is not" if len(tested) == 1 else f"none of {len(tested)} settings is"
        yield f"{which[0].upper()}{which[1:]} shown to differ ({_method(tested)}), which does not make them equal."
    new = [one for one in found.by_metric if not one.same_runs]
    if new and not tested:
        yield "No setting has two seeds that both studies finished, so there is no interval."
    if found.shared_runs:
        yield f"{plural(found.shared_runs, 'run')} {'is' if found.shared_runs == 1 else 'are'} in both, bit for bit."
    if not found.by_metric:
        none = any(not any(one.records for one in study.settings) for study in found.studies)
        yield "No setting has a result in both." if none else f"No setting has the same values{_apart(found)}."
    for (name, other), settings in zip((("A", "B"), ("B", "A")), found.only, strict=True):
        if settings:
            yield f"{name} alone has {settings_named([one.label for one in settings])}; {other} has no such values."


def _apart(found: StudyComparison) -> str:
    """Of a key that varies and has no value in both, what it is in each; else that no result is in both."""
    names = axis_names(found.varied)
    for path in found.varied:
        listings = [[shown(setting_value(one, path)) for one in study.settings] for study in found.studies]
        if not set(listings[0]) & set(listings[1]):
            a, b = (enumerated(list(dict.fromkeys(texts)), FEW) for texts in listings)
            return f" in both: {names[path]} is {a} in A and {b} in B"
    return " and a result in both"


def _method(tested: list[ComparedSettings]) -> str:
    paired = "corrected paired t" if tested[0].change.corrected else "paired t"
    over = f", Holm over {len(tested)}" if len(tested) > 1 else ""
    counts = list(dict.fromkeys(one.change.counted for one in tested))
    return f"{paired} on {enumerated(counts, 3)} that both finished{over}, p < 0.05"


def _is_better(one: ComparedSettings) -> bool:
    return ((one.change.difference or 0.0) < 0) is lower_is_better(one.metric)


def _of_best(found: StudyComparison) -> Iterator[str]:
    best = found.best
    if best is None:
        return
    said = [
        f"{name} {one.label} ({values_text(one.all_axes) or 'its only setting'}) with "
        f"{_value(one.samples[found.metric], found.metric, unit=True)}"
        for name, one in (("A", best.first), ("B", best.second))
    ]
    text = f"Best against best: {said[0]}, {said[1]}"
    if best.same_runs:
        yield f"{text}: the same runs."
    elif {setting.dataset and setting.dataset.checksum for setting in (best.first, best.second)} != {
        best.first.dataset and best.first.dataset.checksum
    }:
        yield f"{text}. They learn from other data, so the two cannot be set against each other."
    elif best.change.difference is None:
        yield f"{text}; they {f'have {best.unlike} and are not compared' if best.unlike else 'share no seed'}."
    else:
        interval = best.change.interval
        ends = f" ({best.change.why_bare})" if interval is None else (
            f" (95 % interval {points(interval.low, found.metric)} to {points(interval.high, found.metric)})"
        )  # fmt: skip
        yield (
            f"{text}: B − A = {signed(best.change.difference, found.metric)}{ends} on {best.change.counted}. Each was "
            "chosen by these numbers, which flatters both: no test of which study is better."
        )


def _value(values: Sample, metric: str, *, unit: bool = False) -> str:
    if values.mean is None:
        return "–"
    text = mean_std(values, metric)
    return f"{text} %" if unit and is_fraction(metric) else text if unit else f"{text} ({values.n})"


def _change(one: ComparedSettings) -> str:
    if one.same_runs:
        return "the same runs"
    if one.change.difference is None:
        return one.unlike or "no seed in both"
    text, interval = points(one.change.difference, one.metric), one.change.interval
    if interval is None:
        return f"{text} ({one.change.why_bare})"
    return f"{text} ({points(interval.low, one.metric)} to {points(interval.high, one.metric)})"
