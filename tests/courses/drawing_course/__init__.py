"""A course of figures, for the tests of pictures and of calls that checks share."""
