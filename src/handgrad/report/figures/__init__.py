"""Figures: the numbers, names and captions that are shown; how they are drawn is said elsewhere."""
