"""ExpressionAttributeNames and ExpressionAttributeValues of one request: checked, resolved, and counted as used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from extenddb.core import limits
from extenddb.core.errors import ServiceError, excerpt, listed, validation
from extenddb.core.expressions import problems
from extenddb.core.types.attribute import (
    NAME_TOO_LARGE,
    TOO_DEEP,
    AttributeValue,
    Item,
    check_names,
    item_size,
    normalize,
)

_NAME_SYMBOL = re.compile(r"#[A-Za-z0-9_]+\Z")
_VALUE_SYMBOL = re.compile(r":[A-Za-z0-9_]+\Z")
_NAMES = "ExpressionAttributeNames"
_VALUES = "ExpressionAttributeValues"
_LIMITS = frozenset((TOO_DEEP, NAME_TOO_LARGE))
"""Texts that are answered alike wherever in a request the value stands."""


class Scope(Protocol):
    """What gives the symbols of a tree their meaning; raises `Problem` for a symbol without one."""

    def name(self, symbol: str) -> str:
        """Return the attribute name; a symbol without `#` is the name itself."""
        ...

    def value(self, symbol: str) -> AttributeValue:
        """Return the value in normal form."""
        ...


class Placeholders:
    """The placeholders of one request; a `Scope` that remembers what was used."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Any] | None) -> None:
        """Check and normalise. Raises a ValidationException for an empty mapping, a bad key or a bad value.

        None stands for a member that is absent from the request; values have passed the wire's structure check.
        """
        self._names: Mapping[str, str] = {} if names is None else _checked_names(names)
        self._values: Item = {} if values is None else _checked_values(values)
        self._used: set[str] = set()

    def name(self, symbol: str) -> str:
        """Return what a part of a path stands for; raises `Problem` if it is not defined."""
        if symbol[0] != "#":
            return symbol
        name = self._names.get(symbol)
        if name is None:
            raise problems.undefined_name(symbol)
        self._used.add(symbol)
        return name

    def value(self, symbol: str) -> AttributeValue:
        """Return what a value symbol stands for; raises `Problem` if it is not defined."""
        value = self._values.get(symbol)
        if value is None:
            raise problems.undefined_value(symbol)
        self._used.add(symbol)
        return value

    def check_unused(self) -> None:
        """Raise a ValidationException if a placeholder was given that no expression used.

        Call it after every expression of the request has been bound.
        """
        if len(self._used) == len(self._names) + len(self._values):
            return
        for member, given in ((_NAMES, self._names), (_VALUES, self._values)):
            unused = listed(symbol for symbol in given if symbol not in self._used)
            if unused:
                raise validation(f"Value provided in {member} unused in expressions: keys: {{{unused}}}")


class Literals:
    """A `Scope` over names and values that are known to be good, such as those of legacy parameters."""

    def __init__(self, names: Mapping[str, str], values: Mapping[str, AttributeValue]) -> None:
        self._names = names
        self._values = values

    def name(self, symbol: str) -> str:
        """Return the attribute name of a symbol."""
        return self._names[symbol] if symbol[0] == "#" else symbol

    def value(self, symbol: str) -> AttributeValue:
        """Return the value of a symbol."""
        return self._values[symbol]


def _checked_names(names: Mapping[str, str]) -> Mapping[str, str]:
    if not names:
        raise validation(f"{_NAMES} must not be empty")
    for symbol, name in names.items():
        if len(symbol) > limits.EXPRESSION_NAME_SIZE:
            raise _long_key(_NAMES, symbol)
        if not _NAME_SYMBOL.match(symbol):
            raise _bad_key(_NAMES, symbol)
        if not name:
            raise validation(f"{_NAMES} contains invalid value: Empty attribute name for key {symbol}")
    check_names(names.values())
    return names


def _checked_values(values: Mapping[str, Any]) -> Item:
    if not values:
        raise validation(f"{_VALUES} must not be empty")
    for symbol in values:
        if len(symbol) > limits.EXPRESSION_NAME_SIZE:
            raise _long_key(_VALUES, symbol)
        if not _VALUE_SYMBOL.match(symbol):
            raise _bad_key(_VALUES, symbol)
    checked = {symbol: _checked_value(symbol, value) for symbol, value in values.items()}
    if item_size(checked) > limits.EXPRESSION_VARIABLES_SIZE:
        raise validation(f"{_VALUES} exceeds max size")
    return checked


def _checked_value(symbol: str, value: Any) -> AttributeValue:
    try:
        return normalize(value)
    except ServiceError as error:
        if error.message in _LIMITS:
            raise
        raise validation(f"{_VALUES} contains invalid value: {error.message} for key {symbol}") from error


def _bad_key(member: str, key: str) -> ServiceError:
    return validation(f'{member} contains invalid key: Syntax error; key: "{key}"')


def _long_key(member: str, key: str) -> ServiceError:
    return validation(f'{member} contains invalid key: Key size has exceeded the maximum; key: "{excerpt(key)}"')
