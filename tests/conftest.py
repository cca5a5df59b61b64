"""For every test: what a shell and a processor would otherwise decide.

PyTorch's products of matrices do not depend on where in memory a matrix begins.  Stacked runs are tested on a
processor, where Intel's MKL adds up small products in another order if a matrix does not begin at a multiple of 64
bytes (a GPU treats all matrices of a batch alike).  MKL reads this when it first computes.

What a test starts can be interrupted, also where tests are a background job: shells start those with SIGINT ignored.
"""

import os
import signal

os.environ.setdefault("MKL_CBWR", "COMPATIBLE")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
