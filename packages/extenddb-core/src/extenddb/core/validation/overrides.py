"""Where the service's own constraints differ from the published model, and how its lists are ordered.

Everything else comes from the generated tables; a row stands here only with the reason why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEMBER_CONSTRAINTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    # The published KeySchema lost its upper bound when global indexes got keys of several attributes; tables and
    # local indexes still answer "less than or equal to 2".
    ("CreateTableInput", "KeySchema"): {"max": 2},
    ("LocalSecondaryIndex", "KeySchema"): {"max": 2},
    ("TableCreationParameters", "KeySchema"): {"max": 2},
    # An empty map is answered in words of the operation's own.
    ("BatchWriteItemInput", "RequestItems"): {"min": 0},
    # Documented in words alone (API reference of DynamoDB Streams), and enforced.
    ("DescribeStreamInput", "Limit"): {"min": 1, "max": 100},
    ("GetRecordsInput", "Limit"): {"min": 1, "max": 1000},
    ("ListStreamsInput", "Limit"): {"min": 1, "max": 100},
}
"""Constraints of a structure's member that replace those of the member's shape."""

UNBOUNDED_PARTS = frozenset(("AttributeName",))
"""Shapes whose bounds do not count in the keys and values of maps: names that are too long have a text of their own."""

BARE_BOUNDS = frozenset((("QueryInput", "Limit"), ("BatchGetItemInput", "RequestItems"), ("KeysAndAttributes", "Keys")))
"""Members whose bounds the service reports by their names on the wire and without the value.

These are words of a newer framework, reported from nearly every region: "Value at 'Limit' failed ..." of Query, but not
of Scan (nubo-db/dynoxide#11, #15), and "Value at 'RequestItems' failed ..." of BatchGetItem (nubo-db/dynoxide#198,
ExtendDB/extenddb#16). What else of these requests is told in such words is not known.
"""

PYTHON_PATTERNS: Mapping[str, str] = {
    # Java's POSIX class; Python has none.
    r"\p{Print}+": r"[\x20-\x7E]+",
    # Java reads two surrogates as one character.
    r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*": (
        "[\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff\r\n\t]*"
    ),
}
"""Patterns of the model that Python's `re` reads differently, and what it must be given."""

_ENUM_BUCKETS = 32
_SMALL_TABLE = 16
_LARGE_TABLE = 32
_SMALL_TABLE_LOAD = 12  # a table of sixteen buckets grows when it holds more than three quarters


def enum_order(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values of an enumeration in the order in which the service prints them.

    Every order seen in public error texts (ten enumerations of two to thirteen values) is that of a hash set with
    32 buckets over Java's `String.hashCode`, the later declared first where two share a bucket.
    """
    latest_first = values[::-1]
    return tuple(sorted(latest_first, key=lambda value: _java_hash(value) % _ENUM_BUCKETS))


def report_order(members: Sequence[str]) -> tuple[str, ...]:
    """Return the members of a structure in the order in which the service reports their violations.

    Every order seen in public error texts (nine structures) is that of a Java 6 hash map over the printed names,
    whose table has sixteen buckets for up to twelve members.
    """
    buckets = _SMALL_TABLE if len(members) <= _SMALL_TABLE_LOAD else _LARGE_TABLE
    return tuple(sorted(members, key=lambda member: _spread(_java_hash(printed_name(member))) % buckets))


def printed_name(member: str) -> str:
    """Return a member's name as violations print it: only its first letter becomes small."""
    return member[:1].lower() + member[1:]


def _java_hash(text: str) -> int:
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value


def _spread(value: int) -> int:
    value ^= (value >> 20) ^ (value >> 12)
    return value ^ (value >> 7) ^ (value >> 4)
