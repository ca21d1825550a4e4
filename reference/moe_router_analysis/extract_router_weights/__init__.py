r"""# Extract a router's weights

A router is a matrix $W \in \mathbb{R}^{E \times d}$ (E experts, hidden size d): row $e$ is compared
with the hidden state $x$ of a token by a dot product, and $W x$ are the token's *router logits*.
To look at the rows you want a copy of your own, so that nothing you do to it can harm the model.

Write `extract_router_weights(model, layer_idx=0)`.

- [weight] It returns **the [E, d] weight of the `layer_idx`-th router** of the model.
- [counting] Routers are counted as `find_router_layers` finds them, from 0. Dense layers do not
  count: with two dense layers at the bottom, index 0 is still the first *router*.
- [copy] The result is a **copy** that is detached from the graph (`requires_grad` is false) and in
  **float32**, also when the model computes in bfloat16 or float16. Changing it must not change the
  model. (`.detach()` and `.float()` do not copy what is float32 already.)
- [none] Where there is no such router, the result is `None`: for an index that is too large, for a
  model without routers, and for any negative index. Python would count a negative index from the
  end; here it is simply no router.

You may use your `find_router_layers`.

<details><summary>Hint</summary>

Which of `.detach()`, `.float()` and `.clone()` always copies? And which of them may hand back the
very memory that the model uses?
</details>
"""

from __future__ import annotations

import torch
from torch import nn

from autograder import Effort, Exercise
from reference.moe_router_analysis._routing import find_routers

exercise = Exercise("extract_router_weights", effort=Effort(difficulty=1, importance=3, minutes=10))


@exercise.solution
def extract_router_weights(model: nn.Module, layer_idx: int = 0) -> torch.Tensor | None:
    """Copy the weight of one router.

    Args:
        model: any PyTorch module; usually a language model of transformers.
        layer_idx: which router, counted among the model's routers from 0.

    Returns:
        The [E, d] weight as a detached float32 copy; `None` where there is no such router (a
        negative index is no such router).
    """
    routers = find_routers(model)
    if not 0 <= layer_idx < len(routers):
        return None
    return routers[layer_idx].weight.detach().to(torch.float32, copy=True)
