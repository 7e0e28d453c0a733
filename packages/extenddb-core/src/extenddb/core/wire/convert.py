"""Parsed JSON to the members of a shape, exactly: copies what is known, drops the rest, refuses wrong JSON types.

Members that the shape does not know and members that are null disappear. The first value of a wrong type, in the
order of the request, is answered with a SerializationException in the words of the service's own parser. Constraints
are not looked at here, but for one: of a list or map with far more members than it may have only the first are read,
enough to be told of. It is refused for its length whatever else it holds.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

from extenddb.core import limits
from extenddb.core.errors import SERIALIZATION, ServiceError, validation
from extenddb.core.types.attribute import TOO_DEEP
from extenddb.core.validation.rules import Kind, Shape

_Member = TypeVar("_Member")

OBJECT = "Start of structure or map found where not expected."
FIELD = "Unexpected field type"
NOT_A_BOOLEAN = "Unexpected token received from parser"
NOT_BASE64 = "only base-64-encoded strings are convertible to bytes"
BASE64_LENGTH = "Base64 encoded length is expected a multiple of 4 bytes but found: {}"
BASE64_CHARACTER = "Invalid Base64 character: '{}'"
BASE64_LAST = "Invalid last non-pad Base64 character dectected"  # the service's own spelling
NULL_IN_SET = "One or more parameter values were invalid: An {} set  may not have a null {} as a member"

_BEYOND = 1000
"""Members beyond the most of a list or map that are still read."""

_JAVA_PACKAGE = "com.amazonaws.dynamodb.v20120810"
_JAVA_TYPES: Mapping[Kind, str] = {
    "string": "java.lang.String",
    "boolean": "java.lang.Boolean",
    "integer": "java.lang.Integer",
    "long": "java.lang.Long",
    "double": "java.lang.Double",
    "timestamp": "java.util.Date",
    "blob": "java.nio.ByteBuffer",
}
_BASE64_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
TIME_LIMIT = 10**12
"""Seconds before and after the epoch; times beyond become the nearest within. Any calendar's end is nearer, and so is
what milliseconds in 64 bits can hold, so that no code behind needs to ask whether a time can be computed with."""
_INTEGER_BITS: Mapping[Kind, int] = {"integer": 31, "long": 63}
_SET_PROSE: Mapping[str, str] = {"SS": "string", "NS": "number", "BS": "binary"}


def convert(shape: Shape, value: Any) -> Any:
    """Return a value in the form of its shape, sharing no container with the input; raises ServiceError.

    A null anywhere but as a member of a structure stays None, for the constraints to report.
    """
    return _CONVERTERS[shape.kind](shape, value)


def unexpected(text: str) -> ServiceError:
    """Return a SerializationException with this text."""
    return ServiceError(SERIALIZATION, text)


def _structure(shape: Shape, value: Any) -> dict[str, Any]:
    _expect_object(value, f"class {_JAVA_PACKAGE}.{shape.name}")
    members = {member.name: member.shape for member in shape.members}
    return {
        name: convert(members[name], content)
        for name, content in value.items()
        if content is not None and name in members
    }


def _map(shape: Shape, value: Any) -> dict[str, Any]:
    _expect_object(value, _java_type(shape))
    part = _part(shape.value)
    return {name: _element(part, content) for name, content in _first(shape, value.items())}


def _list(shape: Shape, value: Any) -> list[Any]:
    _expect_array(value)
    part = _part(shape.member)
    return [_element(part, content) for content in _first(shape, value)]


def _first(shape: Shape, members: Collection[_Member]) -> Iterable[_Member]:
    """Return the members of a list or map, or enough of them where there are too many."""
    if shape.maximum is None or len(members) <= shape.maximum + _BEYOND:
        return members
    return islice(members, shape.maximum + _BEYOND)


def _element(part: Shape, content: Any) -> Any:
    if content is None and part.kind != "attribute":
        return None
    return convert(part, content)


def _string(shape: Shape, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _mismatch(shape.kind, value)


def _boolean(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise unexpected(NOT_A_BOOLEAN) if isinstance(value, str) else _mismatch(shape.kind, value)


def _whole_number(shape: Shape, value: Any) -> int:
    """Fractions are cut off; numbers that Java's type cannot hold become the nearest that it can."""
    _expect_number(shape, value)
    if value != value:  # not a number, which no JSON parser of ours lets through
        raise _mismatch(shape.kind, value)
    bound = 1 << _INTEGER_BITS[shape.kind]
    return int(min(max(value, -bound), bound - 1))


def _real_number(shape: Shape, value: Any) -> float:
    _expect_number(shape, value)
    if value != value:
        raise _mismatch(shape.kind, value)
    return value  # type: ignore[no-any-return]


def _timestamp(shape: Shape, value: Any) -> float:
    return min(max(_real_number(shape, value), -TIME_LIMIT), TIME_LIMIT)


