"""Trees back to text: what is printed parses to the same tree."""

from __future__ import annotations

from itertools import groupby
from typing import TypeAlias

from extenddb.core.expressions.nodes import (
    Action,
    And,
    Arithmetic,
    Between,
    Comparison,
    ConditionNode,
    In,
    Not,
    Operand,
    Or,
    Path,
    ProjectionNode,
    Remove,
    Set,
    UpdateNode,
    Value,
)

Node: TypeAlias = ConditionNode | UpdateNode | ProjectionNode | Operand | Arithmetic


def to_text(node: Node) -> str:
    """Return the text of a tree, with as few parentheses as the grammar needs."""
    if isinstance(node, UpdateNode):
        return _update(node)
    if isinstance(node, ProjectionNode):
        return ", ".join(map(to_text, node.paths))
    if isinstance(node, Not | And | Or):
        return _logic(node)
    return _comparison(node)


def _logic(node: Not | And | Or) -> str:
    if isinstance(node, Not):
        return f"NOT {_inner(node.term, And | Or)}"
    if isinstance(node, And):
        return " AND ".join([_inner(term, And | Or) for term in node.terms])
    return " OR ".join([_inner(term, Or) for term in node.terms])


def _inner(node: ConditionNode, in_parentheses: object) -> str:
    text = to_text(node)
    return f"({text})" if isinstance(node, in_parentheses) else text  # type: ignore[arg-type]


def _comparison(node: Comparison | Between | In | Arithmetic | Operand) -> str:
    if isinstance(node, Comparison | Arithmetic):
        return f"{to_text(node.left)} {node.operator} {to_text(node.right)}"
    if isinstance(node, Between):
        return f"{to_text(node.operand)} BETWEEN {to_text(node.low)} AND {to_text(node.high)}"
    if isinstance(node, In):
        return f"{to_text(node.operand)} IN ({', '.join(map(to_text, node.options))})"
    return _operand(node)


def _operand(node: Operand) -> str:
    if isinstance(node, Path):
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in node.parts]
        return "".join(parts)[1:]
    if isinstance(node, Value):
        return node.symbol
    return f"{node.name}({', '.join(map(to_text, node.arguments))})"


def _update(node: UpdateNode) -> str:
    sections = []
    for kind, actions in groupby(node.actions, key=type):
        sections.append(f"{kind.__name__.upper()} {', '.join(map(_action, actions))}")
    return " ".join(sections)


def _action(action: Action) -> str:
    if isinstance(action, Set):
        return f"{to_text(action.path)} = {to_text(action.value)}"
    if isinstance(action, Remove):
        return to_text(action.path)
    return f"{to_text(action.path)} {to_text(action.value)}"
