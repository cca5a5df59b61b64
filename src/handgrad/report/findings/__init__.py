"""Findings: what the records of a study say, in numbers with their spread and in sentences."""
