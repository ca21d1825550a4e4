"""The checks of `analyze_load_distribution`.

Planted models give counts in closed form; drawn ones show what attention has to do with it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder import given
from autograder.authoring.given import Given
from moe_lab.bench import Bench
from moe_lab.inputs import random_texts
from moe_lab.tokenizer import EOS, PAD
from moelab_kit.calls import Answer
from moelab_kit.compare import EXACT, FLOAT32, difference, is_number, kind_of
from reference.moe_router_analysis._decisions import measured_routing
from reference.moe_router_analysis._drawn import (
    counts_of,
    draw,
    first_of,
    is_clear,
    saying,
)
from reference.moe_router_analysis.analyze_load_distribution import exercise

WORD = "MoE"  # three tokens of two experts each: some of eight experts get none
SENTENCE = "The router sends each token to the few experts it prefers."


@exercise.law(points=1.5, proves=("counts", "sizes", "own-decisions"))
def counts_one_text(answer: Answer, bench: Bench) -> None:
    """Counts the tokens of one word for the first router of a Mixtral"""
    model, tokenizer = bench.model("mixtral"), bench.tokenizer()
    load = answer(model, tokenizer, [WORD])
    assert isinstance(load, dict), f"asked for a dict, got {kind_of(load)}"
    ids = tokenizer(WORD, return_tensors="pt")["input_ids"]
    right = bench.expected_counts("mixtral", 0, ids).tolist()
    for key, value in (
        ("total_tokens", ids.shape[1]),
        ("num_experts", model.config.num_local_experts),
        ("top_k", model.config.num_experts_per_tok),
    ):
        assert key in load, f"the result lacks {key!r}"
        assert is_number(load[key]), f"{key!r} is {kind_of(load[key])}, not a number"
        assert float(load[key]) == value, f"{key!r} should be {value}, not {load[key]}"
    counts = load.get("expert_counts")
    assert isinstance(counts, dict), f"'expert_counts' should be a dict, not {kind_of(counts)}"
    assert sorted(counts) == list(range(len(right))), (
        f"'expert_counts' should tell of every expert 0..{len(right) - 1}, also of those without "
        f"a token; its keys are {sorted(counts)}"
    )
    assert all(type(expert) is int for expert in counts), (
        "the keys of 'expert_counts' should be plain ints, such as those of `range` or `tolist()`"
    )
    assert [float(counts[expert]) for expert in range(len(right))] == right, (
        f"the router sent {right} tokens to the experts, you counted "
        f"{[counts[expert] for expert in range(len(right))]}; each token counts for each of its "
        f"{model.config.num_experts_per_tok} experts"
    )


@exercise.law(points=1, proves=("expected", "mean-and-std", "extremes", "score"))
def derives_the_statistics(answer: Answer, bench: Bench) -> None:
    """Derives mean, standard deviation, extremes and score from the counts"""
    model, tokenizer = bench.model("gpt_oss"), bench.tokenizer()
    load = answer(model, tokenizer, [SENTENCE])
    ids = tokenizer(SENTENCE, return_tensors="pt")["input_ids"]
    counts = bench.expected_counts("gpt_oss", 0, ids).double()
    mean, std = float(counts.mean()), float(counts.std(correction=0))
    for key, value, hint in (
        ("actual_mean", mean, "the mean of the counts"),
        ("actual_std", std, "the population standard deviation of the counts (divide by n)"),
        ("expected_per_expert", mean, "total_tokens · k / E"),
        ("max_load", float(counts.max()), "the largest count"),
        ("min_load", float(counts.min()), "the smallest count"),
        ("load_balance_score", 1 - std / (mean + 1e-8), "1 − actual_std / (actual_mean + 1e-8)"),
    ):
        assert key in load, f"the result lacks {key!r}, {hint}"
        wrong = difference(load[key], value, FLOAT32, key)
        assert not wrong, f"{wrong}: it is {load[key]}, and {hint} is {value:.6g}"


@exercise.law(points=1.5, proves="own-decisions", hidden=True)
def counts_the_models_own_decisions(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Counts what the model itself decides, in every family and at each router"""
    tokenizer = bench.tokenizer()
    for family in bench.models:
        texts = [SENTENCE[:20] + random_texts(rng, 1, most_words=4)[0]]
        last = len(bench.router_names(family)) - 1
        load = answer(bench.model(family), tokenizer, texts, layer_idx=last)
        _compare(load, bench, family, last, _tokens(tokenizer, texts))
    for family in ("deepseek_v3", "granitemoe"):
        load = answer(bench.base(family), tokenizer, texts, None, 1)
        _compare(load, bench, family, 1, _tokens(tokenizer, texts))


