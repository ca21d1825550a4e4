"""Going through answers in a browser: a page on this machine alone, for the staff of a course."""
