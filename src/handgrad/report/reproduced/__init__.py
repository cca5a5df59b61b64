"""Reproduced: the published numbers of an original beside those of the study, judged."""