@exercise.law(points=1.5, proves=("every-token", "no-padding", "empty-text"), hidden=True)
def counts_real_tokens_only(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Counts every real token of every text, special tokens included, and no padding"""
    for bos, side in ((False, "left"), (True, "right")):
        tokenizer = bench.tokenizer(bos=bos, padding_side=side)
        texts = _texts_that_tell(rng, bench, tokenizer)
        load = answer(bench.model("qwen2_moe"), tokenizer, texts)
        _compare(load, bench, "qwen2_moe", 0, _tokens(tokenizer, texts))


@exercise.law(points=0.5, proves="real-tokens", hidden=True)
def lets_the_mask_say_what_is_real(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Counts special tokens within a text too, also where the end-of-text token is the padding"""
    idea = "the attention mask alone says which tokens are real, whatever their ids are"
    for pad_is_eos, side in ((True, "right"), (True, "left"), (False, "right")):
        tokenizer = bench.tokenizer(padding_side=side, pad_is_eos=pad_is_eos)
        first, second, third = random_texts(rng, 3, most_words=4)
        texts = [
            f"{first}{EOS}",
            second,
            f"{EOS}{PAD} {third}{PAD}",
            f"{PAD}{first} {EOS} {second}",
        ]
        load = answer(bench.model("olmoe"), tokenizer, texts, layer_idx=1)
        _compare(load, bench, "olmoe", 1, _tokens(tokenizer, texts), idea=idea)


@exercise.law(points=0.5, proves="every-token", hidden=True)
def counts_long_texts(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Counts every token of texts of many hundreds, cutting none off"""
    tokenizer = bench.tokenizer()
    long = " ".join(random_texts(rng, 200))
    texts = [long[: int(rng.integers(630, 800))].strip()]
    load = answer(bench.model("mixtral"), tokenizer, texts)
    idea = "every token of a text counts, however long it is"
    _compare(load, bench, "mixtral", 0, _tokens(tokenizer, texts), idea=idea)


@exercise.agrees(
    points=1.5,
    proves="no-padding",
    compare=saying(
        "a token's route depends on the real tokens before it, and on no padding: "
        "give the model the attention mask; all numbers follow from real tokens",
        FLOAT32,
    ),
)
def routes_padded_texts_as_alone(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Routes texts of unequal lengths as each alone would be, also with padding on the left"""
    for family, pad_is_eos, experts in (("olmoe", False, 0), ("qwen2_moe", True, 9)):
        model = bench.drawn(draw(rng, family, experts=experts))
        tokenizer = bench.tokenizer(padding_side="left", pad_is_eos=pad_is_eos)
        texts = _texts_that_attend(rng, model, tokenizer)
        for router in (0, 1):
            yield given(model, tokenizer, texts, layer_idx=router)


@exercise.agrees(
    points=0.5,
    proves=("explicit-top-k", "precision"),
    compare=saying(
        "logits are compared in float32, in which close ones differ; all numbers follow from top_k",
        FLOAT32,
    ),
)
def tells_close_logits_apart(rng: np.random.Generator, bench: Bench) -> Iterator[Given]:
    """Tells logits that are close together apart, and reckons with the explicit top_k"""
    tokenizer = bench.tokenizer()
    for family in ("olmoe", "mixtral"):
        model = bench.drawn(draw(rng, family, experts=int(rng.integers(12, 16))))
        top_k = int(rng.integers(4, 7))
        yield given(model, tokenizer, _texts_with_close_logits(rng, model, tokenizer, top_k), top_k)


@exercise.law(points=0.5, proves="explicit-top-k", hidden=True)
def counts_the_largest_logits(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """With an explicit top_k, counts the experts with the largest router logits"""
    tokenizer = bench.tokenizer()
    for number, family in enumerate(bench.softmax_models):
        others = [
            k for k in range(1, bench.plan(family).num_experts) if k != bench.plan(family).top_k
        ]
        top_k = others[0] if number == 0 else int(rng.choice(others))
        texts = random_texts(rng, 1, most_words=6)
        load = answer(bench.model(family), tokenizer, texts, top_k=top_k)
        _compare(load, bench, family, 0, _tokens(tokenizer, texts), top_k)
    family = str(rng.choice(bench.softmax_models))
    texts = _texts_that_leave_experts_out(rng, bench, family, tokenizer)
    counts = bench.expected_counts(family, 0, _tokens(tokenizer, texts), top_k=1).tolist()
    load = answer(bench.model(family), tokenizer, texts, top_k=1)
    right = {
        "expert_counts": dict(enumerate(counts)),
        "num_experts": len(counts),
        "expected_per_expert": sum(counts) / len(counts),
        "min_load": min(counts),
    }
    wrong = difference(load, right)
    assert not wrong, f"every expert is counted, also one to which no token goes ({wrong})"


@exercise.law(
    points=1,
    proves=("no-routers", "no-such-layer", "no-token", "wrong-top-k", "errors"),
    hidden=True,
)
def refuses_wrong_arguments(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Raises the right error for wrong arguments, and gives {} for a dense model"""
    tokenizer, texts = bench.tokenizer(), random_texts(rng, 1)
    model, routers = bench.model("qwen3_moe"), len(bench.router_names("qwen3_moe"))
    experts = bench.plan("qwen3_moe").num_experts
    load = answer(model, tokenizer, texts, experts, routers - 1)
    _compare(load, bench, "qwen3_moe", routers - 1, _tokens(tokenizer, texts), experts)
    dense: tuple[tuple[Any, ...], ...] = (
        (texts,),
        (texts, 2),
        (texts, 0),
        (texts, None, 99),
        (texts, None, -1),
        ([],),
    )
    for arguments in dense:
        load = answer(bench.dense(), tokenizer, *arguments)
        assert load == {}, "a model without routers gives {}, whatever the other arguments"
    for index in (routers, routers + 7, -1, -routers):
        assert answer.raises(IndexError, model, tokenizer, texts, layer_idx=index), (
            "a layer_idx that is not 0..L-1 should raise an IndexError"
        )
    for top_k in (0, -1, experts + 1):
        assert answer.raises(ValueError, model, tokenizer, texts, top_k=top_k), (
            "a top_k that is not 1..E should raise a ValueError"
        )
    for empty in ([], [""], ["", ""]):
        assert answer.raises(ValueError, model, tokenizer, empty), (
            "texts without any token should raise a ValueError"
        )


@exercise.law(
    points=1, proves=("modes", "hooks", "no-gradients", "evaluation", "left-alone"), hidden=True
)
def leaves_everything_as_it_was(answer: Answer, rng: np.random.Generator, bench: Bench) -> None:
    """Evaluates a model in training mode; leaves it and the tokenizer alone, also after an error"""
    tokenizer, texts = bench.tokenizer(), [SENTENCE + random_texts(rng, 1)[0]]
    other = bench.tokenizer(padding_side="left")
    model = bench.model("mixtral")
    with _partly_in_training(model):
        load = answer(model, tokenizer, texts)
    idea = "models are judged in evaluation mode"
    _compare(load, bench, "mixtral", 0, _tokens(tokenizer, texts), idea=idea)
    assert not answer.left_behind, f"something was not left as it was: {answer.left_behind}"
    settings = {"training": "part", "frozen": True, "gradients": True}
    trained = bench.drawn(draw(rng, "olmoe", dtype="bfloat16", **settings))
    load = answer(trained, other, texts)
    wrong = difference(load, {"total_tokens": len(_tokens(tokenizer, texts))})
    assert not wrong, f"a model that is being trained is sent every token, too; {wrong}"
    assert not answer.left_behind, f"something was not left as it was: {answer.left_behind}"
    for family, error in (("olmoe", RuntimeError), ("gpt_oss", _error(rng)), ("mixtral", KeyError)):
        failing = bench.drawn(draw(rng, family, raises=error.__name__, training="part"))
        assert answer.raises(error, failing, tokenizer, texts), (
            "an exception from the model's forward should reach the caller"
        )
        assert not answer.left_behind, (
            f"after a forward that raised, something was not left as it was: {answer.left_behind}"
        )


@exercise.law(
    points=1,
    proves=("counts", "expected", "mean-and-std", "extremes", "score", "numbers"),
    hidden=True,
)
def derives_the_statistics_of_any_load(
    answer: Answer, rng: np.random.Generator, bench: Bench
) -> None:
    """Derives the right statistics from many tokens and from one, as numbers, counts as ints"""
    tokenizer = bench.tokenizer()
    for text in (random_texts(rng, 1)[0], "x"):
        for family in ("mixtral", "granitemoe"):
            load = answer(bench.model(family), tokenizer, [text])
            tokens = _tokens(tokenizer, [text])
            counts = bench.expected_counts(family, 0, tokens).double()
            mean, std = float(counts.mean()), float(counts.std(correction=0))
            right = {
                "expert_counts": {e: int(n) for e, n in enumerate(counts)},
                "expected_per_expert": len(tokens) * bench.plan(family).top_k / len(counts),
                "actual_mean": mean,
                "actual_std": std,
                "max_load": float(counts.max()),
                "min_load": float(counts.min()),
                "load_balance_score": 1 - std / (mean + 1e-8),
            }
            wrong = difference(load, right)
            assert not wrong, f"all numbers follow from the counts of the real tokens; {wrong}"
            assert all(map(_is_int, load["expert_counts"].values())), "counts should be ints"


def _tokens(tokenizer: Any, texts: list[str]) -> torch.Tensor:
    """The ids of all real tokens of the texts, one after the other."""
    ids = [token for text in texts for token in tokenizer(text)["input_ids"]]
    return torch.tensor(ids, dtype=torch.int64)


def _texts_that_tell(rng: np.random.Generator, bench: Bench, tokenizer: Any) -> list[str]:
    """Texts, two of them empty: to take their padding for text changes the counts."""
    while True:
        short, long = random_texts(rng, 2, most_words=2)
        texts = ["", short, long + WORD, "", "k", f" {short}\n"]
        batch = tokenizer([*filter(None, texts)], padding=True, return_tensors="pt")
        mask = batch["attention_mask"]
        right, mirrored = (
            bench.expected_counts("qwen2_moe", 0, batch["input_ids"], real).tolist()
            for real in (mask, mask.flip(1))
        )
        if right != mirrored:
            return texts


def _texts_that_leave_experts_out(
    rng: np.random.Generator, bench: Bench, family: str, tokenizer: Any
) -> list[str]:
    """A text of which no token has its largest logit at the last expert."""

    def attempt() -> list[str] | None:
        texts = random_texts(rng, 1, most_words=1)
        counts = bench.expected_counts(family, 0, _tokens(tokenizer, texts), top_k=1)
        return texts if counts[-1] == 0 else None

    found: list[str] = first_of(attempt)
    return found


def _texts_that_attend(rng: np.random.Generator, model: Any, tokenizer: Any) -> list[str]:
    """Texts whose tokens are routed otherwise where they attend to padding on the left."""

    def attempt() -> list[str] | None:
        short, middle, long = (random_texts(rng, 1, most_words=n)[0] for n in (1, 5, 9))
        texts = [f"a {short}", long + SENTENCE, middle]
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        ids, mask = batch["input_ids"], batch["attention_mask"]
        right = counts_of(model, ids, mask)
        wrong = counts_of(model, ids, mask, torch.ones_like(mask))
        differ = all(one != other for one, other in zip(right, wrong, strict=True))
        calm = all(statistics.pstdev(row) < statistics.fmean(row) for row in right)
        return texts if differ and calm and is_clear(model, ids, mask) else None

    found: list[str] = first_of(attempt)
    return found


def _texts_with_close_logits(
    rng: np.random.Generator, model: Any, tokenizer: Any, top_k: int
) -> list[str]:
    """Texts of which some tokens have logits or probabilities that are equal in half precision."""

    def attempt() -> list[str] | None:
        text = " ".join(random_texts(rng, 60)).encode()[:450].decode(errors="ignore").strip()
        batch = tokenizer(text, return_tensors="pt")
        ids, mask = batch["input_ids"], batch["attention_mask"]
        _, logits, _ = measured_routing(model, ids, mask)[0]
        rounded = (logits.bfloat16(), logits.softmax(-1).bfloat16())
        right, *others = (_counts(scores, top_k) for scores in (logits, *rounded))
        told = all(other != right for other in others)
        return [text] if told and is_clear(model, ids, mask, top_k) else None

    found: list[str] = first_of(attempt)
    return found


def _counts(scores: torch.Tensor, top_k: int) -> list[int]:
    chosen = scores.topk(top_k, dim=-1).indices.reshape(-1)
    return torch.bincount(chosen, minlength=scores.shape[1]).tolist()


def _error(rng: np.random.Generator) -> type[Exception]:
    errors: tuple[type[Exception], ...] = (ValueError, IndexError, FloatingPointError)
    return errors[int(rng.integers(len(errors)))]


def _compare(
    load: Any,
    bench: Bench,
    family: str,
    router: int,
    tokens: torch.Tensor,
    top_k: int | None = None,
    idea: str = "each real token counts once for each of its experts",
) -> None:
    """Compare counts, and what they count, with the planted truth; messages for hidden checks.

    Experts without a token may be missing here: two other checks ask for them.
    """
    counts = bench.expected_counts(family, router, tokens, top_k=top_k).tolist()
    right = {
        "total_tokens": len(tokens),
        "num_experts": len(counts),
        "top_k": bench.plan(family).top_k if top_k is None else top_k,
    }
    wrong = difference(load, right)
    assert not wrong, f"{idea} ({wrong})"
    found = load.get("expert_counts")
    assert isinstance(found, dict), f"'expert_counts' is {kind_of(found)}, not a dict"
    assert set(found) <= set(range(len(counts))), "'expert_counts' has keys that are no experts"
    for expert, count in enumerate(counts):
        wrong = difference(found.get(expert, 0), count, EXACT, "the count of an expert")
        assert not wrong, f"{idea} ({wrong})"


def _is_int(count: Any) -> bool:
    if isinstance(count, torch.Tensor):
        return not count.is_floating_point()
    return isinstance(count, int | np.integer)


@contextmanager
def _partly_in_training(model: nn.Module) -> Iterator[None]:
    """Put a model, but for some of its modules, into training mode for a while."""
    modes = {module: module.training for module in model.modules()}
    for name, module in model.named_modules():
        module.training = not name.endswith("norm")
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
