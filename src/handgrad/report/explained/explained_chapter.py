"""The chapters of an explanation, and the verdicts at its top."""

from collections.abc import Iterator, Sequence
from typing import Any

from handgrad.names import lookup
from handgrad.report.chapters.chapter import Block, Chapter, Code, Facts, Heading, TableBlock, Text
from handgrad.report.chapters.study_chapters import data_chapter, environment
from handgrad.report.explained.explained_tables import (
    FAR,
    fitting_numbers,
    left_out_table,
    order_table,
    readings_by_rows,
    unexplained_table,
)
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import enumerated, plural
from handgrad.study.explain.rung_results import Explained, RungResult
from handgrad.study.explain.space import SLIPS_PATH, Reading
from handgrad.study.rules.ranked_readings import MARGIN
from handgrad.study.rules.row_fits import LEVEL
from handgrad.study.toml import dumps
from handgrad.training.slips import SLIPS

NAMED = 5  # readings or rows that a sentence names
HOLM = f"p < {LEVEL:g} after Holm's correction"
FOLDED = 12  # readings, beyond which a table of a rung is folded, and one of the best so many stands before it


def explained_verdicts(explained: Explained) -> tuple[Verdict, ...]:
    """What explains the numbers, what cannot be told apart from it, its slips, and what nothing explains."""
    best = explained.best
    if best is None:
        return (Verdict("warning", "No run has ended: nothing can be said yet."),)
    rung = explained.rungs[-1]
    near = [int(fit.name) for fit in rung.ranking.readings if fit.group == 0]
    same = [number for number, other in explained.alike.items() if other in near]
    return (
        *_the_best(explained, best, rung),
        *_not_told_apart(explained, best, near, same),
        *_not_run_whole(explained, best),
        *_one_seed(rung, near),
        *_slips(best, [explained.readings[number] for number in (*near, *same)]),
        *_unexplained(explained, rung),
        *(Verdict("note", f"{note}.") for note in explained.notes),
    )


def _the_best(explained: Explained, best: Reading, rung: RungResult) -> Iterator[Verdict]:
    """Which reading explains the numbers, and how many."""
    if not explained.finished:
        yield Verdict("warning", f"Not finished: this is what {rung.name} says.")
    first = rung.ranking.readings[0]
    fitting, of = fitting_numbers(first)
    explains = first.name in rung.ranking.explaining
    what = best.name if best.departures else "The file as it stands"
    how = "explains the numbers best" if explains else "comes nearest to the numbers and does not explain them"
    yield Verdict(
        "warning" if not explains else "good" if fitting == of else "note",
        f"{what} {how}: {fitting} of {plural(of, 'published number')} fit, out of "
        f"{plural(len(explained.readings), 'reading')}{_against_the_file(explained, rung)}.",
    )


def _not_told_apart(explained: Explained, best: Reading, near: Sequence[int], same: Sequence[int]) -> Iterator[Verdict]:
    """The readings that are as good.  near: those of the last rung;  same: those that were run as one of these."""
    if best.departures and 0 in near:
        yield Verdict(
            "warning",
            "The file as it is written is not told apart from it: these numbers are no evidence that anything else was "
            "done.",
        )
    alike = [explained.readings[number].name for number in (*near[1:], *same) if number]
    if alike:
        yield Verdict("note", f"Not told apart from it by these numbers: {_quoted(alike)}.")


def _one_seed(rung: RungResult, near: Sequence[int]) -> Iterator[Verdict]:
    if len(near) > 1 and all(len(values) < 2 for values in rung.values.values()):
        yield Verdict(
            "note",
            "Every reading ran on one seed, which says nothing of how much seeds differ, so that numbers far apart may "
            "be chance; [explain] seeds = 3 would tell more apart.",
        )


