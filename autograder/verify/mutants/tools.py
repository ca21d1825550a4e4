"""Every changed text that cosmic-ray, mutmut and our own operators make of one text.

Imported only where mutants are made: the extra `moelab[mutants]` brings the tools.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider
from mutmut.mutation.mutators import mutation_operators

from autograder.verify.mutants.operators import OPERATORS

_NEED_NAMES = ("VariableReplacer", "VariableInserter")  # cosmic-ray's that are told what to put in
_SOURCES = (("mutmut", mutation_operators), ("moelab", OPERATORS))


def by_nodes(text: str) -> Iterator[tuple[str, str]]:
    """What mutmut's operators and ours make: (tool, text), node by node."""
    module = cst.parse_module(text)
    nodes: list[cst.CSTNode] = []
    module.visit(_Collector(nodes))
    for node in nodes:
        for tool, operators in _SOURCES:
            for kind, operator in operators:
                if isinstance(node, kind):
                    for other in operator(node):
                        changed = module.deep_replace(node, other)
                        if isinstance(changed, cst.Module):
                            yield tool, changed.code


def by_cosmic_ray(text: str) -> Iterator[tuple[str, str]]:
    """What cosmic-ray's operators make: (tool, text), one occurrence after the other."""
    provider = OperatorProvider()
    for name in provider:
        if name in _NEED_NAMES:
            continue
        operator = provider[name]()
        occurrence = 0
        while (changed := mutate_code(text, operator, occurrence)) is not None:
            yield "cosmic-ray", changed
            occurrence += 1


class _Collector(cst.CSTVisitor):  # type: ignore[misc]  # libcst is not followed
    """Collects nodes, except those of annotations."""

    def __init__(self, nodes: list[cst.CSTNode]) -> None:
        super().__init__()
        self._nodes = nodes

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation):
            return False
        self._nodes.append(node)
        return True
