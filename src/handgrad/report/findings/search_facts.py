"""What a search did with every setting: when it was begun, to which epochs it trained, whether it was stopped short.

    SearchFacts     the search of a phase
      Trial         a setting: the values at which it was judged, and the work that had been done by then

A search is a phase whose settings are drawn (`[random]`) or stopped short (`[asha]`).  Its order comes from the
recorded decisions (`study.folder.decisions`); a phase that was drawn before anything ran has none: its settings count
in the order of the draws, epochs in that in which settings ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from handgrad.study.rules.search_rules import Asha

ENDED, STOPPED, LOST, OPEN = "ended", "stopped", "lost", "open"


@dataclass(frozen=True)
class Trial:
    """A setting of a search.

    levels: the epochs of its rungs, and its end;  values: what it was judged by at each that it came to (the mean over
    seeds), None where a seed diverged or failed;  state: ENDED at its last level, STOPPED short, LOST where a seed
    diverged or failed, OPEN where it is not known yet;  trained: epochs of all its runs;  spent: epochs of all runs of
    the search when it came to its last epoch;  at: the time of that, seconds since 1970, None where it is not recorded.
    """

    label: str
    number: int
    levels: tuple[int, ...]
    values: tuple[float | None, ...]
    state: str
    trained: int
    spent: int
    at: float | None

    @property
    def epoch(self) -> int:
        """The last level that it came to, 0 where it came to none."""
        return self.levels[len(self.values) - 1] if self.values else 0


@dataclass(frozen=True)
class SearchFacts:
    """The search of a phase.  trials: in the order in which they were begun;  metric: what they were judged by.

    whole: the epochs of all runs, had those that were stopped short trained to the end;  seconds: what training took,
    and what it would have taken then, by the runs' own seconds an epoch;  counted: the runs of each setting, in words;
    examples: behind a value that is a fraction;  is_decided: whether the decisions are there;  is_over: whether the
    search came to its end;  unpaid: settings that the rule would have let go on, had the budget paid for it;  unbegun:
    settings that the search did not begin.
    """

    trials: tuple[Trial, ...]
    metric: str
    asha: Asha | None
    whole: int
    seconds: tuple[float, float]
    counted: str
    examples: int | None
    is_decided: bool
    is_over: bool
    unpaid: int = 0
    unbegun: int = 0

    @property
    def trained(self) -> int:
        """Epochs of all runs."""
        return sum(trial.trained for trial in self.trials)

    def count(self, state: str) -> int:
        """How many settings are in this state."""
        return sum(trial.state == state for trial in self.trials)

    def renamed(self, names: Mapping[str, str]) -> "SearchFacts":
        """The same, with settings called by `names`."""
        return replace(self, trials=tuple(replace(one, label=names.get(one.label, one.label)) for one in self.trials))
