"""Commands of single runs and trained networks: show, predict, export, evaluate."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from handgrad.cli.options import Json, Overrides, print_json
from handgrad.decimals import significant
from handgrad.errors import InputError
from handgrad.measures import MEASURES, MULTI_LABEL, REGRESSION, is_fraction

if TYPE_CHECKING:
    from handgrad.data.datasets import Dataset
    from handgrad.training.evaluation import Evaluation
    from handgrad.training.run import Setting

commands = typer.Typer()

RunName = Annotated[str, Argument(metavar="RUN", help="A run's folder or id, or how the id begins (of ./results).")]


@commands.command(epilog="Example:  handgrad predict results/quickstart/runs/0123456789 seven.png")
def predict(
    weights: Annotated[Path, Argument(metavar="WEIGHTS", help="A run's folder or id, or weights.safetensors.")],
    examples: Annotated[
        list[Path],
        Argument(metavar="FILE", help="Pictures (resized to the data's size), folders of pictures, or tables."),
    ],
    invert: Annotated[
        bool, Option("--invert", help="Dark on light pictures for a network that learnt light on dark.")
    ] = False,
    to: Annotated[
        Path | None, Option("--to", metavar="FILE", help="Write all predictions into a new file that ends in .csv.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what a trained network predicts of each picture or row; note pictures unlike those that it learnt."""
    from handgrad.cli import console
    from handgrad.cli.predictions import predictions_of, save_predictions
    from handgrad.study.folder.disk import run_folder
    from handgrad.training.model import Model

    if to is not None and to.suffix.lower() != ".csv":
        raise InputError(f"--to {to}: predictions are written as CSV; give a name that ends in .csv")
    if to is not None and to.exists():
        raise InputError(f"{to}: is there already and is not written over; give another name, or remove it first")
    source = weights if _is_file(weights) else run_folder(weights)
    _say_if_diverged(source if source.is_dir() else source.parent)
    found = predictions_of(Model.load(source), examples, invert=invert)
    for note in found.notes:
        console.say(f"note: {note}")
    if json:
        print_json(found.objects())
    elif to is None:
        headings, rows = found.table()
        console.print_table(headings, rows, numeric=found.numeric)
        if found.hidden:
            console.print_line(f"… and {found.hidden:,} more; --to predictions.csv writes all of them")
    if to is not None:
        save_predictions(found, to)
        console.say(f"{to}: {len(found):,} predictions")


@commands.command(epilog="Example:  handgrad show results/quickstart/runs/0123456789")
def show(run: RunName, json: Json = False) -> None:
    """Say what one run did: its setting, scores, times and, where it went wrong, at which step and in which layer."""
    from handgrad.cli import console
    from handgrad.study.folder.disk import run_folder
    from handgrad.training.record import check_files, load

    folder = run_folder(run)
    record = load(folder, arrays=False)
    check_files(folder, record)
    if json:
        print_json(record.data)
        return
    console.print_record(record)


@commands.command(epilog="Example:  handgrad export results/quickstart --to quickstart.parquet")
def export(
    run: Annotated[str, Argument(metavar="RUN", help="A run's folder or id, or the results folder of a study.")],
    to: Annotated[
        Path,
        Option(
            "--to",
            metavar="PATH",
            help="Of a network: ends in .onnx, .pt, .safetensors or .npz. Of runs: .csv, .parquet, or as --format.",
        ),
    ],
    form: Annotated[
        str | None,
        Option(
            "--format",
            metavar="FORMAT",
            help="Runs for other tools: csv, parquet, tensorboard, optuna, mlflow, wandb.  [default: by the ending]",
        ),
    ] = None,
    scaled: Annotated[
        bool, Option("--scaled", help="The .onnx takes inputs that are scaled already.  [default: it scales them]")
    ] = False,
) -> None:
    """Write a trained network, or the runs of a study, for other programs; say how it is opened there.

    A network, of one run: ONNX, a PyTorch state_dict, NumPy.  The runs of a study, or one run: CSV, Parquet,
    TensorBoard, Optuna, MLflow, Weights & Biases.
    """
    from handgrad.report.exports import already_there, export_study, format_of_path
    from handgrad.study.folder.disk import run_folder
    from handgrad.training.exchange import WRITTEN, export_model
    from handgrad.training.model import Model

    if os.path.lexists(to):
        raise already_there(to)
    if form is not None or format_of_path(to) is not None or os.path.lexists(Path(run) / "plan.json"):
        if scaled:
            raise InputError("--scaled is for a network as .onnx; leave it out where runs are exported")
        print(export_study(run, to, format=form))
        return
    folder = run_folder(run)
    if to.suffix not in WRITTEN:
        raise InputError(
            f"{to}: unknown ending {to.suffix!r}; a network is exported as {', '.join(WRITTEN)}, and the curves and "
            "numbers of a run as .csv or .parquet, or as --format says"
        )
    _say_if_diverged(folder)
    print(export_model(Model.load(folder), to, scaling=not scaled))


