"""Mistakes that students of routing make and that no general tool knows.

Each operator takes a node of libcst's tree and yields what may stand in its place, like mutmut's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import libcst as cst
import libcst.matchers as m

Operator = tuple[type[Any], Callable[[Any], Iterator[cst.CSTNode]]]

_PAIRS = (
    *(("mean", "sum"), ("argmax", "argmin"), ("max", "min"), ("amax", "amin"), ("any", "all")),
    *(("floor", "ceil"), ("std", "var")),
)
_SWAPPED = dict(_PAIRS) | {other: one for one, other in _PAIRS}
_REDUCTIONS = {"sum", "mean", "max", "min", "amax", "amin", "std", "var", "any", "all", "norm"}
_REDUCTIONS |= {"logsumexp", "argmax", "argmin"}
_DROPPED = {"float", "double", "long", "bool", "detach", "clone", "cpu", "to", "type", "item"}
_DROPPED |= {"square", "abs", "sqrt", "log", "exp", "clamp", "clamp_min", "masked_fill", "sort"}
_MASK = re.compile(r"mask|real|valid|keep|chosen|weight", re.IGNORECASE)
_SIZES = re.compile(
    r"(num_|n_)?(experts|tokens|groups?|layers|slots)|top_?k|topk_group|n_group|[kETN]|capacity"
)


def _other_dimension(node: cst.Arg) -> Iterator[cst.CSTNode]:
    """`dim=-1` becomes `dim=0`, `dim=0` becomes `dim=-1`."""
    if node.keyword is None or node.keyword.value not in ("dim", "axis"):
        return
    last = m.matches(node.value, m.Integer("0"))
    yield node.with_changes(value=cst.parse_expression("-1" if last else "0"))


def _other_reduction(node: cst.Call) -> Iterator[cst.CSTNode]:
    """mean for sum, argmax for argmin, max for min, any for all, and the other way round."""
    other = _SWAPPED.get(_called(node))
    if other:
        yield _calling(node, other)


def _other_scores(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Sigmoid for softmax, which is over no dimension, and the other way round."""
    method = _is_method(node)
    if _called(node) in ("softmax", "log_softmax"):
        other = "sigmoid" if _called(node) == "softmax" else "logsigmoid"
        yield _calling(node, other).with_changes(args=[] if method else [_alone(node.args[0])])
        if _called(node) == "softmax":
            yield _calling(node, "log_softmax")
    elif _called(node) == "sigmoid":
        dim = cst.Arg(cst.parse_expression("-1"), keyword=cst.Name("dim"))
        yield _calling(node, "softmax").with_changes(args=[*node.args, dim])


def _other_end(node: cst.Call) -> Iterator[cst.CSTNode]:
    """The smallest for the largest, ascending for descending."""
    for names, option, value in (
        (("topk",), "largest", "False"),
        (("sort", "argsort"), "descending", "True"),
    ):
        if _called(node) in names and not _has(node, option):
            yield _with_option(node, option, value)
    if _called(node) == "sorted" and not _has(node, "reverse"):
        yield _with_option(node, "reverse", "True")


def _kept_dimension(node: cst.Call) -> Iterator[cst.CSTNode]:
    """A reduction that keeps its dimension."""
    reduces = _called(node) in _REDUCTIONS and (_has(node, "dim") or _is_method(node))
    if reduces and node.args and not _has(node, "keepdim"):
        yield _with_option(node, "keepdim", "True")


def _dropped_step(node: cst.Call) -> Iterator[cst.CSTNode]:
    """`x.float()` becomes `x`: a step that was forgotten."""
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in _DROPPED:
        yield node.func.value
        return
    if _called(node) == "where" and len(node.args) == 3:
        yield from (node.args[1].value, node.args[2].value)
    if _called(node) in ("range", "zip", "enumerate", "sorted", "reversed") and node.args:
        yield node.args[-1].value if _called(node) != "sorted" else node.args[0].value


def _forgotten_index(node: cst.Subscript) -> Iterator[cst.CSTNode]:
    """`x[mask]` becomes `x`."""
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        index = node.slice[0].slice.value
        if not isinstance(index, cst.Integer | cst.SimpleString | cst.UnaryOperation):
            yield node.value


