"""What crosses the trust boundary, and in which shape it arrives."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from autograder.wire import limits
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.limits import WireError
from autograder.wire.messages import decode_call, decode_reply, encode_call, encode_reply
from moe_lab.bench import Bench
from moelab_kit import figures
from moelab_kit.calls import Call, Raised, Reply
from moelab_kit.compare import Opaque

PLAIN = (
    None,
    True,
    0,
    -1,
    (1 << 63) - 1,
    -(1 << 63),
    1.5,
    float("inf"),
    -0.0,
    "",
    "text é 😀 \x00",
    b"",
    b"bytes \x00\xff",
    [],
    (),
    {},
    [1, (2, [3.0, None]), {"a": {"b": [True]}}],
    {1: "a", "1": "b", (1, 2): 3, 2.5: None, None: 0},
)
DTYPES = tuple(getattr(torch, name) for name in limits.DTYPE_SIZES)


def back(value: Any) -> Any:
    return decode(encode(value))


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_arrive_as_they_were(value: Any) -> None:
    got = back(value)
    assert got == value
    assert type(got) is type(value)
    assert repr(got) == repr(value)


def test_nan_arrives_as_nan() -> None:
    assert np.isnan(back(float("nan")))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 4)], ids=str)
def test_tensors_arrive_bit_by_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    value = (torch.arange(24).reshape(4, 6) % 2).to(dtype)
    value = value.flatten()[: int(np.prod(shape))].reshape(shape)
    got = back(value)
    assert got.dtype == dtype
    assert got.shape == value.shape
    assert torch.equal(got, value)


@pytest.mark.parametrize(
    "value",
    [
        torch.arange(6.0).reshape(2, 3).T,
        torch.arange(6.0)[::2],
        torch.ones(1).expand(3, 4),
        torch.complex(torch.ones(2), torch.ones(2)).conj().imag,
    ],
    ids=["transposed", "strided", "expanded", "negated"],
)
def test_views_arrive_with_the_values_that_they_show(value: torch.Tensor) -> None:
    assert torch.equal(back(value), value)


def test_tensors_that_arrive_can_be_written_to_and_share_nothing() -> None:
    one, other = back([torch.zeros(2), torch.zeros(2)])
    one += 1
    assert other.tolist() == [0, 0]


def test_a_tensor_that_needs_a_gradient_arrives_as_a_leaf() -> None:
    got = back(torch.ones(2, requires_grad=True) * 2)
    assert got.requires_grad
    assert got.is_leaf


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.arange(6, dtype=np.int64)[::-1],
        np.ones((2, 2), dtype=np.float16, order="F"),
        np.array(3, dtype=np.int32),
        np.zeros((0, 5), dtype=np.bool_),
        np.array([1.5, 2.5], dtype=">f8"),
    ],
    ids=["plain", "reversed", "fortran", "scalar", "empty", "big endian"],
)
def test_arrays_arrive_with_their_values(value: np.ndarray) -> None:
    got = back(value)
    assert got.shape == value.shape
    assert got.dtype.name == value.dtype.name
    assert np.array_equal(got, value)


def test_subclasses_and_scalars_arrive_as_plain_values() -> None:
    class Text(str):
        pass

    point = collections.namedtuple("Point", "x y")(1, 2)
    value = [
        Text("a"),
        np.float32(1.5),
        np.int64(2),
        np.bool_(True),
        point,
        collections.Counter("aab"),
        collections.OrderedDict(b=1),
        torch.Size([2, 3]),
        torch.nn.Parameter(torch.ones(1)),
    ]
    got = back(value)
    assert got[:8] == ["a", 1.5, 2, True, (1, 2), {"a": 2, "b": 1}, {"b": 1}, (2, 3)]
    assert [type(one) for one in got[:8]] == [str, float, int, bool, tuple, dict, dict, tuple]
    assert type(got[8]) is torch.Tensor


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "object"),
        ({1, 2}, "set"),
        (len, "builtin"),
        (1 << 64, "64 bits"),
        (1 << 1_000_000, "64 bits"),
        (1j, "complex"),
        (torch.ones(1, dtype=torch.complex64), "complex64"),
        (torch.empty(1 << 50, device="meta"), "meta"),
        (torch.eye(2).to_sparse(), "sparse"),
        (np.array([None]), "object"),
        (torch.nn.Linear(1, 1), "Linear"),
        (type("x" * 99, (), {})(), "of another type"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, str) else "",
)
def test_what_cannot_cross_arrives_as_a_description(value: Any, words: str) -> None:
    got = back([value])[0]
    assert isinstance(got, Opaque)
    assert words in got.description
    assert got != value


def test_long_texts_are_cut_and_half_characters_replaced() -> None:
    assert len(back("x" * (limits.MAX_TEXT + 5))) == limits.MAX_TEXT
    assert back("a\ud800b") == "a?b"


def test_values_that_are_too_large_or_too_deep_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(limits.MAX_DEPTH + 1):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    too_much = (
        deep,
        circle,
        [0] * limits.MAX_NODES,
        torch.ones(1).expand(limits.MAX_BLOB),
        np.broadcast_to(np.ones(1), (limits.MAX_BLOB,)),
        ["x" * limits.MAX_TEXT] * 40,
    )
    for value in too_much:
        with pytest.raises(WireError):
            encode(value)


def test_figures_arrive_as_what_they_draw() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.bar([0, 1], [2.0, 3.0])
    axes.set_title("Load")
    got = back(figure)
    assert [bar.height for bar in got.panels[0].bars] == [2.0, 3.0]
    assert got.panels[0].title == figures.drawn(figure).panels[0].title == "Load"


@pytest.fixture(scope="module")
def benches() -> tuple[Bench, Bench]:
    torch.set_num_threads(1)
    return Bench("wire"), Bench("wire")


def test_models_cross_as_handles_and_modules_come_back_as_ones_own(
    benches: tuple[Bench, Bench],
) -> None:
    mine, theirs = benches
    model = mine.model("mixtral")
    call = Call("f", (model, torch.ones(2)), {"limit": 3}, (1,), count_lines=True)
    received = decode_call(encode_call(call, mine), theirs)
    assert received.args[0] is theirs.model("mixtral")
    assert received.kwargs == {"limit": 3}
    assert received.gradient_of == (1,)
    assert received.count_lines
    found = [(name, one) for name, one in received.args[0].named_modules()][:5]
    message = encode_reply(Reply(value=found), received, theirs)
    for name, module in decode_reply(message, call, mine).value:
        assert module is model.get_submodule(name)


def test_the_mode_of_every_module_crosses_with_a_model(benches: tuple[Bench, Bench]) -> None:
    mine, theirs = benches
    model = mine.model("mixtral")
    last = list(model.modules())[-1]
    last.train()
    try:
        received = decode_call(encode_call(Call("f", (model,)), mine), theirs).args[0]
        training = [name for name, module in received.named_modules() if module.training]
        assert len(training) == 1
    finally:
        last.eval()
        decode_call(encode_call(Call("f", (model,)), mine), theirs)


def test_modules_of_other_models_do_not_come_back(benches: tuple[Bench, Bench]) -> None:
    mine, theirs = benches
    call = Call("f", (mine.model("mixtral"),))
    received = Call("f", (theirs.model("mixtral"),))
    for foreign in (theirs.model("olmoe"), torch.nn.Linear(1, 1)):
        message = encode_reply(Reply(value=foreign), received, theirs)
        assert isinstance(decode_reply(message, call, mine).value, Opaque)


def test_exceptions_cross_as_data(benches: tuple[Bench, Bench]) -> None:
    mine, _ = benches
    raised = Raised("ValueError", ("ValueError", "Exception"), "no tokens")
    call = Call("f", ())
    reply = decode_reply(encode_reply(Reply(raised=raised), call, mine), call, mine)
    assert reply.raised == raised


def test_a_numpy_integer_stays_one_as_a_key_and_nowhere_else() -> None:
    found = decode(encode({np.int32(3): np.int32(4), 5: 6}))
    assert found == {3: 4, 5: 6}
    assert [type(key) for key in found] == [np.int64, int]
    assert all(type(value) is int for value in found.values())


@pytest.mark.parametrize(
    "node",
    [
        ["k", "3"],
        ["k", True],
        ["k", 1 << 63],
        ["m", "model:olmoe:float32", ""],
        ["m", "model:mixtral:float32", "base_model"],
        ["m", "model:mixtral:float32", "_modules"],
        ["m", "model:mixtral:float32", "model.__class__"],
        ["m", "model:mixtral:float32", "model..layers"],
        ["m", "model:mixtral:float32", 7],
        ["m", ["model:mixtral:float32"], ""],
        ["h", "model:mixtral:float32", []],
        ["i", []],
    ],
    ids=str,
)
def test_a_reply_that_names_what_it_may_not_is_refused(
    node: Any, benches: tuple[Bench, Bench]
) -> None:
    import msgpack

    mine, _ = benches
    tree = msgpack.packb(["u", [node, None, ["u", []], "", "", 0]])
    message = limits.HEADER.pack(limits.MAGIC, len(tree), 0) + tree
    with pytest.raises(WireError):
        decode_reply(message, Call("f", (mine.model("mixtral"),)), mine)


def test_a_reply_needs_as_many_gradients_as_were_asked_for(benches: tuple[Bench, Bench]) -> None:
    mine, _ = benches
    call = Call("f", (torch.ones(1),), {}, (0,))
    for gradients in ((torch.ones(1), torch.ones(1)), ("text",)):
        message = encode((1.0, None, gradients, "", "", 0))
        with pytest.raises(WireError):
            decode_reply(message, call, mine)
