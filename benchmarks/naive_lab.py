"""Where naive ways of reading a router go wrong: `docs/the-naive-lab.md`, from what happens.

    python benchmarks/naive_lab.py          write the page
    python benchmarks/naive_lab.py --check  exit with 1 where the page is not what happens now

Each naive way is a function below, shown in the page as it stands. All are tried on the eight
families of the lab, on models whose routing is known.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import transformers
from torch import nn
from torch.nn import functional

from moe_lab import Bench

PAGE = Path(__file__).parents[1] / "docs" / "the-naive-lab.md"
SEED = "the naive lab"
TEXTS = ["Who gets it?", "A router"]
RIGHT = "✓"

Batch = dict[str, torch.Tensor]


# Finding the routers


def name_contains_gate(model: Any) -> list[str]:
    """Every feed-forward network has a `gate_proj`, in dense layers and in shared experts, and some
    MoE layers weigh their shared expert with a gate: none of these scores experts."""
    return [name for name, _ in model.named_modules() if "gate" in name or "router" in name]


def linear_layer_called_gate(model: Any) -> list[str]:
    """In the eight families of transformers 5 the router is a module of its own class that owns a
    `weight`; the only `nn.Linear` called gate is that of a shared expert. (In others, the router
    holds an `nn.Linear`: `afmoe`, `hunyuan_v1_moe`, `dbrx`, `jetmoe`.)"""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name.endswith("gate")
    ]


def last_part_is_gate(model: Any) -> list[str]:
    """Right for six families. The others call their router `router`."""
    return [name for name, _ in model.named_modules() if name.split(".")[-1] == "gate"]


def class_ends_in_topkrouter(model: Any) -> list[str]:
    """Names of classes are no interface: the DeepSeek families spell it `TopkRouter`."""
    return [
        n for n, module in model.named_modules() if type(module).__name__.endswith("TopKRouter")
    ]


def as_many_rows_as_experts(model: Any) -> list[str]:
    """The config calls the number of experts `num_experts`, `num_local_experts` or
    `n_routed_experts`, and a matrix may have as many rows by chance."""
    return [
        name
        for name, module in model.named_modules()
        if len(getattr(module, "weight", ())) == model.config.num_experts
    ]


def gate_of_each_mlp(model: Any) -> list[str]:
    """A path written down works where it was written: MoE blocks are not always called `mlp`, nor
    routers `gate`."""
    return [
        f"model.layers.{number}.mlp.gate"
        for number, layer in enumerate(model.model.layers)
        if hasattr(layer.mlp, "gate")
    ]


# Counting what the first router decides


def block_output_0(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """The output of an MoE block is its hidden states. Their largest entries are no experts, but
    nothing says so: the indices look like experts until one compares them with E."""
    block = router.rpartition(".")[0]
    logits = watch(model, block, batch)[0]
    return counts_of(logits.reshape(-1, logits.shape[-1]).topk(2).indices)


def block_output_1(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """Before transformers 5, the blocks of Mixtral, OLMoE and Qwen-MoE returned `(hidden_states,
    router_logits)`; those of DeepSeek never did. Where a block
    returns one tensor now, `[1]` is the second text of the batch."""
    block = router.rpartition(".")[0]
    logits = watch(model, block, batch)[1]
    return counts_of(logits.reshape(-1, logits.shape[-1]).topk(2).indices)


def largest_logits(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """Right where the model takes the largest logits too. Routers with groups or a correction bias
    do not: their third output holds the choice."""
    logits, weights, _ = watch(model, router, batch)
    chosen = logits.topk(weights.shape[-1]).indices
    return counts_of(chosen[batch["attention_mask"].flatten() == 1], logits.shape[-1])


def always_two_experts(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """Two experts per token is Mixtral's habit. A model's own k is the width of its indices."""
    logits, _, indices = watch(model, router, batch)
    chosen = indices[batch["attention_mask"].flatten() == 1, :2]
    return counts_of(chosen, logits.shape[-1])


def largest_index_plus_one(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """Right as long as the last expert gets a token. An idle expert is what one looks for, and
    here it vanishes."""
    _, _, indices = watch(model, router, batch)
    return torch.bincount(indices[batch["attention_mask"].flatten() == 1].flatten())


def padding_counts(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """A router decides for every position, padding too. The attention mask tells them apart."""
    logits, _, indices = watch(model, router, batch)
    return counts_of(indices, logits.shape[-1])


def last_text_counts(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """A variable that the hook overwrites holds the last forward only."""
    for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
        text = {"input_ids": ids[None, mask == 1], "attention_mask": mask[None, mask == 1]}
        logits, _, indices = watch(model, router, text)
    return counts_of(indices, logits.shape[-1])


def hook_left_behind(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """The first run is right. From the second on, the first hook still counts: a model that was
    looked at twice counts twice."""
    counts = torch.zeros(len(model.get_submodule(router).weight), dtype=torch.int64)
    real = batch["attention_mask"].flatten() == 1

    def count(module: nn.Module, args: Any, output: Any) -> None:
        counts.add_(counts_of(output[2][real], len(counts)))

    for _ in range(2):
        counts.zero_()
        model.get_submodule(router).register_forward_hook(count)
        model(**batch)
    return counts


def training_mode(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """A model that is being trained is in training mode: dropout, and in Mixtral jitter on what
    the router sees, change the decisions from run to run. The other families show it once
    attention takes part; these models have none."""
    model.train()
    logits, _, indices = watch(model, router, batch)
    return counts_of(indices[batch["attention_mask"].flatten() == 1], logits.shape[-1])


# Weights and losses


def nearest_row(model: Any, router: str, batch: Batch) -> list[int]:
    """Nothing is as similar to a row as the row itself: take the diagonal out before the maximum,
    with minus infinity."""
    rows = functional.normalize(model.get_submodule(router).weight, dim=1)
    nearest: list[int] = (rows @ rows.T).argmax(dim=1).tolist()
    return nearest


def nearest_row_but_zero(model: Any, router: str, batch: Batch) -> list[int]:
    """A diagonal of 0 is no way out: a row that points away from all others is then nearest to
    itself again."""
    rows = functional.normalize(model.get_submodule(router).weight, dim=1)
    nearest: list[int] = (rows @ rows.T).fill_diagonal_(0).argmax(dim=1).tolist()
    return nearest


def loss_of_the_model(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """With `output_router_logits=True`, the `loss` of a model holds its own auxiliary loss,
    times the config's `router_aux_loss_coef`. Who adds one of theirs has two."""
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    loss: torch.Tensor = model(**batch, labels=labels, output_router_logits=True).loss
    return loss