def _forgotten_factor(node: cst.BinaryOperation) -> Iterator[cst.CSTNode]:
    """`x * mask` becomes `x`, `x / total` becomes `x`; so for `&`, `+` and `-`."""
    if isinstance(node.operator, cst.Multiply | cst.Divide | cst.BitAnd | cst.Add | cst.Subtract):
        yield node.left
    if isinstance(node.operator, cst.Multiply | cst.BitAnd) and _MASK.search(_code(node.left)):
        yield node.right


def _swapped_arguments(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Two neighbouring arguments in the wrong order."""
    args = list(node.args)
    for place, (one, other) in enumerate(pairwise(args)):
        if one.keyword is None and other.keyword is None and not (one.star or other.star):
            swapped = [one.with_changes(value=other.value), other.with_changes(value=one.value)]
            yield node.with_changes(args=[*args[:place], *swapped, *args[place + 2 :]])


def _other_size(node: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    """E for k, or T for E: one size of the function in the place of another."""
    named = (name for name in m.findall(node.body, m.Name()) if isinstance(name, cst.Name))
    used = [name for name in named if _is_size(name)]
    names = sorted({name.value for name in used} | _sizes_among_parameters(node))
    for name in used:
        for other in names:
            if other != name.value:
                yield node.deep_replace(name, name.with_changes(value=other))


def _dropped_statement(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """A call, an update or a `raise` that was forgotten."""
    if len(node.body) != 1:
        return
    call = m.Expr(m.Call())
    if m.matches(node.body[0], call | m.AugAssign() | m.Raise() | m.Del() | m.Continue()):
        yield node.with_changes(body=[cst.Pass()])


def _dropped_context(node: cst.With) -> Iterator[cst.CSTNode]:
    """`with torch.no_grad():` that was forgotten."""
    for place, item in enumerate(node.items):
        if item.asname is None:
            rest = [one for number, one in enumerate(node.items) if number != place]
            if rest:
                rest[-1] = rest[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
                yield node.with_changes(items=rest)
            else:
                yield cst.If(test=cst.Name("True"), body=node.body)


def _forgotten_branch(node: cst.If) -> Iterator[cst.CSTNode]:
    """A condition that always holds, or never."""
    for value in ("True", "False"):
        yield node.with_changes(test=cst.Name(value))


OPERATORS: Sequence[Operator] = (
    (cst.Arg, _other_dimension),
    (cst.Call, _other_reduction),
    (cst.Call, _other_scores),
    (cst.Call, _other_end),
    (cst.Call, _kept_dimension),
    (cst.Call, _dropped_step),
    (cst.Call, _swapped_arguments),
    (cst.Subscript, _forgotten_index),
    (cst.BinaryOperation, _forgotten_factor),
    (cst.FunctionDef, _other_size),
    (cst.SimpleStatementLine, _dropped_statement),
    (cst.With, _dropped_context),
    (cst.If, _forgotten_branch),
)


def _called(node: cst.Call) -> str:
    """The last part of what a call calls: `softmax` for `torch.softmax(x)` and `x.softmax()`."""
    called = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    return str(called.value) if isinstance(called, cst.Name) else ""


def _calling(node: cst.Call, name: str) -> cst.Call:
    if isinstance(node.func, cst.Attribute):
        return node.with_changes(func=node.func.with_changes(attr=cst.Name(name)))
    return node.with_changes(func=cst.Name(name))


def _is_method(node: cst.Call) -> bool:
    """Whether a call is one of a tensor's methods, not of a function of a library's module."""
    if not isinstance(node.func, cst.Attribute):
        return False
    return _code(node.func.value) not in ("torch", "np", "math", "F", "torch.nn.functional")


def _has(node: cst.Call, option: str) -> bool:
    return any(arg.keyword is not None and arg.keyword.value == option for arg in node.args)


def _with_option(node: cst.Call, option: str, value: str) -> cst.Call:
    added = cst.Arg(cst.Name(value), keyword=cst.Name(option))
    return node.with_changes(args=[*(_alone(arg) for arg in node.args), added])


def _alone(arg: cst.Arg) -> cst.Arg:
    """An argument whose comma is written where one is needed."""
    return arg.with_changes(comma=cst.MaybeSentinel.DEFAULT)


def _is_size(name: cst.Name) -> bool:
    return _SIZES.fullmatch(name.value) is not None


def _sizes_among_parameters(node: cst.FunctionDef) -> set[str]:
    return {one.name.value for one in node.params.params if _is_size(one.name)}


def _code(node: cst.CSTNode) -> str:
    return str(cst.Module(body=[]).code_for_node(node))
