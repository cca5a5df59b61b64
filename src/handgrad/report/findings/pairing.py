"""Whether two settings can be compared run by run: why not, in a sentence."""

from collections.abc import Sequence

from handgrad.measures import METRICS
from handgrad.names import listed
from handgrad.report.findings.run_facts import trained_on
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.training.run_keys import in_order, key_word
from handgrad.training.sources import USUAL, sources_in_force, sources_named

NAMED = 6  # runs of a setting that a message names


def unpaired(summary: Summary, first: SettingSummary, second: SettingSummary) -> str | None:
    """Why runs of two settings make no pairs; None where they do.

    Two runs are a pair where their seed means the same: a seed that draws the initial weights of one setting and the
    order of examples of the other has made nothing alike.
    """
    both = f"settings {first.label} and {second.label}"
    if first.label == second.label:
        return f"first and second are the same setting, {first.label}; give the labels of two"
    varied = [_vary(summary, one) for one in (first, second)]
    force = _in_force(first, second, varied)
    if not _alike(force, varied):
        return (
            f"{both} cannot be paired by seed: seeds of {first.label} vary {sources_named(force[0])}, those of "
            f"{second.label} vary {sources_named(force[1])}; give two settings of phases with the same vary. How much "
            'each source makes is in the chapter "Where noise comes from" of the report'
        )
    if first.stopped != second.stopped:
        stopped = first if first.stopped else second
        return (
            f"{both} cannot be compared: a search stopped runs of {stopped.label} after {stopped.stopped} epochs, and "
            "other epochs are no comparison; give two settings that came to their end"
        )
    values = [{key for metric in METRICS for key in one.samples[metric].values} for one in (first, second)]
    if not values[0] & values[1]:
        listings = "; ".join(
            f"{one.label} has " + (listed([key_word(key) for key in in_order(keys)], NAMED) if keys else "none")
            for one, keys in zip((first, second), values, strict=True)
        )
        return (
            f"{both} share no run with a result: {listings}; give two settings with the same seeds, or run the study "
            "to its end"
        )
    return None


def seeds_alike(studies: Sequence[Summary], first: SettingSummary, second: SettingSummary) -> bool:
    """Whether a seed means the same for a setting of the first study and one of the second."""
    varied = [_vary(study, one) for study, one in zip(studies, (first, second), strict=True)]
    return _alike(_in_force(first, second, varied), varied)


def _in_force(first: SettingSummary, second: SettingSummary, varied: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    return [
        sources_in_force(vary, one.setting, trained_on(one.runs))
        for vary, one in zip(varied, (first, second), strict=True)
    ]


def _alike(force: Sequence[Sequence[str]], varied: Sequence[Sequence[str]]) -> bool:
    return set(force[0]) <= set(varied[1]) and set(force[1]) <= set(varied[0])


def _vary(summary: Summary, setting: SettingSummary) -> tuple[str, ...]:
    """What the seeds of a setting vary."""
    own = (
        phase for phase in summary.phases for one in phase.settings if one.label == setting.label and not one.earlier
    )
    return next(own).vary or USUAL
