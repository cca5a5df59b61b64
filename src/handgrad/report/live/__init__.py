"""The report of a study that runs, served to browsers on this machine and refreshed in place."""
