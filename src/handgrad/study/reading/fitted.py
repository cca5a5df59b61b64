"""[original] and [[figure]] after --quick or key=value changed what varies: rows and references find their settings.

What has none left is not run, and the report says so.  A published number never stands beside another setting's.
"""

from typing import Any

from handgrad.study.design.spec import Study, StudySpec
from handgrad.study.original.figure_options import FIGURES
from handgrad.study.original.items import ConfusionTable, Drawing, FactsTable, Figure, Item, Original, SettingsTable
from handgrad.study.original.published import MEASURES
from handgrad.study.reading.places import WINNER, Places


def fitted(spec: StudySpec, whole: Study, now: Study) -> StudySpec:
    """The same items for a study that varies less, or otherwise: rows and references without a setting are not run."""
    before, after = Places(whole), Places(now)
    if before.phases == after.phases:
        return spec
    figures = tuple(item.model_copy(update=_fitted_settings(item, before, after)) for item in spec.figure)
    changed: dict[str, Any] = {"figure": figures}
    if spec.original is not None:
        changed["original"] = _fitted_original(spec.original, before, after)
    return spec.model_copy(update=changed)


def _fitted_original(original: Original, before: Places, after: Places) -> Original:
    def fit(item: Item) -> Item:
        if isinstance(item, SettingsTable):
            return item.model_copy(update={"rows": _fitted_rows(item, before, after)})
        if isinstance(item, FactsTable):
            rows = [row.model_copy(update=_fitted_one(row, before, after)) for row in item.rows]
            return item.model_copy(update={"rows": tuple(rows)})
        if isinstance(item, ConfusionTable):
            return item.model_copy(update=_fitted_one(item, before, after))
        if isinstance(item, Figure):
            changed = _fitted_settings(item, before, after)
            kept = changed.get("settings", ())
            names = {given: part for given, part in item.published.items() if given in kept or given in MEASURES}
            return item.model_copy(update=changed | ({"published": names} if kept else {}))
        return item

    return original.model_copy(
        update={
            "table": tuple(map(fit, original.table)),
            "figure": tuple(map(fit, original.figure)),
        }
    )


def _fitted_settings(item: Drawing, before: Places, after: Places) -> dict[str, Any]:
    """The settings that a figure still has, where they are named; the number of one is what it is now."""
    if item.settings is None:
        return {}
    now = {there: number for number, there in after.numbers.items()}
    kept = tuple(
        now[before.numbers[one]] if isinstance(one, str) and one in before.numbers else one
        for one in item.settings
        if _is_there(one, item.phase, before, after)
    )
    least = FIGURES[item.kind].options.settings[0]
    return {"settings": kept} if len(kept) >= least else {"run": False}


def _fitted_one(row: Any, before: Places, after: Places) -> dict[str, Any]:
    return {} if _is_there(row.setting, row.phase, before, after) else {"run": False}


def _is_there(reference: Any, phases: tuple[str, ...], before: Places, after: Places) -> bool:
    if reference == WINNER or (isinstance(reference, str) and reference in before.labels):
        return True  # of a row that is not run, the report says so
    left = set(after.of(phases))
    return any(one in left for one in before.find(reference, phases))


def _fitted_rows(item: SettingsTable, before: Places, after: Places) -> tuple[Any, ...]:
    """The rows whose settings are left keep them; the others are not run; a new setting has an empty row."""
    now = after.of(item.phase)
    row_of = {there: row for row, there in zip(item.rows, before.rows(item), strict=True) if there is not None}
    if [there for there in row_of if there in set(now)] == now:
        return tuple(
            row if there in set(now) else row.model_copy(update={"run": False})
            for row, there in zip(item.rows, before.rows(item), strict=True)
        )
    new = type(item.rows[0])
    kept = [row_of.get(there) or new(label=f"new {position}") for position, there in enumerate(now, start=1)]
    return (*kept, *(row.model_copy(update={"run": False}) for row in item.rows if row not in kept))
