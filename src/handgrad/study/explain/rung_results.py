"""What the runs of an explanation say: every rung ranked, from plan.json and records alone.

    read_explanation(results)  ->  Explained: readings, rows, and a ranking for each rung that has run

Beside the first rung the file as it is written runs whole, once on each row.  What it gains on a row from a rung to
there, how far a reading is behind that, and how much others differ from the file from one rung to the next, is what a
rung is trusted with (`rules.variances`).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handgrad.measures import METRICS, TEST, TRAIN, is_fraction, is_proportion
from handgrad.study.changes import at_path
from handgrad.study.explain.rows import PublishedRow, published_rows
from handgrad.study.explain.space import WRITTEN, Reading
from handgrad.study.folder.results_folder import Results
from handgrad.study.published.explain_section import ExplainSection
from handgrad.study.rules.published_cells import PublishedCell, ReadingCell, is_lost
from handgrad.study.rules.ranked_readings import Explanation, rank
from handgrad.study.rules.variances import FIRST_RUNG, TINY, Fidelity, fidelity, gain_to_whole, to_scale
from handgrad.training.record import Record

NEAR = 0.2  # of the standard deviation of FIRST_RUNG: 2 points at an accuracy of .5, 1.2 at .9
Cells = dict[tuple[int, str], tuple[float | None, tuple[float | None, ...]]]
Records = Callable[[str], Sequence[Record]]  # the label of a setting -> its records that have come to an end


@dataclass(frozen=True)
class RungResult:
    """A rung that has run.

    readings: their numbers, in the order of the space;  values: (reading, row, measure) -> what came out, a value a
    seed, None for a run that diverged;  ranking: keyed by the number of a reading and by "row: measure" of a cell;
    shares: (reading, row) -> the share of its own work that its run takes: 1 of readings of few epochs in a cheaper
    rung too;
    written: (row, measure) -> what the file as it is written comes to in a whole run; empty where none ran beside it.
    """

    name: str
    share: float
    final: bool
    rows: tuple[int, ...]
    readings: tuple[int, ...]
    values: Mapping[tuple[int, int, str], tuple[float | None, ...]]
    ranking: Explanation
    runs: int
    shares: Mapping[tuple[int, int], float] = field(default_factory=dict)
    written: Mapping[tuple[int, str], float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Explained:
    """Readings and rows of an explanation, and its rungs.

    left_out: (reading, why) of those that were not run;  alike: a reading that gave the very numbers of another in some
    rung -> that one, which went on for both.
    """

    readings: tuple[Reading, ...]
    rows: tuple[PublishedRow, ...]
    rungs: tuple[RungResult, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    alike: Mapping[int, int] = field(default_factory=dict)
    finished: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Reading | None:
        """The reading that explains the numbers best; None before anything has run."""
        if not self.rungs or not self.rungs[-1].ranking.readings:
            return None
        return self.readings[int(self.rungs[-1].ranking.readings[0].name)]

    @property
    def missed(self) -> list[str]:
        """Rows of the last rung that the best reading does not explain; other readings may."""
        if self.best is None:
            return []
        ranking = self.rungs[-1].ranking
        first = ranking.readings[0].name
        return [key for key, row in ranking.rows.items() if row.run_by and first not in row.explained_by]

    def data(self) -> dict[str, Any]:
        """The last rung in short, as `handgrad explain --json` prints it."""
        fits = self.rungs[-1].ranking.readings if self.rungs else ()
        return {
            "finished": self.finished,
            "best": None if self.best is None else self.best.name,
            "not_explained_by_best": self.missed,
            "unexplained": list(self.rungs[-1].ranking.unexplained) if self.rungs else [],
            "readings": [
                {
                    "name": self.readings[int(fit.name)].name,
                    "departures": fit.departures,
                    "slips": list(self.readings[int(fit.name)].slips),
                    "changes": dict(self.readings[int(fit.name)].changes),
                    "measured": self.readings[int(fit.name)].measured,
                    "log_likelihood": fit.log_likelihood,
                    "weight": fit.weight,
                    "told_apart": fit.group > 0,
                }
                for fit in fits
            ],
            "rungs": [{"name": one.name, "readings": len(one.readings), "runs": one.runs} for one in self.rungs],
        }


def cell_key(row: int, measure: str) -> str:
    """The key of a published number in a ranking."""
    return f"{row}: {measure}"


def rung_result(
    rung: Mapping[str, Any],
    rows: Sequence[PublishedRow],
    counts: Sequence[Mapping[str, int]],
    readings: Sequence[Reading],
    ddof: int,
    records: Records,
    before: RungResult | None,
) -> RungResult:
    """A rung ranked.

    rung: as plan.json holds it;  counts: of each row, how many examples of each part a whole run scores;  before: the
    rung before it.
    """
    share, row_numbers = float(rung["share"]), [int(row) for row in rung["rows"]]
    labels = {int(number): names for number, names in rung["labels"].items()}
    told = rung.get("shares") or {}  # not by results that are older than it
    shares = {
        (int(number), row): float(one)
        for number in rung["labels"]
        for row, one in zip(row_numbers, told.get(number, [share] * len(row_numbers)), strict=True)
    }
    values: dict[tuple[int, int, str], tuple[float | None, ...]] = {}
    scored: dict[tuple[int, int, str], int | None] = {}
    published: dict[str, PublishedCell] = {}
    found: dict[str, dict[str, ReadingCell]] = {}
    ids: set[str] = set()
    for number, names in labels.items():
        reading = readings[number]
        for row, label in zip(row_numbers, names, strict=True):
            own = records(label)
            ids |= {record.id for record in own}
            for measure in rows[row].numbers:
                key, ours = (number, row, measure), reading.measured.get(measure, measure)
                if any(record.status == "diverged" or ours in record.scores for record in own):
                    values[key] = tuple(_value(record, ours) for record in own)
                    scored[key] = _scored(own[0], ours)
                    cell = published_cell(rows[row], measure, ddof, own[0], counts[row].get(METRICS[measure].part.name))
                    published.setdefault(cell_key(row, measure), cell)
    written = _written(rung, rows, row_numbers, records) if before is None else before.written
    trust = {
        bounded: _trust(bounded, values, shares, before) for bounded in {is_fraction(measure) for *_, measure in values}
    }
    for (number, row, measure), own_values in values.items():
        cell_name = cell_key(row, measure)
        in_full = shares[number, row] >= 1
        if (
            not in_full
            and published[cell_name].word
            and not all(is_lost(one, published[cell_name].classes) for one in own_values)
        ):
            continue  # whether a cheaper run learns says nothing of a whole one; one that is lost stays so
        fidelity_of = Fidelity() if in_full else trust[is_fraction(measure)]
        y = _on_scale(own_values, measure)
        cheap = _on_scale(values.get((WRITTEN, row, measure)), measure)
        dear = _on_scale((written.get((row, measure)),), measure)
        if not in_full and y is not None and cheap is not None and dear is not None:
            bounded = is_fraction(measure)
            fidelity_of = fidelity_of.of_gain(y, gain_to_whole(y, cheap, dear, shares[number, row], bounded), bounded)
        result = ReadingCell(own_values, scored[number, row, measure], fidelity_of)
        found.setdefault(str(number), {})[cell_name] = result
    departures = {str(number): readings[number].departures for number in labels}
    space = Counter(reading.departures for reading in readings)
    ranking = rank(published, found, departures, space) if found else Explanation((), {})
    return RungResult(
        str(rung["name"]),
        share,
        bool(rung["final"]),
        tuple(row_numbers),
        tuple(labels),
        values,
        ranking,
        len(ids),
        shares,
        written,
    )


def alike_in(rung: RungResult) -> dict[int, int]:
    """The readings of a rung that gave the very numbers of an earlier one by the same share of their work -> it."""
    first: dict[tuple[Any, ...], int] = {}
    found = {}
    for number, cells in sorted(_by_reading(rung).items()):
        other = first.setdefault(tuple(cells.items()), number)
        if other != number:
            found[number] = other
    return found


def nearly_alike_in(rung: RungResult, readings: Sequence[Reading]) -> dict[int, int]:
    """The readings of a rung of cheaper runs that depart from the text as another does and in more, and gave nearly its
    numbers (all within NEAR) by the same share of their work -> that one: what they do besides does not show yet.
    Whole runs: none."""
    found: dict[int, int] = {}
    departing = {
        number: cells
        for number, cells in sorted(_by_reading(rung).items())
        if rung.share < 1 and readings[number].departures
    }
    for number, cells in departing.items():
        parts = set(readings[number].key)
        simpler = (one for one in departing if one < number and one not in found and parts > set(readings[one].key))
        other = next((one for one in simpler if _near(departing[one], cells)), None)
        if other is not None:
            found[number] = other
    return found


def _by_reading(rung: RungResult) -> dict[int, Cells]:
    """The number of a reading -> row and measure -> the share of its work, and what came out."""
    found: dict[int, Cells] = {}
    for (number, row, measure), values in rung.values.items():
        found.setdefault(number, {})[row, measure] = rung.shares.get((number, row)), values
    return found


def _near(one: Cells, other: Cells) -> bool:
    """Whether two readings gave nearly the same on every row, and were lost on the same ones."""
    if one.keys() != other.keys():
        return False
    for (row, measure), (share, values) in one.items():
        of_work, more = other[row, measure]
        y, z = _on_scale(values, measure), _on_scale(more, measure)
        if share != of_work or (y is None) is not (z is None):
            return False
        if y is not None and z is not None and abs(y - z) > NEAR * math.sqrt(FIRST_RUNG[is_fraction(measure)]):
            return False
    return True


def _value(record: Record, measure: str) -> float | None:
    return None if record.status == "diverged" else record.scores.get(measure)


def _scored(record: Record, measure: str) -> int | None:
    """The examples that a measure of a record is of."""
    part = METRICS[measure].part
    if part is TRAIN and record.train_score is not None:
        return record.train_score.n
    return record.dataset.counts.get(part.name)


def published_cell(row: PublishedRow, measure: str, ddof: int, record: Record, scored: int | None) -> PublishedCell:
    """A published number as it is compared.  It is taken to be of as many examples as a whole run of ours scores."""
    number = row.numbers[measure]
    part = METRICS[measure].part
    apart = at_path(row.tables, "data.validation.from") == TEST.name
    return PublishedCell(
        mean=number.value,
        half_width=number.slack,
        std=number.spread,
        ddof=ddof,
        seeds=row.runs,
        word=number.word or None,
        scored=scored,
        same_examples=part is TEST and not apart,
        classes=len(record.dataset.classes) if is_proportion(measure) else None,
        bounded=is_fraction(measure),
        row=row.key,
    )


def _written(
    rung: Mapping[str, Any], rows: Sequence[PublishedRow], row_numbers: Sequence[int], records: Records
) -> dict[tuple[int, str], float | None]:
    """What whole runs of the file came to, where they ran beside the first rung."""
    found: dict[tuple[int, str], float | None] = {}
    for row, label in zip(row_numbers, rung.get("in_full", ()), strict=False):
        for record in records(label):
            found |= {(row, measure): _value(record, measure) for measure in rows[row].numbers}
    return found


def _on_scale(values: Sequence[float | None] | None, measure: str) -> float | None:
    """The result of the first seed on the scale; None where it is not known or diverged."""
    if not values or values[0] is None or not math.isfinite(values[0]):
        return None
    bounded = is_fraction(measure)
    return float(to_scale(values[0] if bounded else max(values[0], TINY), bounded))


def _gain(cheap: Sequence[float | None] | None, dear: Sequence[float | None] | None, measure: str) -> float:
    """dear − cheap on the scale; 0 where one of them is not known."""
    y, more = _on_scale(cheap, measure), _on_scale(dear, measure)
    return 0.0 if y is None or more is None else more - y


def _trust(
    bounded: bool,
    values: Mapping[tuple[int, int, str], Sequence[float | None]],
    shares: Mapping[tuple[int, int], float],
    before: RungResult | None,
) -> Fidelity:
    """How far readings are from what the file does, from the rung before to this; those whole already say nothing."""
    residuals = []
    for (number, row, measure), own in values.items():
        if before is None or is_fraction(measure) is not bounded or shares[number, row] >= 1:
            continue
        cheap, dear = _on_scale(before.values.get((number, row, measure)), measure), _on_scale(own, measure)
        if cheap is not None and dear is not None:
            of_file = (WRITTEN, row, measure)
            residuals.append(dear - cheap - _gain(before.values.get(of_file), values.get(of_file), measure) / 2)
    return fidelity(residuals, bounded)


def read_explanation(results: Results) -> Explained | None:
    """The explanation in a results folder; None where it holds another study."""
    data = results.plan.get("explain")
    if data is None:
        return None
    study = results.study
    kept = published_rows(study, study.spec.explain or ExplainSection())
    counts = data.get("scored") or [{}] * len(data["rows"])  # unknown in results that are older than it
    by_key = {(row.item, row.label): row for row in kept.rows}
    rows = tuple(by_key[item, label] for item, label in data["rows"])
    readings = tuple(Reading.from_data(one) for one in data["readings"])
    records: dict[str, list[Record]] = {}
    for cell in results.cells():
        if cell.record is not None and cell.record.status in ("done", "diverged"):
            records.setdefault(cell.label, []).append(cell.record)
    rungs: list[RungResult] = []
    for rung in data["rungs"]:
        before = rungs[-1] if rungs else None
        rungs.append(
            rung_result(rung, rows, counts, readings, study.spec.ddof, lambda one: records.get(one, ()), before)
        )
    return Explained(
        readings,
        rows,
        tuple(rungs),
        tuple((one["name"], one["why"]) for one in data["left_out"]),
        {int(number): other for number, other in data["alike"].items()},
        results.state == "done",
        kept.notes,
    )
