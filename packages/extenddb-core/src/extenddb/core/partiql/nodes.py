"""The trees that statements parse into: statements and literals of their own, the rest the nodes of expressions.

Names in paths stand for themselves. A `Value` is a symbol for one of the statement's literals: `:0` is the first in the
order of the text. Neither literals nor trees hold parameters' values, so one cached tree serves every request with the
same text. `And` never stands directly in `And`, nor `Or` in `Or`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from extenddb.core.expressions.nodes import ConditionNode, Path, UpdateNode, Value


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, Boolean or null."""

    kind: str
    """S, N, BOOL or NULL."""
    content: str | bool
    """Numbers as written."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `?`."""

    index: int
    """Place among the statement's parameters, from 0."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list: `[a, b]`."""

    members: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class SetOf:
    """A set: `<<a, b>>`."""

    members: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map: `{'a': b}`."""

    members: tuple[tuple[str, Literal], ...]
    """Names and values in the order of the text; no name stands twice."""


Literal: TypeAlias = Scalar | Parameter | ListOf | SetOf | MapOf


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """One attribute of ORDER BY."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """SELECT paths FROM table WHERE condition ORDER BY keys."""

    paths: tuple[Path, ...] | None
    """None for `*`."""
    table: str
    index: str | None = None
    where: ConditionNode | None = None
    order: tuple[OrderTerm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """INSERT INTO table VALUE item."""

    table: str
    item: Value
    """A map literal or a parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """UPDATE table SET ... REMOVE ... WHERE condition RETURNING returned."""

    table: str
    update: UpdateNode
    where: ConditionNode | None = None
    returning: str | None = None
    """`ALL OLD`, `ALL NEW`, `MODIFIED OLD` or `MODIFIED NEW`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """DELETE FROM table WHERE condition RETURNING returned."""

    table: str
    where: ConditionNode | None = None
    returning: str | None = None
    """As of an update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """EXISTS(SELECT ...): a check within a transaction."""

    select: Select

    @property
    def table(self) -> str:
        """The table whose item is checked."""
        return self.select.table


Statement: TypeAlias = Select | Insert | Update | Delete | Exists


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A whole text."""

    statement: Statement
    literals: tuple[Literal, ...]
    """What the symbols `:0`, `:1` ... of the statement's values stand for."""
    parameters: int
    """How many parameters the text has."""
    set_arguments: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where the first argument of SET_ADD and SET_DELETE stands, by the symbol of the second, which is a parameter."""
    refusal: str | None = None
    """What a text that is well formed and not supported is told; its statement tells only which table is meant."""
