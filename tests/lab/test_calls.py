"""Calling a student's function: values, exceptions and gradients come back as data."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from matplotlib import pyplot
from matplotlib.figure import Figure

from moe_lab import Bench
from moelab_kit import Answer, CallFailed
from moelab_kit.calls import Call, as_raised, explain, perform
from moelab_kit.figures import describe, picture


def answer_of(function: Any) -> Answer:
    return Answer(function.__name__, lambda call: perform(function, call))


def halve(x: torch.Tensor, *, by: float = 2.0) -> torch.Tensor:
    if by == 0:
        raise ValueError("by is 0")
    return x / by


def test_exceptions_have_the_names_that_people_know() -> None:
    """Python 3.13 raises a private subclass of SyntaxError for code that ends too soon."""
    private = type("_IncompleteInputError", (SyntaxError,), {"__module__": "builtins"})
    assert as_raised(private("incomplete input")).type_name == "SyntaxError"
    own = type("_MyError", (ValueError,), {})
    assert as_raised(own("mine")).type_name == "_MyError"


def test_an_answer_is_called_like_the_function_itself() -> None:
    answer = answer_of(halve)
    assert answer(torch.tensor([4.0])).tolist() == [2.0]
    assert answer(torch.tensor([4.0]), by=4).tolist() == [1.0]
    assert answer.left_behind == answer.shares_memory == ""


def test_a_loop_over_rows_runs_lines_for_each_and_work_on_all_rows_at_once_does_not() -> None:
    def in_a_loop(x: torch.Tensor) -> list[float]:
        return [float(row.max()) for row in x]

    def all_at_once(x: torch.Tensor) -> list[float]:
        return x.max(dim=1).values.tolist()

    few, many = torch.rand(100, 3), torch.rand(900, 3)
    loop, batch = answer_of(in_a_loop), answer_of(all_at_once)
    assert loop.lines_run(many) - loop.lines_run(few) >= 800
    assert batch.lines_run(many) == batch.lines_run(few) > 0


def test_a_call_tells_how_much_time_of_the_processors_it_used() -> None:
    def burns(n: int) -> int:
        return sum(range(n))

    answer = answer_of(burns)
    answer(2_000_000)
    assert answer.processor_seconds > 0


def test_counting_lines_leaves_a_debugger_in_place() -> None:
    def own(frame: Any, event: str, arg: Any) -> Any:
        return None

    def fails(x: int) -> int:
        raise ValueError("no")

    before = sys.gettrace()
    sys.settrace(own)
    try:
        with pytest.raises(CallFailed):
            answer_of(fails).lines_run(1)
        assert sys.gettrace() is own
    finally:
        sys.settrace(before)


def test_an_exception_becomes_a_sentence_with_the_functions_name() -> None:
    with pytest.raises(CallFailed, match=r"halve raised ValueError: by is 0") as caught:
        answer_of(halve)(torch.ones(1), by=0)
    assert caught.value.raised is not None
    assert caught.value.raised.type_name == "ValueError"


def test_a_function_that_is_not_written_is_told_so() -> None:
    def unwritten(x: int) -> int:
        raise NotImplementedError

    with pytest.raises(CallFailed, match="unwritten is not written yet"):
        answer_of(unwritten)(1)


def test_raises_accepts_a_subclass_and_passes_other_errors_on() -> None:
    class OwnError(ValueError):
        pass

    def picky(x: int) -> int:
        if x == 0:
            raise OwnError
        if x == 1:
            raise KeyError(x)
        return x

    answer = answer_of(picky)
    assert answer.raises(ValueError, 0)
    assert not answer.raises(ValueError, 2)
    with pytest.raises(CallFailed, match="KeyError"):
        answer.raises(ValueError, 1)


def test_leaving_python_is_an_exception_like_any_other() -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    with pytest.raises(CallFailed, match="SystemExit"):
        answer_of(leave)(3)


def test_an_exception_whose_text_cannot_be_read_is_still_told() -> None:
    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    raised = as_raised(HostileError())
    assert raised.type_name == "HostileError"
    assert "could not be read" in raised.message
    assert explain("f", raised).startswith("f raised HostileError")


def test_the_gradient_of_a_tensor_argument_leaves_the_argument_alone() -> None:
    x = torch.tensor([1.0, 3.0])
    answered = answer_of(sum_of_squares).gradient(x)
    assert answered.value.item() == 10.0
    assert answered.grads[0] is not None
    assert answered.grads[0].tolist() == [2.0, 6.0]
    assert x.grad is None
    assert not x.requires_grad


def sum_of_squares(x: torch.Tensor) -> torch.Tensor:
    return (x**2).sum()


def test_a_result_without_a_graph_has_no_gradient() -> None:
    def cut(x: torch.Tensor) -> torch.Tensor:
        return x.detach().sum()

    def plain(x: torch.Tensor) -> float:
        return x.sum().item()

    assert answer_of(cut).gradient(torch.ones(2)).grads == (None,)
    assert answer_of(plain).gradient(torch.ones(2)).grads == (None,)


def test_an_argument_that_plays_no_part_has_no_gradient() -> None:
    def first(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x.sum()

    grads = answer_of(first).gradient(torch.ones(2), torch.ones(3), wrt=(0, 1)).grads
    assert grads[0] is not None
    assert grads[1] is None


def test_gradients_by_parameters_leave_none_on_the_model() -> None:
    def loss(model: Any, ids: torch.Tensor) -> torch.Tensor:
        return model(ids, labels=ids).loss

    bench = Bench(0)
    model = bench.random("mixtral")
    answer = answer_of(loss)
    name = f"{bench.router_names('mixtral')[1]}.weight"
    answered = answer.gradient(model, torch.arange(12)[None], wrt=name)
    assert answered.grads[0] is not None
    assert answered.grads[0].abs().sum() > 0
    assert answer.left_behind == ""
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_a_call_leaves_behind_is_told_also_when_it_raises() -> None:
    def spoil(x: torch.Tensor) -> None:
        x.zero_()
        raise ValueError

    answer = answer_of(spoil)
    with pytest.raises(CallFailed):
        answer(torch.ones(3))
    assert "argument 1 was changed" in answer.left_behind


def test_what_one_call_left_behind_is_not_told_of_the_next() -> None:
    def maybe(x: torch.Tensor, spoil: bool) -> torch.Tensor:
        return x.add_(1) if spoil else x + 1

    answer = answer_of(maybe)
    answer(torch.ones(3), True)
    assert answer.left_behind
    assert answer.shares_memory == "an argument"
    answer(torch.ones(3), False)
    assert answer.left_behind == answer.shares_memory == ""


def test_a_failing_model_must_be_left_as_it_was_found() -> None:
    def forget(model: Any) -> None:
        for module in model.modules():
            module.register_forward_hook(lambda *_: None)
        model(torch.arange(3)[None])

    answer = answer_of(forget)
    with pytest.raises(CallFailed, match="planted failure"):
        answer(Bench(0).failing("olmoe"))
    assert "hooks" in answer.left_behind


def test_a_call_is_plain_data() -> None:
    call = Call("f", (1,), {"top_k": 2})
    assert perform(lambda x, top_k: x + top_k, call).value == 3


def test_figures_that_a_call_opened_are_closed_but_can_still_be_read() -> None:
    pyplot.switch_backend("agg")

    def draws() -> Figure:
        figure = pyplot.figure()
        figure.add_subplot().bar([0, 1], [2, 3])
        return figure

    mine = pyplot.figure()
    reply = perform(draws, Call("draws", ()))
    assert pyplot.get_fignums() == [mine.number]
    assert describe(reply.value).panels[0].bar_values(2).tolist() == [2, 3]
    assert picture(reply.value, 1_000_000).startswith(b"\x89PNG")
    pyplot.close(mine)
