"""How figures are drawn for print: how wide they are, and in which letters.

[report]                         of all figures of a report
[[figure]]                       of one, beside its other keys
"""

from typing import Annotated

from pydantic import BeforeValidator

from handgrad.sections import Section, one_of, optional, real, text

COLUMNS = {"single": 3.3, "double": 7.0}  # inches: a column of a two-column page, and both


class PrintOptions(Section):
    """What is said of figures for print; None leaves it to what stands around.

    column: "single" (3.3 inches) or "double" (7 inches) of a two-column page;  width: inches, in place of a column;
    font_size: points of axis labels, from which all letters follow;  font: "sans-serif", "serif", "monospace" or the
    name of a font that is installed where the report is made.
    """

    column: Annotated[str | None, BeforeValidator(optional(one_of(COLUMNS, "column")))] = None
    width: Annotated[float | None, BeforeValidator(optional(real("[2, 20]")))] = None
    font_size: Annotated[float | None, BeforeValidator(optional(real("[4, 24]")))] = None
    font: Annotated[str | None, BeforeValidator(optional(text))] = None

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
