"""The original: what a study reproduces, with its published numbers and figures, as data."""
