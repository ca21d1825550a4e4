"""The class report: one page for the instructor."""
