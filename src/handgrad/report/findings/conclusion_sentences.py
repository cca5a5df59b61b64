"""Which setting is best, in sentences: each with the difference, its interval, n and the method, to be copied.

phase_verdicts(phase)      the best of a phase; who is behind, equivalent, not separated; how sure that is
word_verdicts(found)       of these the sentences about the others;  method_verdicts: how the words came about
conclusions_data(…)        all of it for programs
"""

from collections.abc import Sequence
from typing import Any

from handgrad.measures import METRICS
from handgrad.report.findings.against_best import BEHIND, BOTH, EQUIVALENT, MOST_SEEDS, OPEN, Against
from handgrad.report.findings.choice_sentences import choice_verdicts
from handgrad.report.findings.conclusions import Conclusions
from handgrad.report.findings.search_facts import STOPPED
from handgrad.report.findings.summary import PhaseSummary, Summary
from handgrad.report.findings.verdicts import Verdict
from handgrad.report.findings.wording import (
    AS_SEEN,
    enumerated,
    holds_for,
    percent,
    plural,
    sentence,
    setting_name,
    settings_named,
    signed,
    spread,
    unsigned,
)

FEW_LOST = 6  # settings that lost runs and are all named
MOST_NAMED = 12  # settings with one word that are all named


def phase_verdicts(phase: PhaseSummary, *, brief: bool = False) -> list[Verdict]:
    """The best of a phase and how certain it is; `brief` leaves out the method, which the headline gives."""
    best = phase.best
    word = METRICS[phase.metric].word
    if best is not None and not best.samples[phase.metric].n:
        return [Verdict("note", f"Nothing was chosen: no run has a {word}.")]
    if best is None:
        return [_nothing(phase)]
    values = spread(best.samples[phase.metric], phase.metric)
    found = phase.conclusions
    sentences = []
    if len(phase.settings) > 1 and found is not None:
        text = f"Setting {setting_name(best, phase.axes)} is best by {word}: {values}"
        chance = found.against[best.label].chance
        if chance is not None and len(found.against) > 1:
            text += (
                f"; it leads the {len(found.against):,} settings in {_chance(chance)} of draws around the means seen"
            )
        sentences.append(Verdict("good", f"{text}.{_ties(found)}"))
        sentences += word_verdicts(found)
        if not brief:
            sentences += method_verdicts(phase, found)
    else:
        sentences.append(Verdict("good", f"{sentence(word)} {values}."))
    if found is not None:
        sentences += _lost(phase, found)
    pruned, of = _stopped_short(phase)
    if pruned:
        others = "the others" if not best.stopped else "those that went furthest"
        text = (
            f"{pruned:,} of {plural(of, 'setting')} {'was' if pruned == 1 else 'were'} stopped short by the search; "
            f"{'its' if pruned == 1 else 'their'} numbers are those of {'its' if pruned == 1 else 'their'} last epoch. "
            f"The best is chosen among {others}, and compared with them alone."
        )
        sentences.append(Verdict("note", text))
    unfinished = sum(setting.unfinished for setting in phase.settings)
    if unfinished:
        sentences.append(Verdict("warning", f"{plural(unfinished, 'run')} not finished; the ranking may still change."))
    return sentences


def _ties(found: Conclusions) -> str:
    """That others have the same mean as the best on the same runs, so that one of equals had to be taken."""
    best = found.against[found.best]
    tied = [label for label, one in found.against.items() if label != found.best and one.difference == 0]
    tied = [label for label in tied if found.against[label].n == best.n]
    if not tied:
        return ""
    have = "has" if len(tied) == 1 else "have"
    text = f" {sentence(settings_named(tied))} {have} the same mean"
    return f"{text}; of equals the first in the study's order is called best."


def _stopped_short(phase: PhaseSummary) -> tuple[int, int]:
    """(settings that the search stopped short, of how many), counted as `search_sentences.saved` does."""
    if phase.search is not None and phase.search.is_decided:
        return phase.search.count(STOPPED), len(phase.search.trials)
    return sum(setting.count("pruned") > 0 for setting in phase.settings), len(phase.settings)


