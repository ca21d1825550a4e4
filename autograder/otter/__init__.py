"""Grading under Otter: its plugin, Gradescope's folders, and the tests that report our verdicts."""
