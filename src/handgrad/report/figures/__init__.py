"""Figures: from records to the numbers, names and captions that are shown."""
