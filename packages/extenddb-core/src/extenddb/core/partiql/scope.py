"""A statement's values: literals with the request's parameters put in their places, in normal form.

Numbers are read as Java's BigDecimal reads them (recorded 2026-10 in us-east-1 and eu-west-2). Parameters are read
before the statement is looked at, so what is wrong with a number comes before what is wrong with their depth. A
literal is told where it stands below the value that the statement writes or compares: `under root.x`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from extenddb.core.errors import ServiceError, validation
from extenddb.core.partiql.nodes import ListOf, Literal, MapOf, Parameter, Parsed, Scalar
from extenddb.core.types import number
from extenddb.core.types.attribute import AttributeValue, normalize

PARAMETER_COUNT = "Number of parameters in request and statement don't match."
SET_OF_MANY = "A set's members must be all strings, all numbers or all binaries"
EMPTY_BAG = "Empty bags are not supported"
NO_ITEM = "The value to insert must be a map"


class Values:
    """The `Scope` of one statement of one request."""

    def __init__(self, parsed: Parsed, parameters: Sequence[Any] | None) -> None:
        """Put the parameters in; they have passed the wire's structure check.

        Raises a ValidationException for a wrong number of parameters.
        """
        given = parameters or ()
        if len(given) != parsed.parameters:
            raise validation(PARAMETER_COUNT)
        for parameter in given:
            _check_numbers(parameter)
        self._literals = parsed.literals
        self._parameters = given
        self._values: dict[str, AttributeValue] = {}

    def name(self, symbol: str) -> str:
        """Return the attribute name: names in statements stand for themselves."""
        return symbol

    def value(self, symbol: str) -> AttributeValue:
        """Return the value of a symbol in normal form; raises a ValidationException for what is no value."""
        value = self._values.get(symbol)
        if value is None:
            value = self._values[symbol] = normalize(self._raw(self._literal(symbol)))
        return value

    def item(self, symbol: str) -> Mapping[str, Any]:
        """Return the item that a symbol stands for, in the form it has in requests: its values are not yet normal.

        The map is the item itself and does not count as nesting. Raises a ValidationException for what is no map.
        """
        raw = self._raw(self._literal(symbol))
        if len(raw) != 1 or "M" not in raw:
            raise validation(NO_ITEM)
        item: Mapping[str, Any] = raw["M"]
        return item

    def _literal(self, symbol: str) -> Literal:
        return self._literals[int(symbol[1:])]

    def _raw(self, node: Literal) -> AttributeValue:
        return {"M": dict(self._members(node))} if isinstance(node, MapOf) else self._value_at(node, "root")

    def _members(self, item: MapOf) -> Iterator[tuple[str, AttributeValue]]:
        """Yield the members of a map that may be an item: each is a value of its own."""
        for name, member in item.members:
            yield name, self._value_at(member, "root")

    def _value_at(self, node: Literal, place: str) -> AttributeValue:
        if isinstance(node, Scalar):
            if node.kind == "N":
                _check_literal(str(node.content), place)
            return {node.kind: node.content}
        if isinstance(node, Parameter):
            return self._parameters[node.index]  # type: ignore[no-any-return]
        if isinstance(node, MapOf):
            return {"M": {name: self._value_at(member, f"{place}.{name}") for name, member in node.members}}
        members = [self._value_at(member, f"{place}[{index}]") for index, member in enumerate(node.members)]
        return {"L": members} if isinstance(node, ListOf) else _set(members)


def _check_literal(text: str, place: str) -> None:
    try:
        number.parse(text)
    except ServiceError as error:
        raise validation(f"{error.message} under {place}") from None


def _check_numbers(value: Any) -> None:
    """Refuse the first number, at any depth of a parameter, that is none. Its depth has been bounded by the wire."""
    waiting = [value]
    while waiting:
        for kind, content in waiting.pop().items():
            if kind == "N":
                number.check_big_decimal(content)
            elif kind == "NS":
                for member in content:
                    number.check_big_decimal(member)
            elif kind in ("L", "M"):
                waiting.extend(reversed(content if kind == "L" else list(content.values())))


def _set(members: list[AttributeValue]) -> AttributeValue:
    if not members:
        raise validation(EMPTY_BAG)
    kinds = {kind for member in members for kind in member}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"} or not all(members):
        raise validation(SET_OF_MANY)
    (kind,) = kinds
    return {f"{kind}S": [member[kind] for member in members]}
