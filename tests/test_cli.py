"""Commands: each documented by an example that works, one clear message and the right exit code for bad input."""

import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

import handgrad as hg
from handgrad import cli
from handgrad.cli.app import app
from handgrad.files import sealed
from handgrad.training.record import save
from tests.prints import prints_are_drawn_once  # noqa: F401  (a fixture of every test here)

COMMANDS = [
    "run",
    "plan",
    "explain",
    "watch",
    "report",
    "studies",
    "list",
    "compare",
    "clean",
    "data",
    "gradcheck",
    "show",
]
COMMANDS += ["predict", "export", "evaluate", "new", "schema"]

TINY = """
name = "tiny"
seeds = 2
[data]
train = { size = 200 }
[network]
hidden = 8
[training]
epochs = 2
[grid]
training.optimizer.lr = [0.01, 0.1]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a tiny study."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path


@pytest.fixture
def handgrad(capsys, monkeypatch):
    """Call the command line in this process -> (exit code, standard output, standard error)."""

    def call(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["handgrad", *shlex.split(line)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The results of the tiny study, run once by a real command."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.toml").write_text(TINY)
    done = command("run tiny.toml --jobs 1", folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def command(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "handgrad.cli", *shlex.split(line)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_all_commands_are_there_and_each_help_text_has_an_example(handgrad):
    assert set(typer.main.get_group(app).commands) == set(COMMANDS)
    for name in COMMANDS:
        code, out, _ = handgrad(f"{name} --help")
        assert code == 0
        assert f"Example:  handgrad {name}" in out


def test_version_and_unknown_commands(handgrad):
    assert handgrad("--version")[1].startswith("handgrad 0.")
    code, _, err = handgrad("trian")
    assert code == 2
    assert "No such command 'trian'" in err


def test_a_run_prints_its_table_and_leaves_a_report(finished):
    folder, done = finished
    assert "what happened" in done.stdout
    assert "Report: results/tiny/report/index.html" in done.stdout
    assert (folder / "results/tiny/report/index.html").exists()
    runs = list((folder / "results/tiny/runs").iterdir())
    assert len(runs) == 4
    assert done.stderr.count("seed") == 4  # a plain line for every run
    assert "\x1b" not in done.stdout + done.stderr


def test_the_same_command_repeats_nothing(finished):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.glob("results/tiny/runs/*/*")}
    again = command("run tiny.toml", folder)
    assert again.returncode == 0
    assert "finished from before: 4 of 4 runs" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.glob("results/tiny/runs/*/*")} == before


def test_json_is_json(finished, handgrad, monkeypatch):
    folder, _ = finished
    monkeypatch.chdir(folder)
    code, out, _ = handgrad("report results/tiny --json --column single --font serif --jobs 2")
    found = json.loads(out)
    assert code == 0
    assert found["winner"] in ("1", "2")
    assert found["failed"] == 0
    assert len(found["settings"]) == 2
    runs = {one["name"]: one["runs"] for one in json.loads(handgrad("studies --json")[1])}
    assert runs["quickstart"] == "24"  # 2 · 3 settings and 2 more, 3 seeds
    plan = json.loads(handgrad("plan tiny.toml --json")[1])
    assert len(plan["runs"]) == 4
    assert plan["seconds"] > 0
    assert 3 < plan["report_seconds"] < 15
    assert {run["state"] for run in plan["runs"]} == {"done"}
    assert (plan["runs_left"], plan["seconds_left"]) == (0, 0.0)
    assert "4 runs, 4 ended and 0 left, with" in handgrad("plan tiny.toml")[1]


def test_past_work_is_listed_compared_and_cleaned(finished, handgrad, monkeypatch, tmp_path):
    for name in ("before", "after"):
        shutil.copytree(finished[0] / "results" / "tiny", tmp_path / "results" / name)
    monkeypatch.chdir(tmp_path)
    code, out, _ = handgrad("list --page")
    assert code == 0
    assert out.splitlines()[0].split() == ["study", "state", "runs", "best", "val_accuracy", "written", "size"]
    assert out.count(" done ") == out.count(" 4 of 4 ") == 2
    assert all(len(line) <= 80 for line in out.splitlines())
    assert out.endswith("Page: results/index.html\n")
    listed = json.loads(handgrad("list results --json")[1])
    assert {one["folder"] for one in listed} == {"results/before", "results/after"}
    code, out, _ = handgrad("compare results/before results/after")
    assert code == 0
    for line in ("A  results/before: tiny", "Settings that differ: none", "4 runs are in both, bit for bit."):
        assert line in out.splitlines()
    assert json.loads(handgrad("compare results/before results/after --json")[1])["shared_runs"] == 4
    assert handgrad("clean results/before")[:2] == (
        0,
        "results/before: nothing to remove; the study lists every run in it.\n",
    )
    run = next((tmp_path / "results" / "before" / "runs").iterdir())
    left = shutil.copytree(run, run.parent / "0123456789")
    code, out, err = handgrad("clean results/before")  # nobody to ask
    assert code == 2
    assert "\n0123  " in out  # as much of the id as tells it apart
    assert err == (
        "handgrad: results/before: 1 run would be removed, and nobody can be asked here; say --yes to remove it\n"
    )
    assert left.exists()
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert handgrad("clean results/before")[1].endswith("Nothing was removed.\n")
    assert left.exists()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "Removed 1 run, " in handgrad("clean results/before")[1]
    assert not left.exists()
    shutil.copytree(run, left)
    assert [one["id"] for one in json.loads(handgrad("clean results/before --yes --json")[1])["removed"]] == [left.name]
    assert len(list(run.parent.iterdir())) == 4


class Terminal(io.StringIO):
    """A standard input with somebody before it, who answers."""

    def isatty(self):
        return True


def test_plan_lists_every_run_and_what_it_will_cost(here, handgrad):
    code, out, _ = handgrad("plan tiny.toml")
    assert code == 0
    assert out.count("pending") == 4
    for word in ("time", "the start included", "report  about ", "more, at the end", "total   about", "memory", "disk"):
        assert word in out
    assert not (here / "results").exists()


def test_plan_of_some_phases_alone(here, handgrad):
    (here / "two.toml").write_text(TINY + '\n[[phase]]\nname = "more"\ngrid.training.batch_size = [10, 50]\n')
    count = {phase: handgrad(f"plan two.toml --phase {phase}")[1].count("pending") for phase in ("main", "more")}
    assert count == {"main": 4, "more": 8}


def test_show_tells_a_run_by_folder_or_id(finished, handgrad, monkeypatch):
    folder, _ = finished
    monkeypatch.chdir(folder)
    run = next(folder.glob("results/tiny/runs/*"))
    for name in (run, run.name):
        code, out, _ = handgrad(f"show {name}")
        assert code == 0
        for word in (run.name, "dense 8 relu", "val_accuracy", "training.optimizer", "−Σ_j"):
            assert word in out
    assert json.loads(handgrad(f"show {run} --json")[1])["id"] == run.name
    code, _, err = handgrad("show 0000000000")
    assert (code, err) == (
        2,
        "handgrad: 0000000000: no such folder, and no run of that id in ./results; give the run's folder, such as "
        "results/quickstart/runs/0123456789\n",
    )


def test_show_states_slips(handgrad, tmp_path):
    setting = {"network": {"hidden": [4]}, "training": {"slips": ["gradient-doubled"], "epochs": 1}}
    record = hg.train(setting, seed=1)
    save(record, tmp_path / record.id)
    code, out, _ = handgrad(f"show {tmp_path / record.id}")
    assert code == 0
    assert re.search(r"^slip +gradient-doubled: 2·do, instead of do$", out, re.MULTILINE)


def test_predict_reads_pictures(finished, handgrad, monkeypatch, tmp_path):
    from sklearn.datasets import load_digits

    folder, _ = finished
    monkeypatch.chdir(folder)
    run = next(folder.glob("results/tiny/runs/*"))
    Image.fromarray((load_digits().images[0] * 255 / 16).astype(np.uint8)).save(tmp_path / "zero.png")
    code, out, _ = handgrad(f"predict {run} {tmp_path / 'zero.png'}")
    assert code == 0
    assert "probability" in out
    (found,) = json.loads(handgrad(f"predict {run} {tmp_path / 'zero.png'} --json")[1])
    assert sum(found["probability"].values()) == pytest.approx(1, abs=1e-5)
    assert max(found["probability"], key=found["probability"].get) == found["class"]
    (tmp_path / "bad.png").write_bytes(b"no picture")
    code, _, err = handgrad(f"predict {run} {tmp_path / 'bad.png'}")
    assert code == 2
    assert "bad.png: is no picture (it begins with 'no pictu'); pictures are PNG, JPEG" in err
    code, _, err = handgrad(f"predict {run} {tmp_path / 'bad.mat'}")
    assert code == 2
    assert "bad.mat: pictures and tables are predicted here; give arrays in Python, as in hg.Model.load(run)" in err


def test_predict_says_what_it_laid_a_transparent_picture_on(finished, handgrad, monkeypatch, tmp_path):
    from sklearn.datasets import load_digits

    folder, _ = finished
    monkeypatch.chdir(folder)
    run = next(folder.glob("results/tiny/runs/*"))
    digit = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    clear = np.stack([np.full_like(digit, 255), digit], axis=2)  # white ink, the shape in the alpha alone
    Image.fromarray(digit).save(tmp_path / "zero.png")
    Image.fromarray(clear, "LA").save(tmp_path / "clear.png")
    code, out, err = handgrad(f"predict {run} {tmp_path / 'zero.png'} {tmp_path / 'clear.png'} --json")
    assert code == 0
    assert "clear.png: is transparent in part; laid on black, as what can be seen is light" in err.replace("\n", " ")
    first, second = json.loads(out)
    assert first["probability"] == pytest.approx(second["probability"], abs=1e-5)


def test_export_writes_over_no_file(finished, handgrad, tmp_path):
    run = next((finished[0] / "results" / "tiny" / "runs").iterdir())
    (tmp_path / "lenet.npz").write_text("mine")
    code, _, error = handgrad(f"export {run} --to {tmp_path / 'lenet.npz'}")
    assert code == 2
    assert error.endswith(
        "lenet.npz: is there already and is not written over; give another name, or remove it first\n"
    )
    assert (tmp_path / "lenet.npz").read_text() == "mine"


def test_altered_files_of_a_run_are_named_by_every_command(finished, handgrad, tmp_path):
    shutil.copytree(finished[0] / "results", tmp_path / "results")
    run = sorted((tmp_path / "results" / "tiny" / "runs").iterdir())[0]
    weights = run / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for line in (
        f"report {run.parents[1]}",
        f"show {run}",
        f"evaluate {run}",
        f"export {run} --to {tmp_path / 'w.npz'}",
    ):
        code, out, error = handgrad(line)
        assert (code, out) == (2, ""), line
        assert error.startswith(f"handgrad: {weights}: was altered after it was written; run the study again"), line


def test_export_and_evaluate_a_run(finished, handgrad, monkeypatch, tmp_path):
    folder, _ = finished
    monkeypatch.chdir(folder)
    run = next(folder.glob("results/tiny/runs/*"))
    record = json.loads((run / "record.json").read_text())
    for ending in (".npz", ".safetensors", ".pt", ".onnx"):
        code, out, _ = handgrad(f"export {run.name} --to {tmp_path / 'w'}{ending}")
        assert code == 0
        assert f"w{ending}" in out
    wanted = record["metrics"]["test_accuracy"]
    sources = (run, run.name, f"{tmp_path / 'w.npz'} tiny.toml", f"{tmp_path / 'w.pt'} tiny.toml training.epochs=9")
    for source in sources:
        found = json.loads(handgrad(f"evaluate {source} --json")[1])
        assert found["accuracy"] == wanted
        assert found["loss"] == pytest.approx(record["metrics"]["test_loss"], rel=1e-5)
        assert found["confusion"] == record["confusion"]["test"]
    code, out, err = handgrad(f"evaluate {run} --part validation")
    assert (code, err) == (0, "")
    assert out.startswith(f"digits, validation part: {record['metrics']['val_accuracy']:.2%} of 144 right, mean loss ")
    assert "actual" in out
    code, _, err = handgrad(f"evaluate {tmp_path / 'w.npz'} tiny.toml network.hidden=9")
    assert code == 2
    assert "dense1.W has shape (64, 8); this network needs (64, 9)" in err


def test_evaluate_says_when_the_data_is_another(finished, handgrad, monkeypatch, tmp_path):
    folder, _ = finished
    monkeypatch.chdir(folder)
    run = shutil.copytree(next(folder.glob("results/tiny/runs/*")), tmp_path / "run")
    text = (run / "record.json").read_text()
    other = text.replace(json.loads(text)["data"]["checksum"], "0" * 64)
    (run / "record.json").write_bytes(sealed(other.rpartition(',\n "sha256"')[0] + "}"))
    code, _, err = handgrad(f"evaluate {run}")
    assert code == 0
    assert "note: digits is not the data that the run learnt from: its contents differ" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run nonsense", "handgrad: nonsense: no such study. Give a TOML file or a ready-made study: "),
        ("run quikstart", "did you mean 'quickstart'?"),
        ("run tiny.toml training.epohcs=3", "training.epohcs is an unknown key; did you mean 'epochs'?"),
        ("run tiny.toml training.epochs=0", "training.epochs must be >= 1; got 0"),
        ("run tiny.toml training.epochs", "'training.epochs' is not key=value; write for example training.epochs=3"),
        ("run tiny.toml network.output=tanh", "training.loss = 'cross-entropy' cannot go with network.output = 'tanh'"),
        ("run tiny.toml data.name=no.npz", "no.npz"),
        ("run tiny.toml training.epochs=0 data.name=mnits", "data.name: no data set is called 'mnits', and no file"),
        ("plan tiny.toml training.epochs=0 data.name=mnits", "data.name: no data set is called 'mnits', and no file"),
        ("run tiny.toml --jobs 0", "jobs must be >= 1 and at most 100,000, as no study has more runs; got 0"),
        ("run tiny.toml --runner rya", "unknown runner 'rya'; did you mean 'ray'? Known: serial, processes, ray"),
        ("run tiny.toml --address head:6379", "address is for the runner ray; got 'head:6379' with no runner"),
        ("run tiny.toml --phase mian", "study \"tiny\": unknown phase 'mian'; did you mean 'main'? Known: main"),
        ("plan tiny.toml --phase L2", "study \"tiny\": unknown phase 'L2'. Known: main"),
        ("run tiny.toml --runner ray --cpus-per-run 0", "cpus per run must be > 0, such as 1 or 1.5; got 0"),
        ("report nowhere", "nowhere: no results of a study here"),
        ("report nowhere --format docx", "--format is html, which is written in any case, or pdf; got 'docx'"),
        ("report nowhere --jobs 0", "jobs must be >= 1 and at most 100,000, as no study has more runs; got 0"),
        ("report nowhere --column triple", "--column must be single (3.3 inches) or double (7 inches); got 'triple'"),
        ("report nowhere --jobs x", "Invalid value for '--jobs': must be a whole number; got 'x'"),
        ("report nowhere --width x", "Invalid value for '--width': must be a number; got 'x'"),
        ("run nowhere --cpus-per-run x", "Invalid value for '--cpus-per-run': must be a number; got 'x'"),
        ("report nowhere --width 1", "--width must be a number of inches in [2, 20]; got 1.0"),
        ("report nowhere --font-size 40", "--font-size must be a number of points in [4, 24]; got 40.0"),
        (
            "report nowhere --column single --width 4",
            "--width and column both say how wide figures are; got 4",
        ),
        ("report nowhere --font Nothing", "--font is an unknown font 'Nothing'. Known: sans-serif, serif, monospace, "),
        ("list", "results: no such folder. Give the folder that holds the results of studies, such as results"),
        ("list .", ".: holds no results of a study (a folder with a plan.json). Give the folder"),
        ("list tiny.toml", "tiny.toml: is a file. Give the folder that holds the results of studies"),
        ("compare nowhere tiny.toml", "nowhere: no results of a study here"),
        ("clean tiny.toml --yes", "tiny.toml: is a file, not a folder with the results of a study"),
        ("data mnits", "unknown data set 'mnits'; did you mean 'mnist'?"),
        ("predict nowhere.safetensors x.png", "nowhere.safetensors: no such file"),
        ("export nowhere --to w.onnx", "nowhere: no such folder, and no run of that id in ./results"),
        ("evaluate w.npz", "w.npz: give a study after it, whose data, layers and loss they belong to"),
        ("evaluate w.npz tiny.toml", "w.npz: no such file"),
        ("evaluate w.onnx tiny.toml", "w.onnx: unknown ending '.onnx'; weights are read from .pt"),
    ],
)
def test_bad_input_gets_one_message_and_exit_code_2(here, handgrad, line, message):
    code, out, err = handgrad(line)
    assert message in err
    assert code == 2
    assert "Traceback" not in err + out
    assert not (here / "results").exists()


def test_a_study_with_several_mistakes_shows_them_all(here, handgrad):
    (here / "bad.toml").write_text(
        'seeds = 0\n[training]\noptimzer = "adam"\nloss = "hinge"\n[grid]\ntraining.batch_size = []\n'
    )
    code, _, err = handgrad("run bad.toml")
    assert code == 2
    for line in (
        "bad.toml, line 1: seeds must be",
        "optimzer is an unknown key; did you mean 'optimizer'?",
        "unknown loss 'hinge'",
        "batch_size",
    ):
        assert line in err


def test_an_interrupted_study_says_so_and_continues(here):
    (here / "long.toml").write_text(
        TINY.replace('name = "tiny"', 'name = "long"').replace("epochs = 2", "epochs = 300")
    )
    line = [sys.executable, "-m", "handgrad.cli", "run", "long.toml", "--jobs", "2"]
    started = subprocess.Popen(
        line, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(here.glob("results/long/plan.json")) and started.poll() is None:
        time.sleep(0.02)
    os.killpg(started.pid, signal.SIGINT)
    _, err = started.communicate()
    assert started.returncode == 130, err
    assert "interrupted; the same command continues from there" in err
    assert "Traceback" not in err
    done = command("run long.toml training.epochs=300", here)
    assert done.returncode == 0
    assert len([path for path in here.glob("results/long/runs/*") if path.is_dir()]) == 4


def test_failed_runs_end_with_exit_code_1(here, handgrad, monkeypatch):
    from handgrad.training import loop

    def broken(*args, **kwargs):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(loop, "RunInProgress", broken)
    code, out, err = handgrad("run tiny.toml --jobs 1")
    assert code == 1
    assert "4 runs failed" in err
    assert "out of luck" in err
    assert "failed" in out


def test_no_color_and_terminals(here, monkeypatch):
    """On a terminal there is a bar and colour; NO_COLOR takes the colour away."""
    import pty

    for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        main, side = pty.openpty()
        environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm-256color", **extra}
        started = subprocess.Popen(
            [sys.executable, "-m", "handgrad.cli", "run", "tiny.toml", "--jobs", "1", "--out", f"out{coloured}"],
            cwd=here, stdout=side, stderr=side, env=environment,
        )  # fmt: skip
        os.close(side)
        seen = b""
        while True:
            try:
                chunk = os.read(main, 65536)
            except OSError:
                break
            seen += chunk
            if not chunk:
                break
        os.close(main)
        assert started.wait() == 0
        assert b"of 4 runs" in seen
        assert (b"\x1b[38" in seen or b"\x1b[32" in seen or b"\x1b[36" in seen) is coloured


def test_a_run_is_watched_from_its_beginning_to_its_end(here):
    done = command("run tiny.toml --jobs 1 --watch", here)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Watching results/tiny at http://127\.0\.0\.1:\d+/$", done.stderr, re.MULTILINE)
    report = (here / "results/tiny/report/index.html").resolve()
    assert re.search(
        rf"The study is over, 4 of 4 runs have ended\. Its report( is being made:| goes to|:) {re.escape(str(report))}",
        done.stderr,
    )
    assert "Report: results/tiny/report/index.html" in done.stdout


def test_what_cannot_be_watched_is_said_before_anything_runs(here, handgrad):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for line, said in {
            "run tiny.toml --port 8000": "--port and --open are for --watch",
            "explain eee543 --open": "--port and --open are for --watch",
            f"explain eee543 --watch --port {port}": f"port {port} of 127.0.0.1 cannot be used",
            f"run tiny.toml --watch --port {port}": f"port {port} of 127.0.0.1 cannot be used",
            "run tiny.toml --watch --port 70000": "Invalid value for '--port': must be between 0 and 65535; got 70000",
            "watch results/tiny": "no results of a study here",
        }.items():
            code, _, err = handgrad(line)
            assert (code, said in err) == (2, True), err
    assert not (here / "results").exists()
