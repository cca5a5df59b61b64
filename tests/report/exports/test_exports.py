"""Studies in other tools: what their own libraries read back are the numbers of the records.

`golden/study` has runs that are done, pruned, diverged and continued, in two phases.
"""

import math
import struct
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas
import pytest

import handgrad as hg
from handgrad import cli
from handgrad.errors import InputError
from handgrad.measures import METRICS
from handgrad.report.exports.export_formats import EXPORTS, ExportFormat
from handgrad.report.exports.exported_study import MOST_STEPS, RunCurves, exported_study
from handgrad.report.exports.run_times import RunTimes
from tests.records import made_record
from tests.report.conftest import Outcome

GOLDEN = Path(__file__).parents[2] / "golden" / "study"
FRAMES = [one for one in ("csv", "parquet") if one == "csv" or find_spec("pyarrow")]


def needs(library):
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed here")


@pytest.fixture(scope="module")
def results():
    return hg.Results.open(GOLDEN)


@pytest.fixture(scope="module")
def runs(results):
    """The rows of `Results.runs`, by run."""
    return results.runs().set_index("id")


def finals(row):
    """The final metrics of a row, without those that it has not."""
    return {name: row[name] for name in METRICS if name in row and not math.isnan(row[name])}


# -- what is exported, of any format


def test_a_run_has_a_name_of_its_own_and_the_hyperparameters_that_vary(results):
    study = exported_study(results)
    assert len({run.name for run in study.runs}) == len(study.runs) == 10
    assert study.runs[2].name == "2 optimizer sgd(lr=0.0001), seed 0"
    assert study.axes == ("training.optimizer", "training.epochs")
    assert study.runs[2].varied["training.optimizer"] == "sgd(lr=0.0001)"
    assert study.runs[2].keys["training.optimizer.lr"] == 0.0001
    assert study.metrics[:2] == ["val_accuracy", "test_accuracy"]
    assert {run.status for run in study.runs if run.is_lost} == {"diverged"}


def test_losses_of_steps_are_means_of_as_many_as_it_takes():
    few = RunCurves.of({"loss_per_step": np.arange(5.0)})
    assert (few.steps.tolist(), few.counts.tolist(), few.losses.tolist()) == ([1, 2, 3, 4, 5], [1] * 5, [0, 1, 2, 3, 4])
    many = RunCurves.of({"loss_per_step": np.arange(2 * MOST_STEPS + 1.0)})  # three at a time, and two at the end
    assert (many.steps[:2].tolist(), many.losses[:2].tolist()) == ([3, 6], [1.0, 4.0])
    assert (many.steps[-1], many.counts[-1], many.losses[-1]) == (2001, 3, 1999.0)
    assert many.counts.sum() == 2001
    assert RunCurves.of({}).losses.size == 0


def test_times_are_those_of_the_stretches_in_which_a_run_trained():
    stretches = [
        {"worker": "a", "began": 100.0, "ended": 104.0, "until": 2},
        {"worker": "b", "began": 900.0, "ended": 903.0, "until": 3},
    ]
    time = {"total": 7.0, "training": 4.5, "evaluation": 1.5, "resumed": 1, "stretches": stretches}
    time["epochs"] = [[1.0, 0.5], [1.5, 0.5], [2.0, 0.5]]
    times = RunTimes.of(made_record(epochs=3, time=time))
    assert (times.began, times.ended, times.ends.tolist()) == (100.0, 903.0, [101.5, 103.5, 902.5])
    steps = times.at_steps(np.array([5, 10, 35]), np.array([10, 20, 30]))  # the last is of an epoch without an end
    assert steps.tolist() == [100.75, 101.5, 903.0]
    after = made_record(epochs=4, continues="0123456789", continued_at=[3], time={**time, "epochs": [[1.0, 0.0]]})
    assert RunTimes.of(after, times).ends.tolist()[:3] == [101.5, 103.5, 902.5]
    finished = {"finished": "1970-01-01T00:01:40+00:00"}
    old = made_record(epochs=3, environment=finished, time={**time, "stretches": []})
    assert RunTimes.of(old).ends.tolist() == [95.5, 97.5, 100.0]  # counted back from its end


