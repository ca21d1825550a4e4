"""Finding submissions, naming their students, and reading their bytes without harm."""
