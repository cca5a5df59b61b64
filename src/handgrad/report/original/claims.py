"""What an original says of a setting without a number, and whether the runs here agree.

"diverged", "nan", "explodes"    agrees where a run here diverged or collapsed to one class (`summarize.collapse`)
"learns"                         agrees where none did
"""

from handgrad.report.findings.summary import SettingSummary
from handgrad.study.published.numbers import UNSTABLE

ENDED = ("done", "pruned", "diverged")


def fate(setting: SettingSummary) -> str:
    """What its runs came to: "diverged", "1 of 3 collapsed" (to one class), or "learns" where neither happened."""
    ended = setting.count(*ENDED)
    counts = {"diverged": setting.count("diverged"), "collapsed": setting.collapsed}
    said = [what if n == ended else f"{n} of {ended} {what}" for what, n in counts.items() if n]
    return ", ".join(said) or "learns"


def stability(word: str, setting: SettingSummary) -> tuple[bool | None, str, str]:
    """(agrees, why not judged, what came here) of a setting that is said to explode, or to learn."""
    if not setting.count(*ENDED):
        return None, "no run has ended", ""
    came = fate(setting)
    return (came != "learns") is (word in UNSTABLE), "", came
