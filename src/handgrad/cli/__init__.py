"""Commands, the layer on top: they parse, call public functions and print."""

from handgrad.cli.app import app, main

__all__ = ["app", "main"]
