"""How gradebooks of older programs become today's: Alembic runs what lies in `versions/`."""
