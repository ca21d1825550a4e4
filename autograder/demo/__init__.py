"""The demo: a small class made from the course's own material, graded and reported."""

from autograder.demo.show import CannotDemonstrate, Shown, demonstrate

__all__ = ["CannotDemonstrate", "Shown", "demonstrate"]