def _slips(best: Reading, group: Sequence[Reading]) -> Iterator[Verdict]:
    """The slips of the best reading.  group: all that are not told apart from it, which may be without them."""
    for name in best.slips:
        without = sum(name not in reading.slips for reading in group)
        are = "is" if without == 1 else "are"
        others = f" {without} of the {len(group)} readings not told apart {are} without it." if without else ""
        text = f"The best reading has a slip: {lookup(SLIPS, name, 'slip').text}.{others}"
        yield Verdict("note" if without else "slip", text)


def _unexplained(explained: Explained, rung: RungResult) -> Iterator[Verdict]:
    """The rows that the best reading does not explain, who else does, and which rows nothing explains."""
    explaining, nothing, missed = rung.ranking.explaining, rung.ranking.unexplained, explained.missed
    explains = rung.ranking.readings[0].name in explaining
    if missed:
        yield Verdict("warning", f"It does not explain {enumerated(missed, NAMED)}: {HOLM}.")
    elif not explains:
        yield Verdict(
            "warning",
            f"It explains every row by itself, and not the table as a whole: so many numbers that are each somewhat "
            f"off have p < {LEVEL:g} together.",
        )
    if explaining and not explains:
        others = [explained.readings[int(name)].name for name in explaining]
        yield Verdict("note", f"All rows are explained by {_quoted(others)}, which fit less well over all.")
    elif missed and not nothing and not explains:
        yield Verdict("warning", "Other readings explain these rows; none explains all rows.")
    if nothing:
        yield Verdict("warning", f"No reading explains {enumerated(nothing, NAMED)}: {HOLM} under every one.")


