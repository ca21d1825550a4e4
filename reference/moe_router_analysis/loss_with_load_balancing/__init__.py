r"""# A training loss with load balancing

During training the auxiliary loss is added to the loss of the language model, with a small weight
$\alpha$:

$$\mathcal{L} = \mathcal{L}_{\text{next token}} + \alpha \cdot \frac{1}{L} \sum_{l=1}^{L}
\mathcal{L}_{\text{switch}}^{(l)}$$

Write `loss_with_load_balancing(model, input_ids, attention_mask=None, alpha=0.01)` for a causal
language model of the families `mixtral`, `olmoe`, `qwen2_moe` or `qwen3_moe`. `input_ids` [B, S]
is padded on the right (S ≥ 2); `attention_mask` [B, S] is 1 for real tokens, `None` means that all
are real.

- [scalar] The result is the sum of both losses, the second one times `alpha`, as a float32 scalar
  tensor.
- [next-token] **Next-token loss**: the prediction at position t is for the token at t + 1.
  Average the cross-entropy over all predictions of the batch whose *target* token is real. At least
  one is.
- [auxiliary] **Auxiliary loss**: the mean over the L MoE layers of `compute_switch_loss` for that
  layer's router logits, with the model's own k (families differ), padding masked out. Take the mean
  of the layers' losses; do not pool the tokens of all layers first.
- [once] The auxiliary term enters once. The model has a loss of its own for that, weighted with
  `router_aux_loss_coef`, which it adds to `outputs.loss` when it is asked for router logits (or
  when its config asks for them). It must not be in the result.
- [differentiable] The result is **differentiable** with respect to the model's parameters: no
  `no_grad`, and the router logits must stay in the graph. In the switch loss the gradient flows
  through the mean probabilities only, as there.
- [mode] This is a **training loss**: the forward runs in the mode in which the model is found, and
  no mode is changed. Dropout and router jitter belong to it. (Here alone the lab's rule on
  evaluation mode does not hold.)
- [mask-alone] The attention mask alone says which tokens are real, whatever their ids are.
- [left-as-it-was] As everywhere in this lab, no hook stays, and the model is left as it was: its
  config, its dtype, `requires_grad` of each parameter, and gradients that an earlier step has left.
  Do not call `backward` or `zero_grad` yourself.

Source: [Fedus et al., *Switch Transformers* (2022)](https://arxiv.org/abs/2101.03961), section 2.2.
Compare `load_balancing_loss_func` in
[`mixtral/modeling_mixtral.py`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/mixtral/modeling_mixtral.py),
which pools the layers and does not divide by k.

<details><summary>Hint 1 of 3</summary>

One forward gives both: the language model's logits, and the router logits, by
`output_router_logits=True` or by hooks as in exercise 5 (but without `no_grad`). You need neither
`labels` nor `outputs.loss`, and so the model's own term never enters.
</details>

<details><summary>Hint 2 of 3</summary>

The prediction at position t belongs to the token at t + 1: compare `logits[:, :-1]` with
`input_ids[:, 1:]`, and count those where `attention_mask[:, 1:]` is 1.
</details>

<details><summary>Hint 3 of 3</summary>

Then call your `compute_switch_loss` for each layer, with the flattened mask and with the k of the
model: the width of the router's indices, or `config.num_experts_per_tok`.
</details>
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from autograder import Effort, Exercise
from reference.moe_router_analysis._decisions import run, watching
from reference.moe_router_analysis._routing import find_routers
from reference.moe_router_analysis.compute_switch_loss import compute_switch_loss

exercise = Exercise(
    "loss_with_load_balancing", effort=Effort(difficulty=4, importance=5, minutes=50)
)


@exercise.solution
def loss_with_load_balancing(
    model: nn.Module,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    alpha: float = 0.01,
) -> torch.Tensor:
    """Next-token loss of a batch plus `alpha` times the mean auxiliary loss of the MoE layers.

    Args:
        model: a causal language model of a softmax family.
        input_ids: [B, S] int64, padded on the right, S >= 2.
        attention_mask: [B, S], 1 for real tokens; `None` where all are real.
        alpha: weight of the auxiliary loss.

    Returns:
        A scalar float32 tensor, differentiable with respect to the model's parameters.
    """
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
    routers = find_routers(model)
    with watching(routers) as seen:
        logits = run(model, input_ids, mask).logits.float()
    real = (mask == 1).to(logits.device)
    targets = input_ids.to(logits.device)[:, 1:][real[:, 1:]]
    language = functional.cross_entropy(logits[:, :-1][real[:, 1:]], targets)
    decisions = [call.decision() for router in routers for call in seen[router.module]]
    auxiliary = [
        compute_switch_loss(decision.logits, decision.top_k, real.reshape(-1))
        for decision in decisions
    ]
    return language + alpha * torch.stack(auxiliary).mean()
