"""Execution: a study runs, and tells whoever listens."""
