"""From a submission's functions to a grade."""
