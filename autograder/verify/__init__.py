"""Proving an assignment: its references, checks and known-wrong solutions against each other."""
