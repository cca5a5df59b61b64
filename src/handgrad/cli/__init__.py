"""Commands, the layer on top: they parse, call public functions and print."""

from handgrad.cli.entry import main

__all__ = ["main"]
