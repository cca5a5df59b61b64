"""Commands, the layer on top: they parse, call public functions and print."""

import os

__all__ = ["main"]


def main() -> None:
    """The command line (`entry`); Ctrl-C is heard from the first line on, so nothing is imported before."""
    try:
        from handgrad.cli.entry import main as enter
    except KeyboardInterrupt:
        os.write(2, b"handgrad: interrupted; nothing was begun\n")
        os._exit(130)
    enter()
