"""Which figures of a study file cannot be made, as far as the file and its data tell: said before anything runs.

    figure_notes(study, splits)   a sentence for each such [[figure]] and [[original.figure]]

A kind says what it needs with the function `needs` of its record in `FIGURES`, which is given an `AskedFigure`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.data.datasets import Split
from handgrad.errors import HandgradError
from handgrad.names import short
from handgrad.study.design.settings import Phase, Possible, Study
from handgrad.study.planning.split_cache import DataFacts, SplitCache
from handgrad.study.published.figure_options import FIGURES, FigureOptions, load
from handgrad.study.published.items import Drawing, Figure
from handgrad.study.reading.setting_refs import SettingRef, SettingRefs, setting_ref
from handgrad.study.rules.samplers import Sampling
from handgrad.study.rules.select import metric_of
from handgrad.training.run import Setting


@dataclass(frozen=True)
class AskedFigure:
    """A figure before anything runs.

    settings: each that it shows, as it would be from the base setting (its axes are certain);  None where a winner is
    among them, or settings of several phases;  possible: every setting that one of them can come to;  phases: that have
    them;  sampling: from which ranges they are drawn;  drawn: how many settings these are, 0 where they are listed;
    runs: (seed, fold) of each setting;  data: the facts of their data;  split: by the key of such facts.
    """

    options: Any
    settings: tuple[Possible, ...] | None
    possible: tuple[Setting, ...]
    phases: tuple[Phase, ...]
    sampling: Sampling | None
    drawn: int
    runs: tuple[tuple[int, int | None], ...]
    data: tuple[DataFacts, ...]
    metric: str
    split: Callable[[str], Split]

    @property
    def parts(self) -> set[str]:
        """The parts that the data of some setting has."""
        return {part for facts in self.data for part, n in facts.counts.items() if n}


def figure_notes(study: Study, splits: SplitCache) -> list[str]:
    """A sentence for every figure that cannot be made of this study, with what it lacks."""
    original = study.spec.original.figure if study.spec.original is not None else ()
    asked: list[tuple[str, Drawing]] = [(_where(item), item) for item in study.spec.figure]
    asked += [(item.where, item) for item in original]
    refs = SettingRefs(study) if asked else None
    found = []
    for where, item in asked:
        if item.run and refs is not None and (reason := _reason(study, splits, refs, item)):
            remedy = "change it, or leave it out" if isinstance(item, Figure) else "change or leave out the [[figure]]"
            found.append(f"{where} (kind {item.kind}) cannot be made: {reason}; {remedy}")
    return found


def _where(item: Drawing) -> str:
    return f'figure "{short(item.title, 60)}"'


def _reason(study: Study, splits: SplitCache, refs: SettingRefs, item: Drawing) -> str:
    """Why a figure cannot be made; empty where nothing is known to be in the way."""
    kind = FIGURES[item.kind]
    options, _ = kind.options.read(item.options)
    phases = tuple(phase for phase in study.phases if phase.name in item.phase)
    if options is None or not phases:
        return ""
    if reason := _seed_reason(options, phases):
        return reason
    if kind.needs is None:
        return ""
    shown = [one for ref in item.references for one in refs.find(ref, item.phase) if one is not None]
    asked = _asked(study, splits, options, phases, shown, len(refs.of(item.phase)))
    return "" if asked is None else str(load(kind.needs)(asked))


def _seed_reason(options: FigureOptions, phases: tuple[Phase, ...]) -> str:
    seed = getattr(options, "seed", None)
    known = list(dict.fromkeys(one for phase in phases for one in phase.seeds))
    if not isinstance(seed, int) or seed in known:
        return ""
    return f"options.seed must be one of the seeds of its settings, {', '.join(map(str, known))}; got {seed}"


def _asked(
    study: Study,
    splits: SplitCache,
    options: FigureOptions,
    phases: tuple[Phase, ...],
    shown: Sequence[SettingRef],
    whole: int,
) -> AskedFigure | None:
    """What is known of the figure; None where its data does not fit, which the plan says.  whole: their settings."""
    a_winner = any(one.axes is None for one in shown)  # it may be a setting of a phase before
    own = [one for one in study.settings.possible if a_winner or one.phase in phases]
    possible = list({id(one.setting): one.setting for one in own if one.setting is not None}.values())
    try:
        data = {facts.key: facts for facts in (splits.facts(setting.data) for setting in possible)}
    except HandgradError:
        return None
    sampling = study.sampling_of(phases[0].name) if len(phases) == 1 else None
    folds = range(1, study.spec.data.splits + 1) if study.spec.data.splits > 1 else (None,)
    return AskedFigure(
        options=options,
        settings=_settings(study, phases, shown),
        possible=tuple(possible),
        phases=phases,
        sampling=sampling,
        drawn=0 if sampling is None else whole,
        runs=tuple((seed, fold) for fold in folds for seed in phases[0].seeds),
        data=tuple(data.values()),
        metric=metric_of(study.spec.select_by, study.spec.select_on_test),
        split=splits.split,
    )


def _settings(study: Study, phases: tuple[Phase, ...], shown: Sequence[SettingRef]) -> tuple[Possible, ...] | None:
    """The settings that references mean, of one phase whose axes are certain; None where they are not."""
    if len(phases) != 1 or any(one.axes is None for one in shown):
        return None
    (phase,) = phases
    made = study.settings.from_base(phase.number)
    if phase.sampling is not None:  # drawn while the study runs: these were drawn blindly from the same ranges
        return made if len(shown) == phase.sampling.runs else None
    by_ref = {setting_ref(phase.name, phase.changes | one.choice.axes): one for one in made}
    found = [by_ref.get(one) for one in shown]
    return None if None in found else tuple(one for one in found if one is not None)
