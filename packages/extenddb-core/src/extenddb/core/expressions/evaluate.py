"""Binding of conditions: a tree and the meaning of its symbols become one function from item to truth.

Operand types that the service refuses whatever the item holds are checked while binding. What depends on the item
never raises: an operand that is missing, or of a type the operator has no answer for, makes the comparison false (and
`<>`, being the opposite of `=`, true).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from extenddb.core.expressions import problems, values
from extenddb.core.expressions.nodes import (
    And,
    Between,
    Comparison,
    ConditionNode,
    Function,
    In,
    Not,
    Operand,
    Or,
    Path,
    Value,
)
from extenddb.core.expressions.paths import Read, ResolvedPath, reader, resolve
from extenddb.core.expressions.placeholders import Scope
from extenddb.core.types.attribute import TYPE_NAMES, AttributeValue, Item, equal, type_of

Test: TypeAlias = Callable[[Item], bool]
"""A bound condition."""

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SCALARS = frozenset(("S", "N", "B", "BOOL", "NULL"))


@dataclass(slots=True)
class Bound:
    """A bound operand."""

    read: Read
    constant: AttributeValue | None = None
    """The value, if it does not depend on the item."""
    path: ResolvedPath | None = None
    """The path, if the operand is one."""
    kind: str | None = None
    """The type, if it does not depend on the item."""


class Binder:
    """Binds trees in one scope and collects the paths they read. Raises `Problem`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.paths: list[ResolvedPath] = []
        """Every path read, in the order of the text."""

    def test(self, node: ConditionNode) -> Test:
        """Return the bound condition."""
        return _TESTS[type(node)](self, node)

    def operand(self, node: Operand) -> Bound:
        """Return the bound operand."""
        if isinstance(node, Path):
            path = resolve(node, self._scope)
            self.paths.append(path)
            return Bound(reader(path), path=path)
        if isinstance(node, Value):
            constant = self._scope.value(node.symbol)
            return Bound(lambda _item: constant, constant=constant, kind=type_of(constant))
        return self._size(node)

    def _size(self, node: Function) -> Bound:
        inner = self.operand(node.arguments[0])
        _check_kind(node.name, inner, values.SIZED)
        read = inner.read

        def size(item: Item) -> AttributeValue | None:
            value = read(item)
            return None if value is None else values.size(value)

        return Bound(size, kind="N")

    def comparison(self, node: Comparison) -> Test:
        """Bind a comparison of two operands."""
        left, right = self.operand(node.left), self.operand(node.right)
        if node.operator in _ORDERINGS:
            _check_kind(node.operator, left, values.ORDERED)
            _check_kind(node.operator, right, values.ORDERED)
            _check_distinct(node.operator, left, right)
            return _ordering(_ORDERINGS[node.operator], left, right)
        _check_distinct(node.operator, left, right)
        same = _equality(left, right)
        return same if node.operator == "=" else lambda item: not same(item)

    def between(self, node: Between) -> Test:
        """Bind BETWEEN."""
        operand, low, high = (self.operand(part) for part in (node.operand, node.low, node.high))
        for bound in (operand, low, high):
            _check_kind("BETWEEN", bound, values.ORDERED)
        _check_distinct("BETWEEN", operand, low, high)
        check_bounds(low.constant, high.constant)
        at_least, at_most = _ordering(operator.ge, operand, low), _ordering(operator.le, operand, high)
        return lambda item: at_least(item) and at_most(item)

    def membership(self, node: In) -> Test:
        """Bind IN."""
        operand = self.operand(node.operand)
        options = [self.operand(option) for option in node.options]
        _check_distinct("IN", operand, *options)
        read, reads = operand.read, [option.read for option in options]

        def is_in(item: Item) -> bool:
            value = read(item)
            if value is None:
                return False
            for read_option in reads:
                option = read_option(item)
                if option is not None and equal(value, option):
                    return True
            return False

        return is_in

    def negation(self, node: Not) -> Test:
        """Bind NOT."""
        test = _TESTS[type(node.term)](self, node.term)
        return lambda item: not test(item)

    def conjunction(self, node: And) -> Test:
        """Bind AND."""
        tests = []
        for term in node.terms:
            # Neither a comprehension nor self.test: each would cost a frame for every level of nesting.
            tests.append(_TESTS[type(term)](self, term))  # noqa: PERF401

        def all_hold(item: Item) -> bool:
            for test in tests:  # noqa: SIM110
                if not test(item):
                    return False
            return True

        return all_hold

    def disjunction(self, node: Or) -> Test:
        """Bind OR."""
        tests = []
        for term in node.terms:
            tests.append(_TESTS[type(term)](self, term))  # noqa: PERF401

        def one_holds(item: Item) -> bool:
            for test in tests:  # noqa: SIM110
                if test(item):
                    return True
            return False

        return one_holds

    def function(self, node: Function) -> Test:
        """Bind a function that is a condition."""
        bound = [self.operand(argument) for argument in node.arguments]
        return _FUNCTIONS[node.name](node.name, *bound)


