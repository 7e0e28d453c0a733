"""Attribute values in their wire form: a JSON object with exactly one member, its type.

Values are kept as the plain dicts of the protocol (`{"S": "x"}`), because that is what arrives, what is stored and
what
is answered. A *normal* value is one that `normalize` returned: numbers in normal form, binaries in canonical
base64, so
that equal values are equal texts (sets apart, whose order carries no meaning).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Collection, Mapping, Sized
from typing import Any, TypeAlias

from extenddb.core import limits
from extenddb.core.errors import ServiceError, listed, validation
from extenddb.core.types import number

AttributeValue: TypeAlias = dict[str, Any]
"""One attribute value in wire form, such as `{"N": "1"}`."""
Item: TypeAlias = dict[str, AttributeValue]
"""Attribute values by attribute name."""

SET_TYPES = frozenset(("SS", "NS", "BS"))
_NUMBERS = ("N", "NS")
_SHORT_NAME = limits.ATTRIBUTE_NAME_SIZE // 4
"""Characters that are never too many bytes: UTF-8 has four for one at most."""
TYPE_NAMES: Mapping[str, str] = {
    "S": "String",
    "N": "Number",
    "B": "Binary",
    "SS": "String Set",
    "NS": "Number Set",
    "BS": "Binary Set",
    "M": "Map",
    "L": "List",
    "NULL": "Null",
    "BOOL": "Boolean",
}
"""Every type's member name and its name in prose."""

EMPTY_VALUE = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
MANY_TYPES = (
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
)
NULL_FALSE = "One or more parameter values were invalid: Null attribute value types must have the value of true"
DUPLICATES = "One or more parameter values were invalid: Input collection {} contains duplicates."
EMPTY_STRING_SET = "One or more parameter values were invalid: An string set  may not be empty"
EMPTY_NUMBER_SET = "One or more parameter values were invalid: An number set  may not be empty"
EMPTY_BINARY_SET = "One or more parameter values were invalid: Binary sets should not be empty"
DUPLICATE_BINARIES = "One or more parameter values were invalid: Input collection {}of type BS contains duplicates."
NAME_TOO_LARGE = f"Attribute name is too large, must be less than {limits.ATTRIBUTE_NAME_SIZE + 1} bytes"
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)


def type_of(value: Mapping[str, Any]) -> str:
    """Return the type member of a normal value."""
    return next(iter(value))


def binary(text: str) -> bytes:
    """Return the bytes of a normal binary."""
    return b64decode(text)


def normalize(value: Any, depth: int = 0) -> AttributeValue:
    """Return the normal form of a well-formed value.

    `value` has passed the structure check of the wire (members of the right JSON types). Raises a ValidationException
    for everything the service refuses in a value wherever it stands.
    """
    if len(value) != 1:
        for kind in _NUMBERS:  # what is wrong with a number is told first
            if kind in value:
                _NORMALIZERS[kind](value[kind], depth)
        raise validation(MANY_TYPES if value else EMPTY_VALUE)
    ((kind, content),) = value.items()
    if kind == "S" or (kind == "N" and number.is_normal(content)):
        return value  # type: ignore[no-any-return]
    return {kind: _NORMALIZERS[kind](content, depth)}


def normalize_item(item: Mapping[str, Any]) -> Item:
    """Return the item with every value in normal form; raises like `normalize`, and for names that are too long."""
    check_names(item)
    return {name: normalize(value) for name, value in item.items()}


def check_names(names: Collection[str]) -> None:
    """Raise a ValidationException if an attribute name is too long."""
    longest = max(map(len, names), default=0)
    if longest > _SHORT_NAME and any(len(name.encode()) > limits.ATTRIBUTE_NAME_SIZE for name in names):
        raise validation(NAME_TOO_LARGE)


def _null(content: bool, _depth: int) -> bool:
    if not content:
        raise validation(NULL_FALSE)
    return content


def _string_set(content: list[str], _depth: int) -> list[str]:
    if not content:
        raise validation(EMPTY_STRING_SET)
    if len(set(content)) != len(content):
        raise _duplicates(DUPLICATES, content)
    return content


