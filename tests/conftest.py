"""For every test: what a shell would otherwise decide.

What a test starts can be interrupted, also where tests are a background job: shells start those with SIGINT ignored.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
