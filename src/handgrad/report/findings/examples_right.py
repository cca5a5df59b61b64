"""Which examples the settings of a phase get right, seed by seed: the second noise, beside that of seeds.

An accuracy over m examples is one draw of m examples.  With a bit for each setting, seed and example, settings are
paired by example, and an interval can include what another set of examples would change.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.displays import Display, Displayed
from handgrad.names import listed
from handgrad.network.arrays import Arrays
from handgrad.report.findings.conclusions import Bits
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.summary import SettingSummary
from handgrad.training.record import Record
from handgrad.training.right import Right, unpacked_right
from handgrad.training.run_keys import RunKey, in_order, key_word


@dataclass(frozen=True, repr=False)
class ExamplesRight(Displayed):
    """part: on which examples;  settings (k,): labels;  seeds (n,), of folds pairs of fold and seed.

    right (k, n, m): whether a run got an example right, the same example in a column; False throughout where there is
    no such run, or where it diverged or failed.  None where examples cannot be paired: `reason` says why.
    known (k, n): the runs that have bits.
    """

    part: str
    settings: tuple[str, ...]
    seeds: tuple[RunKey, ...]
    right: NDArray[np.bool_] | None
    known: NDArray[np.bool_]
    reason: str = ""

    def _display(self) -> Display:
        rows = [("settings", listed(self.settings)), ("runs", listed(map(key_word, self.seeds)))]
        rows.append(("right", self.reason if self.right is None else f"{self.right.shape} of bool"))
        return Display(f"Examples of the {self.part} part that are right", tuple(rows))


def right_of_settings(
    settings: Sequence[SettingSummary], load: Callable[[str, Record], Arrays], part: str = "validation"
) -> ExamplesRight:
    """The examples of one part, "validation" or "test", that the settings get right.

    settings: k of them; a column for each seed that any of them has.  load: id and record of a run -> its right.npz.
    """
    labels = tuple(setting.label for setting in settings)
    seeds = tuple(in_order({run.key for setting in settings for run in setting.runs}))
    known = np.zeros((len(labels), len(seeds)), dtype=np.bool_)

    def nothing(reason: str) -> ExamplesRight:
        return ExamplesRight(part, labels, seeds, None, known, reason)

    right: NDArray[np.bool_] | None = None
    first: tuple[Right, str, SettingSummary, RunFacts] | None = None
    for i, setting in enumerate(settings):
        for run in setting.runs:
            record = run.record
            if record is None or run.status not in ("done", "pruned"):
                continue
            n = record.dataset.counts.get(part)
            if not n:
                return nothing(f"setting {setting.label} has no {part} part")
            found = unpacked_right(load(run.id, record), part, n)
            if found is None:
                return nothing(
                    f"the record of setting {setting.label}, {key_word(run.key)} has no bits: an earlier version wrote "
                    "it"
                )
            if first is None or right is None:
                first = (found, record.dataset.checksum, setting, run)
                right = np.zeros((len(labels), len(seeds), n), dtype=np.bool_)
            elif found.examples != first[0].examples or record.dataset.checksum != first[1]:
                return nothing(_other_examples(part, (setting, run), first[2:]))
            column = seeds.index(run.key)
            right[i, column], known[i, column] = found.right, True
    return nothing("no run has ended") if right is None else ExamplesRight(part, labels, seeds, right, known)


def bits_of_settings(load: Callable[[str, Record], Arrays], settings: Sequence[SettingSummary], part: str) -> Bits:
    """Label -> run -> which examples (m,) it got right; empty where settings cannot be paired by example."""
    found = right_of_settings(settings, load, part)
    if found.right is None:
        return {}
    return {
        label: {key: found.right[i, j] for j, key in enumerate(found.seeds) if found.known[i, j]}
        for i, label in enumerate(found.settings)
    }


def _other_examples(part: str, one: tuple[SettingSummary, RunFacts], other: tuple[SettingSummary, RunFacts]) -> str:
    (setting, run), (first, first_run) = one, other
    if setting is first:
        what, ends = ("folds", (first_run.fold, run.fold)) if run.fold else ("seeds", (first_run.seed, run.seed))
        return f"{part} examples differ between {what} ({ends[0]} and {ends[1]}): they are not paired by example"
    return f"settings {first.label} and {setting.label} have other {part} examples: they are not paired by example"
