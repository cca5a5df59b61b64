"""The figures of a search: its history, its timeline, and what was stopped at its rungs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from handgrad.errors import InputError
from handgrad.measures import METRICS, is_fraction, lower_is_better
from handgrad.report.figures.palette import COLOURS, CONTEXT, RIGHT, WRONG, LineStyle, shade
from handgrad.report.figures.request import Request
from handgrad.report.figures.search_shapes import Dots, Scatter, ScatterPanel, Stripe, Timeline
from handgrad.report.figures.shapes import Key, Line, Mark, Numbers
from handgrad.report.findings.search_facts import ENDED, LOST, STOPPED, SearchFacts, Trial
from handgrad.report.findings.search_sentences import NO_DECISIONS
from handgrad.report.findings.stopping import PAIRS, StoppingCost, cost_of, ladder_of
from handgrad.report.findings.summary import SettingSummary
from handgrad.report.findings.timeline_facts import TimelineFacts, timeline_facts
from handgrad.report.findings.wording import number, plural, sentence
from handgrad.study.published.search_options import RungsOptions, SearchHistoryOptions, TimelineOptions
from handgrad.training.run_keys import RunKey, key_word

UNITS = (("s", 1.0, 180.0), ("min", 60.0, 180 * 60.0), ("h", 3600.0, float("inf")))  # name, seconds, up to so many
FENCE = 3.0  # quartile distances from the quartile, beyond which dots lie at the edge
WIDE = 50.0  # ratio of losses from which the axis is logarithmic
SOFT = "#8A9199"
GROUPS = {  # state -> (its words, marker, colour)
    ENDED: ("trained to the end", "dot", RIGHT),
    STOPPED: ("stopped short, at its last epoch", "ring", SOFT),
    LOST: ("diverged or failed", "cross", WRONG),
}


NEEDS_SEARCH = "a history needs a search: settings that are drawn ([random]) or stopped short ([asha]); here is none"
NEEDS_RUNGS = "rungs need a search that stops settings short at them ([asha]); here is none"


def make_search_history(request: Request[SearchHistoryOptions]) -> Scatter | None:
    """The best of a search so far, and every setting, against settings, epochs and time.

    Raises InputError for settings of no search.
    """
    if request.search is None:
        raise InputError(NEEDS_SEARCH if request.sampling is None else "nothing of its search has run yet")
    return history_figure(request.name, request.shown, request.search, request.metric, request.options)


def make_timeline(request: Request[TimelineOptions]) -> Timeline | None:
    """Which worker trained which run when."""
    facts = timeline_facts(request.shown.values())
    return (
        None
        if facts is None
        else timeline_figure(
            request.name, facts, list(request.shown.values()), [request.search] if request.search else []
        )
    )


def make_rungs(request: Request[RungsOptions]) -> Scatter | None:
    """The rungs of a search: values there against later ones.

    Raises InputError for settings that no [asha] stops, and where no two of them went on from a rung.
    """
    facts, labels = request.search, {setting.label for setting in request.shown.values()}
    if facts is None or facts.asha is None:
        raise InputError(NEEDS_RUNGS)
    if not facts.is_decided:
        raise InputError(NO_DECISIONS[0].lower() + NO_DECISIONS[1:].rstrip("."))
    shown = replace(facts, trials=tuple(trial for trial in facts.trials if trial.label in labels))
    figure = rungs_figure(request.name, shown.trials, shown.metric, cost_of(shown))
    if figure is None:
        raise InputError(
            "from no rung did two settings with values go on to the next, so that there is nothing to show"
        )
    return figure


# -- history


def history_figure(
    name: str,
    shown: Mapping[str, SettingSummary],
    facts: SearchFacts | None,
    metric: str,
    options: SearchHistoryOptions,
) -> Scatter | None:
    """The history of a search among these settings; None where it is no search, or none of them has a value.

    A line shows the best of those that were trained to their end, as a winner is.
    """
    if facts is None:
        return None
    names = {setting.label: label for label, setting in shown.items()}
    values = {setting.label: setting.samples[metric].mean for setting in shown.values()}
    trials = [trial for trial in facts.trials if trial.label in names and trial.state in GROUPS]
    valued = {t.label: value for t in trials if t.state != LOST and (value := values[t.label]) is not None}
    if not valued:
        return None
    log = options.log == "yes" or (
        options.log == "auto" and not is_fraction(metric) and 0 < min(valued.values()) * WIDE < max(valued.values())
    )
    y_range = _range(list(valued.values()), metric, log=log)
    shown_at = {t.label: valued.get(t.label, math.nan) for t in trials}
    order = "begun" if facts.is_decided else "drawn"
    found = (_against(way, trials, shown_at, names, metric, shown, order) for way in options.against)
    panels = [panel for panel in found if panel is not None]
    if not panels:
        return None
    word, lost = METRICS[metric].word, sum(t.state == LOST for t in trials)
    beyond = sum(not y_range[0] <= value <= y_range[1] for value in valued.values())
    going = sum(trial.label in names for trial in facts.trials) - len(trials)
    timed = all(trial.at is not None for trial in trials if trial.trained)
    parts = [
        f"{sentence(word)} of every setting of the search{_mean_of(facts)}, where its last run ended; line: "
        "the best so far of those that were trained to their end.",
        "A setting that was stopped short has the value of its last epoch, and cannot win."
        if any(t.state == STOPPED for t in trials)
        else "",
        "Settings are counted in the order in which they were begun."
        if facts.is_decided
        else "Settings are counted in the order in which they were drawn, epochs "
        + ("in that in which settings ended." if timed else "too, as records do not say when settings ended."),
        f"{plural(going, 'setting')} waiting or on the way: not shown." if going else "",
        f"{plural(lost, 'setting')} that diverged or failed: at the edge." if lost else "",
        f"{plural(beyond, 'setting')} beyond the axis: at the edge." if beyond else "",
        "Long times in which nothing trained are cut out (dotted)." if any(panel.marks for panel in panels) else "",
    ]
    return Scatter(
        name=name,
        title="History of the search",
        caption=" ".join(filter(None, parts)),
        y_label=word,
        panels=tuple(panels),
        y_range=y_range,
        percent=is_fraction(metric),
        log_y=log,
        low_is_good=lower_is_better(metric),
        columns=len(panels),
    )


def _mean_of(facts: SearchFacts) -> str:
    return f" (mean over {facts.counted})" if facts.counted != "1 seed" else ""


def _range(values: Sequence[float], metric: str, *, log: bool) -> tuple[float, float]:
    """The y axis: all values but those that lie far on the worse side of most."""
    y = np.log10(np.array(values)) if log else np.array(values)
    first, third = np.quantile(y, [0.25, 0.75])
    low, high = float(y.min()), float(y.max())
    if third > first:
        if lower_is_better(metric):
            high = min(high, float(third + FENCE * (third - first)))
        else:
            low = max(low, float(first - FENCE * (third - first)))
    margin = 0.06 * (high - low) or 0.02 * (abs(high) or 1.0)
    ends = low - margin, high + margin
    return (10 ** ends[0], 10 ** ends[1]) if log else ends


def _against(
    way: str,
    trials: Sequence[Trial],
    y: Mapping[str, float],
    names: Mapping[str, str],
    metric: str,
    shown: Mapping[str, SettingSummary],
    order: str,
) -> ScatterPanel | None:
    """The panel against one measure of work; None where records do not say it."""
    marks: list[Mark] = []
    if way == "settings":
        x, label = {t.label: float(t.number) for t in trials}, f"settings {order}"
    elif way == "epochs":
        x, label = {t.label: float(t.spent) for t in trials}, "epochs of all runs"
    else:
        times = timeline_facts(shown.values())
        if times is None or any(t.at is None for t in trials if t.trained):
            return None
        unit, size = unit_of(times.span)
        x, label = {t.label: times.place(t.at) / size for t in trials if t.at is not None}, f"time ({unit})"
        marks = _cut_marks(times, size)
    dots = []
    for state, (words, marker, colour) in GROUPS.items():
        own = [t.label for t in trials if t.state == state and t.label in x]
        xs, ys = np.array([x[one] for one in own]), np.array([y[one] for one in own])
        runs = tuple(tuple(run.id for run in shown[names[one]].runs) for one in own)
        dots.append(Dots(words, marker, colour, tuple(names[one] for one in own), xs, ys, runs=runs))
    ended = sorted((t.label for t in trials if t.state == ENDED), key=x.__getitem__)
    lines: tuple[Line, ...] = ()
    if ended:
        best = (np.minimum if lower_is_better(metric) else np.maximum).accumulate([y[one] for one in ended])
        end = max(x.values())
        reach = np.array([*(x[one] for one in ended), end])
        lines = (Line("best so far", reach, np.array([*best, best[-1]]), style=LineStyle(COLOURS[1], width=1.8)),)
    return ScatterPanel("", label, tuple(dots), lines, steps=True, marks=tuple(marks))


def unit_of(seconds: float) -> tuple[str, float]:
    """(name, seconds) of the unit in which a time is shown.

    >>> unit_of(12), unit_of(600), unit_of(90_000)
    (('s', 1.0), ('min', 60.0), ('h', 3600.0))
    """
    return next((name, size) for name, size, most in UNITS if seconds <= most)


def _cut_marks(times: TimelineFacts, size: float) -> list[Mark]:
    found = []
    for begin, end in times.cuts:
        unit, own = unit_of(end - begin)
        found.append(Mark(times.place(begin) / size, f"{(end - begin) / own:.0f} {unit} cut out"))
    return found


# -- timeline


def timeline_figure(
    name: str, facts: TimelineFacts, settings: Sequence[SettingSummary], searches: Sequence[SearchFacts]
) -> Timeline:
    """A row for each worker; of searches that stop settings, colours say to which epoch a stretch went."""
    unit, size = unit_of(facts.span)
    rows = sorted({(one.worker, one.place) for one in facts.stretches})
    shared = {worker for worker, place in rows if place}
    row_names = [
        f"worker {worker + 1}" + (f", place {place + 1}" if worker in shared else "") for worker, place in rows
    ]
    seeds = max(len(setting.runs) for setting in settings)
    status = {(s.label, run.key): run.status for s in settings for run in s.runs}
    levels = {t.label: t.levels for search in searches if search.asha is not None for t in search.trials}
    ends = sorted({epoch for own in levels.values() for epoch in own})
    blocks = [(shade(i / max(1, len(ends) - 1)), f"to epoch {epoch}") for i, epoch in enumerate(ends)]
    others = [(RIGHT, "to its end"), (WRONG, "until it diverged")]
    stripes, links = [], []
    last: dict[tuple[str, RunKey], tuple[float, int]] = {}
    for one in facts.stretches:
        row = rows.index((one.worker, one.place))
        start, end = facts.place(one.began) / size, facts.place(one.ended) / size
        own = levels.get(one.label, ())
        goal = next((epoch for epoch in own if one.until <= epoch), None)
        diverged = status.get((one.label, one.key)) == "diverged"
        block = len(blocks) + 1 if diverged and not own else len(blocks) if goal is None else ends.index(goal)
        about = f"epochs {one.since + 1} to {one.until}" if one.until > one.since else f"epoch {one.since + 1}"
        who = f"{one.label}, {key_word(one.key)}" if seeds > 1 else one.label
        stripes.append(Stripe(row, start, end, block, who, about))
        if (one.label, one.key) in last:
            links.append((*last[one.label, one.key], start, row))
        last[one.label, one.key] = end, row
    used = sorted({one.block for one in stripes})
    every = [*blocks, *others]
    caption = (
        f"Every stretch in which a run was trained, on {plural(facts.workers, 'worker')} (processes of the study) "
        f"that trained for {100 * facts.busy:.0f} % of {facts.span / size:.3g} {unit}; the rest went into starting, "
        "reading, compiling and writing. The first stretch of a worker includes loading the engine."
    )
    if links:
        caption += " Thin lines: pauses of a run, up to the stretch in which it went on."
    if facts.cuts:
        caption += " Long times in which nothing trained are cut out (dotted)."
    if facts.untimed:
        caption += f" {plural(facts.untimed, 'run')} of an earlier version, which did not record when: not shown."
    return Timeline(
        name=name,
        title="Timeline: which worker trained what when",
        caption=caption,
        x_label=f"time ({unit})",
        rows=tuple(row_names),
        stripes=tuple(
            Stripe(one.row, one.start, one.end, used.index(one.block), one.name, one.about) for one in stripes
        ),
        key=Key("trained", tuple(every[block] for block in used)),
        links=tuple(links),
        marks=tuple(_cut_marks(facts, size)),
    )


# -- rungs


def rungs_figure(name: str, trials: Sequence[Trial], metric: str, cost: StoppingCost | str) -> Scatter | None:
    """A panel for each rung from which settings went on: their values there against those at a later level.

    The later level is the one up to which the others can tell (`stopping_cost`); the next one where they cannot.
    """
    ladder = ladder_of(trials)
    known = cost if isinstance(cost, StoppingCost) else None
    panels = []
    for k, epoch in enumerate(ladder[:-1]):
        later = ladder.index(known.epoch) if known is not None and known.epoch > epoch else k + 1
        went = [(t, t.values[k], t.values[later]) for t in trials if len(t.values) > later]
        on = [(t.label, x, y) for t, x, y in went if x is not None and y is not None]
        if len(on) > 1:
            panels.append(_rung_panel(epoch, ladder[later], on, known, is_fraction(metric)))
    if not panels:
        return None
    parts = [one.y for panel in panels for one in panel.dots if len(one.y)]
    parts += [end for panel in panels for one in panel.dots if one.low is not None and one.high is not None
              for end in (one.low, one.high)]  # fmt: skip
    values = np.concatenate(parts)
    log = not is_fraction(metric) and 0 < values.min() * WIDE < values.max()
    y_range = _range(values.tolist(), metric, log=log)
    caption = f"{sentence(METRICS[metric].word)} at a rung, and later. Dots: settings that went on."
    if known is not None:
        caption += (
            " Rings: settings that were stopped short, at the value foretold of them, with its 95 % interval: from "
            f"level to level, by lines through those that went on (at least {PAIRS}; docs/report.md). Dashed: the best "
            f"that was seen, {number(known.best, metric)}."
        )
    else:
        caption += f" Of those that were stopped short nothing can be foretold: {cost}."
    beyond = int(sum((part < y_range[0]).sum() + (part > y_range[1]).sum() for part in parts))
    if beyond:
        caption += " What lies beyond the axis is at its edge."
    return Scatter(
        name=name,
        title="Settings that were stopped short, and what the others tell of them",
        caption=caption,
        y_label=METRICS[metric].word,
        panels=tuple(panels),
        y_range=y_range,
        percent=is_fraction(metric),
        log_y=log,
        low_is_good=lower_is_better(metric),
        columns=min(3, len(panels)),
    )


def _rung_panel(
    epoch: int, later: int, on: Sequence[tuple[str, float, float]], known: StoppingCost | None, percent: bool
) -> ScatterPanel:
    stopped = [one for one in known.predicted if one.epoch == epoch] if known and known.epoch == later else []
    dots = [
        Dots("went on", "dot", RIGHT, tuple(label for label, _, _ in on), *_columns([(x, y) for _, x, y in on])),
        Dots(
            "stopped short, foretold",
            "ring",
            SOFT,
            tuple(one.label for one in stopped),
            np.array([one.value for one in stopped]),
            np.array([one.median for one in stopped]),
            np.array([one.low for one in stopped]),
            np.array([one.high for one in stopped]),
        ),
    ]
    lines: tuple[Line, ...] = ()
    if known is not None and known.epoch == later:
        every = [x for _, x, _ in on] + [one.value for one in stopped]
        level = np.array([known.best, known.best])
        lines = (Line("best seen", np.array([min(every), max(every)]), level, style=LineStyle(CONTEXT.colour, "dash")),)
    return ScatterPanel(f"epoch {epoch} and epoch {later}", f"at epoch {epoch}", tuple(dots), lines, percent_x=percent)


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[Numbers, Numbers]:
    x, y = np.array(pairs, np.float64).reshape(-1, 2).T
    return x, y
