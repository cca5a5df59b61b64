"""On how many examples of each part settings were scored, in words: for headings, captions and the terminal."""

from collections.abc import Sequence

from handgrad.measures import PARTS, TRAIN
from handgrad.report.findings.summary import SettingSummary


def training_sample(settings: Sequence[SettingSummary]) -> str:
    """On what part of the training examples training was scored, such as "3 of 29"; empty where on all of them."""
    found = set()
    for setting in settings:
        n, total = setting.examples(TRAIN.metric("accuracy")), setting.count_of(TRAIN.name)
        if n is not None and total is not None:
            found.add(f"{n:,} of {total:,}" if n < total else "")
    return found.pop() if len(found) == 1 else "a sample" if found else ""


def scored_on(settings: Sequence[SettingSummary]) -> str:
    """On how many examples of each part accuracies were scored: "all 1,293 training and 144 validation examples".

    Parts of which settings have different numbers are left out; empty where all are.
    """
    said = []
    for part in PARTS.values():
        found = {setting.examples(part.metric("accuracy")) for setting in settings} - {None}
        if len(found) == 1:
            n = f"{found.pop():,}"
            said.append(f"{(training_sample(settings) or f'all {n}') if part is TRAIN else n} {part.word}")
    text = " and ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
    return f"{text} examples" if text else ""
