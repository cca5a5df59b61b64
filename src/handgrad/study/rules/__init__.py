"""Rules: what is decided from numbers alone, such as which settings go on, what may still begin and who wins."""
