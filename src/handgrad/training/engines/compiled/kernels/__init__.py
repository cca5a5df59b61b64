"""Kernels of the compiled engine: the reference's functions once more, written so that the machine runs them fast.

Every kernel is the twin of a reference function named in its first line and is tested against it.  letters.md says what
each letter and each array is.  Read in this order: `vectors` (what a kernel is written with), `layout` (where numbers
lie), `constants`, `products`, `dense_layers`, `activations`, `losses`, `updates`, `dropout`; then `dense`, the networks
of dense layers and dropout, and `images`, all others; `entry_points` is what sessions call.
"""
