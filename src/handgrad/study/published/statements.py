"""What an original says in words, as data that can be judged: [[original.statement]].

    says = "disrupts accuracy quite significantly", where = "l. 116"
    claim = "worse", setting = "weight decay 1e-4", than = "baseline"

`CLAIMS` is the table of what can be claimed: what each needs beside it, and the function that judges it by the runs.
A claim of one's own is one more record.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator

from handgrad.measures import METRICS
from handgrad.names import short, shown, unknown
from handgrad.sections import one_of, optional, real
from handgrad.study.changes import is_path
from handgrad.study.published.figure_options import Function
from handgrad.study.published.items import Flag, Note, Phases, References, Saying, left_of, references
from handgrad.study.published.numbers import MEASURES

CURVES = tuple(METRICS)  # measures that have a value after every epoch
_JUDGES = "handgrad.report.reproduced.claims"
_CURVES = "handgrad.report.reproduced.curve_claims"
_GRADIENTS = "handgrad.report.reproduced.gradient_claims"


@dataclass(frozen=True)
class Claim:
    """Something that can be said of settings.

    about: what it says, in a sentence that begins with the settings;  judge: from what is claimed to a `Ruling`
    (`report/reproduced/rulings.py`), or its name "module:function";  than: whether it compares with other settings:
    "needed", "possible" or "none";  level: likewise;  measures: those that it can be about;  along, margin: whether it
    takes them.
    """

    about: str
    judge: Function
    than: str = "needed"
    measures: tuple[str, ...] = ()
    along: bool = False
    level: str = "none"
    margin: bool = False


CLAIMS: dict[str, Claim] = {
    "better": Claim("better than", f"{_JUDGES}:better", measures=tuple(MEASURES)),
    "worse": Claim("worse than", f"{_JUDGES}:worse", measures=tuple(MEASURES)),
    "equal": Claim("as good as", f"{_JUDGES}:equal", measures=tuple(MEASURES), margin=True),
    "reaches": Claim("reaches", f"{_JUDGES}:reaches", than="none", measures=tuple(MEASURES), level="needed"),
    "best": Claim("best", f"{_JUDGES}:best", than="possible", measures=tuple(MEASURES)),
    "worst": Claim("worst", f"{_JUDGES}:worst", than="possible", measures=tuple(MEASURES)),
    "rises": Claim("rises with", f"{_JUDGES}:rises", than="none", measures=tuple(MEASURES), along=True),
    "falls": Claim("falls with", f"{_JUDGES}:falls", than="none", measures=tuple(MEASURES), along=True),
    "faster": Claim("learns faster than", f"{_CURVES}:faster", measures=CURVES, level="possible"),
    "slower": Claim("learns slower than", f"{_CURVES}:slower", measures=CURVES, level="possible"),
    "smoother": Claim("has a smoother curve than", f"{_CURVES}:smoother", measures=CURVES),
    "more-volatile": Claim("has a more volatile curve than", f"{_CURVES}:more_volatile", measures=CURVES),
    "vanishes": Claim("has vanishing gradients beside", f"{_GRADIENTS}:vanishes"),
    "overfits": Claim("overfits", f"{_JUDGES}:overfits", than="possible"),
    "underfits": Claim("underfits beside", f"{_JUDGES}:underfits"),
    "explodes": Claim("explodes", f"{_JUDGES}:explodes", than="none"),
    "collapses": Claim("collapses to one class", f"{_JUDGES}:collapses", than="none"),
    "learns": Claim("learns", f"{_JUDGES}:learns", than="none"),
}


class Statement(Saying):
    """A statement of the original.

    says: its words, quoted, or in substance where `verbatim` is false;  where: their place in the original;  setting,
    than: one reference or a list of them, of which all settings are meant together;  measure: by default the one that
    chose the winner;  along: an axis or a measure;  level: of a curve, by default 95 % of the way to the best, or what
    is reached;  margin: within which two are equal, by default 0.01 of an accuracy and a tenth of anything else.
    """

    claim: Annotated[str, BeforeValidator(one_of(CLAIMS, "claim"))]
    phase: Phases = ("main",)
    setting: Annotated[tuple[Any, ...] | None, BeforeValidator(optional(references))] = None
    than: Annotated[tuple[Any, ...] | None, BeforeValidator(optional(references))] = None
    measure: Annotated[str | None, BeforeValidator(optional(one_of(MEASURES, "measure")))] = None
    along: Note = None
    level: Annotated[float | None, BeforeValidator(optional(real()))] = None
    margin: Annotated[float | None, BeforeValidator(optional(real("(0, inf)")))] = None
    verbatim: Flag = True
    note: Note = None

    @property
    def named(self) -> str:
        """What messages call it."""
        return f'original statement "{short(self.says, 60)}"'

    def part_problems(self) -> list[str]:
        """Keys that its claim needs and does not have, or has and does not take."""
        claim, found = CLAIMS[self.claim], list[str]()
        what = f"claim {self.claim!r}"
        if claim.than == "needed" and self.than is None:
            found.append(f'{self.named}.than is missing: {what} compares two, as in than = "baseline"')
        takes = {
            "than": claim.than != "none",
            "along": claim.along,
            "level": claim.level != "none",
            "margin": claim.margin,
        }
        takes["measure"] = bool(claim.measures)
        found += [
            f"{self.named}.{key}: {what} takes none; take it out"
            for key, taken in takes.items()
            if not taken and getattr(self, key) is not None
        ]
        if claim.along and self.along is None:
            found.append(f"{self.named}.along is missing: {what} needs an axis or a measure, such as network.hidden")
        if claim.level == "needed" and self.level is None:
            found.append(f"{self.named}.level is missing: {what} needs a number, such as 0.95")
        if claim.measures and self.measure is not None and self.measure not in claim.measures:
            of = unknown(self.measure, claim.measures, "measure")
            found.append(f"{self.named}.measure is an {of}, of {what}, which is about curves")
        return found

    def reference_problems(self, refs: References) -> list[str]:
        """What of it fits no phase, setting or axis of the study."""
        if (found := refs.phase_problems(self.phase, self.named)) or not self.run:
            return found
        for key, named in (("setting", self.setting), ("than", self.than)):
            for reference in named or ():
                try:
                    refs.find(reference, self.phase)
                except ValueError as error:
                    found.append(f"{self.named}.{key} {error}")
        if self.along is not None and self.along not in MEASURES and refs.shown(self.along) not in refs.axes:
            known = [*(axis for axis in refs.axes if is_path(axis)), *refs.axes, *MEASURES]
            found.append(f"{self.named}.along is an " + unknown(self.along, dict.fromkeys(known), "axis"))
        if not found and self.claim in ("best", "worst") and (n := len(self.settings_of(self.setting, refs))) != 1:
            found.append(f"{self.named}.setting must be one setting: claim {shown(self.claim)}; got {n}")
        return found

    def settings_of(self, named: Iterable[Any] | None, refs: References) -> list[Any]:
        """The references that `setting` or `than` means, each once; all of the phases where nothing is named."""
        found = [one for reference in named or (None,) for one in refs.find(reference, self.phase)]
        return list(dict.fromkeys(found))

    def narrowed(self, before: References, after: References) -> Self:
        """The same for a study that varies less, or otherwise: one whose settings are not all left is not run."""
        named = [*(self.setting or ()), *(self.than or ())]
        numbers = [one for one in named if isinstance(one, str) and one in before.numbers]
        moved = [one for one in numbers if before.numbers[one] != after.numbers.get(one)]
        there = all(left_of(one, self.phase, before, after) for one in named) and all(after.of([p]) for p in self.phase)
        return self if there and not moved else self.model_copy(update={"run": False})
