"""What tables say of each setting against the best, and the table of settings that lost runs."""

from handgrad.measures import is_fraction
from handgrad.report.findings.against_best import BEHIND, BEST, BOTH, OPEN
from handgrad.report.findings.conclusions import Conclusions
from handgrad.report.findings.intervals import Interval
from handgrad.report.findings.spreads import LOST_IS
from handgrad.report.findings.summary import PhaseSummary, SettingSummary
from handgrad.report.findings.wording import AS_SEEN, holds_for, mean_std, number, percent, plural, signed
from handgrad.report.tables.table import Cell, Column, Row, Table, cell

DIFFERENCE, VERDICT, CHANCE = "difference", "verdict", "chance"  # the columns, for sentences about them
FOLDS_SHARE = (
    "Every training example validates once in a division; folds share training examples, for which intervals are "
    "corrected."
)


def not_behind(found: Conclusions, label: str) -> bool:
    """Whether a setting is the best, or compared with it and not behind: these are shaded, where runs show a spread."""
    one = found.against.get(label)
    return one is not None and (one.word == BEST or (found.tested and one.word != BEHIND))


def against_columns(phase: PhaseSummary, found: Conclusions) -> list[Column]:
    """The columns of `against_cells`."""
    unit = ", points" if is_fraction(phase.metric) else ""
    difference, verdict, chance = (
        tuple(sentence for sentence, columns in _against_notes(phase, found) if column in columns)
        for column in (DIFFERENCE, VERDICT, CHANCE)
    )
    keys = ("difference", "low", "high", "shared_seeds")
    columns = [Column(f"difference from best{unit}", keys, numeric=True, notes=difference)]
    columns.append(Column("verdict", ("verdict", "more_seeds"), notes=verdict))
    last = Column("chance to be best", ("chance",), numeric=True, notes=chance)
    return [*columns, last] if found.tested else columns


def against_cells(setting: SettingSummary, found: Conclusions) -> list[Cell]:
    """Difference from the best with its simultaneous interval; the word; the chance to be best."""
    one = found.against.get(setting.label)
    cells = [] if not found.tested else [_chance(one.chance if one else None)]
    if one is None:
        return [Cell("–", (None,) * 4), Cell("not compared", (None, None)), *cells]
    if one.word == BEST:
        return [Cell("", (None, None, None, one.n)), Cell(BEST, (BEST, None), bold=True), *cells]
    text = "–" if one.difference is None else points(one.difference, found.metric)
    if one.low is not None and one.high is not None:
        text += f" ({points(one.low, found.metric)} to {points(one.high, found.metric)})"
    word = one.word
    if word == OPEN and one.more_seeds is not None:
        word += f" (+{plural(one.more_seeds, found.unit)})"
    if word == BEHIND and found.within_margin([setting.label]):
        word += " (within margin)"
    return [
        Cell(text, (one.difference, one.low, one.high, one.n)),
        Cell(word, (one.word, one.more_seeds)),
        *cells,
    ]


def points(value: float, metric: str) -> str:
    """A difference with its sign, where a heading says the unit.

    >>> points(-0.0312, "val_accuracy")
    '−3.12'
    """
    return signed(value, metric).removesuffix(" points")


def _chance(share: float | None) -> Cell:
    if share is None:
        return cell(None)
    return cell(share, "< 1 %" if share < 0.01 else "> 99 %" if share > 0.99 else percent(share, 0))


def against_caption(phase: PhaseSummary, found: Conclusions) -> list[str]:
    """How differences, words and chances were computed."""
    return [sentence for sentence, _ in _against_notes(phase, found)]


def _against_notes(phase: PhaseSummary, found: Conclusions) -> list[tuple[str, tuple[str, ...]]]:
    """The sentences of `against_caption`, each with the columns that it is about."""
    both = (DIFFERENCE, VERDICT)
    if not found.tested:
        text = (
            f"Difference: from the best, on shared {found.unit}s. No {found.unit} shows a spread: every other setting "
            "is not separated from the best, and none but that is shaded."
        )
        return [(text, both)]
    fraction = is_fraction(phase.metric)
    text = (
        f"Difference: from the best, on shared {found.unit}s, with its simultaneous 95 % interval: any of the settings "
        "could have come out best."
    )
    said: list[tuple[str, tuple[str, ...]]] = [(text, both)]
    if any(setting.count("diverged") for setting in phase.settings):
        said.append((f"A diverged run counts as {'guessing' if fraction else 'three times the worst loss'}.", both))
    said.append(("Behind: that interval excludes 0, and those of all that rank below do.", (VERDICT,)))
    if found.margin is not None:
        margin = signed(found.margin, found.metric).removeprefix("+")
        text = f"Equivalent: it lies within ± {margin}, and those of all that rank above do."
        said.append((text, (VERDICT,)))
    text = f"Not separated: neither; in brackets how many further {found.unit}s would decide, {AS_SEEN}."
    said.append((text, (VERDICT,)))
    first = "highest" if fraction else "lowest"
    text = f"Chance: share of draws around the means seen in which it has the {first}; too large where many are close."
    said.append((text, (CHANCE,)))
    said.append(("Shaded (†): the best, and all that are not behind.", (VERDICT,)))
    return [*said, (_intervals_over(phase, found), both)]


