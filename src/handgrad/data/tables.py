"""Tables: files with one example a row, and a column of labels.

`columns` decides what the first line is and which column holds the labels, `features` what the others hold.  Columns
are divided by commas, semicolons, tabs, bars or blanks.  A file may be packed (.gz, .bz2, .xz, or .zip with one table).
Numbers are kept as they are written: in float32 where that holds all of them, or else in float64.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from handgrad.data.cells import Row
from handgrad.data.classes import first_missing, missing_label
from handgrad.data.columns import (
    LABELS,
    SHOWN,
    counts,
    dropped,
    find_column,
    find_label,
    is_header,
    is_index,
    is_nameless,
    looks_like_an_index,
    question_of_header,
    question_of_label,
)
from handgrad.data.contents import Contents
from handgrad.data.divisions import check_alone, parted, read_division
from handgrad.data.features import FeatureReader, divided, on_texts
from handgrad.data.first_lines import clean, first_lines, was_header
from handgrad.data.one_table import OneTable, TableForm
from handgrad.data.packed import TEXT_ENDINGS
from handgrad.data.table_files import ending_of, rows_of, span_of_all
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.measures import CLASSIFICATION
from handgrad.names import listed, shown


def read_table(
    path: Path,
    label: str | int | Sequence[str | int] | None = None,
    test: Path | None = None,
    val: Path | None = None,
    *,
    drop: Sequence[str | int] | None = None,
    missing: tuple[str, ...] | None = None,
    cells: str | None = None,
    decimal: str | None = None,
    division: str | int | None = None,
    task: str = CLASSIFICATION,
) -> Contents:
    """The examples of a table, and of others as test and validation part.  Raises DataError with line and column.

    label: the column of the labels, or of a target; several of them where an example has several targets.
    division: the column that says which part a row is in.
    """
    files = [file for file in (path, test, val) if file is not None]
    more: list[str | int] = []
    if label is not None and not isinstance(label, str | int):
        label, *more = label
        if task == CLASSIFICATION:
            raise DataError(
                f"{path}: data.label names {len(more) + 1} columns, and classes stand in one; several are those "
                'of data.task = "regression" or "multi-label"'
            )
    form = TableForm(label, drop, missing, cells, decimal, span_of_all(files), division, task=task)
    table = _read(path, form, "train", files[1:])
    table.notes += table.on_label
    indices = [] if table.names is None else _indices(table)
    table.without(indices)
    if indices:
        table.notes.append(
            f"{path.name}: column {listed(indices)} has no name and numbers the rows: it is left out, as pandas' index "
            "(index=False writes none); give it a name to keep it"
        )
    named = table.names is not None and table.names[table.label].lower() in LABELS  # its name says which it is
    if label is None and task == CLASSIFICATION and not named and table.numbers[:1] == [0]:
        question = question_of_label(table.x, table.y, table.called(table.columns[0]), table.called(table.label))
        left_out = set(range(table.columns[0])) - {table.label, *indices}  # the first column itself
        if question and not left_out:
            raise DataError(f"{path}: {question}")
    _note_numbers_of_rows(table)
    notes = table.notes
    others: dict[str, OneTable | None] = {"test": None, "val": None}
    for part, other in (("test", test), ("val", val)):
        if other is not None:
            others[part], on_part = _read_beside(table, other, part, form, indices)
            notes += on_part
    parts = {"train": table, **{name: one for name, one in others.items() if one is not None}}
    if task != CLASSIFICATION:
        for one in parts.values():
            one.take_targets(more, decimal)
    x, heads, strange = divided([(one.x, one.texts) for one in parts.values()], table.columns)
    notes += [
        on_texts(path.name, table.called(column), [text for c, text in heads if c == column]) for column in table.texts
    ]
    if strange:
        notes.append(f"{path.name}: has no {listed(strange, SHOWN)}, which the other parts hold")
    features = dict(zip(parts, x, strict=True))
    test_table, val_table = others["test"], others["val"]
    contents = Contents(
        features["train"],
        table.labels,
        features.get("test"),
        test_table and test_table.labels,
        classes=None
        if task == CLASSIFICATION
        else tuple(map(str, (table.called(one) for one in table.target_columns))),
        feature_names=_feature_names(table, heads),
        notes=tuple(notes),
        x_val=features.get("val"),
        y_val=val_table and val_table.labels,
        label=f"column {table.called(table.label)!r}",
        missing=missing,
        cells=cells,
        task=task,
    )
    divides = table.division
    return contents if divides is None or files[1:] else parted(contents, table.lines, divides, path)


def _feature_names(table: OneTable, heads: Sequence[tuple[int, str | None]]) -> tuple[str, ...] | None:
    """The names of the columns of x; their numbers where texts need one and there is no header, or None."""
    if table.names is None and not table.texts:
        return None
    names = [str(column) if table.names is None else table.names[column] for column, _ in heads]
    return tuple(name if text is None else f"{name}={text}" for name, (_, text) in zip(names, heads, strict=True))


def _note_numbers_of_rows(table: OneTable) -> None:
    """Note columns that may number the rows."""
    names, path = table.names, table.path
    nameless = [
        table.columns[k]
        for k in table.numbers
        if names and is_nameless(names[table.columns[k]]) and (table.x[:, k] == np.round(table.x[:, k])).all()
    ]
    if nameless:
        table.notes.append(
            f"{path.name}: column {listed(nameless, SHOWN)} has no name and is read; if it numbers the rows, "
            f"data.drop = [{nameless[0]}] leaves it out"
        )
    for k in table.numbers:
        column = table.columns[k]
        if column not in nameless and looks_like_an_index(names[column] if names else "", table.x[:, k]):
            called = table.called(column)
            answer = f'"{called}"' if isinstance(called, str) else called
            table.notes.append(
                f"{path.name}: column {shown(called)} differs in every row, as a number of the row does; "
                f"data.drop = [{answer}] would leave it out"
            )
            break


def _indices(table: OneTable) -> list[int]:
    assert table.names is not None
    found: list[int] = []
    for k, column in enumerate(table.columns):
        if column != k or column in table.texts or not is_index(table.names[column], table.x[:, k]):
            break
        found.append(column)  # a table that was written twice has two
    return found


def _read_beside(
    table: OneTable, path: Path, part: str, form: TableForm, indices: Sequence[int]
) -> tuple[OneTable | None, list[str]]:
    """(table, notes) of another part's file, with the columns of `table`; the table is None where it has no labels."""
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        _, first = next(rows_of(path, span=form.span), (0, []))
    first = clean(first)
    alone = f'name {table.path.name} alone: data.name = "…/{table.path.name}"'
    if table.names is not None:
        name = table.names[table.label]
        if first == [one for k, one in enumerate(table.names) if k != table.label]:
            why = f"{path.name} has no column {shown(name)} (a test part of Kaggle has no labels): it is not read"
            return None, [why]
        if name not in first:
            held = listed(first, SHOWN)
            raise DataError(
                f"{path}: has no column {shown(name)} of labels, as {table.path.name} has; {alone}. It has {held}"
            )
        label: str | int = name if table.names.count(name) == 1 else table.label
    elif len(first) == len(table.columns) + len(indices):
        raise DataError(
            f"{path}: has {len(first)} columns, {table.path.name} one more: are its labels missing? {alone}"
        )
    else:
        label = table.label
    other = _read(path, replace(form, label=label), part, [table.path], table.texts)
    other.without(indices)
    if other.names != table.names or other.columns != table.columns:
        raise DataError(f"{path}: has other columns than {table.path.name}; both need the same ones in the same order")
    strange = [column for column in other.texts if column not in table.texts]
    if strange:
        text = shown(next(iter(other.texts[strange[0]].codes)))
        raise DataError(
            f"{path}: column {shown(table.called(strange[0]))} holds texts ({text}) and in {table.path.name} numbers; "
            "mend one of them"
        )
    return other, other.notes