def _blob(_shape: Shape, value: Any) -> str:
    return _base64(value)


def _attribute(_shape: Shape, value: Any) -> dict[str, Any]:
    return _attribute_value(value, 0)


_CONVERTERS: Mapping[Kind, Callable[[Shape, Any], Any]] = {
    "structure": _structure,
    "map": _map,
    "list": _list,
    "string": _string,
    "blob": _blob,
    "boolean": _boolean,
    "integer": _whole_number,
    "long": _whole_number,
    "double": _real_number,
    "timestamp": _timestamp,
    "attribute": _attribute,
}


def _attribute_value(value: Any, depth: int) -> dict[str, Any]:
    if value is None:
        return {}
    _expect_object(value, f"class {_JAVA_PACKAGE}.AttributeValue")
    return {
        kind: _CONTENTS[kind](kind, content, depth)
        for kind, content in value.items()
        if content is not None and kind in _CONTENTS
    }


def _text(_kind: str, content: Any, _depth: int) -> str:
    if isinstance(content, str):
        return content
    raise _mismatch("string", content)


def _binary(_kind: str, content: Any, _depth: int) -> str:
    return _base64(content)


def _flag(_kind: str, content: Any, _depth: int) -> bool:
    if isinstance(content, bool):
        return content
    raise unexpected(NOT_A_BOOLEAN) if isinstance(content, str) else _mismatch("boolean", content)


def _set(kind: str, content: Any, depth: int) -> list[str]:
    _expect_array(content)
    read = _binary if kind == "BS" else _text
    prose = _SET_PROSE[kind]
    members = [None if member is None else read(kind, member, depth) for member in content]
    if None in members:
        raise validation(NULL_IN_SET.format(prose, prose))
    return [member for member in members if member is not None]


def _value_list(_kind: str, content: Any, depth: int) -> list[dict[str, Any]]:
    _expect_array(content)
    _expect_depth(depth)
    return [_attribute_value(member, depth + 1) for member in content]


def _value_map(_kind: str, content: Any, depth: int) -> dict[str, Any]:
    _expect_object(content, f"java.util.Map<java.lang.String, {_JAVA_PACKAGE}.AttributeValue>")
    _expect_depth(depth)
    return {name: _attribute_value(member, depth + 1) for name, member in content.items()}


_CONTENTS: Mapping[str, Callable[[str, Any, int], Any]] = {
    "S": _text,
    "N": _text,
    "B": _binary,
    "SS": _set,
    "NS": _set,
    "BS": _set,
    "M": _value_map,
    "L": _value_list,
    "NULL": _flag,
    "BOOL": _flag,
}


def _expect_object(value: Any, java_type: str) -> None:
    if not isinstance(value, dict):
        raise unexpected(f"Unrecognized collection type {java_type}" if isinstance(value, list) else FIELD)


def _expect_array(value: Any) -> None:
    if not isinstance(value, list):
        raise unexpected(OBJECT if isinstance(value, dict) else FIELD)


def _expect_number(shape: Shape, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(shape.kind, value)


def _expect_depth(depth: int) -> None:
    # Checked here already, because what follows walks by recursion.
    if depth >= limits.NESTING_DEPTH:
        raise validation(TOO_DEEP)


def _base64(value: Any) -> str:
    """Return the text if it is canonical base64; raises a SerializationException that names the first flaw."""
    if not isinstance(value, str):
        raise _mismatch("blob", value) if isinstance(value, (dict, list)) else unexpected(NOT_BASE64)
    if len(value) % 4:
        raise unexpected(BASE64_LENGTH.format(len(value)))
    body = value[:-2] + value[-2:].rstrip("=")
    strange = next((character for character in body if character not in _BASE64_ALPHABET), None)
    if strange is not None:
        raise unexpected(BASE64_CHARACTER.format(strange))
    if b64encode(b64decode(value)) != value.encode():
        raise unexpected(BASE64_LAST)
    return value


def _mismatch(kind: Kind, value: Any) -> ServiceError:
    java_type = _JAVA_TYPES[kind]
    if isinstance(value, dict):
        return unexpected(OBJECT)
    if isinstance(value, list):
        return unexpected(f"Unrecognized collection type class {java_type}")
    return unexpected(f"{_token(value)} cannot be converted to {java_type.rpartition('.')[2]}")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if isinstance(value, int) else "DECIMAL_VALUE"


def _java_type(shape: Shape) -> str:
    if shape.kind == "map":
        return f"java.util.Map<java.lang.String, {_java_type(_part(shape.value))}>"
    if shape.kind == "list":
        return f"java.util.List<{_java_type(_part(shape.member))}>"
    return _JAVA_TYPES.get(shape.kind, f"{_JAVA_PACKAGE}.{shape.name}")


def _part(part: Shape | None) -> Shape:
    if part is None:
        raise TypeError("a list or map shape without parts")
    return part
