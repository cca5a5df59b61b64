"""The results folder: written by a study, read by everybody else."""
