"""What students get wrong in load_gap."""

from __future__ import annotations

from ..expert_load import expert_load
from . import exercise, load_gap
from .checks import extremes, gaps_of_random_routings


@exercise.wheat
def sorts(indices, num_experts):
    first, *_, last = sorted(expert_load(indices, num_experts).tolist())
    return last - first


@exercise.chaff(caught_by=gaps_of_random_routings)
def takes_the_median(indices, num_experts):
    """Subtracts the median instead of the smallest share."""
    load = expert_load(indices, num_experts)
    return float(load.max() - load.median())


@exercise.chaff(caught_by=(extremes, gaps_of_random_routings))
def gap_of_counts(indices, num_experts):
    """Returns the gap of the counts, not of the shares."""
    return load_gap(indices, num_experts) * len(indices)