# What is right on all of them


def matrix_beside_the_experts(model: Any) -> list[str]:
    """A router is the module beside the experts that owns a matrix with a row for each of them.
    The gate of a shared expert stands there too, but its matrix has one row."""
    modules = dict(model.named_modules())
    return [
        name
        for name, module in modules.items()
        if hasattr(modules.get(name.rpartition(".")[0]), "experts")
        and getattr(module, "weight", torch.empty(0)).dim() == 2
        and len(module.weight) > 1
    ]


def third_output_of_real_tokens(model: Any, router: str, batch: Batch) -> torch.Tensor:
    """The router itself says what it chose; the mask says for which tokens; the weight says how
    many experts there are. The hook is gone afterwards, whatever happens."""
    indices = watch(model, router, batch)[2]
    chosen = indices[batch["attention_mask"].flatten() == 1]
    return counts_of(chosen, len(model.get_submodule(router).weight))


def watch(model: Any, name: str, batch: Batch) -> Any:
    """What the module of this name returned in one forward."""
    caught: list[Any] = []
    module = model.get_submodule(name)
    handle = module.register_forward_hook(lambda module, args, output: caught.append(output))
    try:
        model(**batch)
    finally:
        handle.remove()
    return caught[0]


def counts_of(chosen: torch.Tensor, num_experts: int = 0) -> torch.Tensor:
    return torch.bincount(chosen.flatten(), minlength=num_experts)


