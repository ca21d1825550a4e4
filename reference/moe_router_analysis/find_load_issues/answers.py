"""Further correct solutions of `find_load_issues`, and known-wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.moe_router_analysis.find_load_issues import exercise, find_load_issues
from reference.moe_router_analysis.find_load_issues.checks import (
    counts_at_the_limit,
    equal_counts,
    names_the_worst_first,
    nothing_to_find,
    other_limits,
    random_loads,
)

Issues = dict[str, list[tuple[int, int]]]


@exercise.wheat
def one_pass_with_composite_keys(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Recomputes what is expected, and sorts by (count, expert)."""
    expected = load_stats["total_tokens"] * load_stats["top_k"] / load_stats["num_experts"]
    over, under = [], []
    for expert in range(load_stats["num_experts"]):
        count = load_stats["expert_counts"][expert]
        if count / expected > overloaded:
            over.append((expert, count))
        elif count / expected < underused:
            under.append((expert, count))
    over.sort(key=lambda pair: (-pair[1], pair[0]))
    under.sort(key=lambda pair: (pair[1], pair[0]))
    return {"overloaded": over, "underused": under, "expected": expected}


@exercise.wheat
def in_numpy(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> dict[str, list[Any]]:
    """Stable argsort of an array of counts, with NumPy numbers in lists."""
    counts = np.array([load_stats["expert_counts"][e] for e in range(load_stats["num_experts"])])
    high = load_stats["actual_mean"] * overloaded
    low = load_stats["actual_mean"] * underused
    falling = np.argsort(-counts, kind="stable")
    rising = np.argsort(counts, kind="stable")
    return {
        "overloaded": [[e, counts[e]] for e in falling if counts[e] > high],
        "underused": [[e, counts[e]] for e in rising if counts[e] < low],
    }


@exercise.chaff(caught_by=counts_at_the_limit)
def includes_the_limit(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Compares with >= and <=, but a count exactly at a limit is no issue: use > and <."""
    return find_load_issues(load_stats, overloaded - 1e-9, underused + 1e-9)


@exercise.chaff(caught_by=names_the_worst_first)
def in_order_of_the_experts(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Lists the experts by number. The exercise asks for the worst first."""
    issues = find_load_issues(load_stats, overloaded, underused)
    return {key: sorted(loads) for key, loads in issues.items()}


@exercise.chaff(caught_by=names_the_worst_first)
def both_lists_largest_first(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Sorts both lists alike, so that the underused experts start with the least underused."""
    issues = find_load_issues(load_stats, overloaded, underused)
    return {key: sorted(loads, key=lambda load: -load[1]) for key, loads in issues.items()}


@exercise.chaff(caught_by=equal_counts)
def higher_expert_first(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Sorts `(count, expert)` in reverse: among equal counts the higher expert then comes first."""
    issues = find_load_issues(load_stats, overloaded, underused)
    issues["overloaded"].sort(key=lambda load: (load[1], load[0]), reverse=True)
    return issues


@exercise.chaff(caught_by=equal_counts)
def equal_counts_as_the_dict_has_them(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Leaves equal counts in the order of the dict: sort by (count, expert), lower expert first."""
    issues = find_load_issues(load_stats, overloaded, underused)
    place = {expert: number for number, expert in enumerate(load_stats["expert_counts"])}
    issues["overloaded"].sort(key=lambda load: (-load[1], place[load[0]]))
    issues["underused"].sort(key=lambda load: (load[1], place[load[0]]))
    return issues


@exercise.chaff(caught_by=counts_at_the_limit)
def rounds_the_expectation(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Rounds `expected_per_expert` to a whole number, which moves the limits."""
    rounded = int(load_stats["expected_per_expert"])
    return find_load_issues({**load_stats, "expected_per_expert": rounded}, overloaded, underused)


@exercise.chaff(caught_by=equal_counts)
def skips_experts_without_tokens(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Leaves out experts with count 0, the most underused of all (look for `if count`)."""
    issues = find_load_issues(load_stats, overloaded, underused)
    return {**issues, "underused": [load for load in issues["underused"] if load[1]]}


@exercise.chaff(caught_by=random_loads)
def expects_one_slot_per_token(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Expects total_tokens / num_experts per expert: each token fills top_k slots."""
    share = load_stats["total_tokens"] / load_stats["num_experts"]
    return find_load_issues({**load_stats, "expected_per_expert": share}, overloaded, underused)


@exercise.chaff(caught_by=other_limits)
def fixed_limits(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Uses 1.5 and 0.5 whatever the arguments say: these are only their defaults."""
    return find_load_issues(load_stats)


@exercise.chaff(caught_by=nothing_to_find)
def no_lists_without_issues(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Leaves a key out when its list is empty; both lists are always there."""
    issues = find_load_issues(load_stats, overloaded, underused)
    return {key: loads for key, loads in issues.items() if loads}


@exercise.chaff(caught_by=names_the_worst_first)
def experts_without_their_counts(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> dict[str, list[int]]:
    """Lists expert numbers alone; asked for are pairs (expert, count)."""
    issues = find_load_issues(load_stats, overloaded, underused)
    return {key: [expert for expert, _ in loads] for key, loads in issues.items()}


@exercise.chaff(caught_by=nothing_to_find)
def takes_the_counts_apart(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> Issues:
    """Takes experts out of the caller's own `expert_counts` while looking: work on a copy."""
    issues = find_load_issues(load_stats, overloaded, underused)
    for expert, _ in issues["overloaded"]:
        load_stats["expert_counts"].pop(expert)
    return issues
