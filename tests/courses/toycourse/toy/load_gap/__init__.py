"""# The load gap

How far apart are the loads of `expert_load`?

- [gap] Return the largest share minus the smallest share, as a number.

```python
load_gap(torch.tensor([[0], [1]]), 2)  # 0.0
```
"""

from __future__ import annotations

import torch

from autograder import Exercise

from ..expert_load import expert_load

exercise = Exercise("load_gap")


@exercise.solution
def load_gap(
    indices: torch.Tensor,
    num_experts: int,
) -> float:
    """Return the gap between the busiest and the idlest expert, between 0 and 1."""
    load = expert_load(indices, num_experts)
    return float(load.max() - load.min())