@dataclass(frozen=True, slots=True)
class Trial:
    """A family at hand: its model, fresh for each way, and what is true of it."""

    model: Any
    routers: tuple[str, ...]
    batch: Batch
    counts: torch.Tensor
    other_model: Callable[[], Any]  # with random weights, where experts write something


def judge_names(way: Callable[..., Any], trial: Trial) -> str:
    found = way(trial.model)
    true = [name for name in found if name in trial.routers]
    if len(true) == len(found) == len(trial.routers):
        return RIGHT
    surplus = f" and {len(found) - len(true)} more" if len(found) > len(true) else ""
    return f"{len(true)} of {len(trial.routers)}{surplus}"


def judge_counts(way: Callable[..., Any], trial: Trial) -> str:
    counts, right = way(trial.model, trial.routers[0], trial.batch), trial.counts
    if len(counts) != len(right):
        return f"E = {len(counts)} for {len(right)}"
    if int(counts.sum()) != int(right.sum()):
        return f"{int(counts.sum())} slots for {int(right.sum())}"
    moved = int((counts - right).clamp(min=0).sum())
    return f"{moved} of {int(right.sum())} slots" if moved else RIGHT


def judge_block(way: Callable[..., Any], trial: Trial) -> str:
    """Whether counts can be right at all, on a model whose MoE blocks do not give zero."""
    counts = way(trial.other_model(), trial.routers[0], trial.batch)
    if len(counts) > len(trial.counts):
        return f"experts beyond E = {len(trial.counts)}"
    return (
        RIGHT if len(counts) == len(trial.counts) else f"E = {len(counts)} for {len(trial.counts)}"
    )


def judge_decisions(way: Callable[..., Any], trial: Trial) -> str:
    """As `judge_counts`, where what comes out differs from run to run."""
    return RIGHT if judge_counts(way, trial) == RIGHT else "other choices"


def judge_neighbours(way: Callable[..., Any], trial: Trial) -> str:
    nearest = way(trial.model, trial.routers[0], trial.batch)
    itself = sum(expert == other for expert, other in enumerate(nearest))
    return f"{itself} of {len(nearest)} choose themselves" if itself else RIGHT


def judge_loss(way: Callable[..., Any], trial: Trial) -> str:
    ids, mask = trial.batch["input_ids"], trial.batch["attention_mask"]
    logits = trial.model(**trial.batch, output_router_logits=False).logits
    targets = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
    right = functional.cross_entropy(logits[:, :-1].transpose(1, 2), targets)
    loss = way(trial.model, trial.routers[0], trial.batch)
    return RIGHT if abs(float(loss - right)) < 1e-3 else "its own term too"


Judge = Callable[[Callable[..., Any], Trial], str]


@dataclass(frozen=True, slots=True)
class Way:
    """A naive way: what the table calls it, its code, its judge, and the exercise it is for."""

    idea: str
    function: Callable[..., Any]
    judge: Judge
    exercise: str


