"""Learning platforms: who takes the course, and files that the platforms import."""