def _nothing(phase: PhaseSummary) -> Verdict:
    unfinished = sum(setting.unfinished for setting in phase.settings)
    if unfinished:
        return Verdict("warning", f"No winner yet: {plural(unfinished, 'run')} not finished.")
    runs = sum(len(setting.runs) for setting in phase.settings)
    counts = [(status, sum(s.count(status) for s in phase.settings)) for status in ("diverged", "failed")]
    what = enumerated([f"{count:,} {status}" for status, count in counts if count])
    if not what:
        word = METRICS[phase.metric].word
        return Verdict("warning", f"There is no best: winners are chosen by {word}, which no run has.")
    return Verdict("warning", f"There is no best: of {plural(runs, 'run')} none came to a finite end ({what}).")


def _chance(share: float) -> str:
    """A share of draws: never 0 or 100 %."""
    return "more than 99 %" if share > 0.99 else "less than 1 %" if share < 0.01 else percent(share, 0)


def word_verdicts(found: Conclusions) -> list[Verdict]:
    """Who is behind, equivalent, not separated; then what is odd about it."""
    others = [label for label in found.against if label != found.best]
    if not others:
        return []
    if not found.tested:
        return [
            Verdict(
                "warning",
                f"Not separated from the best: {_named(others, others)}. {_no_spread(found)} "
                "tells a better setting from a luckier one.",
            )
        ]
    ahead = found.ahead()
    return [*_equivalent(found, others), *_open(found, others, ahead), *_behind(found, others), *_ahead(found, ahead)]


def _equivalent(found: Conclusions, others: Sequence[str]) -> list[Verdict]:
    labels = found.labels(EQUIVALENT)
    if not labels:
        return []
    widest = max(labels, key=lambda label: _reach(found.against[label]))
    margin = unsigned(found.margin or 0.0, found.metric)
    text = f"Equivalent to the best, within ± {margin}: {_named(labels, others)}"
    text += f"{_example(found, labels, 'the interval that reaches furthest is that of', widest)}."
    text += f" So few {found.unit}s cannot exclude that its runs collapse, as others did." * bool(found.lost)
    return [Verdict("good", text)]


def _open(found: Conclusions, others: Sequence[str], ahead: Sequence[str]) -> list[Verdict]:
    """Who is not separated, and how many seeds would decide; then who is held by another, and by whom."""
    said = []
    if labels := [label for label in found.labels(OPEN) if label not in ahead]:
        text = f"Not separated from the best, which is not the same as equal: {_named(labels, others)}"
        text += _example(found, labels, "the largest difference is that of", labels[-1])
        said.append(Verdict("note", f"{text}. {_more_seeds(found, labels)}"))
    for below in dict.fromkeys(found.held_by.values()):
        held = [label for label, by in found.held_by.items() if by == below and label not in ahead]
        if held:
            own, is_ = ("its own interval excludes", "is") if len(held) == 1 else ("their own intervals exclude", "are")
            text = (
                f"{sentence(settings_named(held))} {is_} not said to be behind, though {own} 0: setting {below}, which "
                f"ranks below, is not separated. More {found.unit}s of setting {below} would settle these too."
            )
            said.append(Verdict("note", text))
    return said


def _behind(found: Conclusions, others: Sequence[str]) -> list[Verdict]:
    labels = found.labels(BEHIND)
    if not labels:
        return []
    text = f"Behind the best: {_named(labels, others)}{_example(found, labels, 'the nearest is', labels[0])}."
    if inside := found.within_margin(labels):
        named = sentence(_named(inside, others))
        which = "It is" if labels == inside else f"{named}{',' * ('among them' in named)} {_are(inside)}"
        text += f" {'They are' if which == 'It is' and len(inside) > 1 else which} behind by less than the margin."
    return [Verdict("good", text)]


def _ahead(found: Conclusions, labels: Sequence[str]) -> list[Verdict]:
    """Who is better than the best on the runs that both have, and misses some."""
    if not labels:
        return []
    better, ranks, its = ("is", "ranks", "its") if len(labels) == 1 else ("are", "rank", "their")
    text = f"{sentence(settings_named(labels))} {better} better than the best on the {found.unit}s that both have"
    text += _example(found, labels, "the furthest is", labels[0])
    return [Verdict("warning", f"{text}, and {ranks} below it because of {its} missing runs.")]


