"""Reading: from a study file and the command line to a `Study`, or to every problem of it at once."""
