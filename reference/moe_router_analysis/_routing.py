"""Which modules of a model are its routers, read off the structure alone.

A mixture-of-experts block holds E experts side by side, and next to them the module that scores
them with an [E, d] matrix: the router. Nothing here knows a family by name, so that the reference
solutions work on every family of transformers. Words in names only tell that something is an
expert, and break ties. What comes out for less usual families:

- The matrix may belong to a part of the router (afmoe, dbrx, gemma4, jetmoe, hunyuan_v1_moe,
  nllb_moe, switch_transformers): the router is the module beside the experts, not that part.
- longcat_flash and zaya score experts that do nothing, inkling scores shared experts as well: the
  matrix has more rows than the block has routed experts, and is taken as it is.
- doge scores 2·√E product keys (Lample et al., *Large Memory Layers with Product Keys*, 2019).
- jetmoe has two routers per layer, one of attention; ernie4_5_vl_moe one for text, one for images.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.conv import _ConvNd


@dataclass(frozen=True, slots=True)
class Router:
    """A router, the block that it belongs to and that block's experts.

    `weight` is the matrix that scores the experts. `num_experts` counts what it can choose, before
    any forward: its rows, or E for product keys, where 2·√E rows address E experts.
    """

    name: str
    module: nn.Module
    block: nn.Module
    experts: tuple[nn.Module, ...]
    weight: nn.Parameter
    num_experts: int


def find_routers(model: nn.Module) -> list[Router]:
    """Every router of a model, in the order of `model.named_modules()`."""
    names = {module: name for name, module in model.named_modules()}
    found = {router.module: router for router in _routers_of_blocks(names)}
    return [found[module] for module in names if module in found]


def _routers_of_blocks(names: dict[nn.Module, str]) -> Iterator[Router]:
    for block in names:
        found = _router_of(block)
        if found is not None:
            child, experts, weight, num_experts = found
            yield Router(names[child], child, block, experts, weight, num_experts)


def _router_of(
    block: nn.Module,
) -> tuple[nn.Module, tuple[nn.Module, ...], nn.Parameter, int] | None:
    """The child of a block that scores the experts beside it, these experts, its matrix and E."""
    children = dict(block.named_children())
    if len(children) < 2:
        return None
    sizes = {child: _numbers_of_experts(name, child, block) for name, child in children.items()}
    experts = tuple(child for child, counts in sizes.items() if counts)
    if not experts:
        return None
    rows = {count: count for child in experts for count in sizes[child]}
    if all(isinstance(child, nn.Embedding) for child in experts):
        rows |= {2 * math.isqrt(count): count for count in list(rows)}
    candidates = [
        (_doubt(name, child), child, weight)
        for name, child in children.items()
        if child not in experts and (weight := _score_matrix(name, child, rows)) is not None
    ]
    if not candidates:
        return None
    _, router, weight = min(candidates, key=lambda candidate: candidate[0])
    return router, experts, weight, rows.get(weight.shape[0], weight.shape[0])


def _numbers_of_experts(name: str, child: nn.Module, block: nn.Module) -> set[int]:
    """How many experts a block's child holds, as far as its structure tells; empty for none.

    Experts are stacked in 3-dimensional parameters, listed as modules, or the rows of embeddings;
    some are flattened into matrices, and only say how many they are.
    """
    declared = _declared(block)
    named = "expert" in f"{name} {type(child).__name__}".lower()
    if isinstance(child, _ConvNd) or not (named or declared):
        return set()
    if isinstance(child, nn.Embedding):
        return {declared} & {child.num_embeddings}
    counts = {p.shape[0] for p in child.parameters(recurse=False) if p.dim() == 3}
    if isinstance(child, nn.ModuleList | nn.ModuleDict) and len(child):
        counts.add(Counter(type(expert) for expert in child.children()).most_common(1)[0][1])
    if named and not counts and _declared(child) and _router_of(child) is None:
        counts.add(_declared(child))
    return {count for count in counts if count >= 2}


def _score_matrix(name: str, child: nn.Module, rows: dict[int, int]) -> nn.Parameter | None:
    """The matrix with a row for each expert in a child of a block, where it holds one.

    A feed-forward network is no router: it also maps back, with a matrix of the transposed shape.
    A router may score more than the experts beside it (shared ones, or experts that do nothing).
    """
    matrices = [p for p in child.parameters() if p.dim() == 2]
    shapes = {tuple(matrix.shape) for matrix in matrices}
    beyond = range(max(rows) + 1, 2 * max(rows)) if _doubt(name, child) < 2 else range(0)
    for matrix in reversed(matrices):
        height, width = matrix.shape
        maps_back = height != width and (width, height) in shapes
        if (height in rows or height in beyond) and not maps_back:
            return matrix
    return None


def _doubt(name: str, child: nn.Module) -> int:
    """How little a module's name and class speak for a router: 0 is best."""
    words = f"{name} {type(child).__name__}".lower()
    if "rout" in words:
        return 0
    return 1 if "gat" in words and "_proj" not in words and "shared" not in words else 2


def _declared(module: nn.Module) -> int:
    """The number of experts that a module says it has; 0 where it says nothing."""
    declared = getattr(module, "num_experts", 0)
    return declared if isinstance(declared, int) else 0