def _no_spread(found: Conclusions) -> str:
    if max(one.n for one in found.against.values()) > 1:
        return "The runs that count show no spread, and nothing"
    return f"With one {found.unit} there is no spread (two show one), and nothing"


def _named(labels: Sequence[str], others: Sequence[str]) -> str:
    """The labels in a sentence; "all 29 others" where nobody else is left."""
    if len(labels) == len(others) > 2:
        return f"all {len(labels):,} others"
    if len(labels) > MOST_NAMED:
        return f"{len(labels):,} settings, among them {enumerated(labels[:3])}"
    return settings_named(labels)


def _are(labels: Sequence[str]) -> str:
    return "is" if len(labels) == 1 else "are"


def _reach(one: Against) -> float:
    return max(abs(end) for end in (one.low or 0.0, one.high or 0.0))


def _example(found: Conclusions, labels: Sequence[str], lead: str, label: str) -> str:
    """The numbers of one of them, which is led in where there are others."""
    text = against_text(found.against[label], found.metric, found.unit)
    return f", {text}" if len(labels) == 1 else f"; {lead} setting {label}, {text}"


def against_text(one: Against, metric: str, unit: str = "seed") -> str:
    """A difference from the best with its interval and n.

    >>> one = Against("behind", 3, -0.0312, -0.045, -0.0174, None, 0.01, None, 0)
    >>> against_text(one, "val_accuracy")
    '−3.12 points (simultaneous 95 % interval −4.50 to −1.74, n = 3)'
    """
    if one.difference is None:
        return "no difference, as none of its runs has a value"
    n = (f"n = {one.n}" if unit == "seed" else plural(one.n, unit)) if one.n else f"no {unit} in common"
    text = signed(one.difference, metric)
    if one.low is None or one.high is None:
        return f"{text} ({n})"
    low, high = (signed(end, metric).removesuffix(" points") for end in (one.low, one.high))
    return f"{text} (simultaneous 95 % interval {low} to {high}, {n})"


def _more_seeds(found: Conclusions, labels: Sequence[str]) -> str:
    """How many more seeds would decide about them, and about which no number would."""
    counts = {label: count for label in labels if (count := found.against[label].more_seeds) is not None}
    never = [label for label in labels if label not in counts]
    if not counts:
        text = f"Not even {MOST_SEEDS:,} further {found.unit}s would decide, {AS_SEEN}"
        return text + (": they would divide the same examples." if found.unit == "fold" else f"{_or_examples(found)}.")
    first, last = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    least, most = counts[first], counts[last]
    if least == most:
        text = plural(least, f"further {found.unit}")
    else:
        text = f"Between {least:,} (setting {first}) and {most:,} (setting {last}) further {found.unit}s"
    how = " (data.validation.repeats)" if found.unit == "fold" else ""
    about = f" about {len(counts):,} of them" if never else ""
    text += f" of {'both settings' if len(found.against) == 2 else 'each setting'}{how} would decide{about}, {AS_SEEN}."
    if never:
        text += f" About {settings_named(never)} not even {MOST_SEEDS:,} would{_or_examples(found)}."
    return text


def _or_examples(found: Conclusions) -> str:
    return "; more examples might" if found.noise == BOTH else ""


