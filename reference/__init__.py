"""The instructor edition, one package per exercise. None of it reaches students or the sandbox."""
