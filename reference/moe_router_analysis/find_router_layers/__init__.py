r"""# Find the routers

A mixture-of-experts model replaces the feed-forward network of (some) layers by E *experts*. In
front of them stands a small module, the **router** (also called *gate*): a matrix of shape [E, d]
scores the experts for each token, and only the experts with the best scores compute. Everything
in this lab starts with finding these modules.

Write `find_router_layers(model)`.

- [every-router] It returns a list of **every router of the model as `(name, module)`**: the
  qualified name, as `model.named_modules()` gives it (`"model.layers.0.mlp.gate"`), and the module
  itself, in the order of `model.named_modules()`.
- [router] A router is the module that owns the [E, d] matrix that scores the experts.
- [not-routers] Not routers, whatever their names say: feed-forward projections (`gate_proj`), the
  gate of a shared expert (`shared_expert_gate`), gates of attention.
- [dense] A model without MoE layers gives `[]`.
- [families] It must work for the families `mixtral`, `olmoe`, `qwen2_moe`, `qwen3_moe`,
  `deepseek_v2`, `deepseek_v3`, `gpt_oss` and `granitemoe` of `transformers`, as causal language
  model or as base model, and when another module holds the model in an attribute.

In all eight families the router owns a parameter `weight` of shape [E, d]. But they do not agree on
its name, on its class, on how the config calls the number of experts, or on which layers are MoE
layers: some layers of `deepseek_*` and `qwen*_moe` are dense. Print a few models before you decide
what to look for.

Source: the modelling files of transformers, for example
[`mixtral/modeling_mixtral.py`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/mixtral/modeling_mixtral.py).

<details><summary>Hint 1 of 3</summary>

Print `model` for two or three families (`print(load_model("qwen2_moe"))`), and look at what stands
*beside* the experts.
</details>

<details><summary>Hint 2 of 3</summary>

An MoE block is a module with an attribute `experts`, and its router is another child of that block.
`name.rpartition(".")[0]` is the name of a module's parent.
</details>

<details><summary>Hint 3 of 3</summary>

Of the children of such a block, one owns a two-dimensional `weight` with a row for each expert. The
gate of a shared expert stands there, too, but its matrix has one row.
</details>
"""

from __future__ import annotations

from torch import nn

from autograder import Effort, Exercise
from reference.moe_router_analysis._routing import find_routers

exercise = Exercise("find_router_layers", effort=Effort(difficulty=3, importance=5, minutes=30))


@exercise.solution
def find_router_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Find every router of a model: the modules that own the [E, d] matrix scoring the experts.

    Args:
        model: any PyTorch module; usually a language model of transformers.

    Returns:
        `(qualified name, module)` of each router, in the order of `model.named_modules()`; `[]`
        for a model without MoE layers.
    """
    return [(router.name, router.module) for router in find_routers(model)]
