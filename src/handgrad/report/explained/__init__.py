"""Explained: which readings of an original explain its published numbers, as verdicts and tables."""
