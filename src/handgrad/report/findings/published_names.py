"""What settings are called in the report of a reproduction: as the rows of the original call them.

    published_names(summary)         ->  {label in the results folder: name in the report}, of those that differ
    renamed(summary, names)          ->  the same summary, every setting under its name

Labels in the results folder, in plan.json and in Python stay what they are.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary


def published_names(summary: Summary) -> dict[str, str]:
    """label -> name, where they differ.

    The first row of the original's own tables names a setting.  What was derived from a setting whose name is one word
    is called after it ("13_1" becomes "12_1" where 13 is called 12); a label that another setting is called by is
    marked.  A name that would be that of several settings is that of none.
    """
    refs = summary.refs
    if refs is None or refs.original is None:
        return {}
    named: dict[str, str] = {}
    for there, name in refs.row_names.items():
        if there in summary.labels:
            named.setdefault(summary.labels[there], name)
    several = {name for name, n in Counter(named.values()).items() if n > 1}
    named = {label: name for label, name in named.items() if name not in several}
    for setting in sorted(summary.settings, key=lambda one: one.label.count("_")):
        parent, _, number = setting.label.rpartition("_")
        if setting.label not in named and re.fullmatch(r"\w+", named.get(parent, "")):
            named[setting.label] = f"{named[parent]}_{number}"
    taken = Counter(named.get(setting.label, setting.label) for setting in summary.settings)
    for setting in summary.settings:
        if setting.label not in named and taken[setting.label] > 1:
            named[setting.label] = f"{setting.label} (here)"
    return {label: name for label, name in named.items() if name != label}


def renamed(summary: Summary, names: Mapping[str, str]) -> Summary:
    """The summary with its settings called by `names`; others keep their label."""
    if not names:
        return summary

    def one(setting: SettingSummary) -> SettingSummary:
        return replace(setting, label=names.get(setting.label, setting.label))

    def whole(phase: PhaseSummary) -> PhaseSummary:
        winner = None if phase.winner is None else names.get(phase.winner, phase.winner)
        search = None if phase.search is None else phase.search.renamed(names)
        return replace(phase, settings=tuple(map(one, phase.settings)), winner=winner, search=search)

    labels = {there: names.get(label, label) for there, label in summary.labels.items()}
    return replace(summary, phases=tuple(map(whole, summary.phases)), labels=labels, names=dict(names))
