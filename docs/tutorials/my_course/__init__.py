"""My course: one package for each lab."""
