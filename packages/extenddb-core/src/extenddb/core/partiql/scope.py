"""A statement's values: literals with the request's parameters put in their places, in normal form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extenddb.core.errors import validation
from extenddb.core.partiql.nodes import ListOf, Literal, MapOf, Parameter, Parsed, Scalar
from extenddb.core.types.attribute import AttributeValue, normalize

PARAMETER_COUNT = "Number of parameters in request and statement don't match."
SET_OF_MANY = "A set must have at least one member, and its members must be all strings, all numbers or all binaries"
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
        if isinstance(node, Scalar):
            return {node.kind: node.content}
        if isinstance(node, Parameter):
            return self._parameters[node.index]  # type: ignore[no-any-return]
        if isinstance(node, MapOf):
            return {"M": {name: self._raw(member) for name, member in node.members}}
        members = [self._raw(member) for member in node.members]
        return {"L": members} if isinstance(node, ListOf) else _set(members)


def _set(members: list[AttributeValue]) -> AttributeValue:
    kinds = {kind for member in members for kind in member}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"} or not all(members):
        raise validation(SET_OF_MANY)
    (kind,) = kinds
    return {f"{kind}S": [member[kind] for member in members]}