def _read(path: Path, form: TableForm, part: str, beside: Sequence[Path], texts: Collection[int] = ()) -> OneTable:
    """The file of a part.  beside: those of other parts;  texts: columns that hold texts in one of them."""
    notes: list[str] = []
    division = read_division(path, form.division, part, form.label, form.drop or (), form.span)
    if division is not None and beside:
        check_alone(path, part, division, beside)
        notes.append(f"{path.name}: column {shown(division.called)} says {part!r} in every row and is left out")
    form = replace(form, divides=None if division is None else division.column)
    named = True if ending_of(path.name) not in TEXT_ENDINGS else None
    with reading(path, DataError, "a table", "mend it, or save it as CSV again"):
        table = _read_rows(path, rows_of(path, notes, form.span), form, texts, named)
        if table is None:  # what was taken for a header is an example
            table = _read_rows(path, rows_of(path, notes), form, texts, header=False)
    assert table is not None
    table.notes[:0] = dict.fromkeys(notes)
    return replace(table, division=division)


def _read_rows(
    path: Path, rows: Iterator[Row], form: TableForm, texts: Collection[int], header: bool | None = None
) -> OneTable | None:
    """The table; None where its first line was taken for a header and is an example.  header: None if not known."""
    where, label, notes = str(path), form.label, list[str]()
    start, first, second, rest = first_lines(path, rows, notes)
    told = header is not None
    header = is_header(first, second, label) if header is None else header
    without = {*dropped(first, header, form.drop, None, where), form.divides}
    last = max({*range(len(first))} - without, default=len(first) - 1)
    if header:
        column, why = find_label(first, label, where, last)
    else:
        numbers = [str(k) for k in range(len(first))]
        column, why = find_column(numbers, last if label is None else label, "data.label", where), None
    left_out = {*dropped(first, header, form.drop, column, where), column, form.divides}
    columns = [k for k in range(len(first)) if k not in left_out]
    if not columns:
        raise DataError(f"{path}: has no column left beside the labels; at least one is needed")
    names = first if header else None
    reader = FeatureReader(
        path, len(first), column, columns, names, label, form.missing, form.cells is not None, form.decimal, texts
    )
    x = reader.read(rest if header else chain([(start, [*first])], rest))
    y, lines = reader.y, reader.lines
    if header and not told and not isinstance(label, str) and reader.is_an_example():
        return None
    if not header and was_header(first, y, column):
        names, x, y, lines = first, x[1:], y[1:], lines[1:]  # numbers as names (pixel 0, 1, 2 ...) beside a label
    if not y:
        raise DataError(f"{path}: has a header and no rows; expected one example a row")
    table = OneTable(
        path, names, column, columns, x, y, lines, dict(reader.texts), [*notes, *reader.notes()], width=len(first)
    )
    if header and counts(first) and not isinstance(label, str):
        taken = listed(map(shown, first), 4)
        table.notes.append(f"{path.name}: its first line ({taken}) is taken for the names of the columns")
    if names is None:
        asked = question_of_header(first, y, column) if form.task == CLASSIFICATION else None
        if asked and label is None:
            raise DataError(f"{path}: {asked}")
        table.notes += [f"{path.name}: {asked}"] if asked else []
    _check_labels(table, form)
    table.on_label = _notes_on(table, form, why)
    return table