@commands.command(epilog="Example:  handgrad evaluate MLP_weights.npz quickstart network.hidden=100")
def evaluate(
    weights: Annotated[
        Path,
        Argument(
            metavar="WEIGHTS",
            help="A run's folder or id, or weights from anywhere: .pt, .safetensors, .npz, .keras, .h5.",
        ),
    ],
    study: Annotated[
        str | None, Argument(metavar="STUDY", help="Whose data, layers and loss; a run brings its own.")
    ] = None,
    overrides: Overrides = None,
    part: Annotated[str, Option("--part", metavar="PART", help="train, validation or test.")] = "test",
    layout: Annotated[
        str | None,
        Option("--layout", metavar="LAYOUT", help="Of its axes: handgrad, torch or keras.  [default: as it fits]"),
    ] = None,
    json: Json = False,
) -> None:
    """Score weights on the test part of a study's data: accuracy, loss, confusion matrix …; nothing is trained."""
    import math

    from handgrad.cli import console
    from handgrad.data.contents import NAMED
    from handgrad.study.folder.disk import run_folder
    from handgrad.training import evaluation
    from handgrad.training.exchange import import_model
    from handgrad.training.model import Model

    folder = None if _is_file(weights) else run_folder(weights)
    if not study and weights.name == "weights.safetensors" and (weights.parent / "record.json").exists():
        folder = weights.parent
    if folder and layout:
        raise InputError(f"--layout is for files from elsewhere; {weights} is a run of handgrad: leave it out")
    if study:
        setting, data = _told_by(study, overrides or ())
    elif folder:
        setting, data = _learnt_from(folder)
    else:
        raise InputError(
            f"{weights}: give a study after it, whose data, layers and loss they belong to, or a run, as in: "
            f"handgrad evaluate {weights} quickstart network.hidden=100"
        )
    if folder:
        _say_if_diverged(folder)
    model = Model.load(folder) if folder else import_model(weights, setting, data=data, layout=layout)
    found = evaluation.evaluate(model, setting, data=data, part=part)
    if json:
        scores = {name: value if math.isfinite(value) else None for name, value in found.scores.items()}
        matrix = {"confusion": found.confusion} if found.confusion else {}
        print_json({"part": found.part, "n": found.n, **scores, **matrix, NAMED[model.task]: model.classes})
        return
    if model.task == REGRESSION:
        print(
            f"{data.name}, {found.part} part: {_scores(found, 'rmse', 'mae', 'r2', 'loss')} over {found.n:,} examples"
        )
        return
    print(f"{data.name}, {found.part} part: {found.accuracy:.2%} of {found.n:,} right, mean loss {found.loss:.4f}")
    print(_scores(found, *(name for name in found.scores if name not in ("loss", "accuracy"))))
    if model.task == MULTI_LABEL:
        return
    rows = [(name, *counts) for name, counts in zip(model.classes, found.confusion, strict=True)]
    console.print_table(("actual", *model.classes), rows, numeric=range(1, len(rows) + 1))


def _scores(found: "Evaluation", *names: str) -> str:
    """Scores with their words: "balanced accuracy 93.10%, macro F1 92.85%"."""
    texts = [f"{found.scores[name]:.2%}" if is_fraction(name) else significant(found.scores[name]) for name in names]
    return ", ".join(f"{MEASURES[name].word} {text}" for name, text in zip(names, texts, strict=True))


def _say_if_diverged(folder: Path) -> None:
    """A note where the weights are those of a run that diverged."""
    from handgrad.cli import console
    from handgrad.training.record import load

    diverged = load(folder, arrays=False).diverged if (folder / "record.json").is_file() else None
    if diverged is not None:
        where = f"epoch {diverged.epoch}, step {diverged.step:,}, layer {diverged.layer}"
        console.say(f"note: this run diverged ({where}: {diverged.reason}); its weights are those before that step")


def _told_by(study: str, overrides: Sequence[str]) -> "tuple[Setting, Dataset]":
    """The setting and data of a study, its results folder, or a run."""
    from handgrad.data.datasets import load
    from handgrad.study.folder.disk import is_run_id, run_folder
    from handgrad.study.reading.loading import load_study
    from handgrad.training.record import load as load_record
    from handgrad.training.run import Setting

    path = Path(study)
    if (path / "study.toml").is_file():
        path = path / "study.toml"
    elif path.is_dir() or is_run_id(study):
        if overrides:
            raise InputError(f"{study} is a run, whose setting is what it is; KEY=VALUE changes that of a study")
        setting = Setting.checked(load_record(run_folder(study), arrays=False).setting)
        return setting, load(setting.data)
    chosen = load_study(str(path), overrides)
    spec = chosen.spec
    setting = Setting(data=spec.data, network=spec.network, training=spec.training)
    return setting, load(setting.data, folder=chosen.folder)


def _learnt_from(folder: Path) -> "tuple[Setting, Dataset]":
    """The setting and data of a run; a note where the data has changed since."""
    from handgrad.cli import console
    from handgrad.data.datasets import load
    from handgrad.training.record import load as load_record
    from handgrad.training.run import Setting

    record = load_record(folder, arrays=False)
    setting = Setting.checked(record.setting)
    data = load(setting.data)
    if data.checksum != record.dataset.checksum:
        console.say(f"note: {data.name} is not the data that the run learnt from: its contents differ")
    return setting, data


def _is_file(weights: Path) -> bool:
    """Whether a file of weights is meant; else a run, by its folder or id."""
    return weights.suffix != "" and not os.path.isdir(weights)
