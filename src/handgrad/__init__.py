"""handgrad: a laboratory for small neural networks whose gradients are written by hand."""

__version__ = "0.1.0"
