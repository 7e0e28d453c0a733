"""Trees back to text: what is printed parses to the same tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from extenddb.core.expressions.nodes import (
    Action,
    Add,
    And,
    Arithmetic,
    Between,
    Comparison,
    ConditionNode,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Remove,
    Set,
    Value,
)
from extenddb.core.partiql.nodes import (
    Delete,
    Exists,
    Insert,
    ListOf,
    Literal,
    MapOf,
    Parameter,
    Parsed,
    Scalar,
    Select,
    Update,
)


def to_text(parsed: Parsed) -> str:
    """Return the text of a statement, with identifiers quoted and as few parentheses as the grammar needs."""
    return _Printer(parsed.literals).statement(parsed.statement)


class _Printer:
    def __init__(self, literals: Sequence[Literal]) -> None:
        self._literals = literals

    def statement(self, node: Any) -> str:
        printers: dict[type, Callable[[Any], str]] = {
            Select: self._select,
            Insert: self._insert,
            Update: self._update,
            Delete: self._delete,
            Exists: lambda exists: f"EXISTS({self._select(exists.select)})",
        }
        return printers[type(node)](node)

    def _select(self, node: Select) -> str:
        paths = "*" if node.paths is None else ", ".join(map(_path, node.paths))
        index = "" if node.index is None else f".{_quoted(node.index)}"
        order = ", ".join(f"{_quoted(term.name)} {'DESC' if term.descending else 'ASC'}" for term in node.order)
        clauses = ["SELECT", paths, "FROM", _quoted(node.table) + index, *self._where(node.where)]
        return " ".join([*clauses, "ORDER BY", order] if order else clauses)

    def _insert(self, node: Insert) -> str:
        return f"INSERT INTO {_quoted(node.table)} VALUE {self._operand(node.item)}"

    def _update(self, node: Update) -> str:
        actions = map(self._action, node.update.actions)
        return " ".join(
            ["UPDATE", _quoted(node.table), *actions, *self._where(node.where), *_returning(node.returning)]
        )

    def _delete(self, node: Delete) -> str:
        return " ".join(["DELETE FROM", _quoted(node.table), *self._where(node.where), *_returning(node.returning)])

    def _where(self, node: ConditionNode | None) -> list[str]:
        return [] if node is None else ["WHERE", self._condition(node)]

    def _action(self, action: Action) -> str:
        path = _path(action.path)
        if isinstance(action, Remove):
            return f"REMOVE {path}"
        if isinstance(action, Set):
            return f"SET {path} = {self._assigned(action.value)}"
        function = "set_add" if isinstance(action, Add) else "set_delete"
        return f"SET {path} = {function}({path}, {self._operand(action.value)})"

    def _assigned(self, node: Operand | Arithmetic) -> str:
        if isinstance(node, Arithmetic):
            return f"{self._operand(node.left)} {node.operator} {self._operand(node.right)}"
        return self._operand(node)

    def _condition(self, node: ConditionNode) -> str:
        if isinstance(node, Not):
            return f"NOT {self._inner(node.term, And | Or)}"
        if isinstance(node, And):
            return " AND ".join([self._inner(term, Or) for term in node.terms])
        if isinstance(node, Or):
            return " OR ".join(map(self._condition, node.terms))
        return self._predicate(node)

    def _inner(self, node: ConditionNode, in_parentheses: Any) -> str:
        text = self._condition(node)
        return f"({text})" if isinstance(node, in_parentheses) else text

    def _predicate(self, node: Comparison | Between | In | Function) -> str:
        if isinstance(node, Comparison):
            return f"{self._operand(node.left)} {node.operator} {self._operand(node.right)}"
        if isinstance(node, Between):
            low, high = self._operand(node.low), self._operand(node.high)
            return f"{self._operand(node.operand)} BETWEEN {low} AND {high}"
        if isinstance(node, In):
            return f"{self._operand(node.operand)} IN [{', '.join(map(self._operand, node.options))}]"
        if node.name in ("attribute_exists", "attribute_not_exists"):
            negation = "NOT " if node.name == "attribute_exists" else ""
            return f"{self._operand(node.arguments[0])} IS {negation}MISSING"
        return self._operand(node)

    def _operand(self, node: Operand) -> str:
        if isinstance(node, Path):
            return _path(node)
        if isinstance(node, Value):
            return _literal(self._literals[int(node.symbol[1:])])
        return f"{node.name}({', '.join(map(self._operand, node.arguments))})"


def _returning(returning: str | None) -> list[str]:
    return [] if returning is None else ["RETURNING", returning, "*"]


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _path(path: Path) -> str:
    return "".join([f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in path.parts])[1:]


def _string(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _literal(node: Literal) -> str:
    if isinstance(node, Parameter):
        return "?"
    if isinstance(node, Scalar):
        return _scalar(node)
    if isinstance(node, MapOf):
        members = ", ".join(f"{_string(name)}: {_literal(member)}" for name, member in node.members)
        return f"{{{members}}}"
    members = ", ".join(map(_literal, node.members))
    return f"[{members}]" if isinstance(node, ListOf) else f"<<{members}>>"


def _scalar(node: Scalar) -> str:
    if node.kind == "S":
        return _string(str(node.content))
    if node.kind == "N":
        return str(node.content)
    return "NULL" if node.kind == "NULL" else str(node.content).upper()