def method_verdicts(phase: PhaseSummary, found: Conclusions) -> list[Verdict]:
    """How the words came about; what so many seeds can show."""
    if not found.tested or len(found.against) < 2:
        return []
    k = len(found.against)
    over = holds_for(phase.settings, phase.metric, examples=found.noise == BOTH)
    seeds = len({run.seed for setting in phase.settings for run in setting.runs})
    shared = all(one.n for one in found.against.values())
    how = f"differences on shared {found.unit}s" + ("" if shared else ", or of means where none is shared")
    if k == 2:
        text = f"Method: {how}; a 95 % interval by t, on the scale of the measure's spread. It holds for {over}."
    else:
        text = (
            f"Method: {how}; simultaneous 95 % intervals for {plural(k, 'setting')} of which any "
            "could have come out best, spreads moderated over all settings (Smyth 2004), stepping down from the worst "
            f"(Hansen, Lunde and Nason 2011). They hold for {over}."
        )
    if found.noise == BOTH:
        text += (
            f" What other examples would change is estimated from the {found.examples or 0:,} at hand, "
            "paired by example (Owen 2007)."
        )
    if phase.folded:
        text += (
            " Folds share training examples: the variance of a mean over folds is taken to be s²·(1/folds + "
            "validation/training examples) of fold means (Nadeau and Bengio 2003)"
            + (", and that of the seeds beside it." if seeds > 1 else ".")
        )
    elif phase.has_own_examples:
        part = METRICS[phase.metric].part.word
        text += (
            f" Splits share training examples: the variance of a mean over seeds is s²·(1/seeds + {part}/training "
            "examples) (Nadeau and Bengio 2003)."
        )
    return [Verdict("method", text), *_margin(found), *_smallest(found)]


def _margin(found: Conclusions) -> list[Verdict]:
    if found.margin is None:
        text = (
            f"No setting is called equivalent: {METRICS[found.metric].word} has no margin unless the study gives one "
        )
        text += "(conclusions.margin)."
        return [Verdict("method", text)]
    margin = unsigned(found.margin, found.metric)
    if found.given:
        return [Verdict("method", f"Equivalent is what lies within ± {margin} (conclusions.margin of the study).")]
    examples = plural(found.examples or 0, "example")
    text = f"Equivalent is what lies within ± {margin}: 1.96 standard errors of the best's accuracy on {examples}"
    return [
        Verdict("method", f"{text}, by which another set of as many would move it (conclusions.margin sets another).")
    ]


def _smallest(found: Conclusions) -> list[Verdict]:
    """The smallest difference that so many seeds can show."""
    now = max((one.n for one in found.against.values()), default=0)
    shown = [(n, value) for n, value in found.smallest.items() if n >= now][:4]
    if not shown:
        return []
    listed = ", ".join(f"{plural(n, found.unit)} {unsigned(value, found.metric)}" for n, value in shown)
    k = len(found.against)
    rivals = "both" if k == 2 else f"all {k:,}"
    text = f"A setting of typical spread is shown to be behind, while {rivals} are rivals, from about"
    return [Verdict("method", f"{text}: {listed}.")]


def _lost(phase: PhaseSummary, found: Conclusions) -> list[Verdict]:
    """How many settings lost runs, and how sure the share of one that lost some is."""
    lost = found.lost
    if not lost:
        return []
    several = [(label, one) for label in lost if (one := found.outcomes[label]).fallen > 0]
    parts = []
    for label, one in several[:FEW_LOST]:
        fall = one.fall
        ends = f" ({percent(fall.low, 0)[:-2]} to {percent(fall.high, 0)})" if fall else ""
        parts.append(f"setting {label} in {one.fallen} of {plural(one.n, 'run')}{ends}")
    more = f" and {plural(len(several) - FEW_LOST, 'more setting')}" if len(several) > FEW_LOST else ""
    text = f"Runs collapsed, diverged or ended far below the others: {', '.join(parts)}{more}; in brackets the exact"
    of = "" if all(label in found.against for label in lost) else " of the settings that are compared"
    return [Verdict("warning", f"{text} 95 % interval of that chance. They count in the differences{of}.")]


def conclusions_data(summary: Summary) -> dict[str, Any]:
    """All of it for programs (report/conclusions.json): numbers in full, the sentences, None where nothing is known."""
    leading = summary.leading
    return {
        "study": summary.name,
        "best": {"phase": leading.name, "setting": leading.winner} if leading else None,
        "phases": [
            {
                "phase": phase.name,
                **(phase.conclusions.data() if phase.conclusions else {"metric": phase.metric, "best": None}),
                "sentences": [one.text for one in (*phase_verdicts(phase), *choice_verdicts(phase))],
            }
            for phase in summary.phases
        ],
    }
