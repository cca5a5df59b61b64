"""Rules: decisions from numbers alone: how settings are drawn, which go on, what may still begin, which wins."""
