r"""# Routing, as DeepSeek-V3 does it

The plain recipe (softmax, take the $k$ largest) has grown options over the years. Write one
function that covers them: Mixtral, OLMoE, Qwen-MoE, DeepSeek-V2, V3 and V4 are all settings of it.

`route(logits, top_k, scoring="softmax", norm_topk=False, bias=None, n_group=1, topk_group=1,
scale=1.0, group_best=2)` takes logits [T, E], in five steps:

1. [scores] **Scores**: softmax over the experts, or the sigmoid of each logit (`scoring` is
   `"softmax"` or `"sigmoid"`); a third scoring stands below.
2. [bias] **Biased scores**: scores plus `bias` ([E]), when that is given. They decide *which*
   experts are selected, and nothing else.
3. [groups] **Groups**, when `n_group` > 1: the experts form that many equal groups of consecutive
   experts (in a model, a group lives on one machine). A group's score is the sum of its
   `group_best` best biased scores, of its **two** best ones by default. Only experts of a token's
   `topk_group` best groups can be selected.
4. [selection] **Selection**: the `top_k` best biased scores among those experts, best first. Biased
   scores may be negative, all of them even: an expert outside the chosen groups is still never
   selected.
5. [weights] **Weights**: the *unbiased* scores of the selected experts. With `norm_topk` they
   are divided by their sum plus 1e-20. In the end they are multiplied by `scale`, normalised or
   not.

- [sqrtsoftplus] With `scoring="sqrtsoftplus"`, a score is the square root of the logit's softplus,
  $\sqrt{\ln(1 + e^z)}$, which is DeepSeek-V4's.
- [group-best] `group_best` may be any number from 1 to that of the experts in a group. With 1 the
  single best expert speaks for its group, which is DeepSeek-V2's rule.
- [pair] The result is the pair `(indices, weights)`: int64 and float32, both [T, k].
- [low-precision] Logits may be bfloat16 or float16 (compute in float32), and large.
- [unchanged] No input is changed.

(The third scoring and `group_best` are new. An answer that was written without them is graded as
before.)

Settings that do not fit together:

- [unknown-scoring] `ValueError` for an unknown `scoring`;
- [wrong-n-group] `ValueError` for `n_group` below 1 or not dividing E, or, above 1, leaving fewer
  than 2 experts in a group;
- [wrong-topk-group] `ValueError` for `topk_group` outside 1..`n_group`;
- [wrong-top-k] `ValueError` for `top_k` outside 1..(E · `topk_group` / `n_group`);
- [wrong-group-best] `ValueError`, where there are groups (`n_group` > 1), for `group_best` outside
  1..(E / `n_group`).

Source: [DeepSeek-AI, *DeepSeek-V3 Technical Report* (2024)](https://arxiv.org/abs/2412.19437),
section 2.1.2; [`deepseek_v3/modeling_deepseek_v3.py`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deepseek_v3/modeling_deepseek_v3.py).
The report sums the best $K_r / M$ experts of a group, for $K_r$ experts from $M$ groups: 8/4 = 2 in
DeepSeek-V3, and two is what its code takes. Megatron-Core takes `topk // group_topk`. DeepSeek-V2
scores a group by its single best expert
([`deepseek_v2/modeling_deepseek_v2.py`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/deepseek_v2/modeling_deepseek_v2.py)).

<details><summary>Hint 1 of 3</summary>

Follow the five steps, and keep two tensors apart: `scores`, which become weights, and `biased`,
which only select.
</details>

<details><summary>Hint 2 of 3</summary>

Groups are a view: `biased.reshape(T, n_group, -1)`. Whatever is outside the best groups becomes
minus infinity, not 0, for a biased score may be below 0.
</details>

<details><summary>Hint 3 of 3</summary>

`scores.gather(1, indices)` picks the unbiased scores of the selected experts.
</details>
"""

from __future__ import annotations

import torch

from autograder import Effort, Exercise

exercise = Exercise("route", effort=Effort(difficulty=4, importance=5, minutes=50))


@exercise.solution
def route(
    logits: torch.Tensor,
    top_k: int,
    scoring: str = "softmax",
    norm_topk: bool = False,
    bias: torch.Tensor | None = None,
    n_group: int = 1,
    topk_group: int = 1,
    scale: float = 1.0,
    group_best: int = 2,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose each token's experts and weigh them: `(indices, weights)`, both [T, k].

    `logits` is [T, E], `bias` [E] or `None`. Indices are int64, best expert first; weights are
    float32. Raises `ValueError` for an unknown scoring and for counts that do not fit together.
    """
    experts = logits.shape[1]
    _check(experts, top_k, n_group, topk_group, group_best)
    values = logits.detach().float()
    if scoring == "softmax":
        scores = torch.softmax(values, dim=-1)
    elif scoring == "sigmoid":
        scores = torch.sigmoid(values)
    elif scoring == "sqrtsoftplus":
        scores = torch.nn.functional.softplus(values).sqrt()
    else:
        raise ValueError(f"scoring is {scoring!r}; it must be softmax, sigmoid or sqrtsoftplus")
    biased = scores if bias is None else scores + bias.detach().float()
    if n_group > 1:
        biased = _within_best_groups(biased, n_group, topk_group, group_best)
    indices = biased.topk(top_k, dim=-1).indices
    weights = scores.gather(1, indices)
    if norm_topk:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return indices, weights * scale


def _check(experts: int, top_k: int, n_group: int, topk_group: int, group_best: int) -> None:
    if n_group < 1 or experts % n_group or (n_group > 1 and experts // n_group < 2):
        raise ValueError(f"{experts} experts do not form {n_group} equal groups of 2 or more")
    if not 1 <= topk_group <= n_group:
        raise ValueError(f"topk_group is {topk_group}; it must be 1..{n_group}")
    eligible = experts // n_group * topk_group
    if not 1 <= top_k <= eligible:
        raise ValueError(f"top_k is {top_k}; it must be 1..{eligible}")
    if n_group > 1 and not 1 <= group_best <= experts // n_group:
        raise ValueError(f"group_best is {group_best}; it must be 1..{experts // n_group}")


def _within_best_groups(
    biased: torch.Tensor, n_group: int, topk_group: int, group_best: int
) -> torch.Tensor:
    grouped = biased.reshape(len(biased), n_group, -1)
    group_scores = grouped.topk(group_best, dim=-1).values.sum(dim=-1)
    best = group_scores.topk(topk_group, dim=-1).indices
    closed = torch.ones_like(group_scores, dtype=torch.bool).scatter(1, best, value=False)
    return grouped.masked_fill(closed.unsqueeze(-1), float("-inf")).flatten(1)
