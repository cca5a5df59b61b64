"""Execute the notebooks of this folder again and save what they show:  python examples/execute.py [NOTEBOOK …]

A saved notebook holds what GitHub can show: text, tables without style sheets, and pictures as pictures of their own.
Times are replaced by "…", since they are those of one machine.
"""

import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

HERE = Path(__file__).parent
STYLE = re.compile(r"<style>.*?</style>\s*", re.DOTALL)
FIGURE = re.compile(
    r'<figure><img src="data:image/png;base64,([^"]+)" alt="([^"]*)"><figcaption>(.*?)</figcaption></figure>', re.DOTALL
)
TIME = re.compile(r"\d[\d.e+-]*(?= (?:s|ms)\b)")
BAR = re.compile(r"^(<progress|.*\d s(, interrupted|, stopped by an error)?$)")


def executed(path: Path, instead: Mapping[str, str] | None = None) -> NotebookNode:
    """The notebook, executed in a folder of its own, with outputs as they are saved.  Raises CellExecutionError.

    instead: text of its code -> what is executed in its place; it must be there.
    """
    notebook = nbformat.read(path, as_version=4)
    for text, other in (instead or {}).items():
        (cell,) = (one for one in notebook.cells if text in one.source)
        cell.source = cell.source.replace(text, other)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        quiet = ["--log-level=ERROR"]
        NotebookClient(notebook, timeout=300, kernel_name="python3", extra_arguments=quiet, resources=where).execute()
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [saved for output in cell.outputs for saved in as_saved(output)]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def as_saved(output: NotebookNode) -> list[NotebookNode]:
    """One output without its style sheet, its pictures behind it; nothing of a progress bar and of stderr."""
    if output.output_type == "stream":
        return [] if output.name == "stderr" else [NotebookNode({**output, "text": TIME.sub("…", output.text)})]
    data = dict(output.get("data", {}))
    html = STYLE.sub("", data.get("text/html", ""))
    if output.output_type == "display_data" and BAR.match(html):
        return []
    pictures = [
        nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": alt})
        for png, alt, _ in FIGURE.findall(html)
    ]
    if html:
        data["text/html"] = TIME.sub("…", FIGURE.sub(r"<p>\3</p>", html))
    data["text/plain"] = TIME.sub("…", data.get("text/plain", ""))
    return [NotebookNode({**output, "data": NotebookNode(data), "metadata": NotebookNode()}), *pictures]


def main(names: list[str]) -> None:
    """Execute and save the notebooks of these names, or all."""
    for path in [HERE / Path(name).name for name in names] or sorted(HERE.glob("*.ipynb")):
        nbformat.write(executed(path), path)
        print(f"{path.name}: {path.stat().st_size / 1000:,.0f} KB")


if __name__ == "__main__":
    main(sys.argv[1:])
