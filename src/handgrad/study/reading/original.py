"""Reading [original]: tables of a file to an `Original`, or every problem of it as a line naming item and row."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from handgrad.measures import is_fraction
from handgrad.names import short, shown, unknown
from handgrad.sections import Section
from handgrad.study.original.items import (
    TABLES,
    CellRow,
    Column,
    CountRow,
    FactRow,
    Figure,
    Measured,
    Original,
    SettingRow,
    SettingsTable,
    ValueRow,
    file_name,
)
from handgrad.study.original.published import MEASURES, published, units_of, value
from handgrad.study.reading.figures import read_figure

ROWS: dict[str, type[Section]] = {
    "settings": SettingRow,
    "labels": CountRow,
    "winner": ValueRow,
    "confusion": CellRow,
    "facts": FactRow,
}
COUNTS = ("class", "train", "validation", "test", "total")


def read_original(written: Any) -> tuple[Original | None, list[str]]:
    """(original, []) or (None, every problem of it)."""
    if not isinstance(written, Mapping):
        return None, [f"original must be a table; got {shown(written)}"]
    tables, found, read = dict(written), list[str](), {}
    files: dict[str, str] = {}
    for kind, reader in (("table", _read_table), ("figure", _read_figure)):
        listed = tables.pop(kind, [])
        if not isinstance(listed, list | tuple) or not all(isinstance(entry, Mapping) for entry in listed):
            found.append(f"original.{kind} must be written as [[original.{kind}]] tables; got {shown(listed)}")
            continue
        items = []
        for position, entry in enumerate(listed, start=1):
            number = entry.get("number")
            where = f'original "{short(number, 60)}"' if isinstance(number, str) else f"original.{kind} {position}"
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
    original, problems = Original.read(tables, prefix="original")
    found += problems
    if found or original is None:
        return None, list(dict.fromkeys(found))
    return original.model_copy(update={kind: items for kind, items in read.items() if items}), []


def _read_table(entry: Mapping[str, Any], where: str) -> tuple[Any, list[str]]:
    kind = entry.get("kind", "settings")
    if not isinstance(kind, str) or kind not in TABLES:
        return None, [f"{where}.kind is an " + unknown(str(kind), TABLES, "kind of table")]
    model, tables, found = TABLES[kind], dict(entry), list[str]()
    for name, part in (("columns", Column), ("rows", ROWS[kind])):
        if name in model.model_fields and name in tables:
            tables[name], problems = _read_list(part, tables[name], f"{where}.{name}")
            found += problems
    placeholders = {name: () for name in ("columns", "rows") if name in tables}
    item, problems = model.read({**tables, **placeholders}, prefix=where)
    found += problems
    if found or item is None:
        return None, found
    item = item.model_copy(update={name: tables[name] for name in placeholders})
    return item, _table_problems(item, where)


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


def _table_problems(item: Any, where: str) -> list[str]:
    """What is wrong between the parts of a table."""
    found: list[str] = []
    labels = [row.label for row in getattr(item, "rows", ()) if hasattr(row, "label")]
    if item.kind in ("settings", "labels"):
        found += [f'{where}.rows has "{short(label, 60)}" twice; name each row once' for label in _twice(labels)]
    if item.kind == "settings":
        found += _settings_problems(item, where)
    elif item.kind == "labels":
        for column in item.columns:
            if column.show not in COUNTS:
                found.append(
                    f'{where}.columns "{short(column.head, 60)}".show is an ' + unknown(column.show, COUNTS, "count")
                )
    elif item.kind == "winner":
        for row in item.rows:
            found += _winner_problems(row, f'{where}.rows "{short(row.label, 60)}"')
    elif item.kind == "facts":
        for row in item.rows:
            place = f'{where}.rows "{short(row.label, 60)}"'
            found += [] if row.measures else [f"{place} publishes nothing; give it a measure: {', '.join(MEASURES)}"]
            for measure, given in row.measures.items():
                found += _value_problems(measure, given, row.unit, f"{place}.{measure}")
    return found


def _settings_problems(item: SettingsTable, where: str) -> list[str]:
    found: list[str] = []
    units: dict[str, str | None] = {}
    for column in item.columns:
        place = f'{where}.columns "{short(column.head, 60)}"'
        if column.show in MEASURES:
            found += _unit_problems(column.show, column.unit, place)
            if units.setdefault(column.show, column.unit) != column.unit:
                found.append(f"{place}.unit must be that of the other column of {column.show}")
        elif column.unit is not None or column.digits is not None or column.stat != "both":
            found.append(f"{place}: unit, digits and stat belong to measures; show is {shown(column.show)}")
    for row in item.rows:
        if row.rank is not None and item.ranked_by is None:
            place = f'{where}.rows "{short(row.label, 60)}".rank'
            found.append(f"{place} needs a column that shows an accuracy or a loss, to be judged by")
        elif row.rank is not None and all(other.rank == row.rank for other in item.rows if other.run):
            found.append(f"{where}.rows: every row is said to be {row.rank}; take rank out where it is not")
        for measure, given in row.measures.items():
            place = f'{where}.rows "{short(row.label, 60)}".{measure}'
            if measure not in units:
                found.append(f"{place} is published, but no column shows it; add a column with show = {measure!r}")
            else:
                found += _value_problems(measure, given, units[measure], place)
    return found


def _winner_problems(row: ValueRow, where: str) -> list[str]:
    if row.show not in MEASURES:
        wrong = row.unit is not None or row.digits is not None
        return [f"{where}: unit and digits belong to measures; show is {shown(row.show)}"] if wrong else []
    found = _unit_problems(row.show, row.unit, where)
    if row.published is not None:
        try:
            value(row.published)
        except ValueError as error:
            return [*found, f"{where}.published {error}; got {shown(row.published)}"]
        found += _value_problems(row.show, row.published, row.unit, f"{where}.published")
    return found


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
            found += _value_problems(measure, given, item.unit, f"{place}.{measure}")
    return item, found


def _unit_problems(measure: str, unit: str | None, where: str) -> list[str]:
    allowed = units_of(measure)
    if unit is None or unit in allowed:
        return []
    return [f"{where}.unit of {measure} must be {' or '.join(allowed)}; got {shown(unit)}" if allowed else
            f"{where}.unit: {measure} has no unit; take it out"]  # fmt: skip


def _value_problems(measure: str, given: Any, unit: str | None, where: str) -> list[str]:
    """An accuracy outside [0, 1] as a rule lacks its unit."""
    one = published(given, unit if unit in units_of(measure) else None)
    if not is_fraction(measure) or one.value is None or 0 <= one.value <= 1:
        return []
    remedy = "" if unit == "percent" else '; if it is in percent, say unit = "percent"'
    return [f"{where} must be in [0, {100 if unit == 'percent' else 1}]{remedy}; got {shown(given)}"]


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, n in Counter(names).items() if n > 1]