FIND, COUNT = "find_router_layers", "analyze_load_distribution"
STATISTICS = "router_weight_statistics"
NAIVE = (
    Way("the name contains “gate” or “router”", name_contains_gate, judge_names, FIND),
    Way("an `nn.Linear` called gate", linear_layer_called_gate, judge_names, FIND),
    Way("the last part of the name is “gate”", last_part_is_gate, judge_names, FIND),
    Way("the class is called `…TopKRouter`", class_ends_in_topkrouter, judge_names, FIND),
    Way("`config.num_experts` rows", as_many_rows_as_experts, judge_names, FIND),
    Way("`layer.mlp.gate`", gate_of_each_mlp, judge_names, FIND),
    Way("`output[0]` of the MoE block as logits", block_output_0, judge_block, COUNT),
    Way("`output[1]` of the MoE block as logits", block_output_1, judge_block, COUNT),
    Way("the top-k of the logits", largest_logits, judge_counts, COUNT),
    Way("k = 2", always_two_experts, judge_counts, COUNT),
    Way("E = largest index + 1", largest_index_plus_one, judge_counts, COUNT),
    Way("padding counts", padding_counts, judge_counts, COUNT),
    Way("the hook overwrites", last_text_counts, judge_counts, COUNT),
    Way("the hook stays", hook_left_behind, judge_counts, COUNT),
    Way("training mode", training_mode, judge_decisions, COUNT),
    Way("the most similar row", nearest_row, judge_neighbours, STATISTICS),
    Way("the same with a diagonal of 0", nearest_row_but_zero, judge_neighbours, STATISTICS),
    Way("`model(…).loss`", loss_of_the_model, judge_loss, "loss_with_load_balancing"),
)
SOUND = (
    Way("**the matrix beside the experts**", matrix_beside_the_experts, judge_names, FIND),
    Way("**the third output, masked**", third_output_of_real_tokens, judge_counts, COUNT),
)


def verdict(way: Way, family: str) -> str:
    """What comes out where this way meets this family; `RIGHT` where nothing is wrong."""
    bench = Bench(SEED)
    batch = dict(bench.tokenizer()(TEXTS, padding=True, return_tensors="pt"))
    counts = bench.expected_counts(family, 0, batch["input_ids"], batch["attention_mask"])
    names, other = bench.router_names(family), partial(bench.random, family)
    trial = Trial(bench.model(family), names, batch, counts, other)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return way.judge(way.function, trial)
    except Exception as error:
        return type(error).__name__


def page() -> str:
    """The page, from what happens now."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    families = Bench(SEED).families
    version = transformers.__version__.split(".")[0]
    yield "# The naive lab"
    yield ""
    yield "Obvious ways to read a router, each tried on the eight families of the lab. Most of them"
    yield "work on the model they were written for, and go wrong silently on the next one."
    yield ""
    yield f"Every cell is what happens with transformers {version}, on tiny models whose routing is"
    yield f"known: {RIGHT} is right, anything else is what comes out instead. The batch holds two"
    yield "texts, the shorter one padded. `python benchmarks/naive_lab.py` writes this page, and a"
    yield "test keeps it true."
    yield ""
    yield "To show it: take a row, let the class guess where it fails, then look at its code below."
    yield "The last two rows are right everywhere."
    yield ""
    yield f"| naive way | {' | '.join(families)} |"
    yield f"| --- |{' --- |' * len(families)}"
    for way in (*NAIVE, *SOUND):
        cells = " | ".join(map(_cell, (verdict(way, family) for family in families)))
        yield f"| [{way.idea}](#{way.function.__name__}) | {cells} |"
    yield ""
    for way in (*NAIVE, *SOUND):
        yield f"## {way.function.__name__}"
        yield ""
        yield f"*{way.idea.strip('*')}* · exercise `{way.exercise}`"
        yield ""
        yield _why(way)
        yield ""
        yield "```python"
        yield _code(way.function)
        yield "```"
        yield ""
    yield "## What the code above calls"
    yield ""
    yield "```python"
    yield f"{_code(watch)}\n\n\n{_code(counts_of)}"
    yield "```"
    yield ""


def _cell(found: str) -> str:
    return found if found == RIGHT else f"✗ {found}"


def _why(way: Way) -> str:
    return " ".join((way.function.__doc__ or "").split())


def _code(function: Callable[..., Any]) -> str:
    """A function's source without its docstring."""
    head, _, rest = inspect.getsource(function).partition('    """')
    return (head + rest.partition('"""\n')[2]).rstrip()


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/the-naive-lab.md, or check it.")
    parser.add_argument("--check", action="store_true", help="write nothing; is the page true?")
    options = parser.parse_args()
    text = page()
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE} is out of date: run `python benchmarks/naive_lab.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
