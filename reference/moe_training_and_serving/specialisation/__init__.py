r"""# What an expert is for

Does an expert have a subject? Label each token with the kind of text that it comes from (prose,
code, sums, …), and ask three things of the routing of one layer. How many of a label's tokens use
an expert? How much more than the average is that? And, in a single number, how much does the expert
tell about the label?

For a slot that is drawn at random from all slots of labelled tokens, let $p(d, e)$ be the share of
slots with label $d$ and expert $e$, and $p(d)$, $p(e)$ the shares of the label and of the expert.
The **mutual information** is

$$I = \sum_{d, e} p(d, e) \log_2 \frac{p(d, e)}{p(d) \, p(e)} \text{ bits}$$

with $0 \cdot \log 0 = 0$. It is 0 where label and expert have nothing to do with one another, and
the entropy of the labels where the expert gives the label away.

Write `specialisation(indices, labels, num_experts, num_labels)` for the choices `indices` ([T, k],
int64) of T tokens and their `labels` ([T], int64). It returns a dict:

- [share] `share`: float32 [num_labels, E]: of the tokens with label d, the share that use expert e
  in any of their slots; 0 for a label without tokens.
- [lift] `lift`: float32 [num_labels, E]: `share[d, e]` divided by the share of *all* labelled
  tokens that use expert e.
- [lift-of-nothing] The lift is 1 where the label has no token, or no labelled token uses the
  expert.
- [mutual-information] `mutual_information`: a number, in bits, over the slots of labelled tokens.
- [top-expert] `top_expert`: int64 [num_labels], the expert with the label's largest share, the
  lower one of equals; −1 for a label without tokens.

What else holds:

- [left-out] Labels are 0..num_labels − 1, or −1 for a token that is left out of everything.
- [no-token] Without a labelled token (also for T = 0), shares are 0, lifts 1, the mutual
  information is 0.0, and every top expert −1.
- [errors] `ValueError` for a label outside −1..num_labels − 1, and for an index outside 0..E − 1 in
  any token, also in one that is left out.

Chance alone gives a mutual information above 0: for $N$ slots about
$(D - 1)(E - 1) / (2 N \ln 2)$ bits with $D$ labels. Compare with it before you believe in a
specialist.

Sources: Muennighoff et al., [*OLMoE*](https://arxiv.org/abs/2409.02060) (2024), section 5.3, for
the share of a domain's tokens; Jiang et al., [*Mixtral of
Experts*](https://arxiv.org/abs/2401.04088) (2024), section 5, which finds no obvious subjects;
Miller, *Note on the bias of information estimates* (1955), for what chance gives.
"""

from __future__ import annotations

from typing import Any

import torch

from autograder import Exercise

exercise = Exercise("specialisation")


@exercise.solution
def specialisation(
    indices: torch.Tensor, labels: torch.Tensor, num_experts: int, num_labels: int
) -> dict[str, Any]:
    """Measure which experts the tokens of each label use.

    `indices` is [T, k], `labels` [T] with −1 for tokens that are left out. The keys are `share` and
    `lift` (float32 [num_labels, E]), the number `mutual_information` in bits, and `top_expert`
    (int64 [num_labels]). Raises `ValueError` for a label or an index out of range.
    """
    if bool(((labels < -1) | (labels >= num_labels)).any()):
        raise ValueError(f"labels must be -1..{num_labels - 1}")
    if bool(((indices < 0) | (indices >= num_experts)).any()):
        raise ValueError(f"indices must be 0..{num_experts - 1}")
    labelled = labels >= 0
    owners = labels[labelled]
    uses = torch.zeros(num_labels, num_experts, dtype=torch.float64)
    for slot in indices[labelled].T:
        uses.index_put_((owners, slot), torch.ones(len(slot)).double(), accumulate=True)
    tokens = torch.bincount(owners, minlength=num_labels).double().unsqueeze(1)
    share = uses / tokens.clamp(min=1)
    overall = uses.sum(dim=0) / tokens.sum().clamp(min=1)
    lift = torch.where((tokens > 0) & (overall > 0), share / overall, 1.0)
    joint = uses / uses.sum().clamp(min=1)
    alone = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0)
    information = torch.special.xlogy(joint, joint / alone).nan_to_num().sum() / torch.log(
        torch.tensor(2.0, dtype=torch.float64)
    )
    best = torch.where(tokens.squeeze(1) > 0, share.argmax(dim=1), -1)
    return {
        "share": share.float(),
        "lift": lift.float(),
        "mutual_information": float(information),
        "top_expert": best,
    }