@pytest.mark.parametrize("form", FRAMES)
def test_runs_that_have_not_ended_failed_or_lie_on_folds(make_results, tmp_path, form):
    statuses = iter(["done", "failed", "pending", "interrupted", "done", "diverged"])
    tables = {"seeds": 1, "data": {"validation": {"folds": 3}}, "grid": {"network.hidden": [4, [6, 5]]}}
    folder = make_results(tables, lambda setting, seed: Outcome(status=next(statuses)))
    hg.export_study(folder, tmp_path / f"runs.{form}")
    read = getattr(pandas, f"read_{form}")(tmp_path / f"runs.{form}")
    assert read["status"].tolist() == ["done", "failed", "pending", "interrupted", "done", "diverged"]
    assert read["fold"].tolist() == [1, 2, 3, 1, 2, 3]
    assert [str(value) for value in read["network.hidden"]] == ["4", "4", "4", "6, 5", "6, 5", "6, 5"]
    assert read["val_accuracy"].notna().tolist() == [True, False, False, False, True, False]
    assert read["data.validation.fold"].dropna().tolist() == [1, 2, 2, 3]
    if find_spec("tensorboard"):
        said = hg.export_study(folder, tmp_path / "events", format="tensorboard")
        assert said.splitlines()[1] == "# 2 runs that have not ended: left out"
        assert len([path for path in (tmp_path / "events").iterdir() if path.is_dir()]) == 4


# -- CSV and Parquet


@pytest.mark.parametrize("form", FRAMES)
def test_tables_hold_the_frames_of_results(results, tmp_path, form):
    said = hg.export_study(results, tmp_path / "tables", format=form)
    assert said == f"import pandas\nruns = pandas.read_{form}({str(tmp_path / 'tables' / f'runs.{form}')!r})"
    same = {"check_dtype": False, "rtol": 1e-15 if form == "csv" else 0.0, "atol": 0.0}
    read = {
        name: getattr(pandas, f"read_{form}")(tmp_path / "tables" / f"{name}.{form}")
        for name in ("runs", "curves", "steps")
    }
    runs, curves = results.runs(), results.curves()
    for name in ("id", "status", "epochs", "diverged_step", *results.metrics, "seconds_total"):
        found = read["runs"][name].astype(float if name == "diverged_step" else runs[name].dtype)
        pandas.testing.assert_series_equal(found, runs[name].astype(found.dtype), **same)
    assert read["runs"]["training.optimizer.lr"].tolist()[::2] == [0.01, 0.0001, 0.01, 3e38, 0.01]
    assert list(read["curves"]) == list(curves)
    for name in curves:
        pandas.testing.assert_series_equal(read["curves"][name].astype(curves[name].dtype), curves[name], **same)
    steps = read["steps"].set_index("id")
    for run in results.runs()["id"]:
        exact = results.record(run).curves["loss_per_step"].astype(float)
        found = steps.loc[[run], "loss"].to_numpy() if len(exact) else []
        np.testing.assert_allclose(found, exact, rtol=same["rtol"], atol=0, equal_nan=True)
    hg.export_study(results, tmp_path / f"one.{form}")
    pandas.testing.assert_frame_equal(
        getattr(pandas, f"read_{form}")(tmp_path / f"one.{form}"), read["runs"], check_exact=True
    )


# -- TensorBoard


