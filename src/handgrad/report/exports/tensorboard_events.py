"""TensorBoard: a folder of event files, one a run, with scalars and what its HParams page needs.

    epoch scalars       accuracy/val_accuracy, loss/train_loss, …  at the number of the epoch; training/lr
    step scalars        steps/loss, the mean loss of steps, at the number of the last of them
    final scalars       final/val_accuracy, …  of the weights at the end, by which HParams sorts

The seeds of a setting are the sessions of one group, so HParams has a row a setting and averages over them.
Times are those of the record.  Numbers are float32, as TensorBoard shows them.

Format: a file of records (length, CRC-32C, an `Event`), as TensorBoard's own writers make it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handgrad.measures import METRICS
from handgrad.report.exports.exported_study import ExportedRun, ExportedStudy
from handgrad.study.changes import axis_names

FINAL = "final"
MOST_VALUES = 8  # of a number that HParams offers one by one; else as a range


def write_events(study: ExportedStudy, new: Path, to: Path) -> None:
    """A folder for each run that has ended, and a file that tells HParams what varies and what was measured."""
    over = study.over
    began = min((run.times.began for run in over if run.times), default=0.0)
    _EventFile(new, began).close((began, _experiment(study, began)))
    for run in over:
        _write_run(run, new / run.name)


class _EventFile:
    """One event file, written from its beginning to its end."""

    def __init__(self, folder: Path, began: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{int(began):010d}.handgrad"
        self._event = Event
        self._file = (folder / name).open("wb")
        self._writer = RecordWriter(self._file)
        self._writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())

    def scalars(self, time: float, step: int, values: Mapping[str, float]) -> None:
        """Numbers of one time and step, by tag."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self.summary(Summary(value=found), time, step)

    def summary(self, summary: Any, time: float, step: int = 0) -> None:
        """A summary of TensorBoard's."""
        self._writer.write(self._event(wall_time=time, step=step, summary=summary).SerializeToString())

    def close(self, *summaries: tuple[float, Any]) -> None:
        """Write summaries, each with its time, and end the file."""
        for time, summary in summaries:
            self.summary(summary, time)
        self._file.close()


def _write_run(run: ExportedRun, folder: Path) -> None:
    assert run.times is not None
    file = _EventFile(folder, run.times.start)
    file.summary(_session_start(run), run.times.began)
    curves = run.curves()
    by_epoch = {_tag(name): values for name, values in curves.metrics().items()}
    times = run.times.at_epochs(curves.epoch)
    for at, (epoch, time) in enumerate(zip(curves.epoch.tolist(), times.tolist(), strict=True)):
        file.scalars(time, epoch, {tag: float(values[at]) for tag, values in by_epoch.items()})
    times = run.times.at_steps(curves.steps, curves.ends)
    for time, step, loss in zip(times.tolist(), curves.steps.tolist(), curves.losses.tolist(), strict=True):
        file.scalars(time, step, {"steps/loss": loss})
    final = {f"{FINAL}/{name}": value for name, value in run.numbers.items()}
    if final and run.record is not None:
        file.scalars(run.times.ended, run.record.epochs, final)
    file.close((run.times.ended, _session_end(run)))


def _tag(name: str) -> str:
    """TensorBoard puts the tags of one beginning side by side."""
    return f"{METRICS[name].measure.name if name in METRICS else 'training'}/{name}"


# -- HParams


def _experiment(study: ExportedStudy, began: float) -> Any:
    """What is told of the study: what varies, with all values, and the final metrics."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    names = axis_names(study.axes)
    hyperparameters = []
    for path in study.axes:
        values = list(dict.fromkeys(run.varied[path] for run in study.runs if path in run.varied))
        info = api_pb2.HParamInfo(name=path, display_name=names[path], differs=len(values) > 1)
        if all(isinstance(value, bool) for value in values):
            info.type = api_pb2.DATA_TYPE_BOOL
            info.domain_discrete.extend(values)
        elif any(isinstance(value, str) for value in values):
            info.type = api_pb2.DATA_TYPE_STRING
            info.domain_discrete.extend(values)
        else:
            info.type = api_pb2.DATA_TYPE_FLOAT64
            if len(values) <= MOST_VALUES:
                info.domain_discrete.extend(sorted(values))
            else:
                info.domain_interval.min_value, info.domain_interval.max_value = min(values), max(values)
        hyperparameters.append(info)
    metrics = [
        api_pb2.MetricInfo(name=api_pb2.MetricName(tag=f"{FINAL}/{name}"), display_name=METRICS[name].word)
        for name in study.metrics
    ]
    experiment = api_pb2.Experiment(
        name=study.name,
        description=study.title,
        time_created_secs=began,
        hparam_infos=hyperparameters,
        metric_infos=metrics,
    )
    return _plugin(metadata.EXPERIMENT_TAG, plugin_data_pb2.HParamsPluginData(experiment=experiment))


def _session_start(run: ExportedRun) -> Any:
    """The hyperparameters of a run; the seeds of a setting are one group."""
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    began = run.times.began if run.times else 0.0
    start = plugin_data_pb2.SessionStartInfo(group_name=run.label, start_time_secs=began)
    for path, value in run.varied.items():
        if isinstance(value, bool):
            start.hparams[path].bool_value = value
        elif isinstance(value, str):
            start.hparams[path].string_value = value
        else:
            start.hparams[path].number_value = value
    return _plugin(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=start))


def _session_end(run: ExportedRun) -> Any:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.STATUS_FAILURE if run.is_lost else api_pb2.STATUS_SUCCESS,
        end_time_secs=run.times.ended if run.times else 0.0,
    )
    return _plugin(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))


def _plugin(tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
