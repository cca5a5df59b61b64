"""What a study will take: time, memory and disk, from training every distinct shape for a few hundred steps.

    seconds of a run = steps · (seconds of a step) + scored examples · (seconds of a scored example) + overhead

Settings that differ only in what costs nothing (a learning rate, a seed) share one measurement.  Beyond
`MOST_SHAPES` shapes, and for phases whose start is not known yet, the time is in proportion to the plan's own rough
cost.
"""

import time
from dataclasses import dataclass, replace
from statistics import median

from handgrad.data.batches import batch_length, steps_per_epoch
from handgrad.data.datasets import Part, Split
from handgrad.measures import MEASURES
from handgrad.study.planning.memory import check_memory
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedSetting
from handgrad.study.rules.budget import Budget
from handgrad.training.loop import execute
from handgrad.training.run import Run, Setting

MOST_SHAPES = 16  # that are measured
STEPS = 200
EPOCHS = 5
SCORED = 500
FLOPS = 3e9  # floating point operations that one measurement may take
REPEATED, SHORT = 5, 0.03  # a measurement so often, in so many seconds: other programs disturb a short one most
OVERHEAD = 0.004  # seconds of a run beyond its training and scoring
RECORD_BYTES = 16_000  # record.json and the headers of the other files
CURVES = 3 + 3 * len(MEASURES)  # epoch, lr, steps; every measure of at most three parts
WORKER_BYTES = 150_000_000  # an interpreter with its libraries
COPIES = 8  # of the parameters while a run trains: weights, gradients, slots, the best and the exported ones


@dataclass(frozen=True)
class SettingCost:
    """One setting of the plan: how many runs it has, and the seconds of one that comes to its end."""

    phase: str
    label: str
    runs: int
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """The whole study with `workers`: seconds, bytes of memory and disk at their height, and of disk that stay.

    `epochs`: how many are expected of the `most` that there can be; a search or a budget leaves out the rest.
    `measured`: how many shapes were trained for it; everything else was extrapolated from them.
    """

    rows: tuple[SettingCost, ...]
    workers: int
    seconds: float
    memory: int
    disk: int
    kept: int
    measured: int
    epochs: int
    most: int


@dataclass(frozen=True)
class _Speed:
    step: float
    example: float
    compiling: float = 0.0  # once, before the first run of its kind

    def seconds(self, setting: Setting, counts: dict[str, int]) -> float:
        training = setting.training
        validation, test = counts.get("validation", 0), counts.get("test", 0)
        per_epoch = training.scored_of_training(counts) + validation + (test if training.test_every_epoch else 0)
        scored = (training.epochs + 1) * per_epoch + test
        return (
            training.epochs * steps_per_epoch(counts["train"], training.batch_size) * self.step
            + scored * self.example
            + OVERHEAD
        )


def estimate(plan: Plan, workers: int = 1) -> Estimate:
    """Measure and extrapolate.  Takes seconds and writes nothing.  Raises InputError where the memory is too small."""
    check_memory(plan.heaviest, workers)
    speeds: dict[str, _Speed] = {}
    found: list[tuple[str, PlannedSetting, float | None]] = []
    for phase in plan.taken_phases:
        for planned in phase.settings:
            if phase.start is None and phase.after is not None:
                found.append((phase.name, planned, None))
                continue
            found.append((phase.name, planned, _measured(plan, planned, speeds)))
    ratios = [seconds / planned.cost for _, planned, seconds in found if seconds is not None]
    ratio = median(ratios) if ratios else 1.0
    rows = tuple(
        SettingCost(phase, planned.label, len(planned.runs), planned.cost * ratio if seconds is None else seconds)
        for phase, planned, seconds in found
    )
    settings = [(phase, planned) for phase in plan.taken_phases for planned in phase.settings]
    work = sum(
        row.runs * row.seconds * phase.share(planned) for row, (phase, planned) in zip(rows, settings, strict=True)
    )
    most = sum(planned.epochs * len(planned.runs) for _, planned in settings)
    epochs = sum(planned.epochs * len(planned.runs) * phase.share(planned) for phase, planned in settings)
    left = _left_by_budget(plan.study.spec.budget, sum(row.runs for row in rows), epochs)
    work, epochs = work * left, epochs * left
    longest = max(row.seconds * _sharing(planned) for row, (_, planned, _) in zip(rows, found, strict=True))
    parts = (part for key in plan.data_keys for part in plan.splits.split(key).parts.values())  # one split at a time
    splits = sum(part.x.nbytes + part.y.nbytes + part.index.nbytes for part in parts)
    heaviest = max(planned.parameters * _sharing(planned) for _, planned, _ in found)
    memory = workers * (WORKER_BYTES + 4 * COPIES * heaviest) + splits
    kept = sum(len(planned.runs) * _record_bytes(plan, phase, planned) for phase, planned in settings)
    seconds = max(work / workers, longest) + sum(speed.compiling for speed in speeds.values())
    return Estimate(rows, workers, seconds, memory, splits + kept, kept, len(speeds), round(epochs), most)


