"""pdfLaTeX for tests: skipped, with a word, where it is not installed, and required by .ci/run."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REQUIRED = bool(os.environ.get("HANDGRAD_LATEX_REQUIRED"))  # set by .ci/run
WRONG = re.compile(
    r"!|Missing character|LaTeX Warning: (?:Float too large|Reference|There were)|Overfull \\([hv])box \(([\d.]+)pt"
)
SLACK = 2.0  # points by which a line may be too wide

Compile = Callable[..., list[str]]


@pytest.fixture(scope="session")
def compiled() -> Compile:
    """compiled(folder, text) -> what is wrong in the log of the last pass; the PDF is folder/test.pdf."""
    found = shutil.which("pdflatex")
    if found is None or subprocess.run(["kpsewhich", "siunitx.sty"], capture_output=True).returncode:
        said = "needs pdflatex and siunitx: apt install texlive-latex-recommended texlive-science"
        if REQUIRED:
            pytest.fail(said)
        pytest.skip(said)

    def compile_text(folder: Path, text: str, passes: int = 2) -> list[str]:
        (folder / "test.tex").write_text(text, encoding="utf-8")
        environment = {**os.environ, "max_print_line": "1000"}
        for _ in range(passes):  # widths of long tables settle
            command = [found, "-interaction=nonstopmode", "-no-shell-escape", "test.tex"]
            subprocess.run(command, cwd=folder, capture_output=True, env=environment, timeout=300)
        return problems((folder / "test.log").read_text("utf-8", "replace"))

    return compile_text


def problems(log: str) -> list[str]:
    """The lines of a log that say what is wrong."""
    found = [(line, WRONG.match(line)) for line in log.splitlines()]
    return [line for line, match in found if match and not (match[1] and float(match[2]) <= SLACK)]
