r"""# Guess the next layer's experts

A machine whose memory is too small for all experts keeps most of them elsewhere, and waits for each
one that it has to fetch. It need not wait if it knew *in time* which experts come next. A simple
guess often works: the hidden state changes little from one layer to the next, so take the hidden
states that router $i$ sees, and ask router $i + 1$ what it *would* do with them. While layer $i$
computes, the guessed experts of layer $i + 1$ are loaded.

How good is the guess? For a token $t$, with the experts $\hat S_t$ that are predicted and the $k$
experts $S_t$ that router $i + 1$ really chooses,

$$\text{recall} = \operatorname*{mean}_t \frac{|\hat S_t \cap S_t|}{k}$$

Compare it with a guess that looks at no token at all: the $k$ experts that router $i + 1$ uses
most.

Write `next_layer_recall(model, input_ids, attention_mask)` for a causal language model of the
families `mixtral`, `olmoe`, `qwen2_moe` or `qwen3_moe`, without dropout and router jitter.
`input_ids` and `attention_mask` are [B, S], with at least one real token.

- [pairs] The routers count in the order of `named_modules()`. The result is a list of L − 1 dicts,
  for i = 0..L − 2, each about the routers i and i + 1. Between them there may be layers without a
  router.
- [recall] `recall`: a number. The prediction for a token is the k largest entries of
  $W_{i+1} x_i$, where $x_i$ is what router i received for this token (its first positional
  argument), $W_{i+1}$ the `weight` of router i + 1, and k the number of experts that router i + 1
  chooses. Compute it in float32, whatever the model's dtype is.
- [popular] `popular`: a number, the same if every token is predicted the k experts that router i +
  1 uses most on these real tokens.
- [real-tokens] Both are means over the real tokens, which the attention mask alone tells. Padding
  may stand on either side: give the mask to the model.
- [few-routers] `[]` for a model with fewer than two routers.
- [left-as-it-was] The model is left as it was: no hook stays, not even when its forward raises
  (that exception reaches the caller), each submodule's mode is as before, and no gradients are
  added.

Sources: Eliseev and Mazur, [*Fast Inference of Mixture-of-Experts Language Models with
Offloading*](https://arxiv.org/abs/2312.17238) (2023), section 3.2, for the guess from the hidden
states of an earlier layer.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn

from autograder import Exercise
from reference.moe_training_and_serving._routers import routers_of, watching

exercise = Exercise("next_layer_recall")


@exercise.solution
def next_layer_recall(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor
) -> list[dict[str, Any]]:
    """Measure how well each router's input predicts the choice of the next router.

    `input_ids` and `attention_mask` are [B, S]. Returns for each pair of routers i, i + 1 the
    numbers `recall`, of the prediction from router i's input, and `popular`, of predicting the
    experts that are used most.
    """
    routers = routers_of(model)
    with watching(routers) as seen, torch.no_grad():
        model(input_ids=input_ids, attention_mask=attention_mask)
    real = attention_mask.flatten() == 1
    found = []
    for router, following in itertools.pairwise(routers):
        hidden = seen[router].hidden[real].detach().float()
        chosen = seen[following].chosen[real]
        weight = following.get_parameter("weight").detach().float()
        k = chosen.shape[1]
        predicted = (hidden @ weight.T).topk(k).indices
        hits = (predicted.unsqueeze(2) == chosen.unsqueeze(1)).sum()
        popular = torch.bincount(chosen.flatten(), minlength=len(weight)).topk(k).values.sum()
        found.append(
            {"recall": float(hits / chosen.numel()), "popular": float(popular / chosen.numel())}
        )
    return found
