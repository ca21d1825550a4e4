from .chaffs import exercise
from .solution import load_gap

__all__ = ["exercise", "load_gap"]
