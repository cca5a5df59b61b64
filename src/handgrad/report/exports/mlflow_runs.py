"""MLflow: a tracking database with an experiment of the study's name, which `mlflow ui` and `MlflowClient` open.

    parameters   every key of the setting, what varies, seed and fold
    metrics      the final metrics, named as in `Results.runs`; epoch/…, by epoch; step/loss, the mean loss of steps
    tags         setting, phase, status; where a run diverged, and its error

MLflow 3 keeps runs in an SQLite database; the folder of files that it had before, mlruns/, it refuses unless an
environment variable allows it.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handgrad.report.exports.exported_study import ExportedRun, ExportedStudy
from handgrad.report.exports.optuna_trials import sqlite_url
from handgrad.report.exports.switches import switched

AT_ONCE = {"metrics": 1000, "params": 100}  # that MLflow takes in one call
KIND = {"mlflow.experimentKind": "custom_model_development"}  # MLflow's page begins with runs, not with traces
LONGEST = 500  # signs of a parameter or a tag: every version of MLflow takes so many


def write_mlflow_runs(study: ExportedStudy, new: Path, to: Path) -> None:
    """The database, one file.  Raises OSError where it cannot be written."""
    with switched(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true"), _quiet():
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=sqlite_url(new))
        try:
            experiment = client.create_experiment(study.name, artifact_location=_beside(to), tags=KIND)
            for run in study.over:
                _write_run(client, experiment, run)
        except MlflowException as error:
            raise OSError(f"MLflow says: {error}") from error


def _beside(to: Path) -> str:
    """Where MLflow looks for artifacts, of which there are none."""
    path = to.absolute()
    return path.with_name(f"{path.stem}-artifacts").as_uri()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what MLflow and Alembic say of the tables that they make, and warn their own authors of."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _write_run(client: Any, experiment: str, run: ExportedRun) -> None:
    from mlflow.entities import Param

    assert run.times is not None
    facts = {name: value for name, value in run.facts.items() if isinstance(value, str | bool)}
    about = {"setting": run.label, "phase": run.phase, "status": run.status, "run": run.id, **facts}
    tags = {name: _short(value) for name, value in about.items() if value != ""}
    start = int(1000 * run.times.began)
    made = client.create_run(experiment, start_time=start, run_name=run.name, tags=tags).info.run_id
    keys = {**run.keys, **run.varied, **run.key}
    params = [Param(key, _short(value)) for key, value in keys.items() if value is not None]
    for name, entries in (("params", params), ("metrics", _metrics(run))):
        for begin in range(0, len(entries), AT_ONCE[name]):
            client.log_batch(made, **{name: entries[begin : begin + AT_ONCE[name]]})
    status = "FAILED" if run.is_lost else "KILLED" if run.status == "pruned" else "FINISHED"
    client.set_terminated(made, status, int(1000 * run.times.ended))


def _metrics(run: ExportedRun) -> list[Any]:
    from mlflow.entities import Metric

    assert run.times is not None
    assert run.record is not None
    curves = run.curves()
    times = [int(1000 * time) for time in run.times.at_epochs(curves.epoch)]
    found = [
        Metric(f"epoch/{name}", float(value), time, int(epoch))
        for name, values in curves.metrics().items()
        for value, time, epoch in zip(values, times, curves.epoch, strict=True)
    ]
    at_steps = run.times.at_steps(curves.steps, curves.ends)
    for step, loss, time in zip(curves.steps, curves.losses, at_steps, strict=True):
        found.append(Metric("step/loss", float(loss), int(1000 * time), int(step)))
    numbers = {name: value for name, value in run.facts.items() if not isinstance(value, str | bool)}
    ended = int(1000 * run.times.ended)
    final = {**run.numbers, **numbers}
    return [*found, *(Metric(name, float(value), ended, run.record.epochs) for name, value in final.items())]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
