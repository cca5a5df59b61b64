"""How figures are drawn for print: how wide they are, and in which letters.

[report]                         of all figures of a report
[[figure]]                       of one, beside its other keys
"""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, field_validator

from handgrad.accepts import accepts, number
from handgrad.names import shown
from handgrad.sections import Section, optional, real, text

COLUMNS = {"single": 3.3, "double": 7.0}  # inches: a column of a two-column page, and both


@accepts({"enum": list(COLUMNS)})
def _column(value: Any) -> str:
    if not isinstance(value, str) or value not in COLUMNS:
        allowed = " or ".join(f"{name} ({inches:g} inches)" for name, inches in COLUMNS.items())
        raise ValueError(f"must be {allowed}; got {shown(value)}; any other width is given in inches, as width")
    return value


def _in_units(interval: str, unit: str) -> Callable[[Any], float]:
    """A validator for a number with a unit."""
    check = real(interval)

    @accepts(number(interval))
    def checked(value: Any) -> float:
        try:
            return check(value)
        except ValueError:
            raise ValueError(f"must be a number of {unit} in {interval}") from None

    return checked


class PrintOptions(Section):
    """What is said of figures for print; None leaves it to what stands around.

    column: "single" (3.3 inches) or "double" (7 inches) of a two-column page;  width: inches, in place of a column;
    font_size: points of axis labels, from which all letters follow;  font: "sans-serif", "serif", "monospace" or the
    name of a font that is installed where the report is made.
    """

    column: Annotated[str | None, BeforeValidator(optional(_column))] = None
    width: Annotated[float | None, BeforeValidator(optional(_in_units("[2, 20]", "inches")))] = None
    font_size: Annotated[float | None, BeforeValidator(optional(_in_units("[4, 24]", "points")))] = None
    font: Annotated[str | None, BeforeValidator(optional(text))] = None

    @field_validator("width")
    @classmethod
    def _alone(cls, width: float | None, info: ValidationInfo) -> float | None:
        if width is not None and (column := info.data.get("column")) is not None:
            raise ValueError(f"and column both say how wide figures are; got {width:g} and {column!r}; keep one")
        return width

    @property
    def inches(self) -> float | None:
        """How wide figures are; None where nothing is said."""
        return self.width or (COLUMNS[self.column] if self.column else None)

    def over(self, around: "PrintOptions") -> "PrintOptions":
        """These options, and those around them where these say nothing; a column or a width replaces both."""
        wide = self if self.inches else around
        return PrintOptions(
            column=wide.column,
            width=wide.width,
            font_size=self.font_size or around.font_size,
            font=self.font or around.font,
        )


AS_USUAL = PrintOptions()
