"""What a call leaves behind is told in words, and a clean call leaves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from moe_lab.loading import load_model
from moe_lab.tokenizer import byte_tokenizer
from moelab_kit.side_effects import StateBefore, shared_memory


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


@pytest.fixture
def model() -> Tiny:
    return Tiny().eval()


def after(action: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    before = StateBefore(args, kwargs)
    action(*args, **kwargs)
    return before.difference()


def put_and_take_back(model: Tiny) -> None:
    hook = model.inner[0].register_forward_hook(lambda *_: None)
    model.train()
    model(torch.ones(1, 3)).sum().backward()
    hook.remove()
    model.eval()
    model.zero_grad(set_to_none=True)


def train_one_part(model: Tiny) -> None:
    model.inner[1].train()


def change_through_data(model: Tiny) -> None:
    model.inner[0].weight.data[0, 0] += 1


def replace_weight(model: Tiny) -> None:
    model.inner[0].weight = nn.Parameter(model.inner[0].weight.detach().clone())


def change_buffer(model: Tiny) -> None:
    model.seen.add_(1)


def leave_gradients(model: Tiny) -> None:
    model(torch.ones(1, 3)).sum().backward()


def freeze(model: Tiny) -> None:
    model.inner[0].bias.requires_grad_(False)


def replace_forward(model: Tiny) -> None:
    model.inner[0].forward = lambda x: x


def add_a_parameter(model: Tiny) -> None:
    model.extra = nn.Parameter(torch.ones(1))


@pytest.mark.parametrize(
    "register",
    [
        lambda part: part.register_forward_hook(lambda *_: None),
        lambda part: part.register_forward_pre_hook(lambda *_: None),
        lambda part: part.register_full_backward_hook(lambda *_: None),
        lambda part: part.register_full_backward_pre_hook(lambda *_: None),
        lambda part: part.register_state_dict_pre_hook(lambda *_: None),
    ],
    ids=["forward", "forward_pre", "backward", "backward_pre", "state_dict_pre"],
)
def test_a_hook_that_stays_is_told(model: Tiny, register: Callable[[nn.Module], Any]) -> None:
    assert "hooks on the model's inner.0" in after(lambda m: register(m.inner[0]), model)


def test_a_hook_on_every_module_is_told(model: Tiny) -> None:
    before = StateBefore((model,), {})
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    found = before.difference()
    hook.remove()
    assert "every module" in found
    assert before.difference() == ""


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (train_one_part, "inner.1 was left in training mode"),
        (change_through_data, "inner.0.weight was changed"),
        (replace_weight, "inner.0.weight was changed"),
        (change_buffer, "seen was changed"),
        (leave_gradients, "a gradient was left on the model's inner.0"),
        (freeze, "requires_grad of the model's inner.0.bias"),
        (replace_forward, "the forward of the model's inner.0 was replaced"),
        (add_a_parameter, "added or removed"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_changed_model_is_told(model: Tiny, action: Callable[[Tiny], None], words: str) -> None:
    assert words in after(action, model)
    assert after(lambda model: None, model) == ""


def test_a_model_passed_by_name_or_inside_a_list_is_watched_too(model: Tiny) -> None:
    assert after(lambda model: model.train(), model=model)
    model.eval()
    assert after(lambda models: models[0].train(), [model])


def test_a_model_that_is_put_back_leaves_nothing(model: Tiny) -> None:
    assert after(put_and_take_back, model) == ""


def test_a_model_found_in_training_mode_must_stay_in_it(model: Tiny) -> None:
    model.train()
    assert after(lambda m: m(torch.ones(1, 3)), model) == ""
    assert "evaluation mode" in after(lambda m: m.eval(), model)


@pytest.mark.parametrize(
    "action",
    [
        lambda x: x.add_(1),
        lambda x: x.data.mul_(2),
        lambda x: x.numpy().fill(0),
        lambda x: x.unsqueeze_(0),
        lambda x: x.requires_grad_(),
        lambda x: x.fill_(float("nan")),
    ],
    ids=["in_place", "through_data", "through_numpy", "shape", "requires_grad", "nan"],
)
def test_a_changed_tensor_is_told_by_position(action: Callable[[torch.Tensor], Any]) -> None:
    found = after(lambda _, x: action(x), 0, torch.ones(4))
    assert "argument 2" in found


def test_reading_a_tensor_leaves_nothing() -> None:
    assert after(lambda x: (x + 1).softmax(0).tolist(), torch.ones(4)) == ""
    assert after(lambda x: x * 2, torch.zeros(0, 3)) == ""


@pytest.mark.parametrize(
    "action",
    [
        lambda stats: stats["counts"].update({0: 9}),
        lambda stats: stats["order"].reverse(),
        lambda stats: stats.update(order=None),
        lambda stats: stats.update(counts=[1, 2]),
    ],
    ids=["nested", "reversed", "no list any more", "no dict any more"],
)
def test_a_changed_dict_or_list_is_told(action: Callable[[dict[str, Any]], Any]) -> None:
    assert after(action, {"counts": {0: 1, 1: 2}, "order": [0, 1]}) == "argument 1 was changed"


@pytest.mark.parametrize(
    "action",
    [
        lambda stats: stats.pop("counts"),
        lambda stats: stats.update(extra=1),
        lambda stats: stats["order"].append(1),
        lambda stats: stats["order"].clear(),
    ],
    ids=["popped", "added", "appended", "emptied"],
)
def test_entries_that_come_or_go_are_told(action: Callable[[dict[str, Any]], Any]) -> None:
    said = after(action, {"counts": {0: 1, 1: 2}, "order": [0, 1]})
    assert said == "argument 1 has gained or lost entries"


def test_a_result_that_is_a_view_of_an_argument_shares_its_memory() -> None:
    x = torch.arange(6.0)
    assert shared_memory({"rows": [x.reshape(2, 3)[1]]}, (x,), {}) == "an argument"
    assert shared_memory(x.clone(), (x,), {}) == ""
    assert shared_memory(None, (x,), {}) == ""


def test_a_result_that_is_a_view_of_a_weight_names_the_weight(model: Tiny) -> None:
    weight = model.inner[0].weight
    assert shared_memory(weight.detach().T, (), {"model": model}) == "the model's inner.0.weight"
    assert shared_memory(weight.detach().float(), (model,), {}) != ""
    assert shared_memory(weight.detach().clone(), (model,), {}) == ""


def test_empty_tensors_share_nothing() -> None:
    assert shared_memory(torch.zeros(0), (torch.zeros(0, 2),), {}) == ""


def test_a_setting_of_a_models_config_that_stays_is_told_by_name() -> None:
    model = load_model("olmoe")

    def switch_on(model: Any) -> None:
        model.config.output_router_logits = True

    assert after(switch_on, model) == "model.config.output_router_logits was changed"
    assert after(lambda model: model(torch.zeros(1, 2).long()), model) == ""


def test_a_gradient_that_is_taken_away_is_told(model: Tiny) -> None:
    model(torch.ones(1, 3)).sum().backward()
    assert after(lambda model: model.zero_grad(), model).startswith("a gradient was taken from")


def test_a_gradient_that_is_added_to_an_earlier_one_is_told(model: Tiny) -> None:
    leave_gradients(model)
    told = after(leave_gradients, model)
    assert told.startswith("the model's gradient of")
    assert told.endswith("was changed")


@pytest.mark.parametrize("setting", ["padding_side", "pad_token", "model_max_length"])
def test_a_setting_of_a_tokenizer_that_stays_is_told_by_name(setting: str) -> None:
    other = {"padding_side": "left", "pad_token": "<eos>", "model_max_length": 7}[setting]
    told = after(lambda tokenizer: setattr(tokenizer, setting, other), byte_tokenizer())
    assert told == f"the tokenizer's {setting} was changed"


def test_calling_a_tokenizer_leaves_nothing() -> None:
    def pad(tokenizer: Any) -> None:
        tokenizer(["a", "bcd"], padding=True, truncation=True, max_length=2, return_tensors="pt")

    assert after(pad, byte_tokenizer()) == ""