_TESTS: dict[type, Callable[[Binder, Any], Test]] = {
    Comparison: Binder.comparison,
    Between: Binder.between,
    In: Binder.membership,
    Not: Binder.negation,
    And: Binder.conjunction,
    Or: Binder.disjunction,
    Function: Binder.function,
}


def _check_kind(name: str, bound: Bound, allowed: frozenset[str]) -> None:
    kind = bound.kind
    if kind is not None and kind not in allowed:
        raise problems.operand_type(name, kind)


def _check_distinct(name: str, first: Bound, *others: Bound) -> None:
    if first.path is not None and any(first.path == other.path for other in others):
        raise problems.not_distinct(name, first.path)


def check_bounds(low: AttributeValue | None, high: AttributeValue | None) -> None:
    """Raise `Problem` if two known bounds are of different types or reversed."""
    if low is None or high is None:
        return
    if type_of(low) != type_of(high):
        raise problems.bounds_of_two_types(low, high)
    low_key, high_key = values.order_key(low), values.order_key(high)
    if low_key is not None and high_key is not None and low_key > high_key:
        raise problems.bounds_reversed(low, high)


def _equality(left: Bound, right: Bound) -> Test:
    if left.constant is not None:
        left, right = right, left
    read, constant = left.read, right.constant
    if constant is not None:
        if right.kind in _SCALARS:
            return lambda item: read(item) == constant
        return lambda item: (value := read(item)) is not None and equal(value, constant)
    read_right = right.read

    def same(item: Item) -> bool:
        one, other = read(item), read_right(item)
        return one is not None and other is not None and equal(one, other)

    return same


def _ordering(compare: Callable[[Any, Any], bool], left: Bound, right: Bound) -> Test:
    constant = right.constant
    if constant is not None:
        return _ordering_to_constant(compare, left.read, constant)
    read_left, read_right = left.read, right.read

    def ordered(item: Item) -> bool:
        one, other = read_left(item), read_right(item)
        if one is None or other is None:
            return False
        one_key, other_key = values.order_key(one), values.order_key(other)
        if one_key is None or other_key is None or one_key[0] != other_key[0]:
            return False
        return compare(one_key[1], other_key[1])

    return ordered


def _ordering_to_constant(compare: Callable[[Any, Any], bool], read: Read, constant: AttributeValue) -> Test:
    ((kind, content),) = constant.items()
    make_key = values.ORDER_KEYS[kind]
    key = make_key(content)

    def ordered(item: Item) -> bool:
        value = read(item)
        if value is None or kind not in value:
            return False
        return compare(make_key(value[kind]), key)

    return ordered


def _exists(name: str, operand: Bound) -> Test:
    _require_path(name, operand)
    read = operand.read
    return lambda item: read(item) is not None


def _not_exists(name: str, operand: Bound) -> Test:
    _require_path(name, operand)
    read = operand.read
    return lambda item: read(item) is None


def _require_path(name: str, operand: Bound) -> None:
    if operand.path is None:
        raise problems.path_required(name)


def _attribute_type(name: str, operand: Bound, wanted: Bound) -> Test:
    _check_kind(name, wanted, frozenset("S"))
    if wanted.constant is not None and wanted.constant["S"] not in TYPE_NAMES:
        raise problems.unknown_type(wanted.constant["S"])
    _check_distinct(name, operand, wanted)
    read, read_wanted = operand.read, wanted.read

    def is_of_type(item: Item) -> bool:
        value, kind = read(item), read_wanted(item)
        return value is not None and kind is not None and kind.get("S") in value

    return is_of_type


def _begins_with(name: str, operand: Bound, prefix: Bound) -> Test:
    _check_kind(name, operand, values.PREFIXED)
    _check_kind(name, prefix, values.PREFIXED)
    _check_distinct(name, operand, prefix)
    return _relation(values.begins_with, operand.read, prefix.read)


def _contains(name: str, operand: Bound, wanted: Bound) -> Test:
    _check_kind(name, operand, values.SEARCHABLE)
    _check_distinct(name, operand, wanted)
    return _relation(values.contains, operand.read, wanted.read)


def _relation(holds: Callable[[AttributeValue, AttributeValue], bool], read_one: Read, read_other: Read) -> Test:
    def related(item: Item) -> bool:
        one, other = read_one(item), read_other(item)
        return one is not None and other is not None and holds(one, other)

    return related


_FUNCTIONS: dict[str, Callable[..., Test]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "attribute_type": _attribute_type,
    "begins_with": _begins_with,
    "contains": _contains,
}