def _sharing(planned: PlannedSetting) -> int:
    """How many runs a worker has at a time."""
    return 1 if planned.setting is None else int(planned.setting.training.stack)


def _left_by_budget(budget: Budget | None, runs: int, epochs: float) -> float:
    """The part of the expected work that a budget of runs or epochs pays for; minutes are not foreseen."""
    if budget is None:
        return 1.0
    return min(1.0, (budget.runs or runs) / runs, (budget.epochs or epochs) / epochs)


def _measured(plan: Plan, planned: PlannedSetting, speeds: dict[str, _Speed]) -> float | None:
    """Seconds of one run, None where there have been enough measurements."""
    assert planned.setting is not None
    assert planned.data is not None
    shape = _shape(planned.setting, planned.data)
    if shape not in speeds:
        if len(speeds) == MOST_SHAPES:
            return None
        split = plan.splits.split(planned.data)
        start = time.perf_counter()
        if not speeds or planned.setting.training.engine == "jax":
            _measure(planned.setting, split)  # the first one also loads libraries, or compiles its programs
        middle = time.perf_counter()
        found = [_measure(planned.setting, split)]
        once = time.perf_counter() - middle
        while len(found) < REPEATED and time.perf_counter() - middle < SHORT:
            found.append(_measure(planned.setting, split))
        speeds[shape] = _Speed(min(one.step for one in found), min(one.example for one in found))
        if planned.setting.training.engine == "jax":
            compiling = max(0.0, (middle - start) - once)
            speeds[shape] = replace(speeds[shape], compiling=compiling)
    return speeds[shape].seconds(planned.setting, plan.splits.facts(planned.setting.data).counts)


def _shape(setting: Setting, data: str) -> str:
    """A text that is equal for settings whose steps take equally long."""
    training = setting.training
    network = setting.network.model_dump_json(exclude={"init", "bias_init"})
    rest = [training.loss, training.optimizer.name, training.batch_size, training.clip_norm is None, training.dtype]
    return f"{data} {network} {rest} {training.engine} {training.arrays} {training.stack} {training.augmentation}"


def _measure(setting: Setting, split: Split) -> _Speed:
    """Train a small part of the data; of tiny networks several epochs, as first calls take longer."""
    network = setting.network_for(split.shape, split.n_classes, has_validation=split.validation is not None)
    n = len(split.train)
    batch = batch_length(n, setting.training.batch_size)
    each = 6 * max(1, network.multiplications)
    m = min(n, max(batch, min(batch * STEPS, int(FLOPS / each))))
    epochs = int(min(EPOCHS, max(1, FLOPS / (each * m))))
    validation = split.validation or split.test or split.train
    small = replace(split, train=_first(split.train, m), validation=_first(validation, SCORED), test=None)
    training = setting.training.changed(
        epochs=epochs, early_stopping=None, schedule={"name": "constant"}, test_every_epoch=False
    )
    record = execute(Run(setting.changed(training=training), 0, split.checksum), small)
    counts = {"train": m, "validation": min(SCORED, len(validation))}
    times, scored = record.time, epochs * (training.scored_of_training(counts) + counts["validation"])
    shared = int(training.stack)  # its copies were trained with it
    return _Speed(times.training / max(1, record.steps) / shared, times.evaluation / scored / shared)


def _first(part: Part, m: int) -> Part:
    return Part(part.x[:m], part.y[:m], part.index[:m], part.source)


def _record_bytes(plan: Plan, phase: PlannedPhase, planned: PlannedSetting) -> int:
    """One run's files: weights, optimizer's slots, a float32 a step, a float64 for each curve and epoch, and a bit for
    each example that validates or tests.  One that a search stops short keeps those of its best epoch as well."""
    setting = planned.setting
    slots = len(setting.training.optimizer.slots) if setting else 1
    training = setting.training if setting else plan.study.spec.training
    counts = plan.splits.facts(setting.data if setting else plan.study.spec.data).counts
    steps = training.epochs * steps_per_epoch(counts["train"], training.batch_size)
    bits = (counts.get("validation", 0) + counts.get("test", 0)) // 8
    copies = (1 + slots) * (2 if phase.asha is not None and training.early_stopping is not None else 1)
    return RECORD_BYTES + 4 * planned.parameters * copies + 4 * steps + 8 * CURVES * training.epochs + bits
