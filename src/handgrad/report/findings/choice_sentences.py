"""How a setting came to be called the best, in sentences: by how much its choice flatters it, and of which phase it is.

choice_verdicts(phase)       by how much the choice flatters the best of a phase
other_choices_verdicts(…)    the same of all other phases, in one sentence
leading_verdicts(…)          of several phases, in which the best setting stands
"""

from handgrad.measures import METRICS
from handgrad.names import listed
from handgrad.report.findings.selection_bias import SelectionBias
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import number, plural, spread, unsigned


def choice_verdicts(phase: PhaseSummary) -> list[Verdict]:
    """By how much the best looks too good because it was chosen on the numbers shown (leave one seed out)."""
    found = phase.conclusions
    bias = found.bias if found else None
    if found is None or bias is None:
        return []
    text = (
        f"The best was chosen on the numbers shown. Chosen without one {found.unit} and scored on that {found.unit}, "
        f"{bias.seeds} times, it comes to a {METRICS[phase.metric].word} of {number(bias.left_out, phase.metric)}: "
    )
    few = "" if bias.bias > 0 else f"; {plural(bias.seeds, found.unit)} show little"
    chosen = f"({bias.same} of {bias.seeds} choices are this setting{few})"
    return [Verdict("note", f"{text}{_flatters(bias, phase.metric, 'the choice', 'it')} {chosen}.")]


def _flatters(bias: SelectionBias, metric: str, choice: str, what: str) -> str:
    if bias.bias > 0:
        return f"{choice} flatters {what} by about {unsigned(bias.bias, metric)}"
    return f"no sign that {choice} flatters {what}"


def other_choices_verdicts(summary: Summary) -> list[Verdict]:
    """By how much the choices of the other phases flatter what they chose: later phases start from it."""
    said, some = [], False
    for phase in summary.phases:
        found = phase.conclusions
        if phase is summary.leading or found is None or found.bias is None:
            continue
        choice = f'the choice of phase "{phase.name}"'
        said.append(_flatters(found.bias, phase.metric, choice, f"setting {found.best}"))
        some |= found.bias.bias > 0
    if not said:
        return []
    text = f"Judged in the same way: {'; '.join(said)}."
    return [Verdict("note", f"{text}{' Phases that start from such a choice may keep part of that.' * some}")]


def leading_verdicts(summary: Summary) -> list[Verdict]:
    """Of several phases that chose a setting, in which the best stands, and which phases are not comparable."""
    leading = summary.leading
    won = [phase for phase in summary.phases if phase.best is not None and not phase.apart]
    if leading is None or len(won) < 2:
        return []
    comparable = summary.comparable
    others = [phase.name for phase in won if phase not in comparable]
    text = f'The best setting stands in phase "{leading.name}"'
    if len(comparable) > 1:
        text += f", the best of {len(comparable)} phases that were scored on the same examples with as many seeds"
    last = won[-1].best
    if last is not None and last.label != leading.winner:
        values = spread(last.samples[leading.metric], leading.metric)
        text += f'. The last phase, "{won[-1].name}", comes to {values} with setting {last.label}'
    if others:
        text += f". Other examples or another number of seeds, which cannot be compared with it, have {listed(others)}"
    return [Verdict("note", f"{text}.")]
