"""Comparing answers: type, shape, dtype and finiteness come first, and NaN never passes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from moelab_kit import BFLOAT16, EXACT, FLOAT32, difference

NAN = float("nan")
ROW = torch.tensor([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "got",
    [
        3,
        3.0,
        np.float32(3),
        np.float64(3),
        np.int64(3),
        torch.tensor(3),
        torch.tensor(3.0),
        torch.tensor(3.0, dtype=torch.float64),
        torch.tensor(3.0, requires_grad=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("expected", [3, 3.0], ids=repr)
def test_a_number_of_any_kind_passes(got: Any, expected: float) -> None:
    assert difference(got, expected) == ""


@pytest.mark.parametrize(
    "got",
    [None, "3", [3.0], torch.tensor([3.0]), np.array([3.0]), {}, 3j, torch.tensor(3j)],
    ids=repr,
)
def test_what_is_no_number_does_not_pass_for_one(got: Any) -> None:
    assert "not a number" in difference(got, 3.0)


@pytest.mark.parametrize(
    "got",
    [NAN, math.inf, -math.inf, torch.tensor(NAN), np.float32(NAN), 10**400],
    ids=["nan", "inf", "-inf", "tensor", "numpy", "huge_int"],
)
@pytest.mark.parametrize("expected", [1.0, NAN, math.inf])
def test_a_number_that_is_not_finite_never_passes(got: Any, expected: float) -> None:
    assert difference(got, expected)


@pytest.mark.parametrize(
    "got",
    [
        torch.tensor([1.0, 2.0, NAN]),
        torch.tensor([1.0, math.inf, 4.0]),
        torch.full((3,), NAN),
    ],
)
def test_a_tensor_with_nan_or_infinity_never_passes(got: torch.Tensor) -> None:
    assert "NaN or infinity" in difference(got, ROW)
    assert difference(torch.full((3,), NAN), torch.full((3,), NAN))


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (ROW.double(), "float64"),
        (ROW.bfloat16(), "bfloat16"),
        (ROW.long(), "int64"),
        (ROW[None], "shape [1, 3], not [3]"),
        (ROW.tolist(), "a list of 3"),
        (ROW.numpy(), "a NumPy array [3]"),
        (None, "None"),
        (1.0, "a float"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_tensor_of_another_kind_does_not_pass(got: Any, words: str) -> None:
    assert words in difference(got, ROW)


def test_integer_tensors_must_be_int64_and_equal() -> None:
    counts = torch.tensor([3, 0, 1])
    assert difference(counts.clone(), counts) == ""
    assert "int32" in difference(counts.int(), counts)
    assert "float32" in difference(counts.float(), counts)
    assert difference(counts.flip(0), counts)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (ROW.flip(0), "in the result, the right values stand in the wrong order"),
        (ROW + torch.tensor([0.0, 0.0, 0.5]), "in the result, some values are right and others"),
        (ROW + 0.25, "in the result, every value is off by the same amount"),
        (ROW / 3, "in the result, every value is off by the same factor"),
        (-ROW, "in the result, every value has the wrong sign"),
        (ROW * ROW + 7, "in the result, no value is right"),
    ],
)
def test_how_a_tensor_is_wrong_is_said_without_its_values(got: torch.Tensor, words: str) -> None:
    said = difference(got, ROW)
    assert said.startswith(words)
    assert not any(letter.isdigit() for letter in said)


def test_a_wrong_number_is_too_large_or_too_small() -> None:
    assert difference(2.5, 2.0) == "the result is too large"
    assert difference(1.5, torch.tensor(2.0)[None].sum(), where="the loss").startswith("the loss")
    assert difference(torch.tensor(1.5), torch.tensor(2.0), where="the loss") == (
        "the loss is too small"
    )
    assert difference({"count": 3}, {"count": 2}) == "the result['count'] is not the right number"


def test_values_within_the_tolerance_pass_and_others_do_not() -> None:
    assert difference(ROW + 1e-6, ROW, FLOAT32) == ""
    assert difference(ROW * 1.01, ROW, BFLOAT16) == ""
    assert difference(ROW * 1.001, ROW, FLOAT32)
    assert difference(1.0 + 1e-12, 1.0, EXACT)
    assert difference(1.0 + 1e-6, 1.0, FLOAT32) == ""


def test_a_result_may_carry_a_gradient() -> None:
    assert difference(ROW.clone().requires_grad_() * 1, ROW) == ""


def test_a_scalar_tensor_is_asked_for_where_the_expected_value_is_one() -> None:
    loss = torch.tensor(2.0)
    assert difference(torch.tensor(2.0), loss) == ""
    assert "not a scalar tensor" in difference(2.0, loss)
    assert "float64" in difference(loss.double(), loss)
    assert "not a number" in difference(torch.tensor([2.0]), loss)


def test_extra_keys_pass_and_missing_ones_do_not() -> None:
    expected = {"counts": torch.tensor([1, 2]), "entropy": 0.5}
    assert difference({**expected, "more": "things"}, expected) == ""
    assert "lacks 'entropy'" in difference({"counts": torch.tensor([1, 2])}, expected)
    assert "the result['entropy']" in difference({**expected, "entropy": 0.6}, expected)


def test_a_map_of_experts_holds_exactly_the_experts() -> None:
    expected = {0: 4, 1: 0}
    assert difference({1: np.int64(0), 0: torch.tensor(4)}, expected) == ""
    assert "lacks expert 1" in difference({0: 4}, expected)
    assert "3 keys" in difference({0: 4, 1: 0, 2: 0}, expected)
    assert difference({0: 0, 1: 4}, expected)
    assert difference({"0": 4, "1": 0}, expected)
    assert difference([4, 0], expected)


def test_an_empty_dict_is_exactly_empty() -> None:
    assert difference({}, {}) == ""
    assert difference({"top_k": 2}, {})
    assert difference(None, {})
    assert difference([], {})


@pytest.mark.parametrize("expected", [NAN, math.inf, torch.tensor(NAN)], ids=str)
def test_nothing_passes_where_the_expected_number_is_not_finite(expected: Any) -> None:
    assert difference(torch.tensor(1.0), expected)


def test_lists_and_tuples_keep_order_and_length() -> None:
    expected = [(3, 9), (0, 7)]
    assert difference([[3, 9], (0, 7)], expected) == ""
    assert difference([(0, 7), (3, 9)], expected)
    assert "has 1 entries, not 2" in difference(expected[:1], expected)
    assert "not a list" in difference(tuple(expected), expected)
    assert "not a list" in difference({3: 9, 0: 7}, expected)


def test_a_module_must_be_the_very_same_one() -> None:
    one = torch.nn.Linear(2, 2)
    assert difference(one, one) == ""
    assert difference(torch.nn.Linear(2, 2), one)
    assert difference([("gate", one)], [("gate", one)]) == ""
    assert difference([("gates", one)], [("gate", one)])


def test_none_and_booleans_are_exact() -> None:
    assert difference(None, None) == ""
    assert difference(0, None)
    assert difference(True, True) == ""
    assert difference(1, True)


def test_a_message_never_holds_the_expected_value() -> None:
    cases: list[tuple[Any, Any]] = [
        (1.0, 7.125),
        ([1], [7125]),
        ({0: 1}, {0: 7125}),
        (torch.zeros(2), torch.full((2,), 7.125)),
        ("a", "7125"),
    ]
    for got, expected in cases:
        message = difference(got, expected)
        assert message
        assert "7125" not in message
        assert "7.125" not in message
