"""A course of two lines, for `benchmarks/otter_attack_table.py`: what is attacked there."""
