"""What happened to runs and settings, in words: where they diverged, collapsed, failed or were stopped."""

from handgrad.report.findings.summary import UNFINISHED, RunFacts, SettingSummary
from handgrad.report.findings.wording import percent, seeds_named


def what_happened(run: RunFacts) -> str | None:
    """Where a run diverged, to which class it collapsed or why it failed; None where nothing went wrong."""
    if run.status == "diverged":
        where = run.record.diverged if run.record else None
        if where is None:
            return "diverged"
        layer = "" if where.layer is None else f", layer {where.layer}"
        return f"diverged in epoch {where.epoch:,}, step {where.step:,}{layer}"
    if run.collapsed is not None:
        label, share = run.collapsed
        what = "everything" if share == 1 else f"{percent(share, 1)} of the examples"
        return f"collapsed: class {label} is predicted for {what}"
    if run.status == "failed":
        error = ((run.record.error if run.record else None) or "no message").strip().splitlines()
        return f"failed: {error[-1] if error else 'no message'}"
    return run.status if run.status in UNFINISHED else None


def setting_verdicts(setting: SettingSummary) -> list[str]:
    """What went wrong in one setting: a phrase for each kind of trouble, with the seeds that had it."""
    seeds: dict[str, list[int]] = {}
    for run in setting.runs:
        text = what_happened(run)
        if text is not None:
            seeds.setdefault(text, []).append(run.seed)
    found = [f"{seeds_named(had)} {text}" for text, had in seeds.items()]
    return found


def happened(setting: SettingSummary) -> str:
    """In a few words: done, or how many runs diverged, collapsed, failed or are not finished.

    A setting whose runs all came to a sensible end needs no words beyond "done".
    """
    collapsed = [run.collapsed[0] for run in setting.runs if run.collapsed is not None]
    words = [f"{count} {status}" for status in ("diverged", "failed") if (count := setting.count(status))]
    if pruned := setting.count("pruned"):
        words.append(f"{pruned} pruned at epoch {setting.epochs('pruned')}")
    if collapsed:
        words.append(f"{len(collapsed)} collapsed to one class ({', '.join(dict.fromkeys(collapsed))})")
    words += [f"{count} {status}" for status in UNFINISHED if (count := setting.count(status))]
    return "; ".join(words) or "done"
