"""How objects show themselves: a few lines of text in every Python, a small piece of HTML in a notebook.

    class Record(Displayed, …):
        def _display(self) -> Display: ...        a head, and rows of (term, text)

`repr` is that as text, at most ROWS rows of WIDTH signs; `_repr_html_`, which notebooks ask for, is the same as a
table.  Where the report has more to show of a class (curves, verdicts), the front of the package names the function
that makes it (`from_report`).  All texts are escaped.  Colours are those of the notebook, light or dark: the
style sheet adds only translucent ones.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from handgrad import from_report
from handgrad.errors import HandgradError
from handgrad.names import short

SIGNS = 600  # of a repr at most
ROWS, WIDTH = 7, 74
LONGEST = 400  # signs of a cell
STYLE = """<style>
.handgrad { max-width: 62rem; line-height: 1.45; }
.handgrad .scroll { overflow-x: auto; }
.handgrad table { border-collapse: collapse; margin: .4rem 0; font-variant-numeric: tabular-nums; }
.handgrad th, .handgrad td { text-align: left; vertical-align: top; padding: .2rem .7rem .2rem 0; background: none; }
.handgrad thead th { border-bottom: 1px solid rgba(128, 128, 128, .6); white-space: nowrap; }
.handgrad tbody td, .handgrad tbody th { border-bottom: 1px solid rgba(128, 128, 128, .2); overflow-wrap: anywhere; }
.handgrad .scroll td { overflow-wrap: break-word; max-width: 22rem; }
.handgrad tbody th { font-weight: normal; opacity: .75; white-space: nowrap; }
.handgrad .number { text-align: right; white-space: nowrap; }
.handgrad tr.shaded td { background: rgba(0, 114, 178, .16); }
.handgrad ul { list-style: none; margin: .4rem 0; padding: 0; }
.handgrad li { padding: .1rem 0 .1rem 1.4rem; text-indent: -1.4rem; }
.handgrad li.slip { font-weight: 600; }
.handgrad figure { margin: .6rem 0; }
.handgrad figure img { width: 46rem; max-width: 100%; height: auto; box-sizing: border-box; }
.handgrad figure img { background: #fff; padding: .4rem; border-radius: .4rem; }
.handgrad figcaption, .handgrad p.note { font-size: .87em; opacity: .75; }
</style>"""


@dataclass(frozen=True)
class Display:
    """head: what an object is, in a line;  rows: (term, text), the most important first."""

    head: str
    rows: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """As lines; what is too much for them is left out, long texts in the middle.

        >>> print(Display("Dataset xor", (("examples", "500 train"), ("classes", "0, 1"))).text())
        Dataset xor
          examples  500 train
          classes   0, 1
        """
        rows = [(term, " ".join(text.split())) for term, text in self.rows if text][:ROWS]
        width = max((len(term) for term, _ in rows), default=0)
        lines = [f"  {term.ljust(width)}  {text}" for term, text in rows]
        return "\n".join(short(line, WIDTH) for line in (" ".join(self.head.split()), *lines))

    def html(self) -> str:
        """The head in bold over a table of the rows."""
        rows = "".join(
            f'<tr><th scope="row">{escape(term)}</th><td>{escape(short(text, LONGEST))}</td></tr>'
            for term, text in self.rows
            if text
        )
        return f"<strong>{escape(short(self.head, LONGEST))}</strong>" + (f"<table>{rows}</table>" if rows else "")


class Displayed:
    """An object that shows itself by its `_display`."""

    def _display(self) -> Display:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._display().text()

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the display, then what the report makes of the object; where its files were altered,
        the message about that."""
        make = from_report(f"{type(self).__name__} in a notebook")
        try:
            more = "" if make is None else make(self)
        except HandgradError as error:
            more = f'<p class="note">{escape(str(error))}</p>'
        return in_notebook(self._display().html() + more)


def in_notebook(content: str) -> str:
    """Content with its style sheet."""
    return f'<div class="handgrad">{STYLE}{content}</div>'


def html_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numeric: Collection[int] = (),
    bold: Collection[tuple[int, int]] = (),
    shaded: Collection[int] = (),
) -> str:
    """A table of texts.  numeric: columns aligned right;  bold: (row, column) of cells;  shaded: rows.

    >>> html_table(["a"], [["<b>"]]).partition("<tbody>")[2]
    '<tr><td>&lt;b&gt;</td></tr></tbody></table></div>'
    """

    def cell(tag: str, j: int, text: Any, *, strong: bool = False) -> str:
        body = escape(short(str(text), LONGEST))
        number = ' class="number"' if j in numeric else ""
        return f"<{tag}{number}>{f'<strong>{body}</strong>' if strong else body}</{tag}>"

    head = "".join(cell("th", j, text) for j, text in enumerate(headings))
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(cell("td", j, text, strong=(i, j) in bold) for j, text in enumerate(row))
        body += f'<tr class="shaded">{cells}</tr>' if i in shaded else f"<tr>{cells}</tr>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
