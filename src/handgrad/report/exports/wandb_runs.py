"""Weights & Biases: a folder of offline runs, which `wandb sync` uploads when you call it.

    config    the setting with its tables, as record.json has it, seed and fold
    history   epoch/… over `epoch`; step/loss, the mean loss of steps, over `step`; with the times of the record
    summary   the final metrics under the names of `Results.runs`, epochs, steps, seconds, parameters, status

The group of a run is its setting, so that W&B shows means over the seeds.  Nothing is sent anywhere: runs are made in
W&B's offline mode, and its error reports are off.
"""

import shutil
from pathlib import Path
from typing import Any

from handgrad.report.exports.exported_study import ExportedRun, ExportedStudy
from handgrad.report.exports.switches import switched
from handgrad.study.changes import is_path

QUIET: dict[str, Any] = {  # nothing of this machine, of its programs or of the folder where one stands
    "mode": "offline",
    "console": "off",
    "silent": True,
    "disable_git": True,
    "save_code": False,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}


def write_wandb_runs(study: ExportedStudy, new: Path, to: Path) -> None:
    """wandb/offline-run-…, a folder for each run that has ended.  Raises OSError where they cannot be written."""
    with switched(WANDB_MODE="offline", WANDB_ERROR_REPORTING="false", WANDB_SILENT="true"):
        import wandb

        idle = wandb.run is None
        seen: set[str] = set()
        try:
            for run in study.over:
                run_id = run.id if run.id not in seen else f"{run.id}-{run.label}"
                seen.add(run.id)
                _write_run(study, run, run_id, new)
        finally:
            if idle:
                wandb.teardown()  # ends the process that W&B writes with
    folder = new / "wandb"
    for entry in [*folder.glob("latest-run"), *folder.glob("debug*.log")]:  # links, to where the folder was written
        entry.unlink()
    for part in ("logs", "tmp"):
        for entry in folder.glob(f"*/{part}"):
            shutil.rmtree(entry)


def _write_run(study: ExportedStudy, run: ExportedRun, run_id: str, folder: Path) -> None:
    import wandb

    assert run.times is not None
    settings = wandb.Settings(**{name: value for name, value in QUIET.items() if name in wandb.Settings.model_fields})
    named = {name: value for name, value in run.varied.items() if not is_path(name)}  # bundles; paths are keys
    config = {**run.setting, **named, **run.key, "setting": run.label, "phase": run.phase}
    made = wandb.init(
        dir=str(folder),
        project=study.name,
        id=run_id,
        name=run.name,
        group=f"setting {run.label}",
        job_type=run.phase or None,
        config=config,
        reinit="create_new",
        settings=settings,
    )
    made.define_metric("epoch/*", step_metric="epoch")
    made.define_metric("step/*", step_metric="step")
    for row in _history(run):
        made.log(row)
    made.summary.update({**run.numbers, **run.facts, "status": run.status})
    made.finish(exit_code=int(run.is_lost))


def _history(run: ExportedRun) -> list[dict[str, Any]]:
    """Rows in the order of the steps."""
    assert run.times is not None
    curves = run.curves()
    metrics = {f"epoch/{name}": values for name, values in curves.metrics().items()}
    rows: list[tuple[int, dict[str, Any]]] = []
    for at, (epoch, time) in enumerate(zip(curves.epoch, run.times.at_epochs(curves.epoch), strict=True)):
        numbers = {name: float(values[at]) for name, values in metrics.items()}
        rows.append((int(curves.ends[at]), {"_timestamp": float(time), "epoch": int(epoch), **numbers}))
    times = run.times.at_steps(curves.steps, curves.ends)
    for step, loss, time in zip(curves.steps, curves.losses, times, strict=True):
        rows.append((int(step), {"_timestamp": float(time), "step": int(step), "step/loss": float(loss)}))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]
