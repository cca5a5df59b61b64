"""For every test: what a shell would otherwise decide.

What a test starts can be interrupted, also where tests are a background job: shells start those with SIGINT ignored.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(config, val, argname):
    """The content of a file is no name of a test: gzip's holds the time, and the processes that share the tests out
    must collect the same ones."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 16 else None
