"""What results say of themselves in a few lines: their plan, what was lost, the best of every phase.

record.json of every run is read (a quarter of a second for a thousand), since plan.json does not know what was damaged
afterwards; checksums of the other files are compared where a report is made.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from handgrad.displays import Display
from handgrad.errors import DamagedError
from handgrad.names import listed, plural
from handgrad.study.changes import axis_names, shown
from handgrad.study.folder.design_cell import ENDED

if TYPE_CHECKING:
    from handgrad.study.folder.results_folder import Results


def results_display(results: "Results") -> Display:
    """A few lines about a results folder."""
    plan, state = results.plan, results.state
    phases = plan["phases"]
    settings = [setting for phase in phases for setting in phase["settings"]]
    runs = {run["id"] or id(run) for setting in settings for run in setting["runs"]}
    axes = axis_names(list(dict.fromkeys(name for setting in settings for name in setting["axes"])))
    seeds = dict.fromkeys(run["seed"] for setting in settings for run in setting["runs"]) or plan["seeds"]
    statuses = _statuses(results)
    counts = Counter(statuses.values())
    gone = counts["damaged"] + (counts["missing"] if state == "done" else 0)
    rows = [("plan", f"{len(settings):,} settings, {len(runs):,} runs, seeds {listed(seeds)}")]
    others = [f"{counts[one]:,} {one}" for one in ("pruned", "diverged", "failed") if counts[one]]
    lost = counts["diverged"] + counts["failed"]  # a search means to stop runs short
    rows.append(("runs", ", ".join([f"{counts['done']:,} done", *others]) if lost else ""))
    rows.append(("damaged", f"{plural(gone, 'record')} altered or missing; run the study again" if gone else ""))
    rows.append(("varied", listed(axes.values())))
    for phase in [] if "explain" in plan else phases:  # readings are ranked, and no setting wins
        rows.append((f"phase {phase['name']}" if len(phases) > 1 else "best", _best(phase, statuses, axes)))
    rows.append(("frames", "runs(), settings(), conclusions(), curves(); hg.build_report"))
    return Display(f"Results of {plan['study']} in {results.folder}: {state}{', damaged' * bool(gone)}", tuple(rows))


def _statuses(results: "Results") -> dict[str, str]:
    """id -> the status of its record, or "damaged", or "missing" where there is none."""
    found = {}
    for setting in results.planned.values():
        for run in setting["runs"]:
            try:
                record = results.record_alone(run["id"])
                found[run["id"]] = record.status if record else "missing"
            except DamagedError:
                found[run["id"]] = "damaged"
    return found


def _best(phase: Mapping[str, Any], statuses: Mapping[str, str], axes: Mapping[str, str]) -> str:
    """The winner of a phase, as far as a run of it came to its end."""
    won = next((one for one in phase["settings"] if one["label"] == phase["winner"]), None)
    if won is None:
        return "nothing has won yet"
    if not any(statuses.get(run["id"]) in ENDED for run in won["runs"]):
        return "none: no run came to its end"
    what = ", ".join(f"{axes[name]} {shown(value)}" for name, value in won["axes"].items())
    return f"{won['label']}: {what}" if what else str(won["label"])
