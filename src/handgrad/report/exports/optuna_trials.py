"""Optuna: a storage with a study for every phase, which its dashboard and `load_study` open.

The storage is an SQLite database, or where the path ends in .log a journal: lines of text, written ten times faster.

A trial is a setting, since that is what Optuna chooses among: its value is the mean over the seeds of the metric by
which handgrad chooses, and the values of single seeds are user attributes.  So Optuna's best trial of a phase is the
winner, and its importances and samplers see what varies and not the noise of seeds.  The setting that a phase starts
from is a trial of it too, since it can win; `trained_in` says in which phase it ran.

    COMPLETE   every run came to its end
    PRUNED     a search stopped it short; its value is that of its last epoch
    FAIL       a run diverged or failed: Optuna keeps no value of it, the mean of the others is the attribute `mean`
    RUNNING    a run has not ended

Intermediate values are the mean over the seeds after each epoch that all of them have.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad import __version__
from handgrad.measures import lower_is_better
from handgrad.report.exports.exported_study import ExportedRun, ExportedStudy, one_type
from handgrad.report.findings.effects import axis_value, plain_value
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.study.rules.select import mean_of

JOURNAL = ".log"  # ending of a path that is Optuna's journal
RANGES = ("uniform", "log_uniform", "integers")

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    Space = dict[str, BaseDistribution]


def write_trials(study: ExportedStudy, new: Path, to: Path) -> None:
    """The storage, one file.  Raises OSError where SQLite cannot write it."""
    import optuna
    import sqlalchemy

    runs = _by_setting(study)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        if to.suffix == JOURNAL:
            from optuna.storages.journal import JournalFileBackend

            _write_phases(study, runs, optuna.storages.JournalStorage(JournalFileBackend(str(new))))
            return
        storage = optuna.storages.RDBStorage(sqlite_url(new))
        try:
            _write_phases(study, runs, storage)
        finally:
            storage.engine.dispose()  # no connection holds the file when it gets its name
    except sqlalchemy.exc.OperationalError as error:
        raise OSError(f"SQLite says: {error.orig}") from error
    finally:
        optuna.logging.set_verbosity(verbosity)


def sqlite_url(path: Path) -> str:
    """The address of an SQLite file, as SQLAlchemy reads it."""
    import sqlalchemy

    return sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def phase_names(study: ExportedStudy) -> dict[str, bool]:
    """What the studies are called in the storage -> whether one of its trials is complete: else Optuna has no best one.

    They are called as the study, where it has several phases with theirs.
    """
    phases, runs = _phases(study), _by_setting(study)
    return {
        study.name if len(phases) == 1 else f"{study.name}: {phase.name}": any(
            _state(phase, setting, runs[setting.label]) == "COMPLETE" for setting in phase.settings
        )
        for phase in phases
    }


def _by_setting(study: ExportedStudy) -> dict[str, list[ExportedRun]]:
    runs: dict[str, list[ExportedRun]] = {}
    for run in study.runs:
        runs.setdefault(run.label, []).append(run)
    return runs


def _phases(study: ExportedStudy) -> list[PhaseSummary]:
    assert study.summary is not None
    return [phase for phase in study.summary.phases if any(not one.earlier for one in phase.settings)]


def _write_phases(study: ExportedStudy, runs: Mapping[str, list[ExportedRun]], storage: Any) -> None:
    for name, phase in zip(phase_names(study), _phases(study), strict=True):
        _write_phase(study, name, phase, runs, storage)


def _write_phase(
    study: ExportedStudy, name: str, phase: PhaseSummary, runs: Mapping[str, list[ExportedRun]], storage: Any
) -> None:
    import warnings

    import optuna

    down = lower_is_better(phase.metric)
    made = optuna.create_study(storage=storage, study_name=name, direction="minimize" if down else "maximize")
    facts = {"study": study.name, "phase": phase.name, "metric": phase.metric, "winner": phase.winner}
    for key, value in {**facts, "title": study.title, "handgrad": __version__}.items():
        made.set_user_attr(key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made.set_metric_names([phase.metric])
    space, values = _space(phase, phase.settings)
    trials = [_trial(phase, setting, runs[setting.label], space, values[setting.label]) for setting in phase.settings]
    made.add_trials([trial for trial in trials if trial is not None])


def _space(phase: PhaseSummary, settings: Sequence[SettingSummary]) -> "tuple[Space, dict[str, dict[str, Any]]]":
    """(what each hyperparameter can be, label -> its values): the ranges of a search, else all values that it has."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    ranges = {path: (kind, written) for path, kind, written in phase.sampling.ranges} if phase.sampling else {}
    space: Space = {}
    values: dict[str, dict[str, Any]] = {setting.label: {} for setting in settings}
    for path in phase.axes:
        kind, written = ranges.get(path, ("", ()))
        listed = [plain_value(value) for value in written] if kind == "choice" else []
        given = [axis_value(setting, path) for setting in settings]
        if kind in RANGES:  # that of the start can be no point of a range, such as the batch "full"
            given = [value if _is_within(kind, value) else None for value in given]
        column = one_type([*listed, *given])
        there = {one.label: value for one, value in zip(settings, column[len(listed) :], strict=True)}
        there = {label: value for label, value in there.items() if value is not None}
        if kind in RANGES:
            low, high = min(written[0], *there.values()), max(written[1], *there.values())
            if kind == "integers":
                space[path] = IntDistribution(low, high)
            else:
                space[path] = FloatDistribution(float(low), float(high), log=kind == "log_uniform")
        else:
            choices = list(dict.fromkeys(value for value in column if value is not None))
            numbers = all(isinstance(value, int | float) for value in choices)
            space[path] = CategoricalDistribution(sorted(choices) if numbers else choices)
        for label, value in there.items():
            values[label][path] = value
    return space, values


