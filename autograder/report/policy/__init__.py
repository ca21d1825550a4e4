"""Deadlines and what follows from them: from `policy.toml` to each student's final score."""
