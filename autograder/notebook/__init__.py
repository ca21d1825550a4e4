"""A notebook or script: reading it, and running its cells as Jupyter would."""
