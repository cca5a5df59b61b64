"""The chapters of a report in their order, and its headline: the verdicts at the top of the page.

To add something to every report, add a block (`chapter`) to a chapter of `study_chapters` or `item_chapters`.
"""

from collections.abc import Iterable, Iterator, Sequence

from handgrad.measures import DEFAULT_METRIC, METRICS, TEST
from handgrad.report.chapters.chapter import Chapter
from handgrad.report.chapters.importance_chapter import importance_chapter
from handgrad.report.chapters.item_chapters import figures_chapter, original_chapter
from handgrad.report.chapters.search_chapter import search_chapter
from handgrad.report.chapters.side_by_side_chapter import side_by_side_chapter
from handgrad.report.chapters.study_chapters import (
    data_chapter,
    environment,
    every_run,
    formulas,
    noise_chapter,
    phase_chapter,
    studied,
    times,
    winner_chapter,
)
from handgrad.report.figures.request import Sources
from handgrad.report.findings.choice_sentences import choice_verdicts, leading_verdicts, other_choices_verdicts
from handgrad.report.findings.conclusion_sentences import phase_verdicts
from handgrad.report.findings.importance import Importance
from handgrad.report.findings.importance_sentences import headline_importance
from handgrad.report.findings.next_steps import next_steps
from handgrad.report.findings.noise import noises
from handgrad.report.findings.noise_sentences import noise_verdicts
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import (
    Verdict,
    conditional,
    early_stopping_verdicts,
    selection,
    slip_verdicts,
    small_parts,
    test_set_verdicts,
    validation_choice,
    without_value_verdicts,
)
from handgrad.report.reproduced.reproduction import Reproduction
from handgrad.report.reproduced.reproduction_verdicts import reproduction_verdicts


def chapters(
    summary: Summary, sources: Sources, reproduction: Reproduction | None, important: Iterable[Importance] = ()
) -> Iterator[Chapter]:
    """The chapters in order; each is made when it is its turn.  reproduction: of a study that reproduces something.

    important: what matters in each phase in which something varies (`findings.importance`).
    """
    yield studied(summary)
    if reproduction is not None:
        yield original_chapter(reproduction, summary, sources)
    for position, phase in enumerate(summary.phases):
        yield phase_chapter(summary, phase, position, sources)
    if (searched := search_chapter(summary)) is not None:
        yield searched
    if (matters := importance_chapter(summary, important)) is not None:
        yield matters
    if (noise := noise_chapter(summary)) is not None:
        yield noise
    if (beside := side_by_side_chapter(summary, sources)) is not None:
        yield beside
    own_figures = figures_chapter(summary, sources)
    if own_figures is not None:
        yield own_figures
    if summary.winner is not None and summary.leading is not None:
        yield winner_chapter(summary.leading, summary.winner, sources)
    yield every_run(summary)
    yield times(summary)
    yield data_chapter(summary)
    yield formulas(summary)
    yield environment(summary)


def headline(
    summary: Summary,
    reproduction: Reproduction | None,
    important: Sequence[Importance] = (),
    range_tests: Sequence[Verdict] = (),
) -> tuple[Verdict, ...]:
    """The verdicts at the top of the page: what is reproduced, the winner, the test set, learning rates by
    range tests (`rate_range.range_verdicts`), which hyperparameter matters, what to try next, selection, what is
    missing."""
    found: list[Verdict] = slip_verdicts(summary.settings)
    metric = summary.phases[-1].metric if summary.phases else DEFAULT_METRIC
    if reproduction is not None:
        found += reproduction_verdicts(reproduction)
    elif summary.provenance is not None and (summary.quick or summary.changed):
        laid = ", ".join([*["--quick"] * summary.quick, *summary.changed])
        file = summary.provenance.file or "the one given"
        found.append(Verdict("note", f"Made with {laid}: another study than {file} as it stands."))
    if METRICS[metric].part is TEST:
        found += [*selection(summary, metric), *validation_choice(summary.phases)]
    noise = [verdict for one in noises(summary) for verdict in noise_verdicts(one, brief=True)]
    if noise and summary.leading is not None and len(summary.leading.settings) == 1:  # the answer of such a study
        found, noise = [*found, *noise], []
    if summary.leading is not None and summary.winner is not None:
        found += [*leading_verdicts(summary), *phase_verdicts(summary.leading)]
        found += [*choice_verdicts(summary.leading), *other_choices_verdicts(summary)]
        found += test_set_verdicts(summary.winner, summary.leading)
    elif summary.phases:
        found += phase_verdicts(summary.phases[-1])
    found += range_tests
    found += [*headline_importance(summary, important), *next_steps(summary, important)]
    if METRICS[metric].part is not TEST:
        found += selection(summary, metric)
    found += [*noise, *conditional(summary), *early_stopping_verdicts(summary), *small_parts(summary)]
    found += without_value_verdicts(summary, metric)
    if summary.waiting:
        found.append(Verdict("warning", f"Not begun: {', '.join(summary.waiting)}."))
    return tuple(found)
