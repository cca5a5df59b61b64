"""A network of images as a program: a table with one row for each operation, which the kernels work off in order.

A chunk of a batch is cut into *blocks* of B examples, and the example is the innermost axis of a block's images:

    element (channel c, row r, column q, lane i) of block g  is at  A + g·BLOCK + c·PLANE + r·PITCH + q·B + i

So vectors run along examples and columns for every B, and every operation of images is a few loops over rows.
PITCH may be larger than columns·B: a convolution keeps the pitch of its input, so that one offset a tap leads from an
output to what it is made of.  Around every plane there is room for what vectors write past the end of a row.

Behind `FLATTEN` examples are rows of matrices in panels (`layout`), for dense layers.  A is where the outputs of an
operation begin in the workspace and D, laid out alike, where their gradients do.

The constants below are the columns of the table and, at the end, the kinds of operations.  They are read as `ops.W`,
so that none is taken for a column of `stages`, the other table.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.vectors import inlined

KIND, LAYER, ACTIVATION = 0, 1, 2  # LAYER: position in the network
CHANNELS, ROWS, COLS = 3, 4, 5  # shape of its outputs (of matrices: units, 1, 1)
PITCH, PLANE, BLOCK, FRONT = 6, 7, 8, 9  # FRONT: free numbers before the first plane
A, D = 10, 11
W, W_END, BIAS, BIAS_END = 12, 13, 14, 15  # in the parameters: W and b, or γ and β
MEAN, VARIANCE, STATISTICS = 16, 17, 18  # batch norm: running ones in the parameters; in the workspace, the batch's
LIMIT, MASK = 19, 20  # dropout: units with smaller bits are dropped; where the mask begins
SIZE_ROWS, SIZE_COLS, STRIDE_ROWS, STRIDE_COLS = 21, 22, 23, 24  # windows of pools; of `ARRANGE`, the strides
PAD_ROWS, PAD_COLS = 25, 26
TAPS, TAP_LIST = 27, 28  # of a filter: how many taps, and where they begin in the list of taps
BACK_LIST = 29  # the same for the gradient of the input: see `convolution`
RUNS, LENGTH = 30, 31  # an output plane as so many runs of so many numbers (see `convolution`)
BACK_RUNS, BACK_LENGTH = 32, 33  # the input's planes
TAP_RUNS, TAP_LENGTH = 34, 35  # output planes, when the gradient of the filters is summed
N_IN, NARROW = 36, 37  # dense: inputs; 1 where W is kept transposed
ONCE = 38  # pools: 1 where every pixel is in exactly one window
DERIVATIVE = 39  # code of the activation whose derivative is taken: its own, but for slips
WAY, POINT = 40, 41  # how it is taken, and where what it is taken at begins in the workspace: A, but for slips
COLUMNS = 42

IMAGES, ROWS_OF_NUMBERS, ARRANGE, CONV, MAX_POOL, AVERAGE_POOL = range(6)
IMAGE_DROPOUT, IMAGE_NORM, FLATTEN, DENSE, DROPOUT, NORM = range(6, 12)


@inlined
def of_op(program: Any, k: int, column: int) -> int:
    """One number of operation k; the table is kept flat."""
    return program[k * COLUMNS + column]


@inlined
def block_at(program: Any, k: int, column: int, g: int) -> int:
    """Where block g of operation k begins.  column: A, D or POINT."""
    return of_op(program, k, column) + g * of_op(program, k, BLOCK)


@inlined
def row_at(program: Any, k: int, block: int, c: int, r: int) -> int:
    """Where row r of channel c begins in the block of operation k at `block`."""
    return block + c * of_op(program, k, PLANE) + r * of_op(program, k, PITCH)
