"""Runners: where runs execute on this machine."""