def _number_set(content: list[str], _depth: int) -> list[str]:
    if not content:
        raise validation(EMPTY_NUMBER_SET)
    members = [number.normalize(member) for member in content]
    if len(set(members)) != len(members):
        raise validation("Input collection contains duplicates")
    return members


def _binary_set(content: list[str], _depth: int) -> list[str]:
    if not content:
        raise validation(EMPTY_BINARY_SET)
    members = [_binary(member, 0) for member in content]
    if len(set(members)) != len(members):
        raise _duplicates(DUPLICATE_BINARIES, members)
    return members


def _duplicates(text: str, members: list[str]) -> ServiceError:
    return validation(text.format(f"[{listed(members)}]"))


def _binary(content: str, _depth: int) -> str:
    try:
        return b64encode(b64decode(content, validate=True)).decode("ascii")
    except (Base64Error, ValueError):
        raise validation("The Base64 encoded value is invalid") from None


def _list(content: list[Any], depth: int) -> list[AttributeValue]:
    _check_depth(content, depth)
    return [normalize(member, depth + 1) for member in content]


def _map(content: dict[str, Any], depth: int) -> Item:
    _check_depth(content, depth)
    check_names(content)
    return {name: normalize(value, depth + 1) for name, value in content.items()}


def _check_depth(content: Sized, depth: int) -> None:
    """Refuse members below the deepest level; an empty container may be at the last one."""
    if content and depth + 1 >= limits.NESTING_DEPTH:
        raise validation(TOO_DEEP)


_NORMALIZERS: Mapping[str, Callable[[Any, int], Any]] = {
    "S": lambda content, _depth: content,
    "N": lambda content, _depth: number.normalize(content),
    "B": _binary,
    "SS": _string_set,
    "NS": _number_set,
    "BS": _binary_set,
    "M": _map,
    "L": _list,
    "NULL": _null,
    "BOOL": lambda content, _depth: content,
}


def size(value: Mapping[str, Any]) -> int:
    """Return the stored size in bytes of a normal value, its name apart."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    return _SIZES[kind](content)


def item_size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the stored size in bytes of an item: its names in UTF-8 and its values."""
    total = 0
    for name, value in item.items():
        total += (len(name) if name.isascii() else len(name.encode())) + size(value)
    return total


def measured_item(item: Mapping[str, Any]) -> tuple[Item, int]:
    """Return the item in normal form, and its size: `normalize_item` and `item_size` in one walk."""
    check_names(item)
    normal: Item = {}
    total = 0
    for name, value in item.items():
        if len(value) == 1 and "S" in value:
            content = value["S"]
            total += len(content) if content.isascii() else len(content.encode())
            normal[name] = value
        else:
            normal[name] = value = normalize(value)
            total += size(value)
        total += len(name) if name.isascii() else len(name.encode())
    return normal, total


_NESTED_OVERHEAD = 3  # a list or map costs three bytes, and one for each of its members (Naming rules, item sizes)


def _binary_size(content: str) -> int:
    return len(content) // 4 * 3 - content.count("=", -2)


def _list_size(content: list[AttributeValue]) -> int:
    return _NESTED_OVERHEAD + len(content) + sum(map(size, content))


def _map_size(content: Item) -> int:
    return _NESTED_OVERHEAD + len(content) + item_size(content)


_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "N": number.size,
    "B": _binary_size,
    "SS": lambda content: sum(len(member.encode()) for member in content),
    "NS": lambda content: sum(map(number.size, content)),
    "BS": lambda content: sum(map(_binary_size, content)),
    "M": _map_size,
    "L": _list_size,
    "NULL": lambda _content: 1,
    "BOOL": lambda _content: 1,
}


def equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Tell whether two normal values are equal; sets are compared without order, at any depth."""
    if left == right:
        return True
    ((kind, mine),) = left.items()
    ((other, theirs),) = right.items()
    if kind != other:
        return False
    if kind in SET_TYPES:
        return len(mine) == len(theirs) and set(mine) == set(theirs)
    if kind == "L":
        return len(mine) == len(theirs) and all(map(equal, mine, theirs))
    if kind == "M":
        return mine.keys() == theirs.keys() and all(equal(mine[name], theirs[name]) for name in mine)
    return False
