"""Full-scale models: which there are, how they are made or loaded, and how one copy is shared."""
