"""The table that describes a network of dense layers and dropout to the kernels: a row of whole numbers a stage.

Stage 0 is the input, stage l ≥ 1 the l-th dense layer with its activation and the dropout behind it.  The constants
below are the columns.  They are read as `stages.W`, so that none is taken for a column of `ops`, the other table.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.vectors import inlined

N_IN, N_OUT = 0, 1  # inputs and outputs of the stage (stage 0: both the number of pixels)
NARROW = 2  # 1 where W is kept transposed (see `dense_layers`)
W, B = 3, 4  # where W and b begin in the parameters
ACTIVATION = 5  # its code
DROPOUT, LIMIT = 6, 7  # position of the dropout layer in the network (-1: none); units with smaller bits are dropped
A, MASK, X = 8, 9, 10  # where its outputs, its mask and the inputs of the next stage begin in the workspace
DZ = 11  # where dz begins in the workspace
DERIVATIVE = 12  # code of the activation whose derivative is taken: its own, but for slips
WAY, POINT = 13, 14  # how it is taken, and where what it is taken at begins in the workspace: A, but for slips
COLUMNS = 15


@inlined
def of_stage(net: Any, stage: int, column: int) -> int:
    """One number of a stage; the table is kept flat."""
    return net[stage * COLUMNS + column]
