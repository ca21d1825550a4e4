"""Which students' functions are alike: measured and shown side by side, and never judged."""
