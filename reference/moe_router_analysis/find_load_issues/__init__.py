r"""# Overloaded and underused experts

An expert that gets far more tokens than its share slows everybody down, and one that gets almost
none has been paid for without being used. The result of `analyze_load_distribution` has all that is
needed to name them.

Write `find_load_issues(load_stats, overloaded=1.5, underused=0.5)`. `load_stats` is a complete
result of `analyze_load_distribution`. Return a dict with two lists of `(expert, count)`:

- [overloaded] `overloaded`: experts whose count is **greater than** `overloaded` times
  `expected_per_expert`, largest count first;
- [underused] `underused`: experts whose count is **less than** `underused` times
  `expected_per_expert`, smallest count first.

The details:

- [strict] Both comparisons are strict: a count exactly at the limit is no issue.
- [equal-counts] Where counts are equal, the lower expert comes first, in both lists, whatever the
  order of the dict `expert_counts`.
- [balanced] For a balanced load both lists are empty.
- [idle] An expert without any token is underused, too.
- [unchanged] `load_stats` is not changed.

(`overloaded` is never less than `underused`.)

For example, with `expected_per_expert` = 10 and the counts `{0: 3, 1: 16, 2: 15, 3: 6}` the answer
is `{"overloaded": [(1, 16)], "underused": [(0, 3)]}`.

<details><summary>Hint</summary>

Two lists and two sort keys. Python sorts tuples from left to right, so `(-count, expert)` puts
large counts first and, among equal ones, the lower expert.
</details>
"""

from __future__ import annotations

from typing import Any

from autograder import Effort, Exercise

exercise = Exercise("find_load_issues", effort=Effort(difficulty=1, importance=4, minutes=15))


@exercise.solution
def find_load_issues(
    load_stats: dict[str, Any], overloaded: float = 1.5, underused: float = 0.5
) -> dict[str, list[tuple[int, int]]]:
    """Name the experts with too many and with too few tokens, the worst first.

    `load_stats` is a result of `analyze_load_distribution`; the limits are multiples of its
    `expected_per_expert`. The result has the keys `overloaded` and `underused`, each a list of
    (expert, count).
    """
    expected = load_stats["expected_per_expert"]
    loads = sorted(load_stats["expert_counts"].items())
    heavy = [(expert, count) for expert, count in loads if count > overloaded * expected]
    light = [(expert, count) for expert, count in loads if count < underused * expected]
    return {
        "overloaded": sorted(heavy, key=lambda load: -load[1]),
        "underused": sorted(light, key=lambda load: load[1]),
    }
