"""Fast checks: does a request need no further look?

A checker answers True only if a value has the right JSON types all over, holds no null and no unknown member and
breaks no constraint. False proves nothing but that the exact walk has to decide. Each shape is compiled once to a
closure; on the hot path nothing but these closures runs.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

from extenddb.core import limits
from extenddb.core.types.plain import PlainItem, plain_item
from extenddb.core.validation.rules import Kind, Shape
from extenddb.core.wire.convert import TIME_LIMIT

_ITEM = "Item"

Checker: TypeAlias = Callable[[Any], bool]
"""Tells whether a value is right beyond doubt."""


@cache
def compiled(shape: Shape) -> Checker:
    """Return the checker of a shape."""
    if shape.kind == "structure":
        return _structure(shape)
    if shape.kind == "map":
        return _map(shape)
    if shape.kind == "list":
        return _list(shape)
    if shape.kind == "string":
        return _string(shape)
    if shape.kind in ("integer", "long"):
        return _whole_number(shape)
    return _BY_KIND[shape.kind]


def _structure(shape: Shape) -> Checker:
    if any(member.name == _ITEM and _is_item(member.shape) for member in shape.members):
        return _with_item(_members(shape))
    return _members(shape)


def _with_item(check_members: Checker) -> Checker:
    """Puts have the hottest of all members, whose items are mostly right at a glance: that needs no second look."""

    def check(value: Any) -> bool:
        if type(value) is dict and _ITEM in value:
            plain = plain_item(value[_ITEM])
            if plain is not None:
                value[_ITEM] = plain
        return check_members(value)

    return check


def _members(shape: Shape) -> Checker:
    checks = {member.name: compiled(member.shape) for member in shape.members}
    find = checks.get
    required = tuple(member.name for member in shape.members if member.required)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name in required:
            if name not in value:
                return False
        for name, content in value.items():
            member = find(name)
            if member is None or not member(content):
                return False
        return True

    return check


def _map(shape: Shape) -> Checker:
    if shape.key is None or shape.value is None:
        raise TypeError("a map shape without parts")
    if _is_item(shape):
        return _item(shape.key)
    least, most = _bounds(shape)
    check_key, check_value = compiled(shape.key), compiled(shape.value)

    def check(value: Any) -> bool:
        if type(value) is not dict or not least <= len(value) <= most:
            return False
        return all(check_key(name) and check_value(content) for name, content in value.items())

    return check


def _is_item(shape: Shape) -> bool:
    key, value = shape.key, shape.value
    if key is None or value is None:
        return False
    bounded = shape.constrained or key.minimum is not None or key.regex is not None or key.enum
    return value.kind == "attribute" and not bounded


def _item(key: Shape) -> Checker:
    """The hottest shape of all has its own closure: attribute values by names that have a greatest length only."""
    _, longest_name = _bounds(key)

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return type(value) is PlainItem
        for name, attribute in value.items():
            if type(attribute) is not dict or len(attribute) != 1 or len(name) > longest_name:
                return False
            ((kind, content),) = attribute.items()
            if kind == "S" or kind == "N":
                if type(content) is not str:
                    return False
            elif kind not in _CONTENTS or not _CONTENTS[kind](content, 0):
                return False
        return True

    return check


def _list(shape: Shape) -> Checker:
    if shape.member is None:
        raise TypeError("a list shape without parts")
    least, most = _bounds(shape)
    check_member = compiled(shape.member)

    def check(value: Any) -> bool:
        return type(value) is list and least <= len(value) <= most and all(map(check_member, value))

    return check


def _string(shape: Shape) -> Checker:
    if shape.enum:
        return _enum(frozenset(shape.enum))
    if not shape.constrained:
        return _is_text
    least, most = _bounds(shape)
    matches = None if shape.regex is None else shape.regex.fullmatch

    def check(value: Any) -> bool:
        if type(value) is not str or not least <= len(value) <= most:
            return False
        return matches is None or matches(value) is not None

    return check


def _enum(legal: frozenset[str]) -> Checker:
    def check(value: Any) -> bool:
        return type(value) is str and value in legal

    return check


def _whole_number(shape: Shape) -> Checker:
    bits = 31 if shape.kind == "integer" else 63
    least = -(1 << bits) if shape.minimum is None else shape.minimum
    most = (1 << bits) - 1 if shape.maximum is None else shape.maximum

    def check(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    return check


_UNBOUNDED = 1 << 63


def _bounds(shape: Shape) -> tuple[int, int]:
    least = 0 if shape.minimum is None else shape.minimum
    return least, _UNBOUNDED if shape.maximum is None else shape.maximum


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_bool(value: Any) -> bool:
    return value is True or value is False


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value == value)


def _is_time(value: Any) -> bool:
    return (type(value) is int or type(value) is float) and -TIME_LIMIT <= value <= TIME_LIMIT


def _is_base64(value: Any) -> bool:
    try:
        return type(value) is str and b64encode(b64decode(value)) == value.encode()
    except (Base64Error, ValueError):
        return False


def _is_attribute(value: Any) -> bool:
    return _is_value(value, 0)


def _is_value(value: Any, depth: int) -> bool:
    if type(value) is not dict or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    return kind in _CONTENTS and _CONTENTS[kind](content, depth)


def _is_value_list(content: Any, depth: int) -> bool:
    if type(content) is not list or depth >= limits.NESTING_DEPTH:
        return False
    return all(_is_value(member, depth + 1) for member in content)


def _is_value_map(content: Any, depth: int) -> bool:
    if type(content) is not dict or depth >= limits.NESTING_DEPTH:
        return False
    return all(_is_value(member, depth + 1) for member in content.values())


def _is_text_set(content: Any, _depth: int) -> bool:
    return type(content) is list and all(map(_is_text, content))


def _is_binary_set(content: Any, _depth: int) -> bool:
    return type(content) is list and all(map(_is_base64, content))


_CONTENTS: Mapping[str, Callable[[Any, int], bool]] = {
    "S": lambda content, _depth: type(content) is str,
    "N": lambda content, _depth: type(content) is str,
    "B": lambda content, _depth: _is_base64(content),
    "SS": _is_text_set,
    "NS": _is_text_set,
    "BS": _is_binary_set,
    "M": _is_value_map,
    "L": _is_value_list,
    "NULL": lambda content, _depth: content is True or content is False,
    "BOOL": lambda content, _depth: content is True or content is False,
}

_BY_KIND: Mapping[Kind, Checker] = {
    "blob": _is_base64,
    "boolean": _is_bool,
    "attribute": _is_attribute,
    "double": _is_number,
    "timestamp": _is_time,
}
"""Checkers of the kinds whose shapes are all alike."""
