"""A published number beside what was reproduced, and whether it lies inside the spread of the runs.

The rule (v published, m and s of our n runs, k runs behind the published number, N examples scored):

    n ≥ 2    inside where |v − m| ≤ √((t(n−1)·s)²·(1/k + 1/n) + 1.96²·2·a(1−a)/(N + 2)) + h: the 95 % prediction
             interval for the mean of k more runs, which may have been scored on as many other examples (of accuracies
             alone; a = (m·N + 1)/(N + 2))
    n = 1    cannot be judged: one run shows no spread, and the noise of the examples alone would turn away a faithful
             number in 20 to 67 % of cases

h is half a unit in the last published digit; what is inside by h alone is said to be inside as printed, or as read off
where the number was read off ("≈ 0.9": ± 0.05).  Times are of another machine and never judged; numbers of a --quick
study, or of one that was changed on the command line, are not either.  In place of a number an original may say that a
setting explodes or learns: "diverged", "nan" and "explodes" agree where a run here diverged or collapsed to one class
(`summarize.collapse`), "learns" where none did.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.measures import is_fraction, is_proportion
from handgrad.report.findings.intervals import prediction_interval
from handgrad.report.findings.statistics import Sample, sample
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.wording import seconds
from handgrad.study.published.numbers import MEASURES, TIMES, UNITS, UNSTABLE, WHOLE, Published
from handgrad.training.record import Record

ONE_RUN = "cannot be judged (one run)"
RULE = (
    "Inside: the published number lies in the 95 % prediction interval for the mean of as many more runs as the "
    "original had, mean ± √((t(n − 1)·s)²·(1/n_original + 1/n) + 1.96²·2·a(1 − a)/(N + 2)), where the second term, "
    "the noise of N examples, is for accuracies alone, a = (mean·N + 1)/(N + 2); inside as printed (as read off, "
    "of ≈): it lies outside that interval, by less than half a unit in its last digit. One run (n = 1) shows no "
    "spread, and nothing can be judged by it. Times are of another machine and are never judged. In place of a number, "
    "diverged, nan and explodes agree where a run here diverged or collapsed to one class, learns agrees where none "
    "did. A row that is said to be best (worst) agrees where no other is better (worse) here by more than the same "
    "interval."
)
COUNTS: dict[str, Callable[[Record], int]] = {  # those of `WHOLE`
    "epochs": lambda record: record.epochs,
    "steps": lambda record: record.steps,
    "parameters": lambda record: record.network.parameters,
    "classes": lambda record: len(record.dataset.classes),
}
SHORT_RULE = "Inside: in the 95 % prediction interval of our runs. By one run nothing can be judged."


@dataclass(frozen=True)
class Compared:
    """One published number or word beside ours.  low, high: the interval;  inside: None where it is not judged (why).

    outcome: of the runs, in words, where the original has a word; `inside` then says whether they agree.
    """

    item: str
    row: str
    measure: str
    published: Published
    values: Sample
    runs: int = 0
    low: float | None = None
    high: float | None = None
    inside: bool | None = None
    why: str = ""
    outcome: str = ""

    @property
    def as_printed(self) -> bool:
        """Whether it is inside only because of how coarsely it was printed."""
        v = self.published.value
        if not self.inside or v is None or self.low is None or self.high is None:
            return False
        return not self.low - 1e-12 <= v <= self.high + 1e-12

    @property
    def difference(self) -> float | None:
        """Reproduced − published."""
        if self.values.mean is None or self.published.value is None:
            return None
        return self.values.mean - self.published.value

    def data(self) -> dict[str, Any]:
        """As reproduction.json has it: accuracies are fractions, times are seconds."""
        return {
            "item": self.item,
            "row": self.row,
            "measure": self.measure,
            "published": self.published.value,
            "published_std": self.published.spread,
            "published_word": self.published.word,
            "mean": self.values.mean,
            "std": self.values.std,
            "n": self.values.n,
            "runs": self.runs,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "inside": self.inside,
            "as_printed": self.as_printed,
            "why": self.why,
            "came": self.outcome,
        }


def values_of(setting: SettingSummary, measure: str, ddof: int) -> Sample:
    """A measure of a setting over its seeds."""
    if measure in setting.samples:
        return setting.samples[measure]
    if measure in TIMES:
        return sample(setting.seconds("total" if measure == "seconds" else "training").values, ddof)
    count = COUNTS[measure]
    return sample({record.seed: float(count(record)) for record in setting.records}, ddof)


def compared(
    item: str,
    row: str,
    measure: str,
    published: Published,
    setting: SettingSummary | None,
    *,
    further: int = 1,
    ddof: int = 1,
    made_with: str = "",
) -> Compared:
    """A published measure of a setting beside ours; `further`: runs behind the published number.

    made_with: what makes the study another than the original's (`Summary.made_with`); then nothing is judged.
    """
    if setting is None:
        return Compared(item, row, measure, published, sample({}, ddof), why="not run here")
    values = values_of(setting, measure, ddof)
    low = high = None
    outcome = ""
    if published.word:
        inside, why, outcome = judge_stability(published.word, setting)
    else:
        low, high, inside, why = judge(
            published, values, measure, further, _scored(setting, measure), setting.count("diverged")
        )
    if made_with:
        inside, why = None, f"not judged: made with {made_with}"
    return Compared(item, row, measure, published, values, len(setting.runs), low, high, inside, why, outcome)


def _scored(setting: SettingSummary, measure: str) -> int | None:
    return setting.examples(measure) if is_proportion(measure) else None


def judge(
    published: Published, values: Sample, measure: str, further: int = 1, scored: int | None = None, diverged: int = 0
) -> tuple[float | None, float | None, bool | None, str]:
    """(low, high, inside, why not judged) by the rule above; `scored`: examples, `diverged`: runs of ours that did."""
    v, m = published.value, values.mean
    if v is None or m is None:
        if diverged == 1:
            return None, None, None, ONE_RUN
        return None, None, False if diverged else None, "" if diverged else "no run has ended"
    if measure in TIMES:
        return None, None, None, "times are of another machine"
    ends = interval(values, measure, further, scored)
    if ends is None:
        return None, None, None, ONE_RUN
    slack = published.slack + 1e-12
    return *ends, ends[0] - slack <= v <= ends[1] + slack, ""


def interval(values: Sample, measure: str, further: int = 1, scored: int | None = None) -> tuple[float, float] | None:
    """(low, high) by the rule above, between which another value is like ours; None of one run."""
    scored = scored if is_proportion(measure) else None
    found = prediction_interval(list(values.values.values()), further, scored)
    return None if found is None else (found.low, found.high)


# -- as text


def shown(value: float | None, measure: str, scale: float, digits: int) -> str:
    """A number of ours in the original's unit, with at least the original's decimals.

    >>> shown(0.98474, "test_accuracy", 0.01, 2), shown(12.3456, "seconds", 1.0, 2), shown(None, "epochs", 1.0, 0)
    ('98.47', '12.3', '–')
    >>> shown(50890.0, "parameters", 1.0, 4)
    '50,890'
    """
    if value is None:
        return "–"
    if measure in TIMES:
        return seconds(value / scale)
    if measure in WHOLE and float(value).is_integer():
        return f"{value:,.0f}"
    digits = our_digits(measure, scale, digits)
    return f"{value / scale:,.{digits}f}".replace("-", "−")


def shown_published(published: Published | None, digits: int, stat: str = "both") -> str:
    """A published number as the original has it.

    >>> from handgrad.study.published.numbers import published
    >>> shown_published(published([0.627, 0.371]), 3), shown_published(published("≈ 0.9"), 1)
    ('0.627 ± 0.371', '≈ 0.9')
    """
    if published is None:
        return ""
    if published.word:
        return published.word
    mark, digits = ("≈ ", published.digits) if published.about else ("", digits)
    number = published.std if stat == "std" else published.mean
    text = "" if number is None else f"{mark}{number:,.{digits}f}".replace("-", "−")
    if stat == "both" and published.std is not None:
        text += f" ± {published.std:,.{digits}f}"
    return text


def shown_values(values: Sample, measure: str, scale: float, digits: int, stat: str = "both") -> str:
    """Ours: mean ± standard deviation, or one of them."""
    if stat == "std":
        return shown(values.std, measure, scale, digits)
    text = shown(values.mean, measure, scale, digits)
    return text if stat == "mean" or values.std is None else f"{text} ± {shown(values.std, measure, scale, digits)}"


def shown_difference(one: Compared, digits: int) -> str:
    """The difference and what was judged of it, e.g. "−0.12 inside"; of a word, e.g. "learns, agrees"."""
    if one.published.word:
        agrees = {None: "", True: "agrees", False: "does not agree"}[one.inside]
        agrees = "not judged (one run)" if one.why == ONE_RUN else agrees
        return ", ".join(part for part in (one.outcome, agrees) if part) or "–"
    word = "(one run)" if one.why == ONE_RUN else ""
    if one.inside is not None:
        inside = "inside as read off" if one.published.about else "inside as printed"
        word = (inside if one.as_printed else "inside") if one.inside else "outside"
    if one.difference is None:
        return word or "–"
    if one.measure in TIMES:
        ratio = (one.values.mean or 0.0) / one.published.value if one.published.value else None
        return "–" if ratio is None else f"× {ratio:.2g}"
    digits = our_digits(one.measure, one.published.scale, digits)
    if one.measure in WHOLE and not one.difference:
        return f"equal {word}".strip()
    text = f"{one.difference / one.published.scale:+,.{digits}f}".replace("-", "−")
    return f"{text} {word}".strip()


def digits_of(given: Sequence[Published], digits: int | None) -> int:
    """Decimals of published numbers: as given, or as many as the most precise of them has."""
    return max((one.digits for one in given), default=4) if digits is None else digits


def our_digits(measure: str, scale: float, digits: int) -> int:
    """Decimals of ours: as many as published, and of accuracies at least hundredths of a point or thousandths.

    >>> our_digits("test_accuracy", 0.01, 1), our_digits("test_accuracy", 1.0, 1), our_digits("val_loss", 1.0, 2)
    (2, 3, 2)
    """
    least = 0 if not is_fraction(measure) else 2 if scale == UNITS["percent"] else 3
    return max(digits, least)


def word(measure: str) -> str:
    """The words for a measure."""
    return MEASURES.get(measure, measure)


ENDED = ("done", "pruned", "diverged")


def stability_of(setting: SettingSummary) -> str:
    """The outcome of its runs: "diverged", "1 of 3 collapsed" (to one class), or "learns" where neither happened."""
    ended = setting.count(*ENDED)
    counts = {"diverged": setting.count("diverged"), "collapsed": setting.collapsed}
    said = [what if n == ended else f"{n} of {ended} {what}" for what, n in counts.items() if n]
    return ", ".join(said) or "learns"


def judge_stability(word: str, setting: SettingSummary) -> tuple[bool | None, str, str]:
    """(agrees, why not judged, outcome) of a setting that is said to explode, or to learn."""
    if not setting.count(*ENDED):
        return None, "no run has ended", ""
    outcome = stability_of(setting)
    return (outcome != "learns") is (word in UNSTABLE), "", outcome
