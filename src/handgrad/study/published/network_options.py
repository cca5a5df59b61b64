"""The options of figures that show one trained network: its mistakes, its weights, what it says of examples."""

from typing import Annotated

from pydantic import BeforeValidator

from handgrad.sections import one_of, whole
from handgrad.study.published.option_values import Count, FigureOptions, Seed


class ConfusionOptions(FigureOptions):
    """The confusion matrix of one run.  part: auto is test where there is a test part, else validation."""

    settings = (1, 1)
    part: Annotated[str, BeforeValidator(one_of(("auto", "validation", "test"), "part"))] = "auto"
    show: Annotated[str, BeforeValidator(one_of(("both", "percent", "count"), "word"))] = "both"
    seed: Seed = "best"


class TemplatesOptions(FigureOptions):
    """First-layer weights (or filters) of one run as pictures.  units: the first so many."""

    settings = (1, 1)
    units: Annotated[int, BeforeValidator(whole("[1, 256]"))] = 64
    columns: Count = 8
    seed: Seed = "best"


class PredictionsOptions(FigureOptions):
    """Sample images with actual and predicted classes.  when: of the untrained network, the trained one, or both."""

    settings = (1, 1)
    when: Annotated[str, BeforeValidator(one_of(("both", "before", "after"), "word"))] = "both"
    examples: Annotated[int, BeforeValidator(whole("[1, 10]"))] = 10
    seed: Seed = "best"


class MistakesOptions(FigureOptions):
    """The most confident mistakes of one run as pictures.

    part: auto is test where there is a test part, else validation.  examples: the first so many.
    """

    settings = (1, 1)
    part: Annotated[str, BeforeValidator(one_of(("auto", "validation", "test"), "part"))] = "auto"
    examples: Annotated[int, BeforeValidator(whole("[1, 25]"))] = 25
    columns: Count = 5
    seed: Seed = "best"
