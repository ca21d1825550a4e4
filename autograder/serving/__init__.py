"""Full-scale models of a run: where they are, who holds their weights, who may use them when."""