def _intervals_over(phase: PhaseSummary, found: Conclusions) -> str:
    """What intervals speak of: other seeds, other examples, or both."""
    n = found.examples
    over = holds_for(phase.settings, phase.metric)
    if phase.folded:
        return f"Intervals hold for {over}. {FOLDS_SHARE}"
    if phase.has_own_examples:
        corrected = "splits share training examples, for which they are corrected"
        return f"Intervals are {phase.over_seeds} and hold for {over}; {corrected}."
    if found.noise == BOTH:
        both = holds_for(phase.settings, phase.metric, examples=True)
        return (
            f"Intervals of differences hold for {both} (by {plural(n or 0, 'example')}, paired by example). "
            f"Those of one setting's mean are {phase.over_seeds} and hold for {over}."
        )
    scored = f" ({plural(n, 'example')})" if n else ""
    return f"Intervals are {phase.over_seeds} and hold for {over}{scored}."


def lost_table(phase: PhaseSummary, found: Conclusions, name: str, title: str) -> Table | None:
    """A row for every setting of which a run collapsed, diverged or ended far below its others; None where none did."""
    if not found.lost:
        return None
    unit = " %" if is_fraction(phase.metric) else ""
    columns = [
        Column("setting"),
        Column("runs lost", ("lost", "runs"), numeric=True),
        Column("chance of that (95 %)", ("lost_low", "lost_high"), numeric=True),
        Column(f"median{unit}", ("median",), numeric=True),
        Column(f"IQM{unit}", ("interquartile_mean",), numeric=True),
        Column(f"mean of others{unit}", ("others_mean", "others_std", "others_n"), numeric=True),
        Column("95 % interval", ("others_low", "others_high"), numeric=True),
        Column("any run (95 %)", ("any_run_low", "any_run_high"), numeric=True),
    ]
    rows = []
    for label in found.lost:
        one = found.outcomes[label]
        fall = one.fall
        chance = f"{100 * fall.low:.0f} to {100 * fall.high:.0f} %" if fall else "–"
        others = one.others
        mean = mean_std(others, found.metric) or "–"
        rows.append(
            Row(
                (
                    cell(label, bold=label == phase.winner),
                    Cell(f"{one.fallen} of {one.n}", (one.fallen, one.n)),
                    Cell(chance, (fall.low, fall.high) if fall else (None, None)),
                    _number(one.median, found.metric),
                    _number(one.interquartile_mean, found.metric),
                    Cell(mean, (others.mean, others.std, others.n)),
                    _ends(others.interval, found.metric),
                    _ends(one.mean, found.metric),
                )
            )
        )
    caption = (
        f"Lost: {LOST_IS}: by 0.25 on the scale arcsin √accuracy (95 % to 80 %; a loss three times as large), by five "
        "standard deviations of the other runs, and by five of what the examples leave open. Chance: exact binomial "
        "(Clopper and Pearson 1934). IQM, interquartile mean: without ⌊n/4⌋ runs at either end (Agarwal 2021). Any "
        "run: the mean over all seeds there could be, lost ones too; from the intervals of the chance and of the "
        "others, both at 97.5 %."
    )
    if phase.folded:
        caption += (
            " Chances and the mean of any run take runs to be independent; those of one seed or fold may be lost "
            "together, and the intervals are then too narrow."
        )
    if any(setting.count("diverged") for setting in phase.settings):
        caption += " A diverged run counts as guessing." if unit else " A diverged run is worse than all others."
    return Table(name, title, caption, tuple(columns), tuple(rows))


def _value(value: float, metric: str) -> str:
    return number(value, metric).removesuffix(" %")


def _number(value: float | None, metric: str) -> Cell:
    return cell(value, None if value is None else _value(value, metric))


def _ends(interval: Interval | None, metric: str) -> Cell:
    if interval is None:
        return Cell("–", (None, None))
    low, high = interval.shown(metric)
    return Cell(f"{_value(low, metric)} to {_value(high, metric)}", (interval.low, interval.high))