def _check_labels(table: OneTable, form: TableForm) -> None:
    """Leave out rows without a label where `data.missing` says "drop".  Raises DataError where it does not."""
    if form.cells == "drop":
        nothing = {label for label in set(table.y) if first_missing([label], form.missing) is not None}
        kept = [k for k, label in enumerate(table.y) if label not in nothing]
        if len(kept) < len(table.y):
            gone = len(table.y) - len(kept)
            table.x, table.y = table.x[kept], [table.y[k] for k in kept]
            table.lines = [table.lines[k] for k in kept]
            table.notes.append(
                f"{table.path.name}: {gone} row{'s have' if gone > 1 else ' has'} no {form.word} and "
                f"{'are' if gone > 1 else 'is'} left out"
            )
    if not table.y:
        raise DataError(f"{table.path}: has no row with a {form.word}")
    absent = first_missing(table.y, form.missing)
    if absent is not None:
        names, column = table.names, table.label
        called = f"column {shown(names[column])}" if names else f"column {column}"
        if form.task != CLASSIFICATION:
            where = f"{table.path}: line {table.lines[absent]}, {called}"
            raise DataError(f'{where} has no target; fill it in, or leave such rows out: data.missing = "drop"')
        raise DataError(missing_label(f"{table.path}: line {table.lines[absent]}, {called}", table.y[absent]))


def _notes_on(table: OneTable, form: TableForm, why: str | None) -> list[str]:
    """Notes on which column was taken for the labels, and on names that stand twice."""
    notes = []
    name, label = table.path.name, form.label
    last = "the last" if form.drop is None and form.divides is None else "the last remaining"
    if isinstance(label, int) and label < 0:
        notes.append(f"{name}: column {shown(table.called(table.label))} holds the {form.words}: data.label = {label}")
    if label is None and table.names is None:
        notes.append(
            f"{name}: has no header: column {table.label}, {last}, holds the {form.words}; data.label names another"
        )
    elif label is None and why != "name":
        notes.append(
            f"{name}: {shown(table.called(table.label))}, {last} column, holds the {form.words}; data.label names "
            "another"
        )
    elif label is None and table.names and table.label != len(table.names) - 1:
        notes.append(f"{name}: column {shown(table.called(table.label))} holds the {form.words}, as its name says")
    names = table.names or []
    twice = sorted({one for one in names if one and names.count(one) > 1})
    if twice:
        notes.append(f"{name}: {listed(map(shown, twice), SHOWN)}: more than one column is called so; all are read")
    return notes
