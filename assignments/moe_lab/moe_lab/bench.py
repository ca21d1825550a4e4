"""The bench: every model and tokenizer that checks use, made from one seed and known by handles.

The grader and the sandbox each hold a bench of the same seed. Models never cross between them:
their handles do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from moe_lab.drawn import PREFIX, Recipe, build_drawn
from moe_lab.families import FAMILIES, Family, build, build_dense, deepened, family_named
from moe_lab.planted import RoutingPlan, draw_plan, plant, randomise
from moe_lab.tokenizer import EOS, VOCABULARY, byte_tokenizer

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CAPTURED = {"output_router_logits": True, "output_hidden_states": True, "output_attentions": True}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class Wrapper(nn.Module):
    """A module that holds a causal language model, as a trainer or an adapter would."""

    def __init__(self, language_model: nn.Module) -> None:
        super().__init__()
        self.language_model = language_model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.language_model(*args, **kwargs)


class FailingNorm(nn.Module):
    """A norm whose forward raises: it stops a model in the middle of its layers."""

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        raise RuntimeError("planted failure")


class Bench:
    """Tiny models with planted routing, their ground truth, and tokenizers.

    Everything follows from `seed`; a bench of the same seed holds the same weights. Each thing is
    built when it is first asked for, and is the same object from then on. Models are in evaluation
    mode, without gradients, and have run once with `output_router_logits`, so that transformers'
    own hooks are in place.
    """

    def __init__(self, seed: int | str = 0, *, device: str | torch.device = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._makers = self._all_makers()
        self._made: dict[str, Any] = {}
        self._handles: dict[int, str] = {}
        self._plans: dict[str, RoutingPlan] = {}
        self._truth_is_known = True

    @property
    def families(self) -> tuple[str, ...]:
        """The eight families, in the order of the course."""
        return tuple(family.name for family in FAMILIES)

    @property
    def softmax_families(self) -> tuple[str, ...]:
        """The families that choose the top-k of a softmax of their logits."""
        return tuple(family.name for family in FAMILIES if family.softmax)

    @property
    def models(self) -> tuple[str, ...]:
        """Names for `model`: the eight families, then the full-scale models of a grading run."""
        return (*self.families, *self.full_scale)

    @property
    def full_scale(self) -> tuple[str, ...]:
        """The full-scale models of a grading run; none in a notebook."""
        return ()

    def is_full_scale(self, value: object) -> bool:
        """Whether this is one of the full-scale models."""
        return any(value is self.model(name) for name in self.full_scale)

    @property
    def softmax_models(self) -> tuple[str, ...]:
        """Those of `models` that choose the top-k of a softmax of their logits."""
        return self.softmax_families

    def model(self, family: str, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
        """A causal language model with planted routing."""
        return self.resolve(f"model:{family}:{_NAMES[dtype]}")

    def base(self, family: str, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
        """The base model inside `model(family, dtype)`: the same weights without the head."""
        return self.resolve(f"base:{family}:{_NAMES[dtype]}")

    def wrapped(self, family: str, dtype: torch.dtype = torch.float32) -> nn.Module:
        """A plain module that holds `model(family, dtype)` in an attribute and passes calls on."""
        wrapper: nn.Module = self.resolve(f"wrapped:{family}:{_NAMES[dtype]}")
        return wrapper

    def failing(self, family: str) -> PreTrainedModel:
        """A copy of `model(family)` that raises RuntimeError before its last decoder layer."""
        return self.resolve(f"failing:{family}")

    def random(self, family: str, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
        """A causal language model with random weights: attention and experts take part."""
        return self.resolve(f"random:{family}:{_NAMES[dtype]}")

    def deep(self) -> PreTrainedModel:
        """An OLMoE of eleven layers, with random weights: `layers.10` comes after `layers.9`."""
        return self.resolve("deep")

    def dense(self) -> PreTrainedModel:
        """A causal language model with `gate_proj` and the like, and without routers."""
        return self.resolve("dense")

    def drawn(self, recipe: Recipe) -> Any:
        """The model of a recipe, which a check draws: no bench knows it before it is asked for."""
        return self.resolve(recipe.handle)

    def tokenizer(
        self, *, bos: bool = False, padding_side: str = "right", pad_is_eos: bool = False
    ) -> PreTrainedTokenizerFast:
        """A byte-level tokenizer; `bos` adds a special token before every text.

        With `pad_is_eos` (and without `bos`) the end-of-text token pads too.
        """
        kind = "eos" if pad_is_eos else "bos" if bos else "plain"
        return self.resolve(f"tokenizer:{kind}:{padding_side}")

    def plan(self, family: str) -> RoutingPlan:
        """The ground truth of the planted models of a family, whatever their dtype."""
        if not self._truth_is_known:
            raise LookupError("this bench has no ground truth: it is the sandbox's")
        if family not in self._plans:
            shape = family_named(family)
            self._plans[family] = draw_plan(
                self._rng("plan", family),
                shape.rule,
                routers=len(shape.router_layers),
                experts=shape.num_experts,
                vocabulary=VOCABULARY,
            )
        return self._plans[family]

    def router_names(self, family: str) -> tuple[str, ...]:
        """Qualified names of the routers of `model(family)`, in order."""
        return family_named(family).router_names

    def expected_counts(
        self,
        family: str,
        router_index: int,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *,
        top_k: int | None = None,
    ) -> torch.Tensor:
        """Real tokens that each expert of a planted model gets, [E] int64, from token ids alone.

        By the model's own rule, or with an explicit `top_k` by its largest logits.
        """
        return self.plan(family).counts(router_index, input_ids, attention_mask, top_k)

    def expected_logits(
        self, family: str, router_index: int, input_ids: torch.Tensor
    ) -> torch.Tensor:
        """Router logits of a planted model, [T, E] float32, from token ids alone."""
        return self.plan(family).logits(router_index, input_ids)

    def keys(self) -> tuple[str, ...]:
        """Every handle of this bench."""
        return tuple(self._makers)

    def handle_of(self, obj: object) -> str | None:
        """The handle of a thing that this bench made, by identity; `None` for anything else."""
        handle = self._handles.get(id(obj))
        return handle if handle is not None and self._made[handle] is obj else None

    def resolve(self, handle: str) -> Any:
        """The thing of this handle, built if need be; `KeyError` for an unknown handle."""
        if not isinstance(handle, str):
            raise KeyError(handle)
        if handle not in self._made:
            made = self._make(handle)
            self._made[handle] = made
            self._handles[id(made)] = handle
        return self._made[handle]

    def described(self, handle: str) -> str:
        """A handle as a person reads it: of a recipe, what is not as usual."""
        if not handle.startswith(PREFIX):
            return handle
        recipe = Recipe.from_handle(handle)
        usual = asdict(Recipe(family=recipe.family, seed=-1))
        special = {name: one for name, one in asdict(recipe).items() if one != usual[name]}
        return f"drawn {recipe.family}, " + ", ".join(f"{n} {one}" for n, one in special.items())

    def tiny(self) -> Bench:
        """This bench: there are no full-scale models in it."""
        return self

    def fresh(self) -> Bench:
        """Another bench of the same seed, with the same weights."""
        return Bench(self.seed, device=self.device)

    def forget_truth(self) -> None:
        """Build everything that has a handle, and forget what tells its routing.

        For a process that runs submissions: tables and the seed that they follow from are gone,
        and asking for a ground truth is a `LookupError`.
        """
        for handle in self._makers:
            self.resolve(handle)
        self._plans.clear()
        self.seed = "forgotten"
        self._makers = dict.fromkeys(self._makers, _made_before)
        self._truth_is_known = False

    def _make(self, handle: str) -> Any:
        if handle.startswith(PREFIX):
            return build_drawn(Recipe.from_handle(handle), self.device)
        return self._makers[handle]()

    def _all_makers(self) -> dict[str, Callable[[], Any]]:
        makers: dict[str, Callable[[], Any]] = {}
        for family in FAMILIES:
            for label, dtype in _DTYPES.items():
                which = f"{family.name}:{label}"
                makers[f"model:{which}"] = partial(self._planted, family, dtype)
                makers[f"base:{which}"] = partial(self._base_of, f"model:{which}")
                makers[f"wrapped:{which}"] = partial(self._wrapper_of, f"model:{which}")
                makers[f"random:{which}"] = partial(self._random, family, dtype)
            makers[f"failing:{family.name}"] = partial(self._failing, family)
        makers["deep"] = partial(self._random, deepened("olmoe", 11), torch.float32)
        makers["dense"] = self._dense
        for side in ("right", "left"):
            makers[f"tokenizer:plain:{side}"] = partial(byte_tokenizer, padding_side=side)
            makers[f"tokenizer:bos:{side}"] = partial(byte_tokenizer, bos=True, padding_side=side)
            makers[f"tokenizer:eos:{side}"] = partial(byte_tokenizer, padding_side=side, pad=EOS)
        return makers

    def _planted(self, family: Family, dtype: torch.dtype) -> PreTrainedModel:
        model = build(family, dtype)
        randomise(model, self._generator("weights", family.name))
        plant(model, self.plan(family.name), self._rng("directions", family.name))
        return self._ready(model)

    def _random(self, family: Family, dtype: torch.dtype) -> PreTrainedModel:
        model = build(family, dtype)
        randomise(model, self._generator("random", family.name))
        return self._ready(model)

    def _failing(self, family: Family) -> PreTrainedModel:
        model = self._planted(family, torch.float32)
        model.base_model.layers[-1].input_layernorm = FailingNorm().eval()
        return model

    def _dense(self) -> PreTrainedModel:
        model = build_dense()
        randomise(model, self._generator("dense"))
        return self._ready(model)

    def _base_of(self, handle: str) -> PreTrainedModel:
        return self.resolve(handle).base_model

    def _wrapper_of(self, handle: str) -> nn.Module:
        return Wrapper(self.resolve(handle)).eval()

    def _ready(self, model: PreTrainedModel) -> PreTrainedModel:
        model.to(self.device)
        with torch.no_grad():
            model(torch.zeros(1, 2, dtype=torch.int64, device=self.device), **_CAPTURED)
        return model

    def _rng(self, *purpose: str) -> np.random.Generator:
        return np.random.default_rng(self._seed_for(*purpose))

    def _generator(self, *purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed_for(*purpose))

    def _seed_for(self, *purpose: str) -> int:
        text = "/".join((str(self.seed), *purpose))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")


def _made_before() -> Any:
    raise LookupError("this bench makes nothing any more: it is the sandbox's")