def _quoted(names: Sequence[str]) -> str:
    """NAMED readings in a sentence, each quoted: a name of two departures has a semicolon itself."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"“{name}”" for name in names[:NAMED]) + more


def _not_run_whole(explained: Explained, best: Reading) -> Iterator[Verdict]:
    """Readings that depart as the best does and in more, and were left behind before the last rung."""
    rung = explained.rungs[-1]
    tried = {*rung.readings, *explained.alike}
    names = [one.name for one in explained.readings if set(one.key) > set(best.key) and one.number not in tried]
    if names and rung.final and best.departures:
        yield Verdict(
            "note",
            "Not run whole, as cheaper runs put them behind or did not tell them from it: readings that depart from "
            f"the text as it does and in more, {_quoted(names)}.",
        )


def _against_the_file(explained: Explained, rung: RungResult) -> str:
    """How far the file as it stands, which every rung tries, is behind the best."""
    own = next((fit for fit in rung.ranking.readings if int(fit.name) == 0), None)
    if explained.best is None or not explained.best.departures or own is None:
        return ""
    behind = rung.ranking.readings[0].log_posterior - own.log_posterior
    return f"; the file as it stands is {behind:.1f} nats behind"


def explained_tiles(explained: Explained) -> list[dict[str, str]]:
    """The numbers at the top of the page: the best reading, how many are as good, how much was tried."""
    found = []
    if explained.best is not None:
        rung = explained.rungs[-1]
        first = rung.ranking.readings[0]
        fitting, of = fitting_numbers(first)
        term = "best reading" if first.name in rung.ranking.explaining else "nearest reading"
        others = sum(fit.group == 0 for fit in rung.ranking.readings) - 1
        other = {
            "term": "not told apart from it",
            "value": str(others),
            "unit": "reading" if others == 1 else "readings",
        }
        found = [
            {"term": term, "value": explained.best.name, "unit": "", "how": f"by {rung.name}"},
            {**other, "how": f"within {MARGIN:g} nats"},
            {"term": "published numbers that fit", "value": str(fitting), "unit": f"of {of}", "how": f"p ≥ {FAR:g}"},
        ]
    runs = sum(rung.runs for rung in explained.rungs)
    how = plural(len(explained.rungs), "rung")
    tried = {
        "term": "readings tried",
        "value": f"{len(explained.readings):,}",
        "unit": f"by {plural(runs, 'run')}",
        "how": how,
    }
    return [*found, tried]


def explained_chapters(explained: Explained, summary: Summary) -> Iterator[Chapter]:
    """What explains the numbers; how it was found, rung by rung; what was not tried; data and environment."""
    if explained.rungs and explained.best is not None:
        yield _answer(explained, explained.rungs[-1], summary.ddof)
        yield _search(explained, summary.ddof)
    if explained.left_out:
        blocks: list[Block] = [TableBlock(left_out_table(explained, "readings-left-out"), folded=True)]
        yield Chapter("left-out", "What was not tried", tuple(blocks))
    yield data_chapter(summary)
    yield environment(summary)


def _answer(explained: Explained, rung: RungResult, ddof: int) -> Chapter:
    assert explained.best is not None
    many = len(rung.readings) > FOLDED
    blocks: list[Block] = []
    if many:
        blocks += [
            TableBlock(order_table(explained, rung, "readings-best", FOLDED)),
            TableBlock(readings_by_rows(explained, rung, ddof, "readings-best-by-rows", FOLDED)),
        ]
    blocks += [
        TableBlock(order_table(explained, rung, "readings"), folded=many),
        TableBlock(readings_by_rows(explained, rung, ddof, "readings-by-rows"), folded=many),
        TableBlock(unexplained_table(rung, "rows-explained")),
    ]
    slips = [lookup(SLIPS, name, "slip") for name in explained.best.slips]
    for slip in slips:
        rows = (
            ("computed", (slip.formula,)),
            ("instead of", (slip.right,)),
            ("how it comes about", (slip.why,)),
            ("what it does to gradients", (slip.fingerprint,)),
            ("what it does to training", (slip.symptom,)),
        )
        blocks += [Heading(f"The slip {slip.name}"), Facts(rows)]
    if explained.best.departures:
        blocks.append(Code(as_toml(explained.best), "The best reading as a study file has it"))
    return Chapter("explained", "What explains the numbers", tuple(blocks))


def as_toml(reading: Reading) -> str:
    """The changes of a reading, to be laid into a study file; what is no change of a setting stands as a comment.

    >>> from handgrad.study.explain.space import Alternative
    >>> print(as_toml(Reading(1, (Alternative("loss", "half", {"training.loss": "half-squared-error"}),))), end="")
    [training]
    loss = "half-squared-error"
    """
    changes = {**reading.changes, **({SLIPS_PATH: list(reading.slips)} if reading.slips else {})}
    tables: dict[str, Any] = {}
    for path, value in changes.items():
        *way, key = path.split(".")
        table = tables
        for step in way:
            table = table.setdefault(step, {})
        table[key] = value
    comments = [f"# {theirs} in the original is {ours} here" for theirs, ours in reading.measured.items()]
    return "".join(f"{line}\n" for line in comments) + (dumps(tables) if tables else "")


def _search(explained: Explained, ddof: int) -> Chapter:
    rows = [
        (
            rung.name,
            (
                f"{plural(len(rung.readings), 'reading')} on {plural(len(rung.rows), 'row')}, "
                f"{plural(rung.runs, 'run')} with a result",
            ),
        )
        for rung in explained.rungs
    ]
    blocks: list[Block] = [
        Text(
            "Readings are tried by cheap runs first. Those that may still be right go on to runs of four times the "
            "work, the last of them in full, on every row and every seed."
        ),
        Facts(tuple(rows)),
    ]
    if explained.rungs[0].written:
        blocks.insert(
            1,
            Text(
                "The file as it is written ran in full beside the first rung, once on each row. What it gains from a "
                "cheaper run to that, other readings are taken to gain too, or nothing, or anything between."
            ),
        )
    for number, rung in enumerate(explained.rungs[:-1], start=1):
        blocks += [
            TableBlock(order_table(explained, rung, f"rung-{number}-readings"), folded=True),
            TableBlock(readings_by_rows(explained, rung, ddof, f"rung-{number}-readings-by-rows"), folded=True),
        ]
    return Chapter("search", "How it was found", tuple(blocks))
