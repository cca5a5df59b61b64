"""Completion: called as the shells call it, and by the shells themselves where they are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handgrad import cli
from handgrad.cli.completion import FORMATS, split_line
from handgrad.cli.shells import SHELLS
from handgrad.report.exports.export_formats import EXPORTS
from handgrad.study.execution.choose_runner import RUNNERS

TOML = 'name = "own"\n[[phase]]\nname = "batch size"\ngrid.training.batch_size = [1, 2]\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a study, results of another, and a picture."""
    for run in ("0a1b2c3d4e", "0a1bffffff", "9f00000000"):
        (tmp_path / "results" / "first" / "runs" / run).mkdir(parents=True)
    (tmp_path / "results" / "first" / "plan.json").write_text("{}")
    (tmp_path / "own.toml").write_text(TOML)
    (tmp_path / "my other.toml").write_text(TOML)
    (tmp_path / "seven.png").write_text("")
    (tmp_path / ".hidden.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["bash", "zsh", "fish"])
def offered(request, here, monkeypatch, capsys):
    """line up to the cursor -> what the shell is offered."""
    shell = request.param
    monkeypatch.setattr(sys, "argv", ["handgrad"])

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_HANDGRAD_COMPLETE", shell)
        if shell == "bash":
            monkeypatch.setenv("_HANDGRAD_LINE", line)
            monkeypatch.setenv("_HANDGRAD_BREAKS", "")
        else:
            words, word = split_line(line)
            monkeypatch.setenv("_HANDGRAD_WORDS", "\n".join(words))
            monkeypatch.setenv("_HANDGRAD_WORD", word)
        cli.main()
        return [one.split("\t")[0].replace("\\", "") for one in capsys.readouterr().out.splitlines()]

    return ask


def test_commands_options_studies_runs_keys_and_names_are_offered(offered):
    assert offered("handgrad ex") == ["explain", "export"]
    assert offered("handgrad --ver") == ["--version"]
    assert offered("handgrad run --q") == ["--quick"]
    assert "--quick" not in offered("handgrad run quickstart --quick --")
    assert offered("handgrad run qu") == ["quickstart"]
    assert offered("handgrad plan o") == ["own.toml"]
    assert offered("handgrad plan my") == ["my other.toml"]
    assert offered("handgrad run 'my oth") == ["my other.toml"]
    assert offered("handgrad run quickstart training.epo") == ["training.epochs="]
    assert offered("handgrad run quickstart seeds=2 grid.training.clip") == ["grid.training.clip_norm="]
    assert offered("handgrad run quickstart training.loss=n") == ["training.loss=nll"]
    assert offered("handgrad run quickstart --jobs 2 training.dtype=float3") == ["training.dtype=float32"]
    assert offered("handgrad run --runner ") == ["serial", "processes", "ray"]
    assert offered("handgrad run --runner=s") == ["--runner=serial"]
    assert offered("handgrad run own.toml --phase b") == ["batch size"]
    assert offered("handgrad show 0a") == ["0a1b2c3d4e", "0a1bffffff"]
    assert offered("handgrad show 9") == ["9f00000000"]
    assert offered("handgrad report results/f") == ["results/first"]
    assert offered("handgrad compare results/first results/f") == ["results/first"]
    assert offered("handgrad show results/first/runs/9") == ["results/first/runs/9f00000000/"]
    assert offered("handgrad data m") == ["mnist"]
    assert offered("handgrad new mn") == ["mnist"]
    assert offered("handgrad new digits ") == [one for one in offered("handgrad run x data.") if one != "data="]
    assert offered("handgrad export 9f00000000 --format ten") == ["tensorboard"]
    assert offered("handgrad report results/first --format ") == ["html", "pdf"]
    assert offered("handgrad evaluate 9f00000000 quickstart --part v") == ["validation"]


def test_what_only_the_shell_knows_is_left_to_it(offered):
    assert offered("handgrad predict 9f00000000 sev") == []
    assert offered("handgrad export 9f00000000 --to ") == []
    assert offered("handgrad nothing ") == []
    assert offered("handgrad report results/first ") == []
    assert offered("handgrad run nowhere/") == []


def test_names_that_are_offered_are_those_of_the_tables():
    assert set(FORMATS) == set(EXPORTS)
    assert set(RUNNERS) == {"serial", "processes", "ray"}


def shell_says(shell: str, commands: str, folder: Path) -> str:
    program = folder / "bin" / "handgrad"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m handgrad.cli "$@"\n')
    program.chmod(0o755)
    (folder / "script").write_text(SHELLS[shell].script)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        [shell, *(["--norc"] if shell == "bash" else ["-f"] if shell == "zsh" else []), "-c", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


ASKED = {
    "bash": "source ./script; COMP_LINE='handgrad run quickstart training.loss=nl'; COMP_POINT=${#COMP_LINE}; "
    '_handgrad_completion handgrad; echo "${COMPREPLY[@]}"',
    # the functions of zsh that put candidates into the line need a line: what they are given is printed in their place
    "zsh": 'compdef() { :; }; compadd() { print -- ${(P)@[-1]}; }; source ./script; words=(handgrad run quickstart "'
    'training.loss=nl"); CURRENT=4; _handgrad',
    "fish": "source ./script; complete --do-complete 'handgrad run quickstart training.loss=nl'",
}
SAID = {"bash": "nll", "zsh": "training.loss=nll", "fish": "training.loss=nll"}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_a_line(shell, here):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    assert shell_says(shell, ASKED[shell], here).strip() == SAID[shell]


def test_completion_is_installed_once_and_what_is_there_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".bashrc").write_text("alias ll='ls -l'\n")
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", ["handgrad", "--install-completion", "bash"])
        cli.main()
    said = capsys.readouterr().out
    assert said.count(f"bash: wrote {tmp_path}/.local/share/handgrad/completion.bash, and a line in") == 2
    text = (tmp_path / ".bashrc").read_text()
    assert text.startswith("alias ll='ls -l'\n")
    assert text.count("completion.bash") == 1
    monkeypatch.setattr(sys, "argv", ["handgrad", "--install-completion", "tcsh"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "unknown shell 'tcsh'. Known: bash, zsh, fish" in capsys.readouterr().err
