"""Reading [original]: tables of a file to an `Original`, or every problem of it as a line naming item and row."""

from collections.abc import Mapping
from typing import Any, TypeVar

from handgrad.names import listed as names_listed
from handgrad.names import short, shown, unknown, unknown_key
from handgrad.sections import Section
from handgrad.study.published.figure_options import FIGURES
from handgrad.study.published.items import Drawing, Figure, Measured, Original, file_name
from handgrad.study.published.numbers import value_problems
from handgrad.study.published.original_text import TEXT_LISTS, OriginalText
from handgrad.study.published.published_tables import TABLES, PublishedColumn
from handgrad.study.published.statements import Statement

Asked = TypeVar("Asked", bound=Drawing)


def read_original(written: Any) -> tuple[Original | None, list[str]]:
    """(original, []) or (None, every problem of it)."""
    if not isinstance(written, Mapping):
        return None, [f"original must be a table; got {shown(written)}"]
    tables, found, read = dict(written), list[str](), {}
    files: dict[str, str] = {}
    for kind, reader in (("table", _read_table), ("figure", _read_figure), ("statement", _read_statement)):
        listed = tables.pop(kind, [])
        if not isinstance(listed, list | tuple) or not all(isinstance(entry, Mapping) for entry in listed):
            found.append(f"original.{kind} must be written as [[original.{kind}]] tables; got {shown(listed)}")
            continue
        items = []
        for position, entry in enumerate(listed, start=1):
            number = entry.get("number")
            named = isinstance(number, str) and number.strip()
            where = f'original "{short(number, 60)}"' if named else f"original.{kind} {position}"
            item, problems = reader(entry, where)
            found += problems
            items.append(item)
            if isinstance(number, str):
                if file_name(number) in files:
                    other = files[file_name(number)]
                    found.append(
                        f"{where}: its files would be named as those of {shown(other, 60)}; give it another number"
                    )
                files.setdefault(file_name(number), number)
        read[kind] = tuple(items)
    text, problems = _read_text(tables.pop("text", {}))
    found += problems
    original, problems = Original.read(tables, prefix="original")
    found += problems
    if found or original is None:
        return None, list(dict.fromkeys(found))
    changed: dict[str, Any] = {kind: items for kind, items in read.items() if items}
    return original.model_copy(update=changed | ({"text": text} if text else {})), []


def _read_text(written: Any) -> tuple[OriginalText | None, list[str]]:
    """[original.text], each entry of its lists named by its position in messages; None where there is none."""
    if not isinstance(written, Mapping):
        return None, [f"original.text must be a table of lists: {names_listed(TEXT_LISTS)}; got {shown(written)}"]
    read, found = dict[str, tuple[Any, ...]](), list[str]()
    for name, entries in written.items():
        if name not in TEXT_LISTS:
            found.append(f"original.text.{short(str(name), 60)} is an {unknown_key(str(name), TEXT_LISTS)}")
            continue
        read[name], problems = _read_list(TEXT_LISTS[name], entries, f"original.text.{name}")
        found += problems
    return (OriginalText(**read) if read and not found else None), found


def _read_table(entry: Mapping[str, Any], where: str) -> tuple[Any, list[str]]:
    kind = entry.get("kind", "settings")
    if not isinstance(kind, str) or kind not in TABLES:
        return None, [f"{where}.kind is an " + unknown(str(kind), TABLES, "kind of table")]
    model, tables, found = TABLES[kind], dict(entry), list[str]()
    if not model.maker:
        return None, [f"{where}.kind: no report can show {kind!r}; give its class, {model.__name__}, a maker"]
    for name, part in (("columns", PublishedColumn), ("rows", TABLES[kind].row)):
        if part is not None and name in model.model_fields and name in tables:
            tables[name], problems = _read_list(part, tables[name], f"{where}.{name}")
            found += problems
    placeholders = {name: () for name in ("columns", "rows") if name in tables}
    item, problems = model.read({**tables, **placeholders}, prefix=where)
    found += problems
    if found or item is None:
        return None, found
    item = item.model_copy(update={name: tables[name] for name in placeholders})
    return item, item.part_problems()


def _read_statement(entry: Mapping[str, Any], where: str) -> tuple[Statement | None, list[str]]:
    item, found = Statement.read(entry, prefix=where)
    return item, found if item is None else item.part_problems()


def _read_list(part: type[Section], listed: Any, where: str) -> tuple[tuple[Any, ...], list[str]]:
    """Columns or rows, each named by its head or label in messages."""
    if not isinstance(listed, list | tuple) or not listed or not all(isinstance(one, Mapping) for one in listed):
        return (), [f"{where} must be a list of tables such as [{{ … }}, {{ … }}]; got {shown(listed)}"]
    read, found = [], []
    for position, one in enumerate(listed, start=1):
        name = one.get("head", one.get("label"))
        section, problems = part.read(
            one, prefix=f'{where} "{short(str(name), 60)}"' if name is not None else f"{where} {position}"
        )
        read.append(section)
        found += problems
    return tuple(read), found


def _read_figure(entry: Mapping[str, Any], where: str) -> tuple[Figure | None, list[str]]:
    item, found = read_figure(Figure, entry, where)
    if item is None:
        return None, found
    nested = [isinstance(given, Mapping) for given in item.published.values()]
    if any(nested) and not all(nested):
        found.append(
            f'{where}.published must hold measures, or a table of them for each setting, as in {{ "2" = {{ … }} }}'
        )
        return None, found
    parts = item.published if any(nested) else {"": item.published}
    for name, numbers in parts.items():
        place = f'{where}.published."{short(name, 60)}"' if name else f"{where}.published"
        measured, problems = Measured.read(numbers, prefix=place)
        found += problems
        for measure, given in measured.measures.items() if measured else ():
            found += value_problems(measure, given, item.unit, f"{place}.{measure}")
    return item, found + item.class_list_problems()


def read_figures(written: Any) -> tuple[tuple[Drawing, ...], list[str]]:
    """([[figure]] of a study, what is wrong with them)."""
    if not isinstance(written, list | tuple) or not all(isinstance(entry, Mapping) for entry in written):
        return (), [f"figure must be written as [[figure]] tables; got {shown(written)}"]
    read, found = list[Drawing](), list[str]()
    files: dict[str, str] = {}
    for position, entry in enumerate(written, start=1):
        title = entry.get("title")
        where = f'figure "{short(title, 60)}"' if isinstance(title, str) and title.strip() else f"figure {position}"
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