def _is_within(kind: str, value: Any) -> bool:
    """Whether a value is a point of a range of this kind, however wide."""
    if isinstance(value, bool) or not isinstance(value, int if kind == "integers" else int | float):
        return False
    return kind != "log_uniform" or value > 0


def _trial(
    phase: PhaseSummary,
    setting: SettingSummary,
    runs: Sequence[ExportedRun],
    space: "Space",
    values: Mapping[str, Any],
) -> "FrozenTrial | None":
    """A setting as a trial; None where none of its runs has begun."""
    from optuna.trial import FrozenTrial, TrialState

    over = [run for run in runs if run.is_over]
    begun = over or [run for run in runs if run.status not in ("pending", "not begun")]
    if not begun:
        return None
    mean = setting.samples[phase.metric].mean
    state = TrialState[_state(phase, setting, runs)]
    times = [run.times for run in over if run.times]
    began = min((one.began for one in times), default=None)
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=mean if state in (TrialState.COMPLETE, TrialState.PRUNED) else None,
        datetime_start=datetime.now() if began is None else datetime.fromtimestamp(began),
        datetime_complete=datetime.fromtimestamp(max(one.ended for one in times)) if state.is_finished() else None,
        params=dict(values),
        distributions={path: space[path] for path in values},
        user_attrs=_attributes(phase, setting, runs),
        system_attrs={},
        intermediate_values=_by_epoch(phase.metric, [run for run in over if not run.is_lost]),
    )


def _state(phase: PhaseSummary, setting: SettingSummary, runs: Sequence[ExportedRun]) -> str:
    if not all(run.is_over for run in runs):
        return "RUNNING"
    if setting.samples[phase.metric].mean is None or any(run.is_lost for run in runs):
        return "FAIL"
    return "PRUNED" if setting.stopped else "COMPLETE"


def _attributes(phase: PhaseSummary, setting: SettingSummary, runs: Sequence[ExportedRun]) -> dict[str, Any]:
    sample = setting.samples[phase.metric]
    found: dict[str, Any] = {"setting": setting.label, "runs": [run.id for run in runs]}
    found |= {f"{name}s": [run.key[name] for run in runs] for name in runs[0].key}
    found |= {"status": [run.status for run in runs], "n": sample.n, "mean": sample.mean, "std": sample.std}
    found["values"] = [run.numbers.get(phase.metric) for run in runs]
    found |= {name: values.mean for name, values in setting.samples.items() if values.n}
    if runs[0].phase != phase.name:
        found["trained_in"] = runs[0].phase
    if network := setting.network:
        found["parameters"] = network.parameters
    return {key: value for key, value in found.items() if value is not None}


def _by_epoch(metric: str, runs: Sequence[ExportedRun]) -> dict[int, float]:
    """The mean over the runs after each epoch that all of them have."""
    found: list[dict[int, float]] = []
    for run in runs:
        curves = run.curves().epochs
        values = np.asarray(curves.get(metric, ()), dtype=np.float64)
        own = zip(np.asarray(curves.get("epoch", ())).tolist(), values.tolist(), strict=False)
        found.append({int(epoch): value for epoch, value in own if np.isfinite(value)})
    shared = set.intersection(*map(set, found)) if found else set()
    means = {epoch: mean_of([one[epoch] for one in found], metric) for epoch in sorted(shared)}
    return {epoch: value for epoch, value in means.items() if value is not None}
