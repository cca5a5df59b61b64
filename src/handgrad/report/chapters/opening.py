"""The top of a report: its verdicts, before any chapter."""

from handgrad.measures import DEFAULT_METRIC, METRICS, TEST
from handgrad.report.findings.examples import conditional, small_parts, test_set_verdicts
from handgrad.report.findings.summary import Summary
from handgrad.report.findings.verdicts import Verdict, phase_verdicts, selection, validation_choice
from handgrad.report.findings.wording import plural
from handgrad.report.original.reproduction import reproduce, reproduction_verdicts


def opening(summary: Summary) -> tuple[Verdict, ...]:
    """The verdicts at the top of the page: what is reproduced, the winner, the test set, selection, what is missing."""
    found: list[Verdict] = []
    metric = summary.phases[-1].metric if summary.phases else DEFAULT_METRIC
    reproduced = reproduce(summary)
    if reproduced is not None:
        found += reproduction_verdicts(reproduced)
    elif summary.made is not None and (summary.quick or summary.changed):
        laid = ", ".join([*["--quick"] * summary.quick, *summary.changed])
        file = summary.made.file or "the one given"
        found.append(Verdict("note", f"Made with {laid}: another study than {file} as it stands."))
    if METRICS[metric].part is TEST:
        found += [selection(summary, metric), *validation_choice(summary.phases)]
    if summary.last is not None and summary.winner is not None:
        found += phase_verdicts(summary.last)
        found += test_set_verdicts(summary.winner, summary.last)
    elif summary.phases:
        found += phase_verdicts(summary.phases[-1])
    if METRICS[metric].part is not TEST:
        found.append(selection(summary, metric))
    found += [*conditional(summary), *small_parts(summary)]
    bad = [(status, sum(run.status == status for run in summary.runs)) for status in ("diverged", "failed")]
    text = " and ".join(f"{plural(count, 'run')} {status}" for status, count in bad if count)
    if text:
        found.append(Verdict("warning", f"{text}; they are counted and named below, and enter no mean."))
    if summary.waiting:
        found.append(Verdict("warning", f"Not begun: {', '.join(summary.waiting)}."))
    return tuple(found)
