"""Explain: the readings of published numbers, tried by the machine from cheap runs to dear ones, and ranked."""
