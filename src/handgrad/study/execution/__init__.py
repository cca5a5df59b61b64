"""Execution: a study runs, phase by phase, and tells its observer what happens."""
