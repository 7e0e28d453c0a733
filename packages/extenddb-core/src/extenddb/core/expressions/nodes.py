"""The trees that expressions parse into.

Trees hold placeholders by their symbols (`#name`, `:value`) and never what they stand for, so that one cached tree
serves every request with the same text. A name without `#` in front stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Part: TypeAlias = str | int
"""One step of a document path: an attribute or map member (name or `#symbol`), or a list index."""


@dataclass(frozen=True, slots=True)
class Path:
    """A document path."""

    parts: tuple[Part, ...]
    """At least one; the first is a string."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value given beside the expression."""

    symbol: str
    """With its colon."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function call: a condition, an operand of one (`size`), or an operand of SET."""

    name: str
    arguments: tuple[Operand, ...]


Operand: TypeAlias = Path | Value | Function


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and one of `= <> < <= > >=`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """An operand within bounds, both included."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """An operand equal to one of several."""

    operand: Operand
    options: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A negated condition."""

    term: ConditionNode


@dataclass(frozen=True, slots=True)
class And:
    """Two or more conditions that must all hold."""

    terms: tuple[ConditionNode, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more conditions of which one must hold."""

    terms: tuple[ConditionNode, ...]


ConditionNode: TypeAlias = Comparison | Between | In | Function | Not | And | Or


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum or difference in SET."""

    operator: str
    """`+` or `-`."""
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Set:
    """SET path = value."""

    path: Path
    value: Operand | Arithmetic


@dataclass(frozen=True, slots=True)
class Remove:
    """REMOVE path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Add:
    """ADD path value."""

    path: Path
    value: Value


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE path value."""

    path: Path
    value: Value


Action: TypeAlias = Set | Remove | Add | Delete


@dataclass(frozen=True, slots=True)
class UpdateNode:
    """An update expression: the actions in the order of the text, those of a section next to each other."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ProjectionNode:
    """A projection expression."""

    paths: tuple[Path, ...]
