"""The options of figures that show examples of the data: by class, on the plane, on their way through a network."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from handgrad.measures import PARTS
from handgrad.sections import is_whole, one_of
from handgrad.study.published.option_values import Count, FigureOptions, Name, Seed

EXAMPLES = ("sample", "mistake")  # that need no number
PartOrAuto = Annotated[str, BeforeValidator(one_of(("auto", *PARTS), "part"))]


HeldOut = Annotated[str, BeforeValidator(one_of(("auto", "validation", "test"), "part"))]


def _example(value: Any) -> int | str:
    if is_whole(value, 0):
        return int(value)
    if not isinstance(value, str) or value not in EXAMPLES:
        raise ValueError(
            "must be the index of an example among those of the data set, from 0, as in the CSV of predictions and "
            f"mistakes, or one of: {', '.join(EXAMPLES)}"
        )
    return value


Example = Annotated[int | str, BeforeValidator(_example)]


class ClassBalanceOptions(FigureOptions):
    """Examples of each class in the parts of the data that one setting learns from.  seed: whose split it is."""

    settings = (1, 1)
    seed: Seed = "best"


class TargetOptions(FigureOptions):
    """Predicted targets of one setting, where numbers are predicted.

    target: its name, by default the first.  part: whose examples are shown; auto is test where there is a test part,
    else validation.
    """

    settings = (1, 1)
    target: Name | None = None
    part: HeldOut = "auto"
    seed: Seed = "best"


class RocOptions(FigureOptions):
    """ROC curves of one setting, where labels are told, or two classes by one output.  part: as for targets."""

    settings = (1, 1)
    part: HeldOut = "auto"
    seed: Seed = "best"


class RegionsOptions(FigureOptions):
    """The class predicted at every point of the plane, for data of two features; a panel for each setting.

    part: whose examples are shown on it; auto is test where there is a test part, else validation, else train.
    """

    part: PartOrAuto = "auto"
    columns: Count = 3
    seed: Seed = "best"


class ActivationsOptions(FigureOptions):
    """The outputs of every layer for one example.

    example: its index among the examples of the data set that the part was taken from, from 0; "sample", the first of
    those whose predictions are recorded, or "mistake", the most confident mistake.
    part: that it is in; auto is test where there is a test part, else validation, else train.
    """

    settings = (1, 1)
    chosen: Example = Field("sample", alias="example")
    part: PartOrAuto = "auto"
    seed: Seed = "best"
