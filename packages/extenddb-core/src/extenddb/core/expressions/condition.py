"""Conditions: ConditionExpression, FilterExpression, and what legacy parameters say in their place."""

from __future__ import annotations

from collections.abc import Sequence

from extenddb.core.expressions.condition_parser import parse_condition
from extenddb.core.expressions.evaluate import Binder, Test
from extenddb.core.expressions.nodes import ConditionNode
from extenddb.core.expressions.paths import ResolvedPath
from extenddb.core.expressions.placeholders import Placeholders, Scope
from extenddb.core.expressions.problems import Problem
from extenddb.core.types.attribute import Item


class Condition:
    """A bound condition."""

    __slots__ = ("_paths", "_test")

    def __init__(self, test: Test, paths: Sequence[ResolvedPath]) -> None:
        self._test = test
        self._paths = tuple(paths)

    def matches(self, item: Item | None) -> bool:
        """Tell whether the condition holds for an item; None is an item that does not exist."""
        return self._test({} if item is None else item)

    def paths(self) -> tuple[ResolvedPath, ...]:
        """Return every document path the condition reads, in the order of the text."""
        return self._paths

    @property
    def top_level_names(self) -> frozenset[str]:
        """The attributes the condition reads."""
        return frozenset(str(path[0]) for path in self._paths)


def condition_of(tree: ConditionNode, scope: Scope) -> Condition:
    """Return a tree bound in a scope; raises `Problem`."""
    binder = Binder(scope)
    return Condition(binder.test(tree), binder.paths)


def bind_condition(text: str, placeholders: Placeholders, *, member: str = "ConditionExpression") -> Condition:
    """Return the condition a text means; `member` is the request's name for it, which errors mention.

    Raises a ValidationException for everything wrong with the text or with operands known from it.
    """
    try:
        return condition_of(parse_condition(text), placeholders)
    except Problem as problem:
        raise problem.as_error(member) from None
