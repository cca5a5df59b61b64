"""Whether [original] and [[figure]] fit the study: their phases, settings, keys and names, before anything runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handgrad.names import listed as names_listed
from handgrad.names import nearest, short, shown, unknown
from handgrad.study.changes import is_path
from handgrad.study.design.spec import Study
from handgrad.study.original.figure_options import FIGURES
from handgrad.study.original.items import (
    ConfusionTable,
    Drawing,
    FactsTable,
    Figure,
    LabelsTable,
    Original,
    SettingsTable,
    WinnerTable,
)
from handgrad.study.original.published import MEASURES
from handgrad.study.reading.places import Places, listed


def place_problems(study: Study) -> list[str]:
    """Everything in [original] and [[figure]] that does not fit the study's phases, settings and keys."""
    places = Places(study)
    found: list[str] = []
    for figure in study.spec.figure:
        found += _item_problems(places, figure, f'figure "{short(figure.title, 60)}"')
    for item in places.original.items if places.original else ():
        found += _item_problems(places, item, f'original "{short(item.number, 60)}"')
    return found


def _item_problems(places: Places, item: Any, where: str) -> list[str]:
    """Of one item; what is not run has no setting that could be wrong."""
    if isinstance(item, FactsTable):
        return [
            line
            for row in item.rows
            if row.run
            for line in _one(places, row.setting, row.phase, f'{where}.rows "{short(row.label, 60)}"')
        ]
    if found := _phase_problems(places, item.phase, where):
        return found
    if isinstance(item, SettingsTable):
        return _count_problems(places, item, where) + _show_problems(places, _columns(item, where))
    if isinstance(item, WinnerTable):
        rows = [(f'{where}.rows "{short(row.label, 60)}"', row.show) for row in item.rows]
        return _one(places, item.setting, item.phase, where) + _show_problems(places, rows)
    if isinstance(item, ConfusionTable) and item.run:
        return _one(places, item.setting, item.phase, where)
    return _figure_problems(places, item, where) if isinstance(item, Drawing) and item.run else []


def _phase_problems(places: Places, phases: Iterable[str], where: str) -> list[str]:
    return [f"{where}.phase is an " + unknown(n, places.phases, "phase") for n in phases if n not in places.phases]


def _columns(item: SettingsTable, where: str) -> list[tuple[str, str]]:
    return [(f'{where}.columns "{short(column.head, 60)}"', column.show) for column in item.columns]


def _count_problems(places: Places, item: SettingsTable, where: str) -> list[str]:
    rows, settings = sum(row.run for row in item.rows), len(places.of(item.phase))
    if rows == settings:
        return []
    each = names_listed(f"{len(places.phases[name])} in {shown(name, 60)}" for name in item.phase)
    return [
        f"{where} has {rows} rows for {settings} settings ({each}; a setting that is there twice counts once); "
        "give every setting its row, in order, and say run = false in a row that this study does not run"
    ]


def _show_problems(places: Places, shows: Iterable[tuple[str, str]]) -> list[str]:
    special = ("original", "reproduced", *MEASURES)
    found = []
    for where, show in shows:
        if show in special or places.shown(show) in places.shows:
            continue
        guess = nearest(show, [*special, *places.shows])
        hint = f"; did you mean {shown(guess)}?" if guess else "."
        axes = [path for path in places.axes if not is_path(path)]
        known = f"{names_listed([*special, *axes])}, a key of the setting such as training.optimizer.lr"
        found.append(f"{where}.show is an unknown column {shown(show)}{hint} Known: {known}")
    return found


def _one(places: Places, reference: Any, phases: tuple[str, ...], where: str) -> list[str]:
    if problems := _phase_problems(places, phases, where):
        return problems
    try:
        found = places.find(reference, phases)
    except ValueError as error:
        return [f"{where}.setting {error}"]
    if len(found) == 1:
        return []
    what = "is missing: name one" if reference is None else "must be one setting"
    return [f"{where}.setting {what}; phase {listed(phases)} has {len(found)}"]


def _figure_problems(places: Places, item: Drawing, where: str) -> list[str]:
    names, found = list[str](), list[str]()
    for reference in item.references:
        try:
            names += [reference if isinstance(reference, str) else "" for _ in places.find(reference, item.phase)]
        except ValueError as error:
            found.append(f"{where}.settings {error}")
    least, most = FIGURES[item.kind].options.settings
    if not found and (len(names) < least or (most is not None and len(names) > most)):
        allowed = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
        found.append(f"{where}.settings: a figure of kind {item.kind} shows {allowed}; got {len(names)}")
    return found + (_published_problems(item, names, where) if isinstance(item, Figure) else [])


def _published_problems(item: Figure, names: Sequence[str], where: str) -> list[str]:
    """Of the facts of a figure: each is of one of its settings."""
    found = []
    if any(isinstance(given, Mapping) for given in item.published.values()):
        listed = [name for name in names if name]
        found += [
            f"{where}.published is an " + unknown(name, listed, "setting of the figure")
            for name in item.published
            if name not in listed
        ]
    elif item.published and len(names) > 1:
        found.append(
            f"{where}.published is of one setting and the figure shows {len(names)}; "
            'name each, as in { "2" = { test_accuracy = 0.98 } }'
        )
    return found


def class_problems(original: Original | None, classes: Sequence[str]) -> list[str]:
    """Rows of label counts and cells of confusion matrices that are of no class of the data."""
    found: list[str] = []
    for item in original.table if original else ():
        where = f'original "{short(item.number, 60)}"'
        if isinstance(item, LabelsTable):
            for row in item.rows:
                if row.label not in (*classes, "sum"):
                    found.append(
                        f'{where}.rows "{short(row.label, 60)}" is an ' + unknown(row.label, [*classes, "sum"], "class")
                    )
        elif isinstance(item, ConfusionTable):
            for cell in item.rows:
                for name in (cell.actual, cell.predicted):
                    if name not in classes:
                        found.append(f"{where}.rows has an " + unknown(name, classes, "class"))
    return list(dict.fromkeys(found))
