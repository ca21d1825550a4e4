"""How an author states an exercise: reference, checks, wheats and chaffs in one module."""
