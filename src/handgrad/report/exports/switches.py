"""Environment variables that a library reads, set while it is used and put back."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def switched(**variables: str) -> Iterator[None]:
    """Set environment variables inside the block.

    >>> with switched(HANDGRAD_EXAMPLE="on"):
    ...     os.environ["HANDGRAD_EXAMPLE"]
    'on'
    >>> "HANDGRAD_EXAMPLE" in os.environ
    False
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
