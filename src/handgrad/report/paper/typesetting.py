"""main.tex as a PDF, by pdfLaTeX where it is installed."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from handgrad.errors import InputError, ResultsError

PACKAGES = "texlive-latex-recommended texlive-science"  # Debian's; other systems have them as collections of TeX Live
INSTALL = f"install TeX Live's collections latexrecommended and mathscience (Debian: apt install {PACKAGES})"
PASSES = 4  # widths of long tables and references settle in two or three
PATIENCE = 600.0  # seconds for one
AGAIN = ("Rerun to get", "Table widths have changed", "rerunfilecheck Warning")


def find_pdflatex() -> str:
    """Where pdfLaTeX is.  Raises InputError where it is not installed; it says what to install."""
    found = shutil.which("pdflatex")
    if found is None:
        raise InputError(
            f"a PDF of the report needs pdflatex, which is not installed here; {INSTALL}, "
            "or leave --format pdf out: report/main.tex, which is written anyway, compiles elsewhere"
        )
    return found


def typeset(folder: Path) -> Path:
    """Compile `folder`/main.tex to main.pdf, the same bytes from the same files.

    Raises InputError where pdfLaTeX or one of its packages is missing, ResultsError with LaTeX's first message where it
    stops.
    """
    pdflatex = find_pdflatex()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    with tempfile.TemporaryDirectory() as made:
        command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
        command += [f"-output-directory={made}", "main.tex"]
        log = ""
        for _ in range(PASSES):
            try:
                done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                raise ResultsError(f"{folder / 'main.tex'}: pdflatex did not end within {PATIENCE:g} s") from None
            try:
                log = (Path(made) / "main.log").read_text("utf-8", "replace")
            except FileNotFoundError:
                log = done.stdout.decode("utf-8", "replace")
            if done.returncode:
                raise _failure(log, folder)
            if not any(word in log for word in AGAIN):
                break
        shutil.copyfile(Path(made) / "main.pdf", folder / "main.pdf")
    return folder / "main.pdf"


def _failure(log: str, folder: Path) -> InputError | ResultsError:
    missing = re.search(r"File `(\S+?)' not found", log)
    if missing and missing[1].endswith((".sty", ".cls", ".def")):
        return InputError(f"a PDF of the report needs LaTeX's {missing[1]}, which is not installed here; {INSTALL}")
    said = re.search(r"^! (.*(?:\n.*){0,3})", log, re.MULTILINE)
    what = " ".join(said[1].split())[:300] if said else "no message"
    return ResultsError(f"{folder / 'main.tex'}: pdflatex stopped: {what}")
