"""What is wrong with the settings of a study and with their number, before anything runs.

settings of a phase = (every bundle · every grid line) + one_factor + variants, or random.runs
runs of a study     = folds · seeds · Σ settings of its phases, counted before any is built: 10⁹ cannot be listed
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handgrad.errors import InputError
from handgrad.measures import VALIDATION, is_fraction, part_of
from handgrad.names import plural, short
from handgrad.network.dropout import Dropout
from handgrad.sections import is_whole
from handgrad.study.changes import leaves, shown
from handgrad.study.design.axes import RANDOM_KEYS, Axes
from handgrad.study.design.settings import Phase, Possible, Study
from handgrad.study.design.study_spec import FIRST, MOST_RUNS, StudySpec
from handgrad.study.rules.samplers import SAMPLERS, USUAL
from handgrad.training.requirements import check_installed
from handgrad.training.run import SEEDS, Setting
from handgrad.training.sources import SOURCES, sources_named, without_effect
from handgrad.training.sources import USUAL as SEEDED_SOURCES

SHOWN = 40  # problems of a message
MOST_PLACES = 3  # settings with one problem that are named one by one

SEEDED_PARTS = ("validation", "train", "test")  # of [data]: choices that have a seed of their own

# What a run that continues another cannot change.
FIXED = ("data", "network.hidden", "network.layers", "network.init", "network.bias_init", "training.dtype")


def study_problems(study: Study) -> list[str]:
    """Everything wrong with the settings of a study, each problem once, at the place where it was written."""
    found: dict[str, None] = {}
    wrong: list[tuple[str, Possible]] = []
    drawn: set[str] = set()
    longest: dict[int, int] = {}
    for one in study.settings.possible:
        if one.setting is not None:
            number = one.phase.number
            longest[number] = max(longest.get(number, 0), one.setting.training.epochs)
        for line in one.problems:
            place = located(line, one)
            range_of = place.rpartition("; got ")[0]
            if "random." in place and range_of in drawn:
                continue  # one draw outside says that the range is wrong
            drawn.add(range_of)
            wrong.append((line, one))
    found.update(dict.fromkeys(gathered(wrong, study.settings.possible)))
    spec = study.spec
    for phase in study.phases:
        for path in sorted({path for choice in phase.choices for path in phase.changes | choice.changes}):
            if phase.continues and path.startswith(FIXED):
                found[
                    f'phase "{short(phase.name, 60)}" continues runs, so it cannot change {short(path)}: the weights '
                    "and the data of a continued run are those it began with; take the change out or leave continue out"
                ] = None
    found.update(dict.fromkeys(_start_problems(study)))
    found.update(dict.fromkeys(_seed_problems(study)))
    found.update(dict.fromkeys(_fold_problems(study)))
    found.update(dict.fromkeys(_search_problems(study, longest)))
    if spec.phase and not spec.select_on_test and spec.data.validation is False:
        found[
            f"select_by = {spec.select_by!r} needs validation data to choose what later phases start from, but "
            "data.validation = false; give data.validation a size or folds (select_on_test = true chooses on the test "
            "set, for a report that did so)"
        ] = None
    margin = spec.conclusions.margin if spec.conclusions else 0.0
    if is_fraction(spec.select_by) and margin >= 1:
        found[
            f"conclusions.margin must be in (0, 1) for {spec.select_by}, a fraction of the examples; got {margin:g}; "
            "write points of accuracy as hundredths, such as 0.01 for one point"
        ] = None
    return list(found)


def _seed_problems(study: Study) -> Iterator[str]:
    """Phases with seeds of their own that go on from runs of others, or that another phase starts from."""
    for phase, spec in zip(study.phases[1:], study.spec.phase, strict=True):
        where = f'phase "{short(phase.name, 60)}"'
        if spec.new_seeds is not None and phase.continues:
            yield (
                f"{where} continues runs, each of the same seed, so it cannot have new_seeds = {spec.new_seeds}; leave "
                "new_seeds or continue out"
            )
        if spec.new_seeds is not None and (last := max(spec.seeds(study.spec.seeds), default=0)) >= SEEDS:
            yield (
                f"{where}.new_seeds: its seeds follow those of the study and would reach {last}; seeds must be below "
                "2^63, so give smaller seeds"
            )
        before, earlier = study.phases[phase.after or 0], study.spec.phase[phase.after - 1] if phase.after else None
        if phase.continues and spec.vary is not None and phase.vary != before.vary:
            yield (
                f'{where} continues runs of phase "{short(before.name, 60)}", so its seeds vary what those do; leave '
                "vary or continue out"
            )
        if earlier is not None and (earlier.new_seeds is not None or before.vary != study.spec.vary):
            key = "new_seeds" if earlier.new_seeds is not None else "a vary of its own"
            yield (
                f'{where} starts from phase "{short(before.name, 60)}", which has {key}: its settings have no runs of '
                'the study\'s seeds; give another phase in after, such as after = "main"'
            )
    for phase in study.phases:
        yield from _vary_problems(study, phase)


def _vary_problems(study: Study, phase: Phase) -> Iterator[str]:
    """What the seeds of a phase are to vary and cannot: what is said again of a later phase is left out."""
    prefix = f'phase "{short(phase.name, 60)}".' if phase.number else ""
    if phase.vary is None or (phase.number and study.spec.phase[phase.number - 1].vary is None):
        return
    made = [one.setting for one in study.settings.possible if one.phase is phase and one.setting is not None]
    masked = [bool(has_dropout(setting)) for setting in made]
    if "dropout" in phase.vary and made and not (all(masked) if len(phase.vary) == 1 else any(masked)):
        some = "some settings have" if any(masked) else "the network has"
        yield (
            f"{prefix}vary holds dropout, but {some} no dropout, so the seeds cannot vary it; give network.dropout or "
            'a layer such as "dropout 0.5", or take it out of vary'
        )
    if "split" in phase.vary and phase.number == 0 and all(one.vary and "split" in one.vary for one in study.phases):
        for part in SEEDED_PARTS:
            if seed := getattr(getattr(study.spec.data, part), "seed", 0):
                yield (
                    f"data.{part}.seed = {seed} would have no effect, as the seeds vary the split; take it out, or "
                    "split out of vary"
                )


def seed_notes(phase: Phase, setting: Setting, examples: int) -> Iterator[str]:
    """What the seeds of a phase vary to no effect in a setting that is trained on so many examples."""
    varied, size = phase.vary or SEEDED_SOURCES, setting.training.batch_size
    if len(phase.seeds) < 2 or (phase.vary is None and size != "full" and size < examples):
        return
    still = without_effect(setting.model_dump(mode="json", by_alias=True), examples)
    of = f' of phase "{short(phase.name, 60)}"' if phase.number else ""
    if all(name in still for name in varied):
        why = "; ".join(still[name] for name in varied)
        yield (
            f"the seeds{of} vary {sources_named(varied)}, which changes nothing in a setting where {why}: all of its "
            "runs are the same, and one seed says as much"
        )
        return
    for name in phase.vary or ():
        if name in still and name != "dropout":
            yield f"the seeds{of} vary {SOURCES[name]}, which changes nothing in a setting where {still[name]}"


def has_dropout(setting: Setting) -> bool:
    """Whether its network has dropout, so that masks are drawn."""
    return any(isinstance(layer, Dropout) and layer.rate > 0 for layer in setting.network.layer_list(1))


def _fold_problems(study: Study) -> Iterator[str]:
    """What does not go together with folds: settings that divide the data each by themselves, and published numbers."""
    made = [one.setting.data for one in study.settings.possible if one.setting is not None]
    if all(data.splits == 1 for data in made):
        return
    for part in [name for name in ("validation", "test") if len({repr(getattr(data, name)) for data in made}) > 1]:
        yield (
            f"data.{part} differs between settings, but with data.validation.folds all settings share the same folds; "
            "give it the same value everywhere, or make a study of each"
        )
    if any(phase.vary is not None and "split" in phase.vary for phase in study.phases):
        yield (
            "vary holds split, but data.validation.folds already makes a split of each fold, the same for all seeds; "
            "take split out of vary and divide the data more often with data.validation.repeats, or give "
            "data.validation a size instead of folds"
        )
    if study.spec.select_on_test:
        yield (
            "select_on_test = true stands beside data.validation.folds, but folds are there to choose by the examples "
            "that validate in them; take one of the two out"
        )
    if study.spec.original is not None:
        yield (
            "data.validation.folds stands beside [original], but published numbers are judged and explained by runs on "
            "one split; give data.validation a size, or take [original] and [explain] out"
        )


def _start_problems(study: Study) -> Iterator[str]:
    """Starts of phases that are not one setting of the phase before."""
    for phase in study.phases:
        if phase.start is None or phase.after is None:
            continue
        earlier = study.phases[phase.after]
        meant = len(phase.starts(earlier))
        where = f'phase "{short(phase.name, 60)}".start must be one setting of phase "{short(earlier.name, 60)}"'
        if earlier.sampling is not None:
            yield f"{where}, but those are drawn while the study runs; leave start out: it begins at the winner"
        elif meant != 1:
            changes = {} if isinstance(phase.start, str) else phase.start
            named = ", ".join(f"{path} = {shown(value)}" for path, value in changes.items()) or repr(phase.start)
            named = short(named, 120)
            yield (
                f"{where}; {f'{meant} of its settings have' if meant else 'none of its settings has'} {named}; name a "
                "variant or bundle, or all axes that tell it apart"
            )


def _search_problems(study: Study, longest: Mapping[int, int]) -> Iterator[str]:
    """What keeps the searches of a study from being made.  `longest`: by phase, the most epochs of a setting."""
    for phase in study.phases:
        prefix = f'phase "{short(phase.name, 60)}".' if phase.number else ""
        asha, drawn = phase.asha, phase.sampling
        if drawn is not None and (sampler := SAMPLERS[drawn.sampler]).library:
            what, otherwise = f"{prefix}random.sampler = {drawn.sampler!r}", f'set random.sampler = "{USUAL}"'
            try:
                check_installed(sampler.library, what, sampler.install, otherwise)
            except InputError as error:
                yield str(error)
        if (asha is not None or drawn is not None) and study.spec.data.validation is False:
            metric = (asha.metric if asha else None) or study.spec.select_by
            what = "asha" if asha else "random.sampler"
            if part_of(metric) is VALIDATION:
                yield f"{prefix}{what} judges by {metric}, but data.validation = false; give data.validation a size"
        most = longest.get(phase.number)
        if asha is not None and asha.epochs is not None and most is not None and asha.epochs > most:
            yield (
                f"{prefix}asha.epochs = {asha.epochs} is more than training.epochs of any of its settings ({most}), "
                "to which schedules belong; set training.epochs, or leave asha.epochs out"
            )


def shortened(lines: Iterable[str]) -> list[str]:
    """Each line once, at most `SHOWN` of them."""
    found = list(dict.fromkeys(lines))
    return found if len(found) <= SHOWN else [*found[:SHOWN], f"and {len(found) - SHOWN} more problems of this kind"]


def gathered(wrong: Iterable[tuple[str, Possible]], possible: Iterable[Possible]) -> Iterator[str]:
    """Each (line, setting) with its place; a line that all settings of a phase have is said once, without them.

    One that many of them have names the first, and how many more.
    """
    of_phase = Counter(one.phase.number for one in possible)
    having: dict[str, list[Possible]] = {}
    for line, one in wrong:
        having.setdefault(line, []).append(one)
    for line, ones in having.items():
        places = {located(line, one): one for one in ones}
        unplaced = [one for place, one in places.items() if place == f"{one.where}: {line}"]
        phases = {one.phase.number for one in ones}
        if len(unplaced) < 2 or len(unplaced) < len(places):
            yield from places
        elif len(ones) == sum(of_phase[number] for number in phases):
            yield line
        elif len(unplaced) > MOST_PLACES:
            yield f"{unplaced[0].where} and {plural(len(unplaced) - 1, 'more setting')}: {line}"
        else:
            yield from places


def located(line: str, one: Possible) -> str:
    """The line with the table that wrote the change it complains about."""
    path = line.split(" ", 1)[0].rstrip(":")
    phase = f'phase "{short(one.phase.name, 60)}".' if one.phase.number else ""
    for changed in sorted(one.choice.written, key=len, reverse=True):
        if _same_place(path, changed):
            return f"{phase}{one.choice.written[changed]}.{line}"
    for changed in one.phase.changes:
        if _same_place(path, changed):
            return f"{phase}set.{line}"
    return f"{one.where}: {line}" if one.choice.changes else line


def _same_place(path: str, changed: str) -> bool:
    return path == changed or path.startswith(changed + ".") or changed.startswith(path + ".")


MOST_PHASES = 100
MOST_FACTORS = 6  # of a product, in a message


@dataclass(frozen=True)
class Count:
    """The settings of a phase: the length of every list that is combined with the others, and how many come beside."""

    factors: tuple[int, ...]
    beside: int

    @property
    def settings(self) -> int:
        return math.prod(self.factors) + self.beside

    def __str__(self) -> str:
        listed = [f"{n:,}" for n in self.factors[:MOST_FACTORS]] + ["…"] * (len(self.factors) > MOST_FACTORS)
        product = " x ".join(listed) if len(self.factors) > 1 else ""
        return " + ".join(part for part in (product, f"{self.beside:,}" if product and self.beside else "") if part)


def count(axes: Axes) -> Count:
    """The settings that axes come to, whether or not their values are right."""
    if isinstance(axes.random, Mapping) and any(key not in RANDOM_KEYS for key in axes.random):
        runs = axes.random.get("runs", 25)
        return Count((runs,) if is_whole(runs) else (), 0)
    bundles = [len(table) for table in (axes.bundle or {}).values() if isinstance(table, Mapping)]
    factors = [*bundles, *_lengths(axes.grid)]
    return Count(tuple(n for n in factors if n), sum(_lengths(axes.one_factor)) + len(axes.variant or {}))


def _lengths(table: Mapping[str, Any] | None) -> list[int]:
    return [len(values) for _, values in leaves(table or {}) if isinstance(values, list | tuple)]


def size_problems(spec: StudySpec) -> list[str]:
    """What is too large to be planned."""
    if len(spec.phase) > MOST_PHASES:
        return [
            f"phase: the study has {len(spec.phase):,} phases; the limit is {MOST_PHASES}; put what does not build on "
            "a winner into one grid, or make several studies of it"
        ]
    counts = {FIRST: count(spec)} | {phase.name: count(phase) for phase in spec.phase}
    settings, seeds, folds = sum(one.settings for one in counts.values()), len(spec.seeds), spec.data.splits
    further = sum(counts[phase.name].settings * (len(phase.seeds(spec.seeds)) - seeds) for phase in spec.phase)
    runs = (settings * seeds + further) * folds
    if runs <= MOST_RUNS:
        return []
    largest = max(counts, key=lambda name: counts[name].settings)
    product = str(counts[largest])
    of = f" (phase {short(largest, 60)!r}: {product})" if product else ""
    of_seeds = f"{seeds:,} {'seed' if seeds == 1 else 'seeds'}{' and new_seeds' if further else ''}"
    of_seeds += f" x {number(folds)} folds" if folds > 1 else ""
    return [
        f"the study would have {number(runs)} runs: {number(settings)} settings{of} x "
        f"{of_seeds}; the limit is {MOST_RUNS:,}. List fewer values or seeds, vary one factor "
        "at a time with [one_factor], draw some of them with [random] and its runs, or make several studies of it"
    ]


def number(n: int) -> str:
    """A whole number in words that fit a line.

    >>> number(1_000_000), number(10**30)
    ('1,000,000', 'about 10^30')
    """
    return f"{n:,}" if n < 10**21 else f"about 10^{int(n.bit_length() * math.log10(2))}"
