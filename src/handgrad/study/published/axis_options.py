"""The options of figures that show what hyperparameters do.

An axis is named by its path, `training.optimizer.lr`, or as reports call it, `lr`.
"""

from typing import Annotated

from pydantic import BeforeValidator

from handgrad.sections import one_of
from handgrad.study.published.option_values import FigureOptions, Flag, Name, Names

METHODS = ("auto", "variance", "forest")


class AxesOptions(FigureOptions):
    """Settings along the axes that vary among them.  axes: those shown; all where it is not given."""

    settings = (2, None)
    axes: Names = None


class HeatMapOptions(FigureOptions):
    """Two axes against each other, over everything else that varies.

    x, y: the axes; where they are not given, the first two that vary.
    """

    settings = (2, None)
    x: Name | None = None
    y: Name | None = None


class ImportanceOptions(FigureOptions):
    """Shares of the variance.

    method: "variance", the shares of a grid with seeds as repeats, or "forest", fANOVA of a random forest; auto is
    variance for settings that were listed, if they can be separated, and forest for those that were drawn.
    lost: whether settings of which runs were lost count.
    """

    settings = (2, None)
    method: Annotated[str, BeforeValidator(one_of(METHODS, "method"))] = "auto"
    lost: Flag = True


class ExpectedBestOptions(FigureOptions):
    """The best of n settings that were drawn at random, for every n up to their number."""

    settings = (2, None)
