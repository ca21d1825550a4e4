"""The instructor edition, one module per exercise. None of it reaches students or the sandbox."""
