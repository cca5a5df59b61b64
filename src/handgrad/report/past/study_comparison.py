"""Two studies side by side: what differs in what they do, in their data, and in what came out.

Settings are the same where they have the same values of everything that varies in either study; what else differs
between the studies is said once, for all of them.  A setting that occurs several times is taken in the order of plans.

change    second study − first: the mean over the seeds that both finished, with its paired 95 % t interval
p_holm    p of the paired t-test after Holm, over all settings that are compared by the same metric

They are those of `findings.statistics` and `rules.multiple_tests`.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from handgrad.errors import ResultsError
from handgrad.measures import METRICS, PARTS
from handgrad.report.findings.pairing import seeds_alike
from handgrad.report.findings.statistics import LEVEL, Comparison
from handgrad.report.findings.statistics import compare as two_settings
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.study.changes import SECTIONS, at_path, leaves
from handgrad.study.changes import shown as value_text
from handgrad.study.folder.earlier import NOT_THERE, differing_keys
from handgrad.study.folder.results_folder import Results
from handgrad.study.rules.multiple_tests import holm
from handgrad.training.record_facts import DatasetFacts
from handgrad.training.run import Setting

PUBLISHED = ("original", "explain")  # tables of a study file about what others published
NONE = "–"  # the value of a key that a study does not have


@dataclass(frozen=True)
class KeyDifference:
    """A key in which two studies differ, with its values as text."""

    key: str
    first: str
    second: str


COMPARED = (
    *("metric", "first_mean", "first_std", "first_n", "second_mean", "second_std", "second_n", "n", "change", "low"),
    *("high", "p", "p_holm", "differ", "same_runs", "same_examples", "unlike"),
)  # columns of what was compared, after those of labels and values


@dataclass(frozen=True)
class ComparedSettings:
    """A setting of each study, by one metric.  `change`: second − first, on the runs that both finished.

    p_holm: None where there is no test.  same_runs: both studies share all of its runs.
    same_examples: both were scored on the same examples, as far as the data and how it is split say.
    unlike: why their runs make no pairs: a search stopped one of them, or their seeds vary other things; else empty.
    """

    first: SettingSummary
    second: SettingSummary
    metric: str
    change: Comparison
    same_runs: bool
    same_examples: bool
    unlike: str = ""
    p_holm: float | None = None

    @property
    def axes(self) -> dict[str, Any]:
        """The values that set it apart in either study."""
        return {**self.first.all_axes, **self.second.all_axes}

    @property
    def differ(self) -> bool:
        """Whether they are shown to differ: `Comparison.decided`, and p_holm below 0.05."""
        return self.change.decided and self.p_holm is not None and self.p_holm < LEVEL

    def data(self) -> dict[str, Any]:
        """What JSON and frames hold of it."""
        a, b, change = self.first.samples[self.metric], self.second.samples[self.metric], self.change
        ends = change.interval
        found = {"first": self.first.label, "second": self.second.label, **self.axes, "metric": self.metric}
        for name, one in (("first", a), ("second", b)):
            found |= {f"{name}_mean": one.mean, f"{name}_std": one.std, f"{name}_n": one.n}
        found |= {"n": change.n, "change": change.difference, "low": ends.low if ends else None}
        found |= {"high": ends.high if ends else None, "p": change.p, "p_holm": self.p_holm, "differ": self.differ}
        return found | {"same_runs": self.same_runs, "same_examples": self.same_examples, "unlike": self.unlike}


@dataclass(frozen=True)
class StudyComparison:
    """Two studies, whose results lie in `folders`.  `settings` and `data`: the keys in which they differ.

    metric: what the first chose its best by.  compared: settings that both have, by every metric that both have.
    only: settings of the first that the second does not have, and the other way round.
    shared_runs: how many runs both have, of equal ids and so of equal bits.
    """

    studies: tuple[Summary, Summary]
    folders: tuple[str, str]
    metric: str
    settings: tuple[KeyDifference, ...]
    data: tuple[KeyDifference, ...]
    compared: tuple[ComparedSettings, ...]
    only: tuple[tuple[SettingSummary, ...], tuple[SettingSummary, ...]]
    shared_runs: int

    @property
    def varied(self) -> list[str]:
        """The axes of either study."""
        return list(dict.fromkeys(path for study in self.studies for one in study.settings for path in one.all_axes))

    @property
    def columns(self) -> list[str]:
        """Of the frame of what was compared, the same without a row."""
        return ["first", "second", *self.varied, *COMPARED]

    @property
    def by_metric(self) -> list[ComparedSettings]:
        """Settings that both have, by the metric."""
        return [one for one in self.compared if one.metric == self.metric]

    @cached_property
    def best(self) -> ComparedSettings | None:
        """The best setting of each, whatever their values; None where one of them has none, or no such metric."""
        first, second = (study.winner for study in self.studies)
        return (
            None
            if first is None or second is None
            else next(_compared(self.studies, [(first, second)], self.metric), None)
        )

    def to_json(self) -> dict[str, Any]:
        """All of it, for scripts."""
        names = ("first", "second")
        return {
            **{name: {"folder": folder, "study": study.name, "best": study.winner.label if study.winner else None}
               for name, folder, study in zip(names, self.folders, self.studies, strict=True)},
            "settings": [vars(one) for one in self.settings],
            "data": [vars(one) for one in self.data],
            "compared": [one.data() for one in self.compared],
            "best": self.best.data() if self.best else None,
            **{f"only_{name}": [one.label for one in only] for name, only in zip(names, self.only, strict=True)},
            "shared_runs": self.shared_runs,
        }  # fmt: skip


def compare_folders(
    first: Results | str | os.PathLike[str], second: Results | str | os.PathLike[str]
) -> StudyComparison:
    """Compare the studies of two results folders, finished or not.

    Raises ResultsError where one is no results folder, or an explanation; DamagedError where files were altered.
    """
    results = Results.of(first), Results.of(second)
    for one in results:
        if "explain" in one.plan:
            page = one.folder / "report" / "index.html"
            raise ResultsError(f"{one.folder}: explains published numbers, and its readings are ranked in {page}")
    a, b = map(summarize, results)
    pairs, *only = _pairs(a, b, _varied(results))
    ids = [{run.id for run in study.runs if run.record is not None} for study in (a, b)]
    return StudyComparison(
        studies=(a, b),
        folders=(str(results[0].folder), str(results[1].folder)),
        metric=str(results[0].plan["metric"]),
        settings=tuple(_settings(*results)),
        data=tuple(_data(a, b)),
        compared=tuple(one for metric in METRICS for one in _compared((a, b), pairs, metric)),
        only=(tuple(only[0]), tuple(only[1])),
        shared_runs=len(ids[0] & ids[1]),
    )


# -- what they do


def _settings(first: Results, second: Results) -> Iterator[KeyDifference]:
    """Base values with every default, and all else that the study files say."""
    bases = [dict(leaves(_base(one))) for one in (first, second)]
    for key in dict.fromkeys([*bases[0], *bases[1]]):
        old, new = (base.get(key) for base in bases)
        if old != new:
            yield KeyDifference(key, *(NONE if value is None else value_text(value) for value in (old, new)))
    texts = [(one.folder / "study.toml").read_text("utf-8") for one in (first, second)]
    for key, values in differing_keys(*texts).items():
        if key.split(".")[0] not in (*SECTIONS, *PUBLISHED, "name"):
            yield KeyDifference(key, *(NONE if value is NOT_THERE else value_text(value) for value in values))
    reproduced = [one.spec.original.title if one.spec.original else NONE for one in (first, second)]
    if reproduced[0] != reproduced[1]:
        yield KeyDifference("what is reproduced", *reproduced)
    versions = [str(one.plan.get("handgrad", NONE)) for one in (first, second)]
    if versions[0] != versions[1]:
        yield KeyDifference("version of handgrad", *versions)


def _base(results: Results) -> dict[str, Any]:
    spec = results.spec
    setting = Setting(data=spec.data, network=spec.network, training=spec.training)
    return setting.model_dump(mode="json", by_alias=True)


def _data(first: Summary, second: Summary) -> Iterator[KeyDifference]:
    """Name, checksum, classes, scaling, and how many examples each part has; none while a study has no run."""
    facts = [_data_facts(study) for study in (first, second)]
    if not all(facts):
        return
    for key in dict.fromkeys([*facts[0], *facts[1]]):
        values = [one.get(key, NONE) for one in facts]
        if values[0] != values[1]:
            yield KeyDifference(key, *values)


def _data_facts(study: Summary) -> dict[str, str]:
    """Key -> its values over all data that the settings of a study learn from."""
    found: dict[str, dict[str, None]] = {}
    for setting in study.settings:
        if setting.dataset is not None:
            for key, value in data_facts(setting.dataset).items():
                found.setdefault(key, {})[value] = None
    return {key: " or ".join(values) for key, values in found.items()}


def data_facts(data: DatasetFacts) -> dict[str, str]:
    """What can differ between two data sets, as text."""
    counts = {f"{part.word} examples": f"{data.counts[name]:,}" for name, part in PARTS.items() if name in data.counts}
    found = {"name": data.name, "checksum": data.checksum[:12], **counts}
    return found | {"classes": f"{len(data.classes)}", "scaling": data.scaling}


# -- what came out


def _varied(results: Sequence[Results]) -> list[str]:
    """Every path that a setting of either study changes."""
    settings = [setting for one in results for phase in one.plan["phases"] for setting in phase["settings"]]
    return list(dict.fromkeys(path for setting in settings for path in setting["changes"]))


def _pairs(
    first: Summary, second: Summary, paths: Sequence[str]
) -> tuple[list[tuple[SettingSummary, SettingSummary]], list[SettingSummary], list[SettingSummary]]:
    """(settings of the same values, those of the first alone, those of the second alone)."""
    others: dict[str, list[SettingSummary]] = {}
    for setting in second.settings:
        others.setdefault(_values(setting, paths), []).append(setting)
    pairs, alone = [], []
    for setting in first.settings:
        same = others.get(_values(setting, paths))
        if same:
            pairs.append((setting, same.pop(0)))
        else:
            alone.append(setting)
    taken = {other.label for _, other in pairs}
    return pairs, alone, [setting for setting in second.settings if setting.label not in taken]


def _values(setting: SettingSummary, paths: Sequence[str]) -> str:
    return json.dumps([at_path(setting.setting, path) for path in paths], sort_keys=True)


def _compared(
    studies: Sequence[Summary], pairs: Sequence[tuple[SettingSummary, SettingSummary]], metric: str
) -> Iterator[ComparedSettings]:
    """Pairs of which both have the metric, compared by it."""
    found = []
    for first, second in pairs:
        a, b = first.samples[metric].values, second.samples[metric].values
        if a and b:
            unlike = "other epochs" if first.stopped != second.stopped else ""
            unlike = unlike if seeds_alike(studies, first, second) else "other seeds"
            b = {} if unlike else b
            change = two_settings(b, a, max(first.overlap(metric), second.overlap(metric)))
            same = {run.id for run in first.runs} == {run.id for run in second.runs}
            found.append(ComparedSettings(first, second, metric, change, same, _same_examples(first, second), unlike))
    tested = [one for one in found if one.change.p is not None and not one.same_runs]
    adjusted = iter(holm([float(one.change.p or 0) for one in tested]))
    for one in found:
        yield replace(one, p_holm=next(adjusted)) if one in tested else one


def _same_examples(first: SettingSummary, second: SettingSummary) -> bool:
    a, b = first.dataset, second.dataset
    split = all(at_path(first.setting, f"data.{part}") == at_path(second.setting, f"data.{part}") for part in PARTS)
    return a is not None and b is not None and a.checksum == b.checksum and split
