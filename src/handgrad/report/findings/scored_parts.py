"""On how many examples of each part settings were scored, in words: for headings, captions and the terminal."""

from collections.abc import Sequence

from handgrad.measures import PARTS, TRAIN, DataPart
from handgrad.report.findings.summary import SettingSummary


def scored(settings: Sequence[SettingSummary], metric: str) -> list[SettingSummary]:
    """Those of which a run has the metric: a run that diverged was scored on nothing."""
    return [setting for setting in settings if setting.samples[metric].n]


def _main(settings: Sequence[SettingSummary], part: DataPart) -> str:
    return part.metric(settings[0].main_measure if settings else "loss")


def training_sample(settings: Sequence[SettingSummary]) -> str:
    """On what part of the training examples training was scored, such as "3 of 29"; empty where on all of them."""
    found = set()
    metric = _main(settings, TRAIN)
    for setting in scored(settings, metric):
        n, total = setting.examples(metric), setting.count_of(TRAIN.name)
        if n is not None and total is not None:
            found.add(f"{n:,} of {total:,}" if n < total else "")
    return found.pop() if len(found) == 1 else "a sample" if found else ""


def scored_on(settings: Sequence[SettingSummary]) -> str:
    """On how many examples of each part accuracies were scored: "all 1,293 training and 144 validation examples".

    Parts of which settings have different numbers are left out, and settings of which no run has a score; empty where
    nothing is left.
    """
    said = []
    for part in PARTS.values():
        metric = _main(settings, part)
        found = {setting.examples(metric) for setting in scored(settings, metric)} - {None}
        if len(found) == 1:
            n = found.pop() or 0
            whole = f"all {n:,}" if n != 1 else "the only"
            said.append(f"{(training_sample(settings) or whole) if part is TRAIN else f'{n:,}'} {part.word}")
    text = " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
    return f"{text} example{'' if len(said) == 1 and n == 1 else 's'}" if text else ""
