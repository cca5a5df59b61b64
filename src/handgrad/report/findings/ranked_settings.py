"""The settings of all phases in one order: what a page has room for is what the best of them need."""

from collections.abc import Iterator

from handgrad.report.findings.summary import PhaseSummary, SettingSummary, Summary


def ranked_settings(summary: Summary) -> Iterator[tuple[PhaseSummary, SettingSummary]]:
    """Every setting once, with its phase: those of the leading phase first, of each phase the best first."""
    seen: set[str] = set()
    leading = [summary.leading] if summary.leading else []
    for phase in [*leading, *reversed(summary.phases)]:
        for setting in phase.ranked:
            if setting.label not in seen and not setting.earlier:
                seen.add(setting.label)
                yield phase, setting
