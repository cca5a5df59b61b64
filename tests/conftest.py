"""For every test: PyTorch's products of matrices do not depend on where in memory a matrix begins.

Stacked runs are tested on a processor, where Intel's MKL adds up small products in another order if a matrix does not
begin at a multiple of 64 bytes (a GPU treats all matrices of a batch alike).  MKL reads this when it first computes.
"""

import os

os.environ.setdefault("MKL_CBWR", "COMPATIBLE")
