"""Reading the figures that a study asks for, [[figure]] and [[original.figure]], or every problem of them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from handgrad.names import short, shown
from handgrad.study.original.figure_options import FIGURES
from handgrad.study.original.items import Drawing

Asked = TypeVar("Asked", bound=Drawing)


def read_figures(written: Any) -> tuple[tuple[Drawing, ...], list[str]]:
    """([[figure]] of a study, what is wrong with them)."""
    if not isinstance(written, list | tuple) or not all(isinstance(entry, Mapping) for entry in written):
        return (), [f"figure must be written as [[figure]] tables; got {shown(written)}"]
    read, found = list[Drawing](), list[str]()
    files: dict[str, str] = {}
    for position, entry in enumerate(written, start=1):
        title = entry.get("title")
        where = f'figure "{short(title, 60)}"' if isinstance(title, str) else f"figure {position}"
        figure, problems = read_figure(Drawing, entry, where)
        found += problems
        if figure is None:
            continue
        if figure.file in files:
            other = files[figure.file]
            found.append(f"{where}: its files would be named as those of {shown(other, 60)}; give it another title")
        files[figure.file] = figure.title
        read.append(figure)
    return tuple(read), found


def read_figure(model: type[Asked], entry: Mapping[str, Any], where: str) -> tuple[Asked | None, list[str]]:
    """(the figure, []) or what can be read of it and every problem, its options' included."""
    figure, found = model.read(entry, prefix=where)
    if figure is not None:
        _, problems = FIGURES[figure.kind].options.read(figure.options, prefix=f"{where}.options")
        found += problems
    return figure, found
