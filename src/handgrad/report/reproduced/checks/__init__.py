"""Checks: where an original errs, found by code."""