@needs("tensorboard")
def test_tensorboard_reads_scalars_and_hyperparameters(results, runs, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert hg.export_study(results, tmp_path / "events", format="tensorboard") == (
        f"tensorboard --logdir {tmp_path / 'events'}"
    )
    for run in exported_study(results).runs:
        read = EventAccumulator(str(tmp_path / "events" / run.name), {"scalars": 0}).Reload()
        final = {name: read.Scalars(f"final/{name}")[0].value for name in finals(runs.loc[run.id])}
        assert final == {name: np.float32(value) for name, value in finals(runs.loc[run.id]).items()}
        record = results.record(run.id)
        steps = read.Scalars("steps/loss")
        assert np.array_equal([one.value for one in steps], record.curves["loss_per_step"], equal_nan=True)
        assert [one.step for one in steps] == list(range(1, record.steps + 1))
        if record.epochs:
            curve = read.Scalars("accuracy/val_accuracy")
            assert [one.step for one in curve] == record.curves["epoch"].tolist()
            assert [one.value for one in curve] == record.curves["val_accuracy"].astype(np.float32).tolist()
            assert curve[-1].wall_time <= run.times.ended
    groups = session_groups(tmp_path / "events")
    assert groups.keys() == {"1", "2", "3", "3_1", "4"}
    values, metrics, sessions = groups["3"]
    assert values == {"training.optimizer": "adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)", "training.epochs": 4.0}
    assert metrics["final/val_accuracy"] == pytest.approx(results.settings()["val_accuracy_mean"][2], rel=1e-6)
    assert sessions == 2


def session_groups(folder):
    """Group -> (hyperparameters, metrics, number of sessions), as the HParams page lists them."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

    events = EventMultiplexer().AddRunsFromDirectory(str(folder))
    events.Reload()
    page = backend_context.Context(TBContext(data_provider=MultiplexerDataProvider(events, str(folder))))
    experiment = get_experiment.Handler(RequestContext(), page, "", api_pb2.GetExperimentRequest()).run()
    assert experiment.metric_infos[0].name.tag == "final/val_accuracy"
    assert {info.name for info in experiment.hparam_infos} == {"training.optimizer", "training.epochs"}
    states = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=states, aggregation_type=api_pb2.AGGREGATION_AVG, start_index=0, slice_size=100
    )
    request.col_params.extend(api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos)
    request.col_params.extend(api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos)
    found = list_session_groups.Handler(RequestContext(), page, "", request).run().session_groups
    return {
        group.name: (
            {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()},
            {value.name.tag: value.value for value in group.metric_values},
            len(group.sessions),
        )
        for group in found
    }


# -- Optuna


@needs("optuna")
def test_optuna_reads_a_trial_for_every_setting(results, tmp_path):
    import optuna

    said = hg.export_study(results, tmp_path / "study.log", format="optuna").splitlines()
    assert said[0] == f"optuna-dashboard {tmp_path / 'study.log'}"
    named = {"optuna": optuna}
    exec("\n".join(line for line in said[2:4]), named)
    main, longer = (
        optuna.load_study(study_name=f"golden: {name}", storage=named["storage"]) for name in ("main", "longer")
    )
    assert [trial.state.name for trial in main.trials] == ["PRUNED", "PRUNED", "COMPLETE", "FAIL"]
    means = results.settings().set_index("label")["val_accuracy_mean"]
    assert [trial.value for trial in main.trials[:3]] == pytest.approx(means.loc[["1", "2", "3"]].tolist())
    assert main.trials[3].value is None
    lost = main.trials[3].user_attrs
    assert (lost["mean"], lost["status"], lost["values"]) == (means["4"], ["diverged", "pruned"], [None, 0.1])
    assert (main.direction.name, main.metric_names) == ("MAXIMIZE", ["val_accuracy"])
    best = main.best_trial
    assert (best.user_attrs["setting"], main.user_attrs["winner"]) == ("3", "3")
    assert best.params == {"training.optimizer": "adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-08)"}
    curves = results.curves().query("label == '3'").groupby("epoch")["val_accuracy"].mean()
    assert best.intermediate_values == pytest.approx(curves.to_dict())
    assert [trial.params for trial in longer.trials] == [{"training.epochs": 4}, {"training.epochs": 2}]
    assert [trial.user_attrs.get("trained_in") for trial in longer.trials] == ["main", None]
    assert longer.best_trial.user_attrs["setting"] == longer.user_attrs["winner"]
    assert best.duration.total_seconds() > 0


@needs("optuna")
def test_optuna_reads_what_has_not_ended_and_folds(make_results, tmp_path):
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import load_study

    tables = {"seeds": 1, "select_by": "val_loss", "data": {"validation": {"folds": 2}}}
    tables |= {"grid": {"training.batch_size": [10, "full", 50, 20]}}
    statuses = iter(["done", "done", "done", "interrupted", "failed", "done", "pending", "pending"])
    folder = make_results(tables, lambda setting, seed: Outcome(status=next(statuses)))
    hg.export_study(folder, tmp_path / "study.log", format="optuna")
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))
    study = load_study(study_name="invented-study", storage=storage)
    assert (study.direction.name, study.best_trial.number) == ("MINIMIZE", 0)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "RUNNING", "FAIL"]
    assert [trial.params["training.batch_size"] for trial in study.trials] == ["10", "full", "50"]
    assert study.trials[0].distributions["training.batch_size"].choices == ("10", "full", "50", "20")
    assert study.trials[2].user_attrs["folds"] == [1, 2]
    assert study.trials[2].user_attrs["status"] == ["failed", "done"]


@needs("optuna")
def test_optuna_reads_the_ranges_of_a_search_from_sqlite(make_results, tmp_path):
    import optuna

    ranges = {"network.hidden": {"choice": [4, [6, 5]]}, "training.optimizer.lr": {"log_uniform": [0.01, 1.0]}}
    ranges |= {"training.batch_size": {"integers": [2, 8]}, "training.weight_decay": {"uniform": [0.0, 0.1]}}
    folder = make_results({"seeds": 1, "random": {"runs": 1, **ranges}})
    said = hg.export_study(folder, tmp_path / "study.db", format="optuna").splitlines()
    assert said[0] == f"optuna-dashboard sqlite:///{tmp_path / 'study.db'}"
    (trial,) = optuna.load_study(study_name="invented-study", storage=f"sqlite:///{tmp_path / 'study.db'}").trials
    kinds = {path: (type(one).__name__, getattr(one, "log", None)) for path, one in trial.distributions.items()}
    assert kinds == {
        "network.hidden": ("CategoricalDistribution", None),
        "training.optimizer.lr": ("FloatDistribution", True),
        "training.batch_size": ("IntDistribution", False),
        "training.weight_decay": ("FloatDistribution", False),
    }
    row = hg.Results.open(folder).runs().iloc[0]
    assert trial.params["training.optimizer.lr"] == row["training.optimizer.lr"]
    assert trial.value == pytest.approx(row["val_accuracy"], rel=1e-15)
    assert trial.distributions["network.hidden"].choices == ("4", "6, 5")


@needs("optuna")
def test_optuna_has_the_start_of_a_phase_that_wins_it(make_results, tmp_path):
    import optuna

    tables = {"seeds": 1, "training": {"batch_size": "full"}, "grid": {"network.hidden": [4, 6]}}
    ranges = {"training.optimizer.lr": {"log_uniform": [0.2, 1.0]}, "training.batch_size": {"integers": [2, 8]}}
    tables["phase"] = [{"name": "then", "random": {"runs": 2, **ranges}}]
    folder = make_results(tables, lambda setting, seed: Outcome(0.9 if setting.label == "2" else 0.5))
    path = tmp_path / "a?b 5%.db"
    said = hg.export_study(folder, path, format="optuna").splitlines()
    named = {}
    exec("\n".join(said[2:]), named)
    best, study = named["study"].best_trial, named["study"]
    assert best.user_attrs["setting"] == study.user_attrs["winner"] == "2"
    assert best.user_attrs["trained_in"] == "main"
    assert best.params.keys() == {"training.optimizer.lr"}  # the batch "full" is no point of the range
    assert len(study.trials) == 3
    assert isinstance(study, optuna.Study)


@needs("optuna")
def test_optuna_of_failed_runs_alone_has_no_best_trial_and_the_lines_say_so(make_results, tmp_path):
    folder = make_results({"seeds": 1, "grid": {"network.hidden": [4, 6]}}, lambda s, seed: Outcome(status="failed"))
    said = hg.export_study(folder, tmp_path / "study.log", format="optuna").splitlines()
    named = {}
    exec("\n".join(said[2:]), named)
    assert [trial.state.name for trial in named["study"].trials] == ["FAIL", "FAIL"]
    assert said[-1] == "# no trial of it is COMPLETE, so that it has no best_trial"


# -- MLflow and Weights & Biases, of one run: they take seconds to start


@needs("mlflow")
def test_mlflow_reads_a_run(results, tmp_path):
    record = results.record("24ab2de383")
    said = hg.export_study(record, tmp_path / "runs.db", format="mlflow")
    assert said == f"mlflow ui --backend-store-uri sqlite:///{tmp_path / 'runs.db'}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.tracking import MlflowClient

        client = MlflowClient(f"sqlite:///{tmp_path / 'runs.db'}")
        experiment = client.get_experiment_by_name("24ab2de383")
        (run,) = client.search_runs([experiment.experiment_id])
        assert {name: run.data.metrics[name] for name in record.scores} == record.scores
        history = client.get_metric_history(run.info.run_id, "epoch/val_accuracy")
        assert [(one.step, one.value) for one in history] == list(enumerate(record.curves["val_accuracy"].tolist(), 1))
        assert run.data.params["training.optimizer.lr"] == "0.01"
        assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "done")


@needs("wandb")
def test_wandb_writes_an_offline_run(results, tmp_path):
    record = results.record("24ab2de383")
    assert "nothing has been sent" in hg.export_study(record, tmp_path / "offline", format="wandb")
    (folder,) = (tmp_path / "offline" / "wandb").iterdir()
    assert folder.name.startswith("offline-run-")
    read = wandb_records((folder / "run-24ab2de383.wandb").read_bytes())
    summary = {item.key or item.nested_key[0]: item.value_json for one in read["summary"] for item in one.update}
    assert {name: float(summary[name]) for name in record.scores} == record.scores
    rows = [{item.key or item.nested_key[0]: item.value_json for item in one.item} for one in read["history"]]
    values = [float(row["epoch/val_accuracy"]) for row in rows if "epoch" in row]
    assert values == record.curves["val_accuracy"].tolist()
    losses = [float(row["step/loss"]) for row in rows if "step" in row]
    assert losses == record.curves["loss_per_step"].astype(float).tolist()


def wandb_records(content):
    """Kind -> records of a .wandb file: LevelDB's log format, blocks of 32 KiB after a head of seven bytes."""
    from wandb.proto import wandb_internal_pb2

    found, at, part = {}, 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack_from("<IHB", content, at)
        part, at = part + content[at + 7 : at + 7 + size], at + 7 + size
        if kind in (1, 4):  # whole, or the last part
            record = wandb_internal_pb2.Record.FromString(part)
            name, part = record.WhichOneof("record_type"), b""
            found.setdefault(name, []).append(getattr(record, name))
    return found


# -- what is refused, and that nothing is left half written


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("STUDY --to there.csv", "there.csv: is there already and is not written over; give another name, or remove"),
        (
            "STUDY --to out",
            "out: has no ending. A study is exported to a path that ends in .csv or .parquet, or as --fo",
        ),
        ("STUDY --to w.onnx", "w.onnx: ends in '.onnx', which is of a network: export one of its runs. A study is exp"),
        ("STUDY --to out --format tensorbord", "unknown format of studies 'tensorbord'; did you mean 'tensorboard'?"),
        (
            "STUDY --to a.csv --format parquet",
            "a.csv: its ending is that of csv, and the format is parquet; change one",
        ),
        ("STUDY --to a.pt --format csv", "a.pt: its ending is that of a network, and the format is csv; change one"),
        ("STUDY --to a.csv --scaled", "--scaled is for a network as .onnx; leave it out where runs are exported"),
        ("RUN --to a.db --format optuna", "is one run, and optuna takes a study: its trials are settings. Give the fo"),
        (
            "RUN --to a.xyz",
            "a.xyz: unknown ending '.xyz'; a network is exported as .onnx, .pt, .pth, .safetensors, .npz,",
        ),
        ("nowhere --to a.csv", "nowhere: no such folder, and no run of that id in ./results"),
        ("STUDY --to there.csv/a.csv", "there.csv/a.csv: cannot be written: "),
    ],
)
def test_bad_input_gets_one_message_and_leaves_nothing(line, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("there.csv").write_text("mine")
    words = line.replace("STUDY", str(GOLDEN)).replace("RUN", str(GOLDEN / "runs" / "24ab2de383")).split()
    monkeypatch.setattr("sys.argv", ["handgrad", "export", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed = capsys.readouterr()
    assert (end.value.code, printed.out) == (2, "")
    assert message in " ".join(printed.err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]
    assert Path("there.csv").read_text() == "mine"


def test_a_missing_library_is_named_with_what_installs_it(results, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    message = (
        r"a: writing for tensorboard needs TensorBoard, which is not installed here; "
        r"pip install 'handgrad\[tensorboard\]', or give another --format: csv needs nothing more"
    )
    with pytest.raises(InputError, match=message):
        hg.export_study(results, tmp_path / "a", format="tensorboard")


def test_a_record_without_its_curves_is_refused(results, tmp_path):
    bare = next(results.cells()).record
    with pytest.raises(InputError, match=f"was read without its curves; give results.record\\('{bare.id}'\\)"):
        hg.export_study(bare, tmp_path / "a.csv")


@pytest.mark.parametrize("to", ["out", "out.own"])
def test_a_format_of_ones_own_is_one_record_and_what_is_cut_off_leaves_nothing(results, tmp_path, monkeypatch, to):
    def write(study, new, path):
        file = new / "names.txt" if new.is_dir() else new
        file.write_text("\n".join(run.name for run in study.runs))
        file.with_name("lock").write_text("left behind by a library")
        if stopped:
            raise KeyboardInterrupt

    own = ExportFormat(write, lambda study, path: [f"read {path.name}"], ending=".own")
    monkeypatch.setitem(EXPORTS, "names", own)
    stopped = True
    with pytest.raises(KeyboardInterrupt):
        hg.export_study(results, tmp_path / to, format="names")
    assert list(tmp_path.iterdir()) == []
    stopped = False
    assert hg.export_study(results, tmp_path / to, format="names") == f"read {to}"
    assert [path.name for path in tmp_path.iterdir()] == [to]
    text = (tmp_path / to / "names.txt" if to == "out" else tmp_path / to).read_text()
    assert text.startswith("1 optimizer sgd, seed 0\n")


def test_the_command_prints_how_a_run_or_a_study_is_opened(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for source, to in ((GOLDEN, "study.csv"), (GOLDEN / "runs" / "24ab2de383", "run.csv")):
        monkeypatch.setattr("sys.argv", ["handgrad", "export", str(source), "--to", to])
        cli.main()
        assert capsys.readouterr().out == f"import pandas\nruns = pandas.read_csv('{to}')\n"
    assert pandas.read_csv("run.csv")["id"].tolist() == ["24ab2de383"]
