"""Commands: parse, call public functions, print.  Everything heavy is imported inside the command that needs it.

Exit codes: 0 fine, 1 some runs failed, 2 bad input, 130 interrupted.
"""

import json as json_format
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from handgrad import __version__
from handgrad.errors import HandgradError, InputError

INTERRUPTED = 130

app = typer.Typer(
    name="handgrad",
    help="A laboratory for small neural networks: one study file, every run, one report.",
    epilog="Start with:  handgrad run quickstart",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StudyName = Annotated[str, Argument(metavar="STUDY", help="A ready-made study (see: handgrad studies) or a TOML file.")]
Overrides = Annotated[list[str] | None, Argument(metavar="KEY=VALUE", help="Changes, e.g. training.epochs=3.")]
Out = Annotated[Path | None, Option("--out", metavar="DIR", help="Results folder.  [default: results/STUDY]")]
Quick = Annotated[bool, Option("--quick", help="The study's own small version: every item, in minutes.")]
Jobs = Annotated[int | None, Option("--jobs", metavar="N", help="Runs at a time.  [default: one per core]")]
RunnerName = Annotated[
    str | None, Option("--runner", metavar="NAME", help="serial, processes or ray.  [default: processes]")
]
Address = Annotated[
    str | None, Option("--address", metavar="HOST:PORT", help="Ray cluster.  [default: RAY_ADDRESS, or one made here]")
]
CpusPerRun = Annotated[
    float | None, Option("--cpus-per-run", metavar="X", help="What a run asks of a Ray cluster.  [default: 1]")
]
RunName = Annotated[str, Argument(metavar="RUN", help="A run's folder, or its id (looked for in ./results).")]
Json = Annotated[bool, Option("--json", help="Print JSON, for scripts.")]


def main() -> None:
    """The command line; turns every error of ours into one message and its exit code."""
    try:
        app()
    except HandgradError as error:
        print(f"handgrad: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer turns KeyboardInterrupt into this
            print("handgrad: interrupted; the same command continues where this one stopped", file=sys.stderr)
        raise
    except BrokenPipeError:  # handgrad … | head
        sys.stderr.close()
        sys.exit(0)


def _print_json(value: Any) -> None:
    print(json_format.dumps(value, indent=1, allow_nan=False))


def _version(asked: bool) -> None:
    if asked:
        print(f"handgrad {__version__}")
        raise typer.Exit


Version = Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def _options(version: Version = False) -> None:
    pass


@app.command(epilog="Example:  handgrad run quickstart --jobs 2 training.epochs=5")
def run(
    study: StudyName,
    overrides: Overrides = None,
    out: Out = None,
    jobs: Jobs = None,
    runner: RunnerName = None,
    address: Address = None,
    cpus_per_run: CpusPerRun = None,
    quick: Quick = False,
    json: Json = False,
) -> None:
    """Train every run of a study that is not finished yet and write its report; the same command continues it."""
    from handgrad import console
    from handgrad.study import load_study, run_study

    chosen = load_study(study, overrides or (), quick=quick)
    with console.StudyDisplay() as display:
        results = run_study(
            chosen, out, jobs=jobs, observer=display, runner=runner, address=address, cpus_per_run=cpus_per_run
        )
    _report(results.folder, json=json)
    if results.failed():
        console.say(f"{results.failed()} runs failed; the report says why, and the same command tries them again")
        raise typer.Exit(1)


@app.command(epilog="Example:  handgrad plan quickstart --jobs 2")
def plan(
    study: StudyName,
    overrides: Overrides = None,
    out: Out = None,
    jobs: Jobs = None,
    quick: Quick = False,
    json: Json = False,
) -> None:
    """List every run of a study, and what it will take in time, memory and disk; nothing is run or written."""
    from handgrad import console
    from handgrad.study import Plan, Results, load_study
    from handgrad.study.execution.opening import open_runner
    from handgrad.study.planning.estimate import estimate

    chosen = load_study(study, overrides or (), quick=quick)
    planned = Plan(chosen)
    runner, notes = open_runner(jobs)
    cost = estimate(planned, runner.workers)
    folder = out or chosen.default_out
    states = {cell.id: cell.status for cell in Results.open(folder).cells()} if (folder / "plan.json").exists() else {}
    seconds = {(row.phase, row.label): row.seconds for row in cost.rows}
    rows = [
        {
            "phase": phase.name,
            "setting": setting.label,
            "seed": run.seed,
            "id": run.id,
            "state": states.get(run.id or "", "pending"),
            "seconds": seconds[phase.name, setting.label],
            "axes": dict(setting.axes),
        }
        for phase in planned.phases
        for setting in phase.settings
        for run in setting.runs
    ]
    if json:
        totals = {"seconds": cost.seconds, "memory": cost.memory, "disk": cost.disk, "workers": cost.workers}
        _print_json({"study": chosen.spec.name, "out": str(folder), **totals, "runs": rows})
        return
    for note in dict.fromkeys([*planned.notes, *notes]):
        console.say(f"note: {note}")
    console.print_plan(rows, cost)


@app.command(epilog="Example:  handgrad report results/quickstart")
def report(
    folder: Annotated[Path, Argument(metavar="DIR", help="Results folder of a study, finished or not.")],
    json: Json = False,
) -> None:
    """Write the report again from the records alone: no data and no training needed."""
    _report(folder, json=json)


def _report(folder: Path, *, json: bool) -> None:
    from handgrad import console
    from handgrad.report import build_report
    from handgrad.report.findings.summary import summarize
    from handgrad.study import Results

    page = build_report(folder)
    results = Results.open(folder)
    if json:
        _print_json(
            {
                "report": str(page),
                "winner": results.winner(),
                "failed": results.failed(),
                "settings": json_format.loads(results.settings().to_json(orient="records")),
            }
        )
    else:
        console.print_summary(summarize(results))
        print(f"\nReport: {page}")


@app.command(epilog="Example:  handgrad studies")
def studies(json: Json = False) -> None:
    """List the ready-made studies."""
    from handgrad import console
    from handgrad.study import Study, load_study, ready_made

    def facts(study: Study) -> tuple[str, ...]:
        spec = study.spec
        runs = sum(len(phase.choices) for phase in study.phases) * len(spec.seeds)
        return spec.name, str(runs), spec.takes or "", spec.title or ""

    rows = [facts(load_study(name)) for name in ready_made()]
    if json:
        _print_json([dict(zip(("name", "runs", "takes", "about"), row, strict=True)) for row in rows])
    else:
        console.print_table(("study", "runs", "takes", "what"), rows)


@app.command(epilog="Example:  handgrad data mnist")
def data(
    names: Annotated[list[str] | None, Argument(metavar="NAME", help="Data sets to fetch if missing.")] = None,
    json: Json = False,
) -> None:
    """Say which data sets are here, where, and whether they are the published bytes; fetch those that are named."""
    from handgrad import console
    from handgrad.data import sources

    found = [sources.fetch(name, say=console.say) for name in names or []]
    found = found or [sources.status(name) for name in ("digits", *sources.SOURCES)]
    if json:
        keys = ("name", "about", "present", "verified", "size")
        _print_json([{key: getattr(one, key) for key in keys} | {"path": str(one.path or "")} for one in found])
        return
    rows = []
    for one in found:
        state = "missing" if not one.present else "verified" if one.verified else "other bytes than published"
        where = one.path or ("with scikit-learn" if one.present else f"fetch with: handgrad data {one.name}")
        rows.append((one.name, state, console.size(one.size) if one.size else "", where, one.about))
    console.print_table(("data set", "state", "size", "where", "what"), rows, numeric=[2])


@app.command(epilog="Example:  handgrad gradcheck")
def gradcheck(
    full: Annotated[bool, Option("--all", help="Print every combination, not one line per output and loss.")] = False,
    json: Json = False,
) -> None:
    """Check every gradient written by hand against central differences, in all combinations that make sense."""
    from handgrad import console
    from handgrad.network.gradcheck import TOLERANCES, all_combinations, check_combination

    groups: dict[tuple[str, ...], list[float]] = {}
    for one in all_combinations():
        worst = max(row.error for row in check_combination(one))
        group = (str(one),) if full else (one.output, one.loss, one.targets)
        groups.setdefault(group, []).append(worst)
    limit = TOLERANCES["central differences"]
    rows = [(*group, len(errors), f"{max(errors):.1e}") for group, errors in groups.items()]
    checked, worst = sum(map(len, groups.values())), max(map(max, groups.values()))
    if json:
        _print_json({"combinations": checked, "largest_error": worst, "tolerance": limit, "ok": worst <= limit})
    else:
        headings = ("combination",) if full else ("output", "loss", "targets")
        console.print_table((*headings, "checked", "largest error"), rows, numeric=[len(headings), len(headings) + 1])
        verdict = "all right" if worst <= limit else "WRONG"
        print(f"\n{checked} combinations, largest relative error {worst:.1e}, allowed {limit:.0e}: {verdict}")
    if not worst <= limit:
        raise typer.Exit(1)


@app.command(epilog="Example:  handgrad predict results/quickstart/runs/0123456789 seven.png")
def predict(
    weights: Annotated[Path, Argument(metavar="WEIGHTS", help="A run's folder or its weights.safetensors.")],
    images: Annotated[list[Path], Argument(metavar="IMAGE", help="Pictures; resized to the data's size.")],
    invert: Annotated[
        bool, Option("--invert", help="Dark on light pictures for a network that learnt light on dark.")
    ] = False,
    json: Json = False,
) -> None:
    """Say which class a trained network sees in each picture."""
    import numpy as np

    from handgrad import console
    from handgrad.training.model import Model

    model = Model.load(weights)
    x = np.stack([model.read_image(image, invert=invert) for image in images])
    outputs, probabilities = model.outputs(x), model.probabilities(x)
    shown = outputs if probabilities is None else probabilities
    best = outputs.argmax(axis=1)
    measure = "output" if probabilities is None else "probability"
    if json:
        for_each = [dict(zip(model.classes, map(float, row), strict=True)) for row in shown]
        found = [model.classes[b] for b in best]
        _print_json(
            [{"image": str(i), "class": c, measure: v} for i, c, v in zip(images, found, for_each, strict=True)]
        )
        return
    rows = [(image, model.classes[b], f"{row[b]:.4f}") for image, b, row in zip(images, best, shown, strict=True)]
    console.print_table(("image", "class", measure), rows, numeric=[2])


@app.command(epilog="Example:  handgrad show results/quickstart/runs/0123456789")
def show(run: RunName, json: Json = False) -> None:
    """Say what one run did: its setting, scores, times and, where it went wrong, at which step and in which layer."""
    from handgrad import console
    from handgrad.training.record import load_data

    record = load_data(_run_folder(run))
    if json:
        _print_json(record)
        return
    console.print_record(record)


@app.command(epilog="Example:  handgrad export 0123456789 --to model.onnx")
def export(
    run: RunName,
    to: Annotated[Path, Option("--to", metavar="FILE", help="Ends in .onnx, .pt, .safetensors or .npz.")],
    scaled: Annotated[
        bool, Option("--scaled", help="The .onnx takes inputs that are scaled already.  [default: it scales them]")
    ] = False,
) -> None:
    """Write a trained network for other programs: ONNX, a PyTorch state_dict, NumPy; say how it is loaded there."""
    from handgrad.training.exchange import export_model
    from handgrad.training.model import Model

    print(export_model(Model.load(_run_folder(run)), to, scaling=not scaled))


@app.command(epilog="Example:  handgrad evaluate MLP_weights.npz quickstart network.hidden=100")
def evaluate(
    weights: Annotated[
        Path,
        Argument(metavar="WEIGHTS", help="A run's folder or id, or weights from anywhere: .pt, .safetensors, .npz."),
    ],
    study: Annotated[
        str | None, Argument(metavar="STUDY", help="Whose data, layers and loss; a run brings its own.")
    ] = None,
    overrides: Overrides = None,
    part: Annotated[str, Option("--part", metavar="PART", help="train, validation or test.")] = "test",
    json: Json = False,
) -> None:
    """Score weights on the test part of a study's data: accuracy, loss and confusion matrix; nothing is trained."""
    import math

    from handgrad import console
    from handgrad.data.datasets import load
    from handgrad.study import load_study
    from handgrad.training import evaluation
    from handgrad.training.exchange import import_model
    from handgrad.training.model import Model
    from handgrad.training.record import load_data
    from handgrad.training.run import Setting

    folder = None if weights.suffix and not weights.is_dir() else _run_folder(str(weights))
    if study:
        chosen = load_study(study, overrides or ())
        spec = chosen.spec
        setting = Setting(data=spec.data, network=spec.network, training=spec.training)
        data = load(setting.data, folder=chosen.folder)
    elif folder:
        record = load_data(folder)
        setting = Setting.checked(record["setting"])
        data = load(setting.data)
        if data.checksum != record["data"]["checksum"]:
            console.say(f"note: {data.name} is not the data that the run learnt from: its contents differ")
    else:
        raise InputError(
            f"{weights}: give a study after it, whose data, layers and loss they belong to, as in: "
            f"handgrad evaluate {weights} quickstart network.hidden=100"
        )
    model = Model.load(folder) if folder else import_model(weights, setting, data=data)
    found = evaluation.evaluate(model, setting, data=data, part=part)
    if json:
        loss = found.loss if math.isfinite(found.loss) else None
        _print_json({**vars(found), "loss": loss, "classes": model.classes})
        return
    print(f"{data.name}, {found.part} part: {found.accuracy:.2%} of {found.n:,} right, mean loss {found.loss:.4f}")
    rows = [(name, *counts) for name, counts in zip(model.classes, found.confusion, strict=True)]
    console.print_table(("actual", *model.classes), rows, numeric=range(1, len(rows) + 1))


def _run_folder(run: str) -> Path:
    folder = Path(run)
    if folder.is_dir():
        return folder
    found = sorted(Path("results").glob(f"*/runs/{run}"))
    if not found:
        raise InputError(f"{run}: no such folder, and no run of that id in ./results; give the run's folder")
    return found[0]


if __name__ == "__main__":
    main()
