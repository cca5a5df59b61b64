"""Kernels of the compiled engine: the reference's functions once more, written so that the machine runs them fast.

Read in this order: `vectors` (what a kernel is written with), `layout` (where numbers lie), `products`,
`activations`, `losses`, `updates`, `dropout`, and `epoch`, which composes them.  Every kernel is the twin of a
reference function named in its first line and is tested against it.
"""
